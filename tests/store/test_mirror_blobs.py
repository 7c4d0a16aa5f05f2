"""Contents are kept once, found by their git id, and never handed out changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from skillport_sync.errors import Broken, Missing, Unavailable
from skillport_sync.files import BlobFact
from skillport_sync.git.objects import BlobId, blob_id
from skillport_sync.store.mirror import MirrorStore

CONTENTS = [b"", b"hello\n", b"\0\xff" * 5_000, os.urandom(300_000), "caf\u00e9\r\n".encode()]
BLOBS = [(blob_id(content), content) for content in CONTENTS]


def spoil(path: Path, oid: BlobId, content: bytes) -> None:
    """Change a blob behind the store's back, as a disk might."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE blobs SET content = ?, size = ? WHERE sha1 = ?", (content, len(content), bytes.fromhex(oid))
        )


async def test_what_is_put_is_held_and_comes_back_byte_for_byte(mirror: MirrorStore) -> None:
    facts = await mirror.put_blobs(BLOBS)
    assert facts == {oid: BlobFact(len(content), hashlib.sha256(content).digest()) for oid, content in BLOBS}
    assert await mirror.held([oid for oid, _ in BLOBS]) == facts
    assert await mirror.contents([oid for oid, _ in BLOBS]) == dict(BLOBS)
    for oid, content in BLOBS:
        assert await mirror.content(oid) == content


async def test_what_is_not_held_is_left_out(mirror: MirrorStore) -> None:
    await mirror.put_blobs(BLOBS[:2])
    assert (await mirror.held([oid for oid, _ in BLOBS])).keys() == {BLOBS[0][0], BLOBS[1][0]}
    assert (await mirror.contents([BLOBS[0][0], BLOBS[4][0]])).keys() == {BLOBS[0][0]}
    assert await mirror.held([]) == {}
    assert await mirror.contents([]) == {}
    with pytest.raises(Missing, match="is not held"):
        await mirror.content(BLOBS[4][0])


async def test_thousands_of_ids_are_asked_for_at_once(mirror: MirrorStore) -> None:
    blobs = [(blob_id(b"%d" % n), b"%d" % n) for n in range(3_000)]
    await mirror.put_blobs(blobs[::2])
    held = await mirror.held([oid for oid, _ in blobs])
    assert held.keys() == {oid for oid, _ in blobs[::2]}


async def test_putting_again_changes_nothing(mirror: MirrorStore, tmp_path: Path) -> None:
    first = await mirror.put_blobs(BLOBS)
    assert await mirror.put_blobs(BLOBS + BLOBS) == first
    with closing(sqlite3.connect(tmp_path / "mirror.db")) as connection:
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (len(BLOBS),)


async def test_nothing_put_is_nothing_done(mirror: MirrorStore) -> None:
    assert await mirror.put_blobs([]) == {}
    assert await mirror.discard_blobs([]) == 0


async def test_a_damaged_content_is_refused_and_putting_it_again_mends_it(mirror: MirrorStore, tmp_path: Path) -> None:
    await mirror.put_blobs(BLOBS)
    oid, content = BLOBS[1]
    spoil(tmp_path / "mirror.db", oid, b"jello\n")
    with pytest.raises(Broken, match=f"stored content of blob {oid} is damaged; .*--verify"):
        await mirror.content(oid)
    with mirror.reading() as contents, pytest.raises(Broken):
        contents[oid]
    await mirror.put_blobs([(oid, content)])
    assert await mirror.content(oid) == content


async def test_a_large_damaged_content_is_refused_too(mirror: MirrorStore, tmp_path: Path) -> None:
    await mirror.put_blobs(BLOBS)
    oid, content = BLOBS[3]
    spoil(tmp_path / "mirror.db", oid, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Broken):
        await mirror.content(oid)


async def test_what_is_discarded_is_missing(mirror: MirrorStore) -> None:
    await mirror.put_blobs(BLOBS)
    assert await mirror.discard_blobs([BLOBS[1][0], BLOBS[2][0], blob_id(b"never put")]) == 2
    assert (await mirror.held([oid for oid, _ in BLOBS])).keys() == {BLOBS[0][0], BLOBS[3][0], BLOBS[4][0]}


async def test_a_worker_thread_reads_contents_as_a_mapping(mirror: MirrorStore) -> None:
    await mirror.put_blobs(BLOBS)

    def work() -> dict[BlobId, bytes]:
        with mirror.reading() as contents:
            assert len(contents) == len(BLOBS)
            assert blob_id(b"never put") not in contents
            with pytest.raises(KeyError):
                contents[blob_id(b"never put")]
            return dict(contents)

    assert await asyncio.to_thread(work) == dict(BLOBS)
    with mirror.reading() as contents:  # opened here, read there
        assert await asyncio.to_thread(contents.__getitem__, BLOBS[1][0]) == b"hello\n"


async def test_a_cancelled_reader_leaves_its_connection_to_the_next(mirror: MirrorStore) -> None:
    await mirror.put_blobs(BLOBS)
    for _ in range(20):
        reads = [asyncio.create_task(mirror.content(BLOBS[3][0])) for _ in range(6)]
        await asyncio.sleep(0)
        for read in reads[::2]:
            read.cancel()
        outcomes = await asyncio.gather(*reads, return_exceptions=True)
        assert outcomes[1::2] == [CONTENTS[3]] * 3
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[::2])


async def test_a_closed_store_says_so(mirror: MirrorStore) -> None:
    await mirror.close()
    for call in (mirror.content(BLOBS[0][0]), mirror.held([BLOBS[0][0]]), mirror.put_blobs(BLOBS)):
        with pytest.raises(Unavailable, match=r"mirror\.db is closed"):
            await call
    await mirror.close()
