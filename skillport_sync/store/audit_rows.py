"""Owns the rows of ``audit``: how they are added, searched and at last forgotten. The table's triggers allow nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from skillport_sync.access.model import PrincipalId
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.audit_events import AuditAction, AuditEvent
from skillport_sync.store.database import FOREVER, micros, moment
from skillport_sync.store.readers import Row
from skillport_sync.store.text import made_storable

_TEXT_CHARS: Final = 1000
_READ_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: from ``since_us`` until before ``until_us``, of this actor and this action, or of any where it is None."""

    since_us: int
    until_us: int
    actor: PrincipalId | None
    action: AuditAction | None

    @classmethod
    def of(
        cls, since: datetime | None, until: datetime | None, actor: PrincipalId | None, action: AuditAction | None
    ) -> Wanted:
        return cls(
            -FOREVER if since is None else micros(since), FOREVER if until is None else micros(until), actor, action
        )


def insert(connection: sqlite3.Connection, events: Sequence[AuditEvent]) -> None:
    connection.executemany(
        "INSERT INTO audit(at_us, action, outcome, principal, client_id, surface, marketplace, publication, skill, commit_id, "
        "detail) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                micros(event.at),
                event.action,
                _text(event.outcome),
                _text(event.principal_id),
                _text(event.client_id),
                _text(event.surface),
                _text(event.marketplace),
                event.publication,
                _text(event.skill),
                _text(event.commit),
                _text(event.detail),
            )
            for event in events
        ),
    )


def _text(value: str | None) -> str | None:
    return None if value is None else made_storable(value, _TEXT_CHARS)


def newest(connection: sqlite3.Connection, wanted: Wanted, limit: int) -> list[AuditEvent]:
    # Without an actor, in the order of time; with one, in that of their own times.
    of_all = (
        "SELECT id, at_us, action, outcome, principal, client_id, surface, marketplace, publication, skill, commit_id, detail "
        "FROM audit WHERE at_us >= ?1 AND at_us < ?2 AND ?3 IS NULL AND action = coalesce(?4, action) "
        "ORDER BY at_us DESC, id DESC LIMIT ?5"
    )
    of_one = (
        "SELECT id, at_us, action, outcome, principal, client_id, surface, marketplace, publication, skill, commit_id, detail "
        "FROM audit WHERE at_us >= ?1 AND at_us < ?2 AND principal = ?3 AND action = coalesce(?4, action) "
        "ORDER BY at_us DESC, id DESC LIMIT ?5"
    )
    rows = connection.execute(
        of_all if wanted.actor is None else of_one,
        (wanted.since_us, wanted.until_us, wanted.actor, wanted.action, limit),
    )
    return [_event(row) for row in rows]


def page(connection: sqlite3.Connection, wanted: Wanted, after: int) -> tuple[list[AuditEvent], int]:
    """Some of what was written after the row with this id; also the last one's."""
    rows = connection.execute(
        "SELECT id, at_us, action, outcome, principal, client_id, surface, marketplace, publication, skill, commit_id, detail "
        "FROM audit WHERE id > ?1 AND at_us >= ?2 AND at_us < ?3 AND (?4 IS NULL OR principal = ?4) "
        "AND action = coalesce(?5, action) ORDER BY id LIMIT ?6",
        (after, wanted.since_us, wanted.until_us, wanted.actor, wanted.action, _READ_AT_ONCE),
    ).fetchall()
    return [_event(row) for row in rows], rows[-1][0] if rows else after


def forget(connection: sqlite3.Connection, before_us: int, limit: int) -> int:
    # The trigger lets go what is beyond the horizon, which is there for this transaction only.
    connection.execute("UPDATE audit_horizon SET before_us = ?", (before_us,))
    forgotten = connection.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_us < ? ORDER BY at_us LIMIT ?)",
        (before_us, limit),
    )
    connection.execute("UPDATE audit_horizon SET before_us = 0")
    return forgotten.rowcount


def _event(row: Row) -> AuditEvent:
    _, at_us, action, outcome, principal, client_id, surface, marketplace, publication, skill, commit, detail = row
    return AuditEvent(
        moment(at_us),
        AuditAction(action),
        outcome,
        None if principal is None else PrincipalId(principal),
        client_id,
        surface,
        None if marketplace is None else MarketplaceName(marketplace),
        publication,
        skill,
        None if commit is None else CommitId(commit),
        detail,
    )
