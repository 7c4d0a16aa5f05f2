"""Owns the rows of ``tokens`` that people made for themselves, each with a purpose. Never sees a token, only its SHA-256.

Such a token always speaks for the person as they are now: as their provider described them the last time, not at all while they
are kept out. They are many and short-lived, and so not kept in memory.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.ports import Clock
from skillport_sync.store import links
from skillport_sync.store.database import micros
from skillport_sync.store.principals import columns_of
from skillport_sync.store.readers import Readers
from skillport_sync.store.sign_in import Forget
from skillport_sync.store.text import refused
from skillport_sync.store.tokens import TokenRow, client_id_of, is_use_news, note_use, number_of, row_of
from skillport_sync.store.writer import Writer

_FORGET_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be stored."""

    token_sha256: bytes
    principal: Principal
    purpose: str
    read_only: bool
    client_id: str | None
    """Through which client it was asked for; ``token:7`` where somebody came with a token: it ends with that one."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TooMany:
    """The person has as many live tokens for this purpose as anybody may."""


@dataclass(frozen=True, slots=True)
class NotWelcome:
    """The person is kept out, or what they came with is not good any more."""


class MintedTokens:
    """The tokens that people made. ``forget`` is told of those that end before their time."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock, forget: Forget) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._forget = forget

    async def make(self, new: NewToken, *, most: int, makes_room: bool) -> TokenRow | TooMany | NotWelcome:
        """Let whoever holds the token with this SHA-256 be this person. It ends with the API token that it was asked for with.

        Nobody has more than ``most`` live ones for a purpose: the oldest makes room where ``makes_room``.

        Raises: Invalid when it holds text that cannot be stored.
        """
        with refused("the token"):
            made, ended = await self._writer.run(_make, new, most, makes_room, micros(self._clock.now()))
        self._forget(ended)
        return made

    async def find(self, token_sha256: bytes) -> TokenRow | None:
        """The token with its person as they are now. None: unknown, expired, revoked, or the person is kept out."""
        now = self._clock.now()
        for row in await self._readers.fetch(_FIND, (token_sha256, micros(now))):
            found = row_of(row[:-1], claims_json=row[-1])
            if is_use_news(found, now):
                await note_use(self._writer, found.id, now)
            return found
        return None

    async def all(self) -> list[TokenRow]:
        """Every one that is not forgotten yet, in the order in which they were made."""
        return await self._readers.in_thread(_all)

    async def holders(self) -> list[PrincipalId]:
        """Everybody who has one that is good now and was asked for by somebody signed in, not with an API token; sorted."""
        rows = await self._readers.fetch(_HOLDERS, (micros(self._clock.now()),))
        return [PrincipalId(person) for (person,) in rows]

    async def revoke(self, identity: int) -> bool:
        """From now on it opens nothing, nor does any link that was asked for with it. False: it did not, or never was."""
        ended = await self._writer.run(_revoke, identity, micros(self._clock.now()))
        self._forget(ended)
        return bool(ended)

    async def purge(self) -> int:
        """Forget what is over, in small steps; returns how many. A revoked one is kept until it would have expired."""
        now_us, forgotten, step = micros(self._clock.now()), 0, _FORGET_AT_ONCE
        while step == _FORGET_AT_ONCE:
            step = await self._writer.run(_purge, now_us, _FORGET_AT_ONCE)
            forgotten += step
        return forgotten


_FIND: Final = (
    "SELECT t.id, t.token_sha256, t.label, t.purpose, t.read_only, t.client_id, t.principal, iif(p.id IS NULL, t.name, p.name), "
    "iif(p.id IS NULL, t.email, p.email), iif(p.id IS NULL, t.groups_json, p.groups_json), t.created_at_us, t.expires_at_us, "
    "t.revoked_at_us, t.last_used_at_us, iif(p.id IS NULL, '[]', p.claims_json) "
    "FROM tokens t LEFT JOIN people p ON p.id = t.principal WHERE t.token_sha256 = ?1 AND t.purpose IS NOT NULL "
    "AND t.revoked_at_us IS NULL AND t.expires_at_us > ?2 AND p.disabled_at_us IS NULL"
)
"""One that opens something, with its person as they are now: only who signed in has claims."""
_HOLDERS: Final = (
    "SELECT DISTINCT principal FROM tokens WHERE purpose IS NOT NULL AND revoked_at_us IS NULL AND expires_at_us > ? "
    "AND coalesce(client_id, '') NOT GLOB 'token:[0-9]*' ORDER BY principal"
)


