"""Owns the cursors of the skills extension: after which name a page goes on. Pure.

A name, not a number and not a publication: what is published while somebody pages moves nothing that they have not seen yet, and
no cursor ends.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress

import orjson

from skillport_sync.errors import Invalid

MAX_CURSOR_LENGTH = 8_192


def cursor_after(*words: str) -> str:
    """The cursor of a page that ended with this."""
    return urlsafe_b64encode(orjson.dumps(words)).decode().rstrip("=")


def position(cursor: str, words: int) -> tuple[str, ...]:
    """What the page before ended with, in so many words.

    Raises: Invalid for what is no cursor.
    """
    read = None
    if len(cursor) <= MAX_CURSOR_LENGTH:
        with suppress(ValueError):  # not base64, or not JSON
            read = orjson.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    if isinstance(read, list) and len(read) == words and all(isinstance(word, str) for word in read):
        return tuple(read)
    raise Invalid("This cursor is not one of ours. Start again without it.", code="cursor_invalid")
