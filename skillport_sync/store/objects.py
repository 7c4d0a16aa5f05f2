"""Owns the rows of ``blobs``: contents, kept once, found by the id git gives them.

Never checks that content is what its git id says when it is put: whoever puts it has. On the way out both its ids are checked,
because a disk can change bytes without SQLite noticing.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from skillport_sync.errors import Broken, Missing
from skillport_sync.files import BlobFact
from skillport_sync.git.objects import BlobId, blob_id

LARGE_BYTES = 262_144
"""From here on hashing takes long enough to be done off the event loop."""


def held(connection: sqlite3.Connection, oids: Collection[BlobId]) -> dict[BlobId, BlobFact]:
    """What is known of those that are held; the others are not in the answer."""
    rows = connection.execute(
        "WITH RECURSIVE listed(at) AS (SELECT 1 UNION ALL SELECT at + 20 FROM listed WHERE at + 20 < length(?1)) "
        "SELECT b.sha1, b.size, b.sha256 FROM listed CROSS JOIN blobs b ON b.sha1 = substr(?1, listed.at, 20)",
        (packed(oids),),
    )
    return {BlobId(sha1.hex()): BlobFact(size, sha256) for sha1, size, sha256 in rows}


def put(connection: sqlite3.Connection, blobs: Sequence[tuple[BlobId, bytes]], now_us: int) -> dict[BlobId, BlobFact]:
    """Keep these contents, whose ids the caller has verified. Content that is held already stays, and is mended if it differs."""
    facts = {oid: BlobFact(len(content), hashlib.sha256(content).digest()) for oid, content in blobs}
    # A blob is content for ever; the same id with other bytes means that the disk changed ours.
    connection.executemany(
        "INSERT INTO blobs(sha1, sha256, size, content) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(sha1) DO UPDATE "
        "SET sha256 = excluded.sha256, size = excluded.size, content = excluded.content "
        "WHERE content IS NOT excluded.content OR sha256 IS NOT excluded.sha256",
        ((bytes.fromhex(oid), facts[oid].sha256, facts[oid].size_bytes, content) for oid, content in blobs),
    )
    check_later(connection, [bytes.fromhex(oid) for oid in facts], now_us)
    return facts


def check_later(connection: sqlite3.Connection, ids: Iterable[bytes], now_us: int) -> None:
    """Have the collector look, after a while, whether a file names these blobs. An id that is no blob's is passed over."""
    connection.executemany(
        "INSERT INTO blobs_to_check(blob, since_us) SELECT id, ?2 FROM blobs WHERE sha1 = ?1 "
        "ON CONFLICT DO UPDATE SET since_us = excluded.since_us",
        ((oid, now_us) for oid in ids),
    )


def discard(connection: sqlite3.Connection, oids: Collection[BlobId]) -> int:
    """Forget these contents, whether or not a file names them; returns how many were held."""
    # Content that was found damaged: a pull that sees it missing fetches it again.
    deleted = connection.executemany("DELETE FROM blobs WHERE sha1 = ?", ((bytes.fromhex(oid),) for oid in oids))
    return max(0, deleted.rowcount)


CONTENTS = (
    "WITH RECURSIVE listed(at) AS (SELECT 1 UNION ALL SELECT at + 20 FROM listed WHERE at + 20 < length(?1)) "
    "SELECT b.sha1, b.sha256, b.content FROM listed CROSS JOIN blobs b ON b.sha1 = substr(?1, listed.at, 20)"
)
"""The contents of ``packed`` ids, with what proves them."""


def packed(oids: Collection[BlobId]) -> bytes:
    """Any number of ids as one parameter, so that a statement is always the same: 20 bytes each, read with ``substr``."""
    return bytes.fromhex("".join(oids))


def proven(rows: Sequence[tuple[bytes, bytes, bytes]]) -> dict[BlobId, bytes]:
    """Contents by id, out of rows of ``CONTENTS``.

    Raises: Broken if one is not what was put.
    """
    contents: dict[BlobId, bytes] = {}
    for sha1, sha256, content in rows:
        oid = BlobId(sha1.hex())
        # Both: a damaged index can lead to another blob, whole in itself; a damaged sha256 would be told to whoever asks for it.
        if blob_id(content) != oid or hashlib.sha256(content).digest() != sha256:
            raise Broken(
                f"the stored content of blob {oid} is damaged; `skillport-sync reconcile --verify` fetches it again",
                code="content_damaged",
            )
        contents[oid] = content
    return contents


def not_held(oid: BlobId) -> Missing:
    return Missing(f"the content of blob {oid} is not held", code="content_not_held")


class HeldContents(Mapping[BlobId, bytes]):
    """The contents in the database, looked up one at a time, on one connection and in one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getitem__(self, oid: BlobId) -> bytes:
        """Raises: KeyError when it is not held; Broken when it is damaged."""
        return proven(self._connection.execute(CONTENTS, (packed([oid]),)).fetchall())[oid]

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, str) and bool(held(self._connection, [BlobId(oid)]))

    def __iter__(self) -> Iterator[BlobId]:
        for (sha1,) in self._connection.execute("SELECT sha1 FROM blobs"):
            yield BlobId(sha1.hex())

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM blobs").fetchone()[0])


def chunked(oids: Collection[BlobId], size: int) -> Iterator[list[BlobId]]:
    rest = iter(oids)
    while chunk := list(islice(rest, size)):
        yield chunk
