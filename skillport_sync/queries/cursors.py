"""Owns cursors: where an answer that was too long goes on. Pure.

A cursor is base64url JSON: which publications it reads, a digest of the question it belongs to, and a position. It is not
signed, because it opens nothing: whoever sends one is asked again what they may read, and a position is only a number.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import NamedTuple

from skillport_sync.errors import Invalid
from skillport_sync.publication import Published

MAX_CURSOR_LENGTH = 4096
_MAX_NUMBER = 2**53


class PublicationKey(NamedTuple):
    """A publication, told apart from one with the same number in a mirror that was rebuilt."""

    marketplace: str
    id: int
    commit: str

    @classmethod
    def of(cls, marketplace: str, identity: int, commit: str) -> PublicationKey:
        return cls(marketplace, identity, commit[:12])


def key_of(published: Published) -> PublicationKey:
    publication = published.publication
    return PublicationKey.of(publication.marketplace, publication.id, publication.commit)


@dataclass(frozen=True, slots=True)
class Cursor:
    """``position`` means what the operation wants it to mean: for a list an offset, for a fetch three numbers."""

    publications: tuple[PublicationKey, ...]
    question: str
    position: tuple[int, ...]

    def encode(self) -> str:
        raw = json.dumps([self.publications, self.question, self.position], separators=(",", ":"), ensure_ascii=False)
        return urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def question_digest(*arguments: object) -> str:
    """Tells questions apart. Arguments must be what JSON can hold."""
    raw = json.dumps(arguments, separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(raw.encode(), digest_size=9).hexdigest()


def decode(text: str, question: str, positions: int) -> Cursor:
    """The cursor in ``text``, which must belong to ``question`` and hold that many position numbers.

    Raises: Invalid, with a sentence that says how to go on.
    """
    cursor = _parse(text)
    if cursor is None or len(cursor.position) != positions:
        raise Invalid("This cursor is not one of ours. Start again without it.", code="cursor_invalid")
    if cursor.question != question:
        raise Invalid(
            "This cursor belongs to another question. Send it with exactly the arguments of the answer it came from, "
            "or start again without it.",
            code="cursor_mismatch",
        )
    return cursor


def _parse(text: str) -> Cursor | None:
    if len(text) > MAX_CURSOR_LENGTH:
        return None
    try:
        loaded = json.loads(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    match loaded:
        case [[*publications], str() as question, [*position]] if publications:
            keys = [_key(publication) for publication in publications]
            numbers = [number for number in position if type(number) is int and 0 <= number < _MAX_NUMBER]
            if None not in keys and len(numbers) == len(position):
                return Cursor(tuple(key for key in keys if key is not None), question, tuple(numbers))
    return None


def _key(loaded: object) -> PublicationKey | None:
    match loaded:
        case [str() as marketplace, int() as number, str() as commit] if (
            type(number) is int and 0 <= number <= _MAX_NUMBER
        ):
            return PublicationKey(marketplace, number, commit)
    return None
