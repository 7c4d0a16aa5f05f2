"""Owns the rows of ``deliveries``, ``concerns`` and ``pulls``: what GitHub told us, whom it concerns, and the pulls owed for it.

A delivery and all pulls it asks for are one write, so that what was answered 202 is never lost; each marketplace's is settled or
fails by itself. Pulls are counted, not queued: one settles every wish that came before it began. Never holds a body.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.database import moment, one_moment
from skillport_sync.store.ledger import (
    Behind,
    Concern,
    DeliveryFacts,
    DeliveryState,
    Hint,
    LedgerEntry,
    Outcome,
    Owed,
    Recorded,
    Settlement,
)

_HINTS = 100
_ERROR_CHARS = 1000
_SAID = 14
"""How many columns of ``recent`` are the delivery's; the others are what became of it."""


def record(
    connection: sqlite3.Connection,
    delivery: DeliveryFacts,
    concerns: Sequence[Concern],
    ignored: bool,
    now_us: int,
) -> Recorded:
    """Enter a delivery, or recognise it by its GUID, which a redelivery keeps."""
    known = connection.execute("SELECT id FROM deliveries WHERE guid = ?", (delivery.guid,)).fetchone()
    if known is None:
        row = _insert(connection, delivery, ignored, now_us)
        return Recorded(Outcome.NEW, _concern(connection, row, concerns, now_us))
    (row,) = known
    settled = connection.execute(
        "SELECT marketplace FROM concerns WHERE delivery = ? AND state IN ('owed', 'done')", (row,)
    ).fetchall()
    # Whose pull failed, or whom it did not concern then, is owed one (again); to the others it changes nothing.
    again = [one for one in concerns if one.cause is not None and (one.marketplace,) not in settled]
    connection.execute(
        "UPDATE deliveries SET redelivered = redelivered + 1, ignored = iif(?2, 0, ignored), "
        "received_at_us = iif(?2, ?3, received_at_us) WHERE id = ?1",
        (row, bool(again), now_us),
    )
    return Recorded(Outcome.REVIVED if again else Outcome.DUPLICATE, _concern(connection, row, again, now_us))


def owe(connection: sqlite3.Connection, marketplace: MarketplaceName, cause: str) -> int:
    """One more pull is wanted; returns its generation."""
    row = connection.execute(
        "INSERT INTO pulls(marketplace, want, done, cause, attempts) VALUES(?, 1, 0, ?, 0) "
        "ON CONFLICT(marketplace) DO UPDATE SET want = want + 1, cause = excluded.cause RETURNING want",
        (marketplace, cause),
    ).fetchone()
    return int(row[0])


def owed(connection: sqlite3.Connection, marketplace: MarketplaceName) -> Owed:
    """What is owed, and for which deliveries; of what their pushes said of the branch the latest hundred, oldest first."""
    with one_moment(connection):
        pull = connection.execute(
            "SELECT want, done, cause, attempts, not_before_us, last_error FROM pulls WHERE marketplace = ?",
            (marketplace,),
        ).fetchone()
        # Said twice, so that the partial index over owed and failed ones serves.
        said = connection.execute(
            "SELECT d.before_id, d.after_id, d.ref, d.forced, c.since_us "
            "FROM concerns c JOIN deliveries d ON d.id = c.delivery "
            "WHERE c.marketplace = ? AND c.state IN ('owed', 'failed') AND c.state = 'owed' AND c.hinted "
            "ORDER BY c.generation DESC LIMIT ?",
            (marketplace, _HINTS),
        ).fetchall()
        behind = connection.execute(
            "SELECT d.guid, (SELECT count(*) FROM concerns WHERE marketplace = ?1 AND state IN ('owed', 'failed') "
            "AND state = 'owed') FROM concerns c JOIN deliveries d ON d.id = c.delivery "
            "WHERE c.marketplace = ?1 AND c.state IN ('owed', 'failed') AND c.state = 'owed' "
            "ORDER BY c.generation DESC LIMIT 1",
            (marketplace,),
        ).fetchone()
    if pull is None:
        return Owed(0, 0, None, 0, None, None, ())
    want, done, cause, attempts, not_before_us, last_error = pull
    hints = tuple(
        Hint(before, after, ref, bool(forced), moment(at)) for before, after, ref, forced, at in reversed(said)
    )
    not_before = None if not_before_us is None else moment(not_before_us)
    return Owed(want, done, cause, attempts, not_before, last_error, hints, None if behind is None else Behind(*behind))


def settle(
    connection: sqlite3.Connection, marketplace: MarketplaceName, generation: int, commit: CommitId, now_us: int
) -> None:
    """A pull that began at ``generation`` succeeded: it included every delivery up to there, failed ones too."""
    connection.execute(
        "UPDATE pulls SET done = max(done, min(want, ?)), attempts = 0, not_before_us = NULL, last_error = NULL "
        "WHERE marketplace = ?",
        (generation, marketplace),
    )
    connection.execute(
        "UPDATE concerns SET state = 'done', finished_at_us = ?, commit_id = ?, error = NULL "
        "WHERE marketplace = ? AND state IN ('owed', 'failed') AND generation <= ?",
        (now_us, bytes.fromhex(commit), marketplace, generation),
    )


