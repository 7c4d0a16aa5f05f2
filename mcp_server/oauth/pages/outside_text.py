"""Owns how words that strangers chose may look on a page of ours: an app's name, a host, what a provider said. Pure, total.

Anybody may register an app under any name. What is shown must read as it is stored: nothing that cannot be seen, nothing that
turns the order of the letters around, nothing that grows over the lines above it, and not much of it. Markup is no matter here:
``markup`` escapes every text anyway.
"""

from __future__ import annotations

import re
import unicodedata

MAX_HOST_CHARS = 253
"""What a host name may have: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4 less what the wire adds."""

_MOST_MARKS = 3
"""Accents on one letter: scripts have up to three; with dozens a name would draw over its neighbours."""
_READ_PER_SHOWN = 8
"""Of a text of ten thousand characters no more than this many for each that may be shown are looked at."""

# Controls, formats (all of zero width, all that turn the direction, tags), halves of characters, private ones, unassigned ones.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# And letters and marks that Unicode counts as such though nothing is drawn: fillers, joiners, selectors of a variant.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
_BLANK = "\u2800"  # a braille cell with no dot: a symbol to Unicode, a space to whoever looks
_NOT_OF_A_HOST = re.compile(r"[^0-9a-z.:_%\[\]-]")


def words(text: str, max_chars: int) -> str:
    """One line of what can be seen of ``text``, at most ``max_chars`` (with an ellipsis where it was cut); may be empty."""
    seen = "".join(" " if _is_space(char) else char for char in text[: _READ_PER_SHOWN * max_chars] if _is_seen(char))
    line = _few_marks(unicodedata.normalize("NFC", " ".join(seen.split())))
    is_all = len(line) <= max_chars and len(text) <= _READ_PER_SHOWN * max_chars
    return line if is_all or not line else line[: max_chars - 1].rstrip() + "…"


def host(name: str) -> str:
    """A host as it is compared: small letters, punycode left as it is, every character that no host has as �.

    A name that is too long loses its beginning: what counts in a host is its end. ``cIaude.ai`` shows its trick in small letters.
    """
    plain = _NOT_OF_A_HOST.sub("\ufffd", name[-MAX_HOST_CHARS:].lower())
    return plain if len(name) <= MAX_HOST_CHARS else "…" + plain[1 - MAX_HOST_CHARS :]


def _is_space(char: str) -> bool:
    return char.isspace() or char == _BLANK


def _is_seen(char: str) -> bool:
    return _is_space(char) or (unicodedata.category(char) not in _UNSEEN_CATEGORIES and not _UNSEEN.match(char))


def _few_marks(line: str) -> str:
    kept: list[str] = []
    marks = _MOST_MARKS  # one that stands on no letter goes too
    for char in line:
        marks = marks + 1 if unicodedata.category(char).startswith("M") else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)
