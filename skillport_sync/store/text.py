"""Owns what becomes of text that SQLite cannot hold: half a surrogate pair, which JSON and command lines can carry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from skillport_sync.errors import Invalid


def is_storable(text: str) -> bool:
    """Whether it can be in the database at all, and so whether it is worth looking for."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def made_storable(text: str, limit: int) -> str:
    """Its first characters, with what cannot be stored written out."""
    return text[:limit].encode("utf-8", "backslashreplace").decode()


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Around a write of words that came from outside. The message does not repeat them: they may be a secret.

    Raises: Invalid where they cannot be stored.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        raise Invalid(f"{what} holds text that is not Unicode: it cannot be stored", code="text_unstorable") from error
