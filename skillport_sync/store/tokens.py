"""Owns the rows of ``tokens``: static API tokens, each bound to a principal. Never sees a token, only its SHA-256.

All of them are kept in memory too, because every request asks: this process is the only one that writes the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.ports import Clock
from skillport_sync.store.database import micros, moment
from skillport_sync.store.writer import Writer

log = structlog.get_logger()

_LAST_USED_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as an operator may see it. ``token_sha256`` finds it and says nothing of it."""

    id: int
    token_sha256: bytes
    principal: Principal
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""

    def is_valid(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class Tokens:
    """The tokens of one service."""

    def __init__(self, writer: Writer, clock: Clock, known: Iterable[TokenRow]) -> None:
        self._writer = writer
        self._clock = clock
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
        """From now on it opens nothing. True if it did until now; False if it was revoked before, or never was."""
        now = self._clock.now()
        # In memory first, and so even if the disk should refuse: whoever revokes a token and gets an error is still safer, and
        # may ask again.
        for row in self._by_hash.values():
            if row.id == identity and row.revoked_at is None:
                self._by_hash[row.token_sha256] = replace(row, revoked_at=now)
                break
        return await self._writer.run(_revoke, identity, micros(now))

    async def find(self, token_sha256: bytes) -> tuple[Principal, int] | None:
        """Who holds this token, and the token's id; None if nobody may, because it is unknown, expired or revoked."""
        row, now = self._by_hash.get(token_sha256), self._clock.now()
        if row is None or not row.is_valid(now):
            return None
        if row.last_used_at is None or now - row.last_used_at >= _LAST_USED_RESOLUTION:
            self._by_hash[token_sha256] = replace(row, last_used_at=now)
            try:
                await self._writer.run(_note_use, row.id, micros(now))
            except Unavailable as error:
                log.warning("token_use_not_noted", token=row.id, error=error.message)  # no reason to lock anybody out
        return row.principal, row.id


def _create(
    connection: sqlite3.Connection,
    token_sha256: bytes,
    principal: Principal,
    label: str,
    created_at: datetime,
    expires_at: datetime | None,
) -> TokenRow:
    # Its SHA-256 and whom it stands for; the token itself was shown once and is nowhere.
    row = connection.execute(
        "INSERT INTO tokens(token_sha256, principal, name, email, groups_json, label, created_at_us, expires_at_us) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            token_sha256,
            principal.id,
            principal.name,
            principal.email,
            json.dumps(sorted(principal.groups)),
            label,
            micros(created_at),
            None if expires_at is None else micros(expires_at),
        ),
    ).fetchone()
    return TokenRow(row[0], token_sha256, principal, label, created_at, expires_at, None, None)


def _revoke(connection: sqlite3.Connection, identity: int, now_us: int) -> bool:
    # One that was revoked before keeps its time.
    revoked = connection.execute(
        "UPDATE tokens SET revoked_at_us = ? WHERE id = ? AND revoked_at_us IS NULL", (now_us, identity)
    )
    return revoked.rowcount == 1


def _note_use(connection: sqlite3.Connection, identity: int, now_us: int) -> None:
    connection.execute("UPDATE tokens SET last_used_at_us = ? WHERE id = ?", (now_us, identity))


def every(connection: sqlite3.Connection) -> list[TokenRow]:
    """All tokens, valid or not."""
    rows = connection.execute(
        "SELECT id, token_sha256, principal, name, email, groups_json, label, created_at_us, expires_at_us, revoked_at_us, "
        "last_used_at_us FROM tokens ORDER BY id"
    )
    return [
        TokenRow(
            identity,
            token_sha256,
            Principal(PrincipalId(principal), name, email, frozenset(json.loads(groups))),
            label,
            moment(created_at_us),
            *(None if at is None else moment(at) for at in times),
        )
        for identity, token_sha256, principal, name, email, groups, label, created_at_us, *times in rows
    ]
