"""Readers, in this process and in another, see one whole publication at a time, whatever is published meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from skillport_sync.store.mirror import MirrorStore

PUBLICATIONS = int(os.environ.get("SKILLPORT_TEST_PUBLICATIONS", "150"))

# Every file of publication n says n, and so does a plugin's version: a mixture of two would show.
_OTHER_PROCESS = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, isolation_level=None)
print("ready", flush=True)
seen, last = 0, 0
while last < int(sys.argv[2]):
    connection.execute("BEGIN")
    number, = connection.execute("SELECT content_seq FROM head JOIN publications p ON p.id = publication").fetchone()
    rows = connection.execute(
        "SELECT b.content FROM files f JOIN blobs b ON b.sha1 = f.oid WHERE f.from_seq <= ?1 AND f.to_seq > ?1", (number,)
    ).fetchall()
    versions = connection.execute("SELECT version FROM skills WHERE from_seq <= ?1 AND to_seq > ?1", (number,)).fetchall()
    connection.execute("COMMIT")
    assert rows == [(b"%d" % number,)] * 12, rows
    assert versions == [(str(number),)], versions
    assert number >= last
    seen, last = seen + 1, number
print(seen, flush=True)
"""


def _files(number: int) -> dict[bytes, bytes]:
    return {b"skills/a/SKILL.md": b"%d" % number, **{b"skills/a/%d" % n: b"%d" % number for n in range(11)}}


async def test_no_reader_ever_sees_two_commits_at_once(
    mirror: MirrorStore, publisher, commit_of, tmp_path: Path
) -> None:
    async def publish(number: int) -> None:
        commit = commit_of.of(_files(number))
        row = commit.skills[0]
        await publisher.publish(
            commit, skills=[type(row)(row.plugin, row.directory, row.name, str(number), row.revision)]
        )

    done = False

    async def read() -> int:
        rounds, last = 0, 0
        while not done:
            stored = await mirror.load(publisher.marketplace)
            [source] = stored.sources
            contents = await mirror.contents({entry.oid for entry in source.listing.entries.values()})
            assert set(contents.values()) == {b"%d" % stored.publication.content_number}
            assert len(source.listing.entries) == 12
            assert stored.publication.content_number >= last
            rounds, last = rounds + 1, stored.publication.content_number
        return rounds

    await publish(1)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OTHER_PROCESS, str(tmp_path / "mirror.db"), str(PUBLICATIONS), stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"ready\n"
    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        readers = [group.create_task(read()) for _ in range(2)]
        for number in range(2, PUBLICATIONS + 1):
            await publish(number)
        done = True
    assert all(reader.result() > 3 for reader in readers)
    assert int(await other.stdout.readline()) > 3
    assert await other.wait() == 0
