"""Owns the rows of ``pins``: which marketplace stays at which commit because an operator said so, until told to follow again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.database import moment


@dataclass(frozen=True, slots=True)
class Pin:
    """A marketplace serves this commit and does not follow its branch."""

    commit: CommitId
    reason: str
    """In the operator's words; may be empty."""
    at: datetime


def pin(
    connection: sqlite3.Connection, marketplace: MarketplaceName, commit: CommitId, reason: str, now_us: int
) -> Pin:
    """Stay at this commit from now on; a pin that was there is replaced."""
    connection.execute(
        "INSERT INTO pins(marketplace, commit_id, reason, at_us) VALUES(?, ?, ?, ?) ON CONFLICT(marketplace) DO UPDATE "
        "SET commit_id = excluded.commit_id, reason = excluded.reason, at_us = excluded.at_us",
        (marketplace, bytes.fromhex(commit), reason, now_us),
    )
    return Pin(commit, reason, moment(now_us))


def unpin(connection: sqlite3.Connection, marketplace: MarketplaceName) -> bool:
    """Follow the branch again; False where it was followed already."""
    return connection.execute("DELETE FROM pins WHERE marketplace = ?", (marketplace,)).rowcount > 0


PINNED = "SELECT commit_id, reason, at_us FROM pins WHERE marketplace = ?"
"""Where a marketplace is to stay; no row where it follows its branch."""


def pin_of(rows: Sequence[Sequence[Any]]) -> Pin | None:
    """The pin in rows of ``PINNED``."""
    for commit, reason, at_us in rows:
        return Pin(CommitId(commit.hex()), reason, moment(at_us))
    return None
