"""Owns the rows of ``deliveries`` and ``pulls``: what GitHub told us, and the pulls that are owed for it.

A delivery and the pull it asks for are one write, so that what was answered 202 is never lost. Pulls are counted, not queued: one
pull settles every wish that came before it began. Never holds a body.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.database import moment, one_moment
from skillport_sync.store.ledger import (
    DeliveryFacts,
    DeliveryState,
    Disposition,
    Hint,
    LedgerEntry,
    Outcome,
    Owed,
    Recorded,
)

_HINTS = 100
_ERROR_CHARS = 1000
_STATES = {
    Disposition.PULL: DeliveryState.OWED,
    Disposition.NOTE: DeliveryState.NOTED,
    Disposition.IGNORE: DeliveryState.IGNORED,
}


def record(
    connection: sqlite3.Connection,
    delivery: DeliveryFacts,
    marketplace: MarketplaceName | None,
    disposition: Disposition,
    now_us: int,
) -> Recorded:
    """Enter a delivery, or recognise it by its GUID, which a redelivery keeps."""
    known = connection.execute("SELECT state, generation FROM deliveries WHERE guid = ?", (delivery.guid,)).fetchone()
    if known is None:
        generation = _pull_for(connection, marketplace, disposition, delivery)
        _insert(connection, delivery, marketplace, _STATES[disposition], generation, now_us)
        return Recorded(Outcome.NEW, generation)
    state, generation = DeliveryState(known[0]), known[1]
    if disposition is not Disposition.PULL or state in (DeliveryState.OWED, DeliveryState.DONE):
        # It came again and changes nothing.
        connection.execute("UPDATE deliveries SET redelivered = redelivered + 1 WHERE guid = ?", (delivery.guid,))
        return Recorded(Outcome.DUPLICATE, generation)
    generation = _pull_for(connection, marketplace, disposition, delivery)
    # It failed, or came before we knew its repository: it is owed again.
    connection.execute(
        "UPDATE deliveries SET state = ?, marketplace = ?, generation = ?, redelivered = redelivered + 1, "
        "received_at_us = ?, finished_at_us = NULL, commit_id = NULL, error = NULL WHERE guid = ?",
        (DeliveryState.OWED, marketplace, generation, now_us, delivery.guid),
    )
    return Recorded(Outcome.REVIVED, generation)


def owe(connection: sqlite3.Connection, marketplace: MarketplaceName, cause: str) -> int:
    """One more pull is wanted; returns its generation."""
    row = connection.execute(
        "INSERT INTO pulls(marketplace, want, done, cause, attempts) VALUES(?, 1, 0, ?, 0) "
        "ON CONFLICT(marketplace) DO UPDATE SET want = want + 1, cause = excluded.cause RETURNING want",
        (marketplace, cause),
    ).fetchone()
    return int(row[0])


def owed(connection: sqlite3.Connection, marketplace: MarketplaceName) -> Owed:
    """What is owed, with what the deliveries that are owed said: the latest hundred, oldest first."""
    with one_moment(connection):
        pull = connection.execute(
            "SELECT want, done, cause, attempts, not_before_us, last_error FROM pulls WHERE marketplace = ?",
            (marketplace,),
        ).fetchone()
        # Said twice, so that the partial index over owed and failed ones serves.
        said = connection.execute(
            "SELECT before_id, after_id, ref, forced, received_at_us FROM deliveries "
            "WHERE marketplace = ? AND state IN ('owed', 'failed') AND state = 'owed' AND event = 'push' "
            "ORDER BY generation DESC LIMIT ?",
            (marketplace, _HINTS),
        ).fetchall()
    if pull is None:
        return Owed(0, 0, None, 0, None, None, ())
    want, done, cause, attempts, not_before_us, last_error = pull
    hints = tuple(
        Hint(before, after, ref, bool(forced), moment(at)) for before, after, ref, forced, at in reversed(said)
    )
    not_before = None if not_before_us is None else moment(not_before_us)
    return Owed(want, done, cause, attempts, not_before, last_error, hints)


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
        "UPDATE deliveries SET state = 'done', finished_at_us = ?, commit_id = ?, error = NULL "
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
        "UPDATE deliveries SET state = 'failed', finished_at_us = ?, error = ? "
        "WHERE marketplace = ? AND state IN ('owed', 'failed') AND generation <= ?",
        (now_us, error[:_ERROR_CHARS], marketplace, generation),
    )


def recent(connection: sqlite3.Connection, limit: int) -> list[LedgerEntry]:
    """The latest deliveries, newest first."""
    rows = connection.execute(
        "SELECT guid, hook_id, event, action, repository_id, repository, ref, before_id, after_id, forced, marketplace, "
        "state, received_at_us, redelivered, finished_at_us, commit_id, error "
        "FROM deliveries ORDER BY received_at_us DESC, id DESC LIMIT ?",
        (limit,),
    )
    return [_entry(row) for row in rows]


def _entry(row: Sequence[Any]) -> LedgerEntry:
    guid, hook_id, event, action, repository_id, repository, ref, before, after, forced, *ours = row
    marketplace, state, received_at_us, redelivered, finished_at_us, commit, error = ours
    return LedgerEntry(
        DeliveryFacts(guid, hook_id, event, action, repository_id, repository, ref, before, after, bool(forced)),
        marketplace,
        DeliveryState(state),
        moment(received_at_us),
        redelivered,
        None if finished_at_us is None else moment(finished_at_us),
        None if commit is None else CommitId(commit.hex()),
        error,
    )


def forget(connection: sqlite3.Connection, before_us: int, limit: int) -> int:
    """Forget deliveries received before the moment, never one that is owed; returns how many."""
    return connection.execute(
        "DELETE FROM deliveries WHERE id IN "
        "(SELECT id FROM deliveries WHERE received_at_us < ? AND state <> 'owed' ORDER BY received_at_us LIMIT ?)",
        (before_us, limit),
    ).rowcount


def _pull_for(
    connection: sqlite3.Connection,
    marketplace: MarketplaceName | None,
    disposition: Disposition,
    delivery: DeliveryFacts,
) -> int | None:
    if disposition is not Disposition.PULL:
        return None
    assert marketplace is not None, "a pull is owed to a marketplace"
    return owe(connection, marketplace, delivery.event)


def _insert(
    connection: sqlite3.Connection,
    delivery: DeliveryFacts,
    marketplace: MarketplaceName | None,
    state: DeliveryState,
    generation: int | None,
    now_us: int,
) -> None:
    connection.execute(
        "INSERT INTO deliveries(guid, hook_id, event, action, repository_id, repository, ref, before_id, after_id, forced, "
        "marketplace, generation, state, received_at_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            marketplace,
            generation,
            state,
            now_us,
        ),
    )