def _make(
    connection: sqlite3.Connection, new: NewToken, most: int, makes_room: bool, now_us: int
) -> tuple[TokenRow | TooMany | NotWelcome, list[bytes]]:
    """Also returns the tokens that had to make room."""
    expires_at_us = _end_of(connection, new, now_us)
    if expires_at_us is None:
        return NotWelcome(), []
    live = connection.execute(
        "SELECT id FROM tokens WHERE principal = ? AND purpose = ? AND revoked_at_us IS NULL AND expires_at_us > ? ORDER BY id",
        (new.principal.id, new.purpose, now_us),
    ).fetchall()
    if len(live) >= most and not makes_room:
        return TooMany(), []
    ended = [_taken_away(connection, identity) for (identity,) in live[: max(0, len(live) + 1 - most)]]
    [row] = connection.execute(
        "INSERT INTO tokens(token_sha256, principal, name, email, groups_json, label, created_at_us, expires_at_us, purpose, "
        "read_only, client_id) VALUES(?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?) RETURNING id, token_sha256, label, purpose, read_only, "
        "client_id, principal, name, email, groups_json, created_at_us, expires_at_us, revoked_at_us, last_used_at_us",
        (
            new.token_sha256,
            *columns_of(new.principal)[:4],
            now_us,
            expires_at_us,
            new.purpose,
            new.read_only,
            new.client_id,
        ),
    ).fetchall()
    return row_of(row), ended


def _end_of(connection: sqlite3.Connection, new: NewToken, now_us: int) -> int | None:
    """When it is to end: with the API token that it was asked for with, at the latest. None where it must not begin."""
    if connection.execute(
        "SELECT 1 FROM people WHERE id = ? AND disabled_at_us IS NOT NULL", (new.principal.id,)
    ).fetchone():
        return None
    expires_at_us = micros(new.expires_at)
    number = number_of(new.client_id)
    if number is None:
        return expires_at_us
    parent = connection.execute(
        "SELECT coalesce(expires_at_us, ?1) FROM tokens WHERE id = ?2 AND revoked_at_us IS NULL "
        "AND coalesce(expires_at_us, ?1) > ?3",
        (expires_at_us, number, now_us),
    ).fetchone()
    return None if parent is None else min(expires_at_us, parent[0])


def _taken_away(connection: sqlite3.Connection, identity: int) -> bytes:
    links.forget_made_through(connection, (client_id_of(identity),))
    [[token_sha256]] = connection.execute(
        "DELETE FROM tokens WHERE id = ? RETURNING token_sha256", (identity,)
    ).fetchall()
    return bytes(token_sha256)


def _revoke(connection: sqlite3.Connection, identity: int, now_us: int) -> list[bytes]:
    ended = connection.execute(
        "UPDATE tokens SET revoked_at_us = ?1 WHERE id = ?2 AND purpose IS NOT NULL AND revoked_at_us IS NULL "
        "AND expires_at_us > ?1 RETURNING token_sha256",
        (now_us, identity),
    ).fetchall()
    if ended:
        links.forget_made_through(connection, (client_id_of(identity),))
    return [token_sha256 for (token_sha256,) in ended]


def end_all_of(connection: sqlite3.Connection, person: PrincipalId, now_us: int) -> list[bytes]:
    """End every one of somebody; returns those that were good until now."""
    ended = connection.execute(
        "UPDATE tokens SET revoked_at_us = ?1 WHERE principal = ?2 AND purpose IS NOT NULL AND revoked_at_us IS NULL "
        "AND expires_at_us > ?1 RETURNING token_sha256",
        (now_us, person),
    ).fetchall()
    return [token_sha256 for (token_sha256,) in ended]


def _purge(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    return connection.execute(
        "DELETE FROM tokens WHERE id IN "
        "(SELECT id FROM tokens WHERE purpose IS NOT NULL AND expires_at_us <= ? LIMIT ?)",
        (now_us, limit),
    ).rowcount


def _all(connection: sqlite3.Connection) -> list[TokenRow]:
    rows = connection.execute(
        "SELECT id, token_sha256, label, purpose, read_only, client_id, principal, name, email, groups_json, created_at_us, "
        "expires_at_us, revoked_at_us, last_used_at_us FROM tokens WHERE purpose IS NOT NULL ORDER BY id"
    )
    return [row_of(row) for row in rows]
