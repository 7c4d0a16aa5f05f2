"""Owns the cutting of files into answers that a client can take. Pure.

A file that fits is never cut; one that is longer than a whole answer is cut between two characters, or, where it is not
text, at a multiple of three bytes, so that the base64 of its parts may simply be put together.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.errors import Invalid

ANSWER_CHARACTERS = 80_000
"""What one answer may carry of contents, as characters on the wire: below the limits of every Claude surface."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The bytes ``content`` of a file from some offset on, their length on the wire, and whether the file ends with them."""

    content: bytes
    is_text: bool
    characters: int
    is_last: bool


def cut(content: bytes, offset: int, room: int) -> Cut:
    """As much of ``content`` from ``offset`` on as ``room`` characters hold.

    Raises: Invalid if ``offset`` is not where a part of this content can begin.
    """
    if offset > len(content) or (offset and offset == len(content)):
        raise Invalid("The position in this cursor lies behind the end of the file. Start again without it.")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        piece = content[offset : offset + room // 4 * 3]
        return Cut(piece, False, -(-len(piece) // 3) * 4, offset + len(piece) == len(content))
    if offset < len(content) and content[offset] & 0xC0 == 0x80:
        raise Invalid("The position in this cursor lies inside a character. Start again without it.")
    window = content[offset : offset + 4 * room]
    text = window[: _whole_characters(window)].decode("utf-8")[:room]
    piece = text.encode()
    return Cut(piece, True, len(text), offset + len(piece) == len(content))


def _whole_characters(window: bytes) -> int:
    """The length of ``window`` without the character that its end may have cut in two."""
    end = len(window)
    start = end - 1
    while start >= 0 and window[start] & 0xC0 == 0x80:
        start -= 1
    if start < 0:
        return end
    lead = window[start]
    width = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    return end if start + width <= end else start
