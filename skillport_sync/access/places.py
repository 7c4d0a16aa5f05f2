"""Owns how names and places of access.json are compared and shown: ``skills."fin-*".read``.

Two names are the same when they are the same letters in the same case, however Unicode writes them: ``é`` may be one letter or
``e`` with an accent, macOS and Linux disagree about it, and nobody can see the difference. Nothing else is evened out: letters of
another case or another alphabet, and letters that merely look alike, make another name.
"""

from __future__ import annotations

import json
import re
import unicodedata

from skillport_sync.catalog.written_json import JsonPath

_BARE = re.compile(r"[A-Za-z0-9_$-]+")
_MAX_STEP_CHARS = 100
_MAX_CHARS = 300


def canonical(name: str) -> str:
    """The one form of a name that is compared: Unicode's composed form (NFC)."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def shown_name(name: str) -> str:
    """The name as it is written in a place: bare where it is plain, else in quotes, with escapes for what cannot be seen."""
    if len(name) > _MAX_STEP_CHARS:
        name = name[: _MAX_STEP_CHARS - 1] + "…"
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=not name.isprintable())


def shown_place(path: JsonPath) -> str:
    """The place as an operator finds it in the file: ``skills.pdf.read[0].id``."""
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{shown_name(step)}" for step in path)
    return shown.removeprefix(".")[:_MAX_CHARS] or "the file"
