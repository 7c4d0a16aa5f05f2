"""Owns the rows of ``tokens`` that an operator made: static API tokens, each bound to a principal. Never sees a token, only its
SHA-256. What people make for themselves stands in the same table, and is ``minted_tokens``'.

All of them are kept in memory too, because every request asks: this process is the only one that writes the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from skillport_sync.access.model import Principal
from skillport_sync.errors import Unavailable
from skillport_sync.ports import Clock
from skillport_sync.store import links
from skillport_sync.store.database import micros, moment
from skillport_sync.store.principals import columns_of, principal_of
from skillport_sync.store.readers import Row
from skillport_sync.store.sign_in import Forget
from skillport_sync.store.writer import Writer

log = structlog.get_logger()

USE_NOTED_EVERY: Final = timedelta(minutes=1)
_CLIENT: Final = "token:"


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as an operator may see it. ``token_sha256`` finds it and says nothing of it."""

    id: int
    token_sha256: bytes
    principal: Principal
    label: str
    """What the operator called it; empty where somebody made it for themselves."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    purpose: str | None = None
    """What somebody made it for themselves for; None: an operator made it."""
    read_only: bool = False
    client_id: str | None = None
    """Through which client they asked for it."""

    def is_valid(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def client_id_of(number: int) -> str:
    """What stands in the place of a client where somebody came with a token: ``token:7``."""
    return f"{_CLIENT}{number}"


def number_of(client_id: str | None) -> int | None:
    """The token that this is in the place of; None where it is a client."""
    if client_id is None or not client_id.startswith(_CLIENT):
        return None
    number = client_id.removeprefix(_CLIENT)
    return int(number) if number.isascii() and number.isdecimal() else None


class Tokens:
    """The API tokens of one service. ``forget`` is told of those that are revoked, and of what was made with them."""

    def __init__(self, writer: Writer, clock: Clock, forget: Forget, known: Iterable[TokenRow]) -> None:
        self._writer = writer
        self._clock = clock
        self._forget = forget
        self._by_hash = {row.token_sha256: row for row in known}

    async def create(
        self, token_sha256: bytes, principal: Principal, label: str, expires_at: datetime | None = None
    ) -> TokenRow:
        """Let whoever holds the token with this SHA-256 be this principal, until then or until it is revoked."""
        row = await self._writer.run(_create, token_sha256, principal, label, self._clock.now(), expires_at)
        self._by_hash[token_sha256] = row
        return row

    def list(self) -> tuple[TokenRow, ...]:
        """Every token there ever was, in the order in which they were made."""
        return tuple(self._by_hash.values())

    async def revoke(self, identity: int) -> bool:
        """From now on it opens nothing, nor does any token or link that was asked for with it. True if it did until now; False if
        it was revoked before, or never was."""
        now = self._clock.now()
        # In memory first, and so even if the disk should refuse: whoever revokes a token and gets an error is still safer, and
        # may ask again.
        row = next((row for row in self._by_hash.values() if row.id == identity), None)
        if row is not None and row.revoked_at is None:
            self._by_hash[row.token_sha256] = replace(row, revoked_at=now)
            self._forget((row.token_sha256,))
        revoked, made_with_it = await self._writer.run(_revoke, identity, micros(now))
        self._forget(made_with_it)
        return revoked

    async def find(self, token_sha256: bytes) -> TokenRow | None:
        """The token, where it opens anything; None where it is unknown, expired or revoked."""
        row, now = self._by_hash.get(token_sha256), self._clock.now()
        if row is None or not row.is_valid(now):
            return None
        if is_use_news(row, now):
            self._by_hash[token_sha256] = replace(row, last_used_at=now)
            await note_use(self._writer, row.id, now)
        return row


def is_use_news(row: TokenRow, now: datetime) -> bool:
    """Whether it was not used within the last minute."""
    return row.last_used_at is None or now - row.last_used_at >= USE_NOTED_EVERY


async def note_use(writer: Writer, identity: int, now: datetime) -> None:
    """Write down that it was used; never fails, because a full disk is no reason to lock anybody out."""
    try:
        await writer.run(_note_use, identity, micros(now))
    except Unavailable as error:
        log.warning("token_use_not_noted", token=identity, error=error.message)


def _create(
    connection: sqlite3.Connection,
    token_sha256: bytes,
    principal: Principal,
    label: str,
    created_at: datetime,
    expires_at: datetime | None,
) -> TokenRow:
    # Its SHA-256 and whom it stands for; the token itself was shown once and is nowhere.
    [identity] = connection.execute(
        "INSERT INTO tokens(token_sha256, principal, name, email, groups_json, label, created_at_us, expires_at_us) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            token_sha256,
            *columns_of(principal)[:4],
            label,
            micros(created_at),
            None if expires_at is None else micros(expires_at),
        ),
    ).fetchone()
    return TokenRow(identity, token_sha256, principal, label, created_at, expires_at, None, None)


def _revoke(connection: sqlite3.Connection, identity: int, now_us: int) -> tuple[bool, list[bytes]]:
    """Whether it was good until now, and the tokens that were made with it and were."""
    # One that was revoked before keeps its time.
    revoked = connection.execute(
        "UPDATE tokens SET revoked_at_us = ? WHERE id = ? AND purpose IS NULL AND revoked_at_us IS NULL",
        (now_us, identity),
    )
    made = connection.execute(
        "UPDATE tokens SET revoked_at_us = ? WHERE client_id = ? AND revoked_at_us IS NULL RETURNING id, token_sha256",
        (now_us, client_id_of(identity)),
    ).fetchall()
    links.forget_made_through(connection, [client_id_of(number) for number in (identity, *(row[0] for row in made))])
    return revoked.rowcount == 1, [token_hash for _, token_hash in made]


def _note_use(connection: sqlite3.Connection, identity: int, now_us: int) -> None:
    connection.execute("UPDATE tokens SET last_used_at_us = ? WHERE id = ?", (now_us, identity))


def every(connection: sqlite3.Connection) -> list[TokenRow]:
    """All that an operator made, valid or not."""
    rows = connection.execute(
        "SELECT id, token_sha256, label, purpose, read_only, client_id, principal, name, email, groups_json, created_at_us, "
        "expires_at_us, revoked_at_us, last_used_at_us FROM tokens WHERE purpose IS NULL ORDER BY id"
    )
    return [row_of(row) for row in rows]


def row_of(columns: Row, claims_json: str = "[]") -> TokenRow:
    """A token out of its columns, in the order of ``every``. An operator's has no claims: nobody says them of it."""
    identity, token_sha256, label, purpose, read_only, client_id, principal, name, email, groups_json = columns[:10]
    created_at, expires_at, revoked_at, last_used_at = (None if at is None else moment(at) for at in columns[10:])
    assert created_at is not None
    return TokenRow(
        identity,
        token_sha256,
        principal_of(principal, name, email, groups_json, claims_json),
        label,
        created_at,
        expires_at,
        revoked_at,
        last_used_at,
        purpose,
        bool(read_only),
        client_id,
    )
