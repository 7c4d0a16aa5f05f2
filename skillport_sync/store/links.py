"""Owns the rows of ``links``: what a one-time link hands out, to whom, and that it does so once. Never sees its token, only the
SHA-256 of it.

A download may break off. So for a minute after a link was redeemed, whoever redeemed it may ask again, and if they are known to
have got less than all, so may anybody who has the link.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.store.database import micros, moment
from skillport_sync.store.principals import columns_of, principal_of
from skillport_sync.store.readers import Readers, Row
from skillport_sync.store.text import refused
from skillport_sync.store.writer import Writer

RETRY_S: Final = 60
MOST_OF_ONE: Final = 200
"""So many links one person can have open; the oldest makes room."""
_RETRY_US: Final = RETRY_S * 1_000_000
_FORGET_AT_ONCE: Final = 500


class LinkKind(StrEnum):
    """What a link lets its holder do."""

    INSTALL = "install"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link hands out: one skill of one publication, to one person."""

    kind: LinkKind
    principal: Principal
    """Who asked for it. Of one that is found again: as their provider described them the last time, where they signed in."""
    client_id: str | None
    """Through which client they asked: ``Caller.client_id``."""
    marketplace: MarketplaceName
    plugin: str
    directory: str
    skill: str
    """Its name."""
    commit: CommitId
    target: str
    """What shall become of it; the words are those of whoever makes the link."""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """It was redeemed and is not answered again."""

    at: datetime


