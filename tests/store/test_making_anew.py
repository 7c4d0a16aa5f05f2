"""mirror.db made anew while others use it: nobody reads half of it, it happens once, and a disk that refuses only puts it off."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from skillport_sync.errors import Broken, Unavailable
from skillport_sync.store.database import open_for_reading, told_apart
from skillport_sync.store.mirror import MirrorStore

LETTERS = b"skills/letters/SKILL.md"
SOON_S = 30.0


async def test_what_is_being_read_is_read_to_its_end_and_nobody_else_gets_in(
    mirror: MirrorStore, publisher, commit_of
) -> None:
    commit = commit_of.of({LETTERS: b"one"})
    await publisher.publish(commit)
    oid, content = commit.blobs[0]
    reading, go_on = threading.Event(), threading.Event()

    def read() -> bytes:
        with mirror.reading() as contents:
            reading.set()
            assert go_on.wait(SOON_S)
            return contents[oid]

    reader = asyncio.create_task(asyncio.to_thread(read))
    assert await asyncio.to_thread(reading.wait, SOON_S)
    renewing = asyncio.create_task(mirror.start_anew("for the test"))
    for _ in range(3):  # it begins, and so do the tasks that it begins
        await asyncio.sleep(0)
    try:
        for ask in (
            lambda: mirror.held([oid]),
            lambda: mirror.contents([oid]),
            lambda: mirror.put_blobs([(oid, content)]),
        ):
            with pytest.raises(Unavailable, match="being made anew"):
                await ask()
        with pytest.raises(Unavailable, match="being made anew"), mirror.reading():
            pass
    finally:
        go_on.set()
        async with asyncio.timeout(SOON_S):
            assert await reader == content
            await renewing
    assert await mirror.contents([oid]) == {}


async def test_two_who_find_the_damage_make_one_new_file(mirror: MirrorStore, publisher, commit_of) -> None:
    with capture_logs() as logs:
        async with asyncio.timeout(SOON_S):
            await asyncio.gather(*(mirror.start_anew(f"found by {name}") for name in ("one", "another")))
    assert [line["reason"] for line in logs if line["event"] == "mirror_put_aside"] == ["found by one"]
    assert await mirror.load(publisher.marketplace) is None
    await publisher.publish(commit_of.of({LETTERS: b"one"}))
    await mirror.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("mirror.db")]


async def test_a_disk_that_refuses_puts_it_off_and_reopening_does_the_rest(
    mirror: MirrorStore, publisher, commit_of, tmp_path: Path
) -> None:
    await publisher.publish(commit_of.of({LETTERS: b"one"}))
    in_the_way = tmp_path / "mirror.db.corrupt-in-the-way"
    in_the_way.mkdir()
    with pytest.raises(Unavailable) as refused:
        await mirror.start_anew("for the test")
    assert refused.value.code == "database_unwritable"
    with pytest.raises(Unavailable, match="being made anew"):
        await mirror.load(publisher.marketplace)
    in_the_way.rmdir()
    await mirror.reopen()
    publisher.head = None if await mirror.load(publisher.marketplace) is None else publisher.head
    await publisher.publish(commit_of.of({LETTERS: b"two"}))
    await mirror.reopen()
    assert await mirror.load(publisher.marketplace) is not None


async def test_what_is_read_damaged_is_counted_for_whoever_can_mend_it(
    mirror: MirrorStore, publisher, commit_of, tmp_path: Path
) -> None:
    commit = commit_of.of({LETTERS: b"one"})
    await publisher.publish(commit)
    before = mirror.doubts
    with closing(sqlite3.connect(tmp_path / "mirror.db", isolation_level=None)) as rows:
        rows.execute("UPDATE blobs SET content = CAST(x'00' || substr(content, 2) AS BLOB)")
    with pytest.raises(Broken):
        await mirror.content(commit.blobs[0][0])
    with pytest.raises(Broken), mirror.reading() as contents:
        contents.get(commit.blobs[0][0])
    assert mirror.doubts == before + 2


def test_a_file_without_our_tables_is_damage_and_no_mistake_of_ours(tmp_path: Path) -> None:
    """Somebody put another database in its place, or SQLite made an empty one."""
    path = tmp_path / "mirror.db"
    with closing(sqlite3.connect(path)) as another:
        another.execute("CREATE TABLE theirs(x)")
    with pytest.raises(Broken) as told, told_apart(path), closing(open_for_reading(path)) as connection:
        connection.execute("SELECT content FROM blobs")
    assert told.value.code == "database_damaged"
