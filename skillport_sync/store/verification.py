"""Owns the proof that what is served is what GitHub had: every content hashed again, every tree computed again.

The ids are git's own, so the proof needs nobody's word. Only reads.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from skillport_sync.git.listing import tree_ids
from skillport_sync.git.objects import BlobId, blob_id
from skillport_sync.ports import MarketplaceName
from skillport_sync.store import history, intervals
from skillport_sync.store.database import one_moment
from skillport_sync.store.objects import CONTENTS, chunked, packed

_CHUNK = 100


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was proved of a head. ``corrupt`` contents are not what their id says; ``root_matches`` is True when the listings of
    all sources add up to the root trees of their commits."""

    files: int
    blobs: int
    size_bytes: int
    corrupt: tuple[BlobId, ...]
    absent: tuple[BlobId, ...]
    """Named by a file and not held: larger than the limit, or lost."""
    root_matches: bool


def verify(
    connection: sqlite3.Connection, name: MarketplaceName, progress: Callable[[int, int], None]
) -> VerifyReport | None:
    """Prove the head of a marketplace; None when nothing was ever published. ``progress(done, total)`` counts blobs.

    Raises: Broken if the rows cannot be read as what they are.
    """
    with history.believable(name), one_moment(connection):
        head = history.head(connection, name)
        if head is None:
            return None
        content = intervals.read(connection, head.marketplace, head.publication.content_number)
        states = history.states(connection, head.publication.id)
    with history.believable(name):
        root_matches = all(
            tree_ids({path: (entry.mode, entry.oid) for path, entry in content.entries[state.key].items()})[b""]
            == state.tree
            for state in states
        )
    files = [entry for entries in content.entries.values() for entry in entries.values()]
    wanted = sorted({entry.oid for entry in files if entry.mode.has_content})
    blobs, size_bytes, done = 0, 0, 0
    corrupt: list[BlobId] = []
    absent: list[BlobId] = []
    progress(0, len(wanted))
    # Not one long moment: a reader that stays would keep the WAL from being reset.
    for chunk in chunked(wanted, _CHUNK):
        found = set()
        for sha1, sha256, data in connection.execute(CONTENTS, (packed(chunk),)):
            oid = BlobId(sha1.hex())
            found.add(oid)
            blobs, size_bytes = blobs + 1, size_bytes + len(data)
            if blob_id(data) != oid or hashlib.sha256(data).digest() != sha256:
                corrupt.append(oid)
        absent += [oid for oid in chunk if oid not in found]
        done += len(chunk)
        progress(done, len(wanted))
    return VerifyReport(len(files), blobs, size_bytes, tuple(corrupt), tuple(absent), root_matches)