class Links:
    """The one-time links of one service."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def make(self, token_hash: bytes, link: Link) -> None:
        """Enter a link under the SHA-256 of its token. Of a person who has very many, the oldest is forgotten.

        Raises: Invalid when it holds text that cannot be stored.
        """
        with refused("the link"):
            await self._writer.run(_make, token_hash, link)

    async def look(self, token_hash: bytes, kind: LinkKind) -> Link | Used | None:
        """What it hands out, without redeeming it, as long as somebody could. None: it is unknown, of another kind or expired, or
        its person is kept out."""
        rows = await self._readers.fetch(_FIND, (token_hash, kind, self._now_us(), _RETRY_US))
        return _found(rows)

    async def redeem(self, token_hash: bytes, kind: LinkKind, attempt_hash: bytes | None = None) -> Link | Used | None:
        """Use it up. The first wins; for ``RETRY_S`` from then on the same attempt gets it again, and after ``reopen`` anybody,
        who is then the attempt that gets it again.

        ``attempt_hash``, 32 bytes, is by what whoever asks is recognised; None is nobody. The answers are those of ``look``.
        """
        return await self._writer.run(_redeem, token_hash, kind, attempt_hash, self._now_us())

    async def reopen(self, token_hash: bytes, attempt_hash: bytes | None = None) -> None:
        """The download of whoever redeemed it last, this attempt, broke off: for the rest of their minute it can be redeemed
        again. Nothing where somebody else redeemed it since."""
        await self._writer.run(_reopen, token_hash, attempt_hash, self._now_us())

    async def purge(self) -> int:
        """Forget what nobody can redeem any more, in small steps; returns how many."""
        now_us, forgotten, step = self._now_us(), 0, _FORGET_AT_ONCE
        while step == _FORGET_AT_ONCE:
            step = await self._writer.run(_forget, now_us, _FORGET_AT_ONCE)
            forgotten += step
        return forgotten

    def _now_us(self) -> int:
        return micros(self._clock.now())


_FIND: Final = (
    "SELECT l.kind, l.principal, iif(p.id IS NULL, l.name, p.name), iif(p.id IS NULL, l.email, p.email), "
    "iif(p.id IS NULL, l.groups_json, p.groups_json), iif(p.id IS NULL, l.claims_json, p.claims_json), l.client_id, "
    "l.marketplace, l.plugin, l.directory, l.skill, l.commit_id, l.target, l.created_at_us, l.expires_at_us, l.used_at_us, "
    "l.used_at_us > ?3 - ?4 AND (l.reopened OR l.attempt_hash IS NOT NULL) "
    "FROM links l LEFT JOIN people p ON p.id = l.principal WHERE l.token_hash = ?1 AND l.kind = ?2 "
    "AND (l.expires_at_us > ?3 OR l.used_at_us > ?3 - ?4) AND p.disabled_at_us IS NULL"
)
"""A link of somebody who is welcome, until it expires or the minute of its use is over; last, whether it may come again."""
_REDEEM: Final = (
    "UPDATE links SET used_at_us = coalesce(used_at_us, ?3), attempt_hash = ?5, reopened = 0 "
    "WHERE token_hash = ?1 AND kind = ?2 AND (used_at_us IS NULL AND expires_at_us > ?3 "
    "OR used_at_us > ?3 - ?4 AND (reopened OR attempt_hash = ?5)) "
    "AND NOT EXISTS (SELECT 1 FROM people WHERE id = principal AND disabled_at_us IS NOT NULL) RETURNING 1"
)
"""The only way to use a link: whoever comes second finds no row. The minute is counted from its first use."""


def _make(connection: sqlite3.Connection, token_hash: bytes, link: Link) -> None:
    connection.execute(
        "INSERT INTO links(token_hash, kind, principal, name, email, groups_json, claims_json, client_id, marketplace, plugin, "
        "directory, skill, commit_id, target, created_at_us, expires_at_us) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            token_hash,
            link.kind,
            *columns_of(link.principal),
            link.client_id,
            link.marketplace,
            link.plugin,
            link.directory,
            link.skill,
            bytes.fromhex(link.commit),
            link.target,
            micros(link.created_at),
            micros(link.expires_at),
        ),
    )
    # Anybody who may ask can have links made without end: there are never more of one person than this.
    connection.execute(
        "DELETE FROM links WHERE token_hash IN "
        "(SELECT token_hash FROM links WHERE principal = ? ORDER BY created_at_us DESC LIMIT -1 OFFSET ?)",
        (link.principal.id, MOST_OF_ONE),
    )


def _redeem(
    connection: sqlite3.Connection, token_hash: bytes, kind: LinkKind, attempt_hash: bytes | None, now_us: int
) -> Link | Used | None:
    won = connection.execute(_REDEEM, (token_hash, kind, now_us, _RETRY_US, attempt_hash)).fetchone()
    row = connection.execute(_FIND, (token_hash, kind, now_us, _RETRY_US)).fetchone()
    if row is None:
        return None
    return _link(row) if won is not None else Used(moment(row[-2]))


def _reopen(connection: sqlite3.Connection, token_hash: bytes, attempt_hash: bytes | None, now_us: int) -> None:
    connection.execute(
        "UPDATE links SET reopened = 1 WHERE token_hash = ? AND attempt_hash IS ? AND used_at_us > ?",
        (token_hash, attempt_hash, now_us - _RETRY_US),
    )


def _forget(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    return connection.execute(
        "DELETE FROM links WHERE token_hash IN (SELECT token_hash FROM links WHERE expires_at_us <= ?1 "
        "AND (used_at_us IS NULL OR used_at_us <= ?1 - ?2) LIMIT ?3)",
        (now_us, _RETRY_US, limit),
    ).rowcount


def forget_of(connection: sqlite3.Connection, person: PrincipalId) -> int:
    """Have no link of somebody open anything any more; returns how many there were, used ones too."""
    return connection.execute("DELETE FROM links WHERE principal = ?", (person,)).rowcount


def forget_made_through(connection: sqlite3.Connection, client_ids: Collection[str]) -> None:
    """The same of all that were asked for through these clients."""
    connection.executemany("DELETE FROM links WHERE client_id = ?", [(client_id,) for client_id in client_ids])


def _found(rows: Sequence[Row]) -> Link | Used | None:
    for row in rows:
        used_at_us, may_come_again = row[-2:]
        return _link(row) if used_at_us is None or may_come_again else Used(moment(used_at_us))
    return None


def _link(row: Row) -> Link:
    (
        kind,
        *described,
        client_id,
        marketplace,
        plugin,
        directory,
        skill,
        commit,
        target,
        created_at_us,
        expires_at_us,
        _,
        _,
    ) = row
    return Link(
        LinkKind(kind),
        principal_of(*described),
        client_id,
        MarketplaceName(marketplace),
        plugin,
        directory,
        skill,
        CommitId(commit.hex()),
        target,
        moment(created_at_us),
        moment(expires_at_us),
    )
