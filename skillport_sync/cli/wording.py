"""Owns how single facts are worded for people: ages, sizes, counts, commits, text from outside. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

NOTHING = "-"

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """``text`` without what would command the terminal: control characters and changes of writing direction, made visible."""
    return _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def duration(seconds: float) -> str:
    """How long something took: ``0.21 s``, ``12 s``, ``3 min``."""
    return f"{seconds:.2f} s" if 0 <= seconds < 9.995 else whole(seconds)


def whole(seconds: float) -> str:
    """An age, in whole numbers of the one unit that fits: ``3 s``, ``119 s``, ``2 min``, ``2 h``, ``5 d``."""
    rounded = max(0, round(seconds))
    for limit, unit_s, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if rounded < limit:
            return f"{rounded // unit_s} {unit}"
    return f"{rounded // 86_400} d"


def ago(then: datetime, now: datetime) -> str:
    return f"{whole((now - then).total_seconds())} ago"


def ahead(then: datetime, now: datetime) -> str:
    """How long until then, not less than it is: ``in 30 d`` of a month that has just begun."""
    seconds = (then - now).total_seconds()
    if seconds <= 0:
        return "now"
    unit_s = next((unit_s for limit, unit_s in ((120, 1), (7200, 60), (172_800, 3600)) if seconds < limit), 86_400)
    return f"in {whole(-(-seconds // unit_s) * unit_s)}"


def local(then: datetime) -> str:
    """A moment on this machine's clock: ``2026-11-20 14:03:22``."""
    return then.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def size(size_bytes: int) -> str:
    """``512 B``, ``88 kB``, ``12.4 MB``: powers of ten, as disks are sold and limits are set."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value, unit = size_bytes / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 100 or unit == "kB" else f"{value:.1f} {unit}"


def count(number: int, noun: str = "") -> str:
    """``1,234``, or with a noun ``1 skill``, ``1,234 skills``."""
    if not noun:
        return f"{number:,}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def names(some: Sequence[str], total: int) -> str:
    """``docs/a, docs/b and 3 more``: the first of ``total``."""
    rest = total - len(some)
    return ", ".join(some) + (f" and {count(rest)} more" if rest > 0 else "")


def commit(oid: str | None) -> str:
    return oid[:10] if oid else NOTHING


def change(added: int, changed: int, removed: int) -> str:
    """``+2 ~1 -0``: added, changed, removed."""
    return f"+{added} ~{changed} -{removed}"
