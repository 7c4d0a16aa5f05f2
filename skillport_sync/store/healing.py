"""Owns the rows of healing: which repository it is, what GitHub failed to deliver, what is the matter and since when.

A look is one write. Whether a lost delivery has arrived after all is never kept here: the ledger says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.store.database import micros, moment, one_moment
from skillport_sync.store.readers import Readers
from skillport_sync.store.writer import Writer

KEPT_FOR: Final = timedelta(days=10)
"""GitHub itself forgets a delivery after three days, an Enterprise Server after seven."""
SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class GapRow:
    """A delivery that never arrived as it should. ``unseen``: GitHub says that it did."""

    guid: str
    attempt_id: int
    event: str
    action: str | None
    at: datetime
    status: str
    status_code: int
    unseen: bool = False
    redelivered_at: datetime | None = None
    arrived: bool = False
    """The ledger has it by now."""


@dataclass(frozen=True, slots=True)
class PushRow:
    """A push that no delivery told of, where it was ``missed``, or that rewrote history."""

    activity_id: int
    at: datetime
    kind: str
    after: str
    actor: str | None
    missed: bool


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """Something that is the matter. ``code`` names it, ``detail`` is what its sentence needs to be complete."""

    code: str
    detail: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known from all looks. None and nothing where there was none yet."""

    began: datetime | None = None
    """The first look. The ledger is not expected to have what was delivered before."""
    looked_at: datetime | None = None
    read_to: datetime | None = None
    """Up to when GitHub has told of its deliveries."""
    hook_id: int | None = None
    conditions: tuple[ConditionRow, ...] = ()
    gaps: tuple[GapRow, ...] = ()
    """The latest, newest first."""
    lost: int = 0
    """How many of all there are never arrived."""
    pushes: tuple[PushRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. ``read_to`` and ``hook_id`` None: deliveries were not read."""

    conditions: Sequence[tuple[str, str]]
    """Code and detail of each."""
    read_to: datetime | None = None
    hook_id: int | None = None
    gaps: Sequence[GapRow] = ()
    pushes: Sequence[PushRow] = ()


class Healing:
    """What is known of each marketplace's repository and webhook besides what they deliver."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def repository_id(self, marketplace: MarketplaceName, configured: str) -> int | None:
        """GitHub's number of the repository that is configured under this name; None where it is not known yet."""
        rows = await self._readers.fetch(_REPOSITORY, (marketplace, configured))
        return int(rows[0][0]) if rows else None

    async def keep_repository(self, marketplace: MarketplaceName, configured: str, repository_id: int) -> None:
        """From now on it is this one."""
        now_us = micros(self._clock.now())
        await self._writer.run(_keep_repository, marketplace, configured, repository_id, now_us)

    async def took(self, marketplace: MarketplaceName, look: Look) -> None:
        """Note a look. What is still the matter has been since it was first found."""
        await self._writer.run(_took, marketplace, look, micros(self._clock.now()))

    async def note_gaps(self, marketplace: MarketplaceName, found: Sequence[GapRow]) -> None:
        """Note what never arrived as it should, before it is asked for again."""
        await self._writer.run(_note_gaps, marketplace, found)

    async def lost(self, marketplace: MarketplaceName) -> list[GapRow]:
        """What never arrived and was not asked for again, oldest first."""
        return [_gap(row) for row in await self._readers.fetch(_LOST, (marketplace,))]

    async def seen(self, marketplace: MarketplaceName) -> Seen:
        return await self._readers.in_thread(_seen, marketplace)

    async def claim(self, marketplace: MarketplaceName, guid: str) -> bool:
        """Whether this delivery may be asked for again now. True once, to one who asks."""
        return await self._writer.run(_claim, marketplace, guid, micros(self._clock.now()))

    async def release(self, marketplace: MarketplaceName, guid: str) -> None:
        """GitHub did not hear of it: it may be asked for another time."""
        await self._writer.run(_release, marketplace, guid)

    async def received(self, guids: Collection[str]) -> frozenset[str]:
        """Those of them that the ledger has."""
        return await self._readers.in_thread(_known, _RECEIVED, tuple(guids))

    async def told(self, commits: Collection[str]) -> frozenset[str]:
        """Those of them that a push in the ledger has led to."""
        return await self._readers.in_thread(_known, _TOLD, tuple(commits))

    async def hooks_heard(self) -> frozenset[int]:
        """The numbers of the webhooks that anything was ever received from."""
        return frozenset(int(row[0]) for row in await self._readers.fetch(_HOOKS_HEARD))


_GAPS = (
    "SELECT g.guid, g.attempt_id, g.event, g.action, g.at_us, g.status, g.status_code, g.unseen, g.redelivered_at_us, d.id "
    "FROM gaps g LEFT JOIN deliveries d ON d.guid = g.guid WHERE g.marketplace = ? "
)
_LOST = _GAPS + "AND d.id IS NULL AND g.redelivered_at_us IS NULL ORDER BY g.at_us, g.guid"
"""What nobody has asked for again and the ledger does not have."""
_LATEST = _GAPS + "ORDER BY g.at_us DESC, g.guid LIMIT ?"
"""Whatever went wrong last."""
_COUNT = (
    "SELECT count(*) FROM gaps g WHERE marketplace = ? AND NOT EXISTS(SELECT 1 FROM deliveries d WHERE d.guid = g.guid)"
)
"""How many never arrived."""
_REPOSITORY = "SELECT repository_id FROM repositories WHERE marketplace = ? AND configured = ?"
"""The number of the repository, as long as it is configured under the same name."""
_RECEIVED = "SELECT 1 FROM deliveries WHERE guid = ?"
"""Whether a delivery is in the ledger."""
_TOLD = "SELECT 1 FROM deliveries WHERE after_id = ? LIMIT 1"
"""Whether a push to a branch that is followed led to this commit."""
_HOOKS_HEARD = "SELECT DISTINCT hook_id FROM deliveries WHERE hook_id IS NOT NULL"
"""Every webhook that the ledger knows."""


def _keep_repository(
    connection: sqlite3.Connection, marketplace: MarketplaceName, configured: str, repository_id: int, now_us: int
) -> None:
    connection.execute(
        "INSERT INTO repositories(marketplace, configured, repository_id, since_us) VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE "
        "SET configured = excluded.configured, repository_id = excluded.repository_id, since_us = excluded.since_us",
        (marketplace, configured, repository_id, now_us),
    )


def _took(connection: sqlite3.Connection, marketplace: MarketplaceName, look: Look, now_us: int) -> None:
    connection.execute(
        "INSERT INTO looks(marketplace, began_us, looked_at_us, read_to_us, hook_id) VALUES(?1, ?2, ?2, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET looked_at_us = excluded.looked_at_us, "
        "read_to_us = coalesce(excluded.read_to_us, read_to_us), hook_id = coalesce(excluded.hook_id, hook_id)",
        (marketplace, now_us, None if look.read_to is None else micros(look.read_to), look.hook_id),
    )
    before = dict(
        connection.execute("SELECT code, since_us FROM conditions WHERE marketplace = ?", (marketplace,)).fetchall()
    )
    connection.execute("DELETE FROM conditions WHERE marketplace = ?", (marketplace,))
    connection.executemany(
        "INSERT OR IGNORE INTO conditions(marketplace, code, detail, since_us) VALUES(?, ?, ?, ?)",
        ((marketplace, code, detail, before.get(code, now_us)) for code, detail in look.conditions),
    )
    _note_gaps(connection, marketplace, look.gaps)
    connection.executemany(
        "INSERT OR IGNORE INTO noticed_pushes(marketplace, activity_id, at_us, kind, after_id, actor, missed) "
        "VALUES(?, ?, ?, ?, ?, ?, ?)",
        (
            (marketplace, push.activity_id, micros(push.at), push.kind, push.after, push.actor, push.missed)
            for push in look.pushes
        ),
    )
    old_us = now_us - KEPT_FOR // timedelta(microseconds=1)
    connection.execute("DELETE FROM gaps WHERE at_us < ?", (old_us,))
    connection.execute("DELETE FROM noticed_pushes WHERE at_us < ?", (old_us,))


def _note_gaps(connection: sqlite3.Connection, marketplace: MarketplaceName, found: Sequence[GapRow]) -> None:
    connection.executemany(
        "INSERT INTO gaps(marketplace, guid, attempt_id, event, action, at_us, status, status_code, unseen) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET attempt_id = excluded.attempt_id, "
        "status = excluded.status, status_code = excluded.status_code, unseen = excluded.unseen",
        (
            (
                marketplace,
                gap.guid,
                gap.attempt_id,
                gap.event,
                gap.action,
                micros(gap.at),
                gap.status,
                gap.status_code,
                gap.unseen,
            )
            for gap in found
        ),
    )


def _claim(connection: sqlite3.Connection, marketplace: MarketplaceName, guid: str, now_us: int) -> bool:
    claimed = connection.execute(
        "UPDATE gaps SET redelivered_at_us = ? WHERE marketplace = ? AND guid = ? AND redelivered_at_us IS NULL RETURNING 1",
        (now_us, marketplace, guid),
    ).fetchone()
    return claimed is not None


def _release(connection: sqlite3.Connection, marketplace: MarketplaceName, guid: str) -> None:
    connection.execute(
        "UPDATE gaps SET redelivered_at_us = NULL WHERE marketplace = ? AND guid = ?", (marketplace, guid)
    )


def _known(connection: sqlite3.Connection, question: str, values: tuple[str, ...]) -> frozenset[str]:
    with one_moment(connection):
        return frozenset(value for value in values if connection.execute(question, (value,)).fetchone() is not None)


def _seen(connection: sqlite3.Connection, marketplace: MarketplaceName) -> Seen:
    with one_moment(connection):
        look = connection.execute(
            "SELECT began_us, looked_at_us, read_to_us, hook_id FROM looks WHERE marketplace = ?", (marketplace,)
        ).fetchone()
        conditions = connection.execute(
            "SELECT code, detail, since_us FROM conditions WHERE marketplace = ? ORDER BY since_us, code",
            (marketplace,),
        ).fetchall()
        gaps = connection.execute(_LATEST, (marketplace, SHOWN)).fetchall()
        (lost,) = connection.execute(_COUNT, (marketplace,)).fetchone()
        pushes = connection.execute(
            "SELECT activity_id, at_us, kind, after_id, actor, missed FROM noticed_pushes WHERE marketplace = ? "
            "ORDER BY at_us DESC, activity_id DESC LIMIT ?",
            (marketplace, SHOWN),
        ).fetchall()
    if look is None:
        return Seen()
    began_us, looked_at_us, read_to_us, hook_id = look
    return Seen(
        moment(began_us),
        moment(looked_at_us),
        None if read_to_us is None else moment(read_to_us),
        hook_id,
        tuple(ConditionRow(code, detail, moment(since_us)) for code, detail, since_us in conditions),
        tuple(map(_gap, gaps)),
        lost,
        tuple(
            PushRow(activity_id, moment(at_us), kind, after, actor, bool(missed))
            for activity_id, at_us, kind, after, actor, missed in pushes
        ),
    )


def _gap(row: Sequence[Any]) -> GapRow:
    guid, attempt_id, event, action, at_us, status, status_code, unseen, redelivered_at_us, arrived = row
    return GapRow(
        guid,
        attempt_id,
        event,
        action,
        moment(at_us),
        status,
        status_code,
        bool(unseen),
        None if redelivered_at_us is None else moment(redelivered_at_us),
        arrived is not None,
    )
