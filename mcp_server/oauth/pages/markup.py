"""Owns the making of HTML: whatever is put into an element is escaped, unless it was made here. Pure.

Forgetting is safe: text that was glued together is a plain ``str`` again, and is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final


class Html(str):
    """Markup. Only ``element``, ``joined`` and constants written here by hand make it."""

    __slots__ = ()


NOTHING: Final = Html("")

_VOID: Final = frozenset({"input", "meta"})
_LINE_EACH: Final = frozenset(
    {"html", "head", "body", "header", "main", "footer", "section", "form", "div", "dl", "dd"}
)
"""What stands in these stands on lines of its own, so that the source of a page can be read too."""


def element(name: str, /, *inside: str, **attributes: str) -> Html:
    """``element("p", name, class_="hint")``: ``_`` at the end of an attribute is left out, others become ``-``."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    parts = [part for part in map(_safe, inside) if part]
    within = "\n" + "\n".join(parts) + "\n" if name in _LINE_EACH and parts else "".join(parts)
    return Html(f"<{name}{given}>{within}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Several, one a line."""
    return Html("\n".join(part for part in map(_safe, parts) if part))


def _safe(part: str) -> str:
    return part if isinstance(part, Html) else escape(part, quote=True)
