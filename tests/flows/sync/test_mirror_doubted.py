"""Damage that only a question meets, and a new mirror.db that the disk refuses at first: the next pulls mend both."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from skillport_sync.errors import Broken
from skillport_sync.git.objects import blob_id
from skillport_sync.reports import Progress
from skillport_sync.sync.loop import Order


def database(mirror) -> sqlite3.Connection:
    return sqlite3.connect(mirror.directory / "mirror.db", isolation_level=None)


async def test_a_content_that_a_question_finds_damaged_is_fetched_again_by_the_next_pull(running, make):
    served = await running.content(make.path(0))
    oid = running.published.snapshot.files[make.path(0)].oid
    with closing(database(running)) as rows:
        rows.execute(
            "UPDATE blobs SET content = CAST(x'00' || substr(content, 2) AS BLOB) WHERE sha1 = ?", (bytes.fromhex(oid),)
        )
    with pytest.raises(Broken, match="damaged"):
        await running.content(make.path(0))
    await running.reconcile()
    assert await running.content(make.path(0)) == served
    await running.assert_serves(running.repository.head())


async def test_a_new_file_that_the_disk_refuses_is_made_by_the_pull_that_it_lets(running, make):
    with closing(database(running)) as rows:
        rows.execute("UPDATE files SET mode = ? WHERE path = ?", (0o100755, make.path(0).encode()))
    in_the_way = running.directory / "mirror.db.corrupt-in-the-way"
    in_the_way.mkdir()
    served = running.published
    assert (await running.reconcile(verify=True)).outcome == "failed"
    assert running.loop.last_failure == "database_unwritable"
    assert running.published is served
    in_the_way.rmdir()
    await running.reconcile(verify=True)
    await running.settled()
    await running.assert_serves(running.repository.head())
    assert (await running.reconcile(verify=True)).verified.root_matches


async def test_a_content_that_goes_while_it_is_looked_through_is_a_named_failure_and_fetched_again(mirror, make):
    """The collector takes what nobody names yet, or another marketplace of the same file begins a new one."""
    mirror.quarantine = frozenset({"secrets"})
    await mirror.start()
    await mirror.settled()
    served = mirror.published
    notes = b"never seen before\n"
    head = mirror.repository.commit({make.path(0).replace("SKILL.md", "notes.md"): notes})

    def lose_notes(progress: Progress) -> None:
        if progress.stage == "parse":
            with closing(database(mirror)) as rows:
                rows.execute("DELETE FROM blobs WHERE sha1 = ?", (bytes.fromhex(blob_id(notes)),))

    assert (await mirror.loop.order(Order(), lose_notes)).outcome == "failed"
    assert mirror.loop.last_failure == "content_not_held"
    assert mirror.published is served
    await mirror.after(1.0)
    await mirror.settled()
    await mirror.assert_serves(head)
