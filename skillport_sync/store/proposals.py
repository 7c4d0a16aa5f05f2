"""Owns the rows of ``proposals``: pull requests that were opened here for people, until they are merged or closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.store.database import micros, moment
from skillport_sync.store.readers import Readers
from skillport_sync.store.writer import Writer

ProposalState = Literal["opening", "open", "merged", "closed"]
KEEP = 500
"""So many that are over are kept of a marketplace."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull request that this service opened for somebody, or is opening: then it has no number yet."""

    marketplace: MarketplaceName
    branch: str
    number: int | None
    url: str | None
    """The page for people."""
    person: str
    """Principal id."""
    plugin: str
    skill: str
    title: str
    state: ProposalState
    commit: CommitId | None
    """The branch's, as far as is known here."""
    created_at: datetime
    updated_at: datetime


class Proposals:
    """The proposals of one service."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def under_way(self, marketplace: MarketplaceName, person: str, plugin: str, skill: str) -> Proposal | None:
        """The one that this person has for this skill and that is neither merged nor closed."""
        rows = await self._readers.fetch(_UNDER_WAY, (marketplace, person, plugin, skill))
        return _proposals(rows)[0] if rows else None

    async def listed(self, marketplace: MarketplaceName, *, state: ProposalState | None = None) -> list[Proposal]:
        """Those of a marketplace, newest first."""
        rows = await self._readers.fetch(_LISTED, (marketplace, state))
        return _proposals(rows)

    async def begin(
        self, marketplace: MarketplaceName, branch: str, *, person: str, plugin: str, skill: str, title: str
    ) -> None:
        """Note that one is being opened on this branch. Raises: Conflict where this person has one for this skill already."""
        now_us = micros(self._clock.now())
        await self._writer.run(_begin, marketplace, branch, person, plugin, skill, title, now_us)

    async def opened(
        self, marketplace: MarketplaceName, branch: str, *, number: int, url: str, commit: CommitId, title: str
    ) -> None:
        """Note that it is open, or has another commit than before."""
        await self._writer.run(
            _opened, marketplace, branch, number, url, bytes.fromhex(commit), title, micros(self._clock.now())
        )

    async def ended(self, marketplace: MarketplaceName, branch: str, state: Literal["merged", "closed"]) -> bool:
        """Note that it was merged or closed; False where that was known."""
        return await self._writer.run(_ended, marketplace, branch, state, micros(self._clock.now()))


_UNDER_WAY = (
    "SELECT marketplace, branch, number, url, person, plugin, skill, title, state, commit_id, created_at_us, updated_at_us "
    "FROM proposals WHERE marketplace = ? AND person = ? AND plugin = ? AND skill = ? AND state IN ('opening', 'open')"
)
"""What one person has under way for one skill: one row, or none."""
_LISTED = (
    "SELECT marketplace, branch, number, url, person, plugin, skill, title, state, commit_id, created_at_us, updated_at_us "
    "FROM proposals WHERE marketplace = ?1 AND (?2 IS NULL OR state = ?2) ORDER BY updated_at_us DESC, branch"
)
"""All of a marketplace, or those of one state."""


def _begin(
    connection: sqlite3.Connection,
    marketplace: MarketplaceName,
    branch: str,
    person: str,
    plugin: str,
    skill: str,
    title: str,
    now_us: int,
) -> None:
    # The unique index keeps one under way a person and skill; the same branch again is the same attempt again.
    connection.execute(
        "INSERT INTO proposals(marketplace, branch, person, plugin, skill, title, state, created_at_us, updated_at_us) "
        "VALUES(?, ?, ?, ?, ?, ?, 'opening', ?, ?)",
        (marketplace, branch, person, plugin, skill, title, now_us, now_us),
    )
    # What is over is history that GitHub has: only the latest are kept here.
    connection.execute(
        "DELETE FROM proposals WHERE marketplace = ?1 AND state IN ('merged', 'closed') AND branch NOT IN ("
        "SELECT branch FROM proposals WHERE marketplace = ?1 AND state IN ('merged', 'closed') "
        "ORDER BY updated_at_us DESC LIMIT ?2)",
        (marketplace, KEEP),
    )


def _opened(
    connection: sqlite3.Connection,
    marketplace: MarketplaceName,
    branch: str,
    number: int,
    url: str,
    commit: bytes,
    title: str,
    now_us: int,
) -> None:
    connection.execute(
        "UPDATE proposals SET number = ?, url = ?, commit_id = ?, title = ?, state = 'open', updated_at_us = ? "
        "WHERE marketplace = ? AND branch = ? AND state IN ('opening', 'open')",
        (number, url, commit, title, now_us, marketplace, branch),
    )


def _ended(connection: sqlite3.Connection, marketplace: MarketplaceName, branch: str, state: str, now_us: int) -> bool:
    ended = connection.execute(
        "UPDATE proposals SET state = ?, updated_at_us = ? WHERE marketplace = ? AND branch = ? "
        "AND state IN ('opening', 'open')",
        (state, now_us, marketplace, branch),
    )
    return ended.rowcount == 1


def _proposals(rows: Sequence[Sequence[Any]]) -> list[Proposal]:
    return [
        Proposal(
            MarketplaceName(marketplace),
            branch,
            number,
            url,
            person,
            plugin,
            skill,
            title,
            state,
            None if commit is None else CommitId(commit.hex()),
            moment(created_at_us),
            moment(updated_at_us),
        )
        for marketplace, branch, number, url, person, plugin, skill, title, state, commit, created_at_us, updated_at_us in rows
    ]