def fail(
    connection: sqlite3.Connection,
    marketplace: MarketplaceName,
    generation: int,
    error: str,
    not_before_us: int | None,
    now_us: int,
) -> None:
    """A pull that began at ``generation`` failed: it stays owed, and a redelivery of what it was for is welcome."""
    connection.execute(
        "UPDATE pulls SET attempts = attempts + 1, not_before_us = ?, last_error = ? WHERE marketplace = ?",
        (not_before_us, error[:_ERROR_CHARS], marketplace),
    )
    connection.execute(
        "UPDATE concerns SET state = 'failed', finished_at_us = ?, error = ? "
        "WHERE marketplace = ? AND state IN ('owed', 'failed') AND generation <= ?",
        (now_us, error[:_ERROR_CHARS], marketplace, generation),
    )


def recent(connection: sqlite3.Connection, limit: int) -> list[LedgerEntry]:
    """The latest deliveries, newest first."""
    rows = connection.execute(
        "WITH d AS (SELECT * FROM deliveries ORDER BY received_at_us DESC, id DESC LIMIT ?) "
        "SELECT d.id, d.guid, d.hook_id, d.event, d.action, d.repository_id, d.repository, d.ref, d.before_id, d.after_id, "
        "d.forced, d.ignored, d.received_at_us, d.redelivered, c.marketplace, c.state, c.finished_at_us, c.commit_id, c.error "
        "FROM d LEFT JOIN concerns c ON c.delivery = d.id ORDER BY d.received_at_us DESC, d.id DESC, c.marketplace",
        (limit,),
    )
    return [_entry(list(of_one)) for _, of_one in groupby(rows, key=itemgetter(0))]


def _entry(rows: Sequence[Sequence[Any]]) -> LedgerEntry:
    """A delivery out of its rows: one for each marketplace that it concerns, one where it concerns nobody."""
    _, guid, hook_id, event, action, repository_id, repository, ref, before, after, forced, *rest = rows[0]
    ignored, received_at_us, redelivered, *_ = rest
    return LedgerEntry(
        DeliveryFacts(guid, hook_id, event, action, repository_id, repository, ref, before, after, bool(forced)),
        bool(ignored),
        moment(received_at_us),
        redelivered,
        tuple(_settlement(*row[_SAID:]) for row in rows if row[_SAID] is not None),
    )


def _settlement(
    marketplace: str, state: str, finished_at_us: int | None, commit: bytes | None, error: str | None
) -> Settlement:
    return Settlement(
        MarketplaceName(marketplace),
        DeliveryState(state),
        None if finished_at_us is None else moment(finished_at_us),
        None if commit is None else CommitId(commit.hex()),
        error,
    )


def forget(connection: sqlite3.Connection, before_us: int, limit: int) -> int:
    """Forget deliveries received before the moment, never one for which a pull is owed; returns how many."""
    return connection.execute(
        "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries d WHERE received_at_us < ? AND NOT EXISTS"
        "(SELECT 1 FROM concerns c WHERE c.delivery = d.id AND c.state = 'owed') ORDER BY received_at_us LIMIT ?)",
        (before_us, limit),
    ).rowcount


def _concern(
    connection: sqlite3.Connection, row: int, concerns: Sequence[Concern], now_us: int
) -> dict[MarketplaceName, int]:
    """Enter what a delivery means to these marketplaces; returns the pulls that they are owed for it."""
    pulls = {one.marketplace: owe(connection, one.marketplace, one.cause) for one in concerns if one.cause is not None}
    connection.executemany(
        "INSERT INTO concerns(delivery, marketplace, state, generation, hinted, since_us) VALUES(?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET state = excluded.state, generation = excluded.generation, hinted = excluded.hinted, "
        "since_us = excluded.since_us, finished_at_us = NULL, commit_id = NULL, error = NULL",
        (
            (
                row,
                one.marketplace,
                DeliveryState.NOTED if one.cause is None else DeliveryState.OWED,
                pulls.get(one.marketplace),
                one.hinted,
                now_us,
            )
            for one in concerns
        ),
    )
    return pulls


def _insert(connection: sqlite3.Connection, delivery: DeliveryFacts, ignored: bool, now_us: int) -> int:
    row = connection.execute(
        "INSERT INTO deliveries(guid, hook_id, event, action, repository_id, repository, ref, before_id, after_id, forced, "
        "ignored, received_at_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            delivery.guid,
            delivery.hook_id,
            delivery.event,
            delivery.action,
            delivery.repository_id,
            delivery.repository,
            delivery.ref,
            delivery.before,
            delivery.after,
            delivery.forced,
            ignored,
            now_us,
        ),
    ).fetchone()
    return int(row[0])
