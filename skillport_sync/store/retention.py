"""Owns forgetting: publications beyond what is kept, the rows and contents that only they needed, and the space of both.

Every step is a transaction of a few milliseconds, so that a publication never waits long. Never takes the head, what is
pinned, the newest content, or a blob that was put a moment ago for a publication under way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store import objects

_STEP_ROWS = 500
_STEP_PAGES = 200


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What one round took. ``finished`` is False when its time ran out first; the next round goes on."""

    publications: int = 0
    rows: int = 0
    blobs: int = 0
    pages: int = 0
    finished: bool = False

    def __add__(self, other: GarbageReport) -> GarbageReport:
        return GarbageReport(
            self.publications + other.publications,
            self.rows + other.rows,
            self.blobs + other.blobs,
            self.pages + other.pages,
            other.finished,
        )


def forget_publications(
    connection: sqlite3.Connection, name: MarketplaceName, keep: int, older_than_us: int, pinned: CommitId | None
) -> GarbageReport:
    """Take publications that are beyond the newest ``keep`` and older than the moment; never the head, nor the newest of the
    commit that is pinned."""
    cursor = connection.execute(
        "DELETE FROM publications WHERE id IN ("
        "SELECT p.id FROM publications p JOIN marketplaces m ON m.id = p.marketplace WHERE m.name = ?1 "
        "AND p.published_at_us < ?3 AND p.id NOT IN (SELECT publication FROM head) "
        "AND p.id IS NOT (SELECT max(id) FROM publications WHERE marketplace = m.id AND commit_id = ?5) "
        "AND p.id NOT IN (SELECT id FROM publications WHERE marketplace = m.id ORDER BY id DESC LIMIT ?2) LIMIT ?4)",
        (name, keep, older_than_us, _STEP_ROWS, None if pinned is None else bytes.fromhex(pinned)),
    )
    return GarbageReport(publications=cursor.rowcount, finished=cursor.rowcount < _STEP_ROWS)


def forget_rows(connection: sqlite3.Connection, name: MarketplaceName, now_us: int) -> GarbageReport:
    """Take interval rows that no kept content number lies in, and have their blobs looked at."""
    taken = 0
    for low, high in _gaps(connection, name):
        if taken >= _STEP_ROWS:
            break
        taken += _forget_files(connection, name, low, high, _STEP_ROWS - taken, now_us)
        # Skills of contents that are not kept. The number is FOREVER, spelled out so that the partial index is used.
        taken += connection.execute(
            "DELETE FROM skills WHERE (marketplace, plugin, directory, from_seq) IN ("
            "SELECT s.marketplace, s.plugin, s.directory, s.from_seq FROM skills s JOIN marketplaces m ON m.id = s.marketplace "
            "WHERE m.name = ? AND s.to_seq > ? AND s.to_seq <= ? AND s.to_seq < 9223372036854775807 AND s.from_seq > ? LIMIT ?)",
            (name, low, high, low, _STEP_ROWS),
        ).rowcount
    return GarbageReport(rows=taken, finished=taken < _STEP_ROWS)


def forget_blobs(connection: sqlite3.Connection, older_than_us: int) -> GarbageReport:
    """Take blobs that have been without a file since before the moment."""
    rows = connection.execute(
        "SELECT blob FROM blobs_to_check WHERE since_us < ? ORDER BY since_us LIMIT ?", (older_than_us, _STEP_ROWS)
    ).fetchall()
    taken = connection.executemany(
        "DELETE FROM blobs WHERE id = ? AND NOT EXISTS (SELECT 1 FROM files WHERE oid = blobs.sha1)", rows
    ).rowcount
    # One that a file names by now stays; either way there is nothing left to look at.
    connection.executemany("DELETE FROM blobs_to_check WHERE blob = ?", rows)
    return GarbageReport(blobs=taken, finished=len(rows) < _STEP_ROWS)


def give_back_space(connection: sqlite3.Connection) -> GarbageReport:
    """Shrink the file by some free pages. To be run outside a transaction.

    As a script, because ``execute`` steps the pragma once and so frees one page.
    """
    before = _free_pages(connection)
    if before:
        connection.executescript(f"PRAGMA incremental_vacuum({_STEP_PAGES})")
    after = _free_pages(connection)
    return GarbageReport(pages=before - after, finished=after == 0 or after == before)


def _free_pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def _gaps(connection: sqlite3.Connection, name: MarketplaceName) -> Sequence[tuple[int, int]]:
    """Between two kept content numbers, ``(low, high]``: a row that begins after ``low`` and ends by ``high`` serves neither.

    The newest content is always kept, served or not: the next publication is written as the difference from it.
    """
    rows = connection.execute(
        "SELECT p.content_seq FROM publications p JOIN marketplaces m ON m.id = p.marketplace WHERE m.name = ?1 "
        "UNION SELECT newest_content FROM marketplaces WHERE name = ?1 ORDER BY 1",
        (name,),
    )
    return list(pairwise([0, *(number for (number,) in rows)]))


def _forget_files(
    connection: sqlite3.Connection, name: MarketplaceName, low: int, high: int, limit: int, now_us: int
) -> int:
    rows = connection.execute(
        "SELECT f.source, f.path, f.from_seq, f.oid FROM marketplaces m JOIN sources s ON s.marketplace = m.id "
        "JOIN files f ON f.source = s.id "
        "WHERE m.name = ? AND f.to_seq > ? AND f.to_seq <= ? AND f.to_seq < 9223372036854775807 AND f.from_seq > ? LIMIT ?",
        (name, low, high, low, limit),
    ).fetchall()
    connection.executemany(
        "DELETE FROM files WHERE source = ? AND path = ? AND from_seq = ?", ((row[0], row[1], row[2]) for row in rows)
    )
    objects.check_later(connection, (row[3] for row in rows), now_us)
    return len(rows)
