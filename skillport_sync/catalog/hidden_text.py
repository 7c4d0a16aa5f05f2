"""Owns the search for text that people cannot see and a model reads: instructions in tag characters, lines that are shown in
another order than they are read, words cut by letters of no width.

Scripts need some of these characters, and have them: joiners between Persian or Indic letters, emoji made of several, balanced
marks of direction in lines that are mostly Arabic or Hebrew, one byte order mark at the start. What nobody needs is reported.
Total on any bytes and linear. What is neither UTF-8 nor free of NULs near its start, as git tells binary files, is left alone.

Problem codes: hidden_tag_characters, hidden_direction_change, hidden_zero_width, hidden_variation_selectors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

from skillport_sync.catalog.model import Remark, Severity

MAX_REMARKS = 50

_BINARY_SOUGHT_IN_BYTES = 8000
_SUSPICIOUS_BYTES = re.compile(
    rb"\xe2\x80[\x8b-\x8d\xaa-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf|\xef\xb8[\x80-\x8f]|\xf3\xa0[\x80\x81\x84-\x87]"
    rb"|\xe1\x85[\x9f\xa0]|\xe3\x85\xa4|\xef\xbe\xa0|\xcd\x8f|\xe1\xa0\x8e"
)

# Letters of no width that some script or emoji needs are here too: where they stand decides.
_NO_WIDTH = "\u200b-\u200d\u2060-\u2064\ufeff\u034f\u180e\u115f\u1160\u3164\uffa0"
# The scripts whose words never need them.
_PLAIN_LETTER = "0-9A-Za-z_\u00c0-\u024f\u0370-\u03ff\u0400-\u052f"

_TAGS = re.compile("[\U000e0000-\U000e007f]+")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CLOSES = {"\u202a": "\u202c", "\u202b": "\u202c", "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
_CUT_WORD = re.compile(f"(?<=[{_PLAIN_LETTER}])[{_NO_WIDTH}]{{1,16}}(?=[{_PLAIN_LETTER}])")
_HIDDEN_RUN = re.compile(f"[{_NO_WIDTH}]{{4,}}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}")

_MESSAGES: Mapping[str, str] = {
    "hidden_tag_characters": "holds Unicode tag characters: text that nobody sees and a model reads",
    "hidden_direction_change": "changes the direction of writing: it is shown in another order than it is read",
    "hidden_zero_width": "holds characters of no width where no script needs them: the words are others than they seem",
    "hidden_variation_selectors": "holds variation selectors in a row, which can carry any text and show nothing",
}


def find_hidden_text(content: bytes) -> tuple[Remark, ...]:
    """What in these bytes is text and cannot be seen, one remark a kind and line, in the order of the lines. Never raises."""
    text = _suspicious_text(content)
    if text is None:
        return ()
    found = sorted((offset, code) for code, find in _FINDERS.items() for offset in find(text))
    remarks: dict[Remark, None] = {}
    line, at = 1, 0
    for offset, code in found:
        line += text.count("\n", at, offset)
        at = offset
        remarks[Remark(code, Severity.ERROR, _MESSAGES[code], line)] = None
        if len(remarks) == MAX_REMARKS:
            break
    return tuple(remarks)


def _suspicious_text(content: bytes) -> str | None:
    """The text, where it holds any character that is looked for here: nearly no file does."""
    if content.isascii() or not _SUSPICIOUS_BYTES.search(content):
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        if b"\0" in content[:_BINARY_SOUGHT_IN_BYTES]:
            return None
        text = content.decode("utf-8", "replace")
    return text


def _tag_characters(text: str) -> Iterator[int]:
    """But those of a flag such as Scotland's, which is a black flag followed by tags."""
    flags = {flag.start() + 1 for flag in _FLAG.finditer(text)}
    for tags in _TAGS.finditer(text):
        if tags.start() not in flags or not _FLAG.fullmatch(text, tags.start() - 1, tags.end()):
            yield tags.start()


def _direction_changes(text: str) -> Iterator[int]:
    """But those that are closed again in a line that is written from right to left anyway."""
    looked_at_up_to = 0
    for mark in _DIRECTION.finditer(text):
        if mark.start() < looked_at_up_to:
            continue
        start, end = text.rfind("\n", 0, mark.start()) + 1, text.find("\n", mark.start())
        looked_at_up_to = len(text) if end < 0 else end
        if not _is_proper(text[start:looked_at_up_to]):
            yield mark.start()


def _is_proper(line: str) -> bool:
    """Whether the marks of direction in this line are in their place there. An override, which opens nothing here, never is."""
    open_marks: list[str] = []
    for mark in _DIRECTION.findall(line):
        if mark in _CLOSES:
            open_marks.append(mark)
        elif not open_marks or _CLOSES[open_marks.pop()] != mark:
            return False
    directions = [unicodedata.bidirectional(letter) for letter in line if letter.isalpha()]
    from_right = sum(direction in ("R", "AL") for direction in directions)
    return not open_marks and 2 * from_right > len(directions)


def _letters_of_no_width(text: str) -> Iterator[int]:
    for pattern in (_CUT_WORD, _HIDDEN_RUN):
        yield from (found.start() for found in pattern.finditer(text))


def _selectors(text: str) -> Iterator[int]:
    yield from (found.start() for found in _SELECTORS.finditer(text))


_FINDERS: Mapping[str, Callable[[str], Iterator[int]]] = {
    "hidden_tag_characters": _tag_characters,
    "hidden_direction_change": _direction_changes,
    "hidden_zero_width": _letters_of_no_width,
    "hidden_variation_selectors": _selectors,
}
