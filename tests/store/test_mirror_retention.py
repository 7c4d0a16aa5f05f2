"""What is not kept goes, in small steps; what is served, or about to be, never does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from skillport_sync.errors import Conflict
from skillport_sync.git.objects import blob_id
from skillport_sync.store.mirror import STAGING_GRACE, MirrorStore

NOTHING_YOUNG = timedelta(0)
BASE = {b"skills/a/SKILL.md": b"# A\n", b"skills/b/SKILL.md": b"# B\n"}


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def pages(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("PRAGMA page_count").fetchone()[0]


@pytest.fixture
def publish_many(publisher, commit_of, clock):
    """Publish ``count`` commits, a minute apart, each with one file changed."""

    async def publish(count: int, size: int = 10):
        published = []
        for n in range(count):
            clock.advance(minutes=1)
            changed = {**BASE, b"skills/a/notes.md": (b"%d\n" % n) * size}
            published.append((await publisher.publish(commit_of.of(changed)), commit_of.of(changed)))
        return published

    return publish


async def collect(mirror: MirrorStore, publisher, keep: int, younger: timedelta = NOTHING_YOUNG, **more):
    return await mirror.collect_garbage(
        publisher.marketplace, keep_publications=keep, keep_younger_than=younger, **more
    )


async def test_the_newest_are_kept_and_the_rest_goes(
    mirror: MirrorStore, publisher, publish_many, clock, tmp_path
) -> None:
    published = await publish_many(10)
    clock.advance(days=2)
    report = await collect(mirror, publisher, keep=3)
    assert (report.publications, report.finished) == (7, True)
    assert await mirror.publications(publisher.marketplace) == [publication for publication, _ in published[:-4:-1]]
    assert count(tmp_path / "mirror.db", "files") == 2 + 3
    clock.advance(hours=2)
    assert (await collect(mirror, publisher, keep=3)).blobs == 7
    assert count(tmp_path / "mirror.db", "blobs") == 2 + 3
    stored = await mirror.load(publisher.marketplace)
    assert stored.sources[0].listing.entries == published[-1][1].entries
    assert (await mirror.verify(publisher.marketplace)).absent == ()


async def test_the_young_are_kept_however_many(mirror: MirrorStore, publisher, publish_many) -> None:
    await publish_many(10)
    assert (await collect(mirror, publisher, keep=1, younger=timedelta(minutes=4, seconds=30))).publications == 5
    assert len(await mirror.publications(publisher.marketplace)) == 5


async def test_the_head_is_kept_whatever_is_asked(mirror: MirrorStore, publisher, publish_many, clock) -> None:
    await publish_many(3)
    clock.advance(days=1000)
    await collect(mirror, publisher, keep=0)
    clock.advance(days=1000)
    await collect(mirror, publisher, keep=0)
    assert len(await mirror.publications(publisher.marketplace)) == 1
    assert (await mirror.load(publisher.marketplace)).held


async def test_content_numbers_are_not_given_twice(
    mirror: MirrorStore, publisher, publish_many, commit_of, clock
) -> None:
    await publish_many(5)
    clock.advance(days=2)
    await collect(mirror, publisher, keep=1)
    mirror._newest.clear()
    publication = await publisher.publish(commit_of.of(BASE))
    assert publication.content_number == 6


async def test_a_skills_history_stays_true_when_the_commit_that_brought_it_is_gone(
    mirror: MirrorStore, publisher, publish_many, clock
) -> None:
    published = await publish_many(6)
    clock.advance(days=2)
    await collect(mirror, publisher, keep=2)
    newest = published[5][0].id
    [of_b] = await mirror.skill_history(publisher.marketplace, "tools", "skills/b", newest)
    assert (of_b.commit, of_b.published_at) == (published[0][0].commit, published[0][0].published_at)
    assert of_b.publication == published[4][0].id, "the first that can still be looked at"
    of_a = await mirror.skill_history(publisher.marketplace, "tools", "skills/a", newest)
    assert [phase.commit for phase in of_a] == [published[5][0].commit, published[4][0].commit]


async def test_a_content_between_two_that_are_kept_goes(mirror: MirrorStore, publisher, publish_many, tmp_path) -> None:
    """After a rollback the kept numbers have a gap."""
    await publish_many(5)
    with closing(sqlite3.connect(tmp_path / "mirror.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM publications WHERE id IN (1, 3, 4)")
    assert (await collect(mirror, publisher, keep=50)).rows == 6  # notes.md and skill "a", of 1, 3 and 4
    with closing(sqlite3.connect(tmp_path / "mirror.db")) as connection:
        left = connection.execute(
            "SELECT from_seq FROM files WHERE path = ? ORDER BY 1", (b"skills/a/notes.md",)
        ).fetchall()
        assert left == [(2,), (5,)]


async def test_after_a_rollback_the_newest_content_stays_and_what_lies_before_it_goes(
    mirror: MirrorStore, publisher, publish_many, clock
) -> None:
    published = await publish_many(5)
    again = await mirror.republish(
        publisher.marketplace,
        published[1][0].id,
        cause="rollback",
        published_at=clock.now(),
        expected_head=published[4][0].id,
    )
    publisher.head = again.id
    clock.advance(days=2)
    assert (await collect(mirror, publisher, keep=1)).rows == 6  # notes.md and skill "a", of 1, 3 and 4
    mirror._newest.clear()
    ahead = await publisher.publish(published[4][1])
    assert ahead.content_number == 5
    assert (ahead.changes.added, ahead.changes.changed, ahead.changes.removed) == (0, 1, 0)
    assert (await mirror.load(publisher.marketplace)).sources[0].listing.entries == published[4][1].entries


async def test_what_is_pinned_is_kept_however_old_it_is(
    mirror: MirrorStore, publisher, publish_many, commit_of, clock, tmp_path
) -> None:
    published = await publish_many(6)
    pinned, commit = published[1]
    twice = await publisher.publish(commit)
    await publisher.publish(published[5][1])
    for _ in range(2):
        clock.advance(days=1000)
        await collect(mirror, publisher, keep=1, pinned=pinned.commit)
    kept = await mirror.publications(publisher.marketplace)
    assert [publication.id for publication in kept] == [publisher.head, twice.id], "its newest publication is enough"
    stored = await mirror.load(publisher.marketplace, twice.id)
    assert stored.sources[0].listing.entries == commit.entries
    assert stored.held.keys() == {oid for oid, _ in commit.blobs}
    await collect(mirror, publisher, keep=1)
    assert len(await mirror.publications(publisher.marketplace)) == 1


async def test_what_was_put_for_a_publication_under_way_is_left_alone(
    mirror: MirrorStore, publisher, publish_many, clock
) -> None:
    await publish_many(2)
    staged = [(blob_id(b"staged"), b"staged")]
    await mirror.put_blobs(staged)
    clock.advance(seconds=STAGING_GRACE.total_seconds() - 1)
    assert (await collect(mirror, publisher, keep=1)).blobs == 0
    await mirror.put_blobs(staged)  # again, by the next attempt
    clock.advance(seconds=STAGING_GRACE.total_seconds() - 1)
    await collect(mirror, publisher, keep=1)
    assert await mirror.held([staged[0][0]])
    clock.advance(seconds=2)
    await collect(mirror, publisher, keep=1)
    assert not await mirror.held([staged[0][0]])


async def test_a_blob_that_a_later_publication_names_again_stays(
    mirror: MirrorStore, publisher, publish_many, commit_of, clock
) -> None:
    published = await publish_many(3)
    first = published[0][1]
    await collect(mirror, publisher, keep=1)
    await publisher.publish(first)
    for _ in range(2):
        clock.advance(hours=2)
        assert (await collect(mirror, publisher, keep=1)).blobs == 1
    assert (await mirror.verify(publisher.marketplace)).absent == ()


async def test_a_blob_collected_between_looking_and_publishing_is_noticed(
    mirror: MirrorStore, publisher, publish_many, clock
) -> None:
    published = await publish_many(3)
    first = published[0][1]
    await collect(mirror, publisher, keep=1)
    assert len(await mirror.held([oid for oid, _ in first.blobs])) == 3  # a pull looks, and fetches nothing
    clock.advance(hours=2)
    await collect(mirror, publisher, keep=1)
    with pytest.raises(Conflict, match="1 blobs are not held"):
        await mirror.publish(publisher.draft(first))
    await publisher.publish(first)


async def test_another_marketplaces_publications_and_shared_contents_stay(
    mirror: MirrorStore, publisher, publisher_of, publish_many, commit_of, clock
) -> None:
    other = publisher_of(mirror, "acme/tools")
    published = await publish_many(4)
    await other.publish(published[0][1])
    clock.advance(days=2)
    await collect(mirror, publisher, keep=1)
    clock.advance(days=2)
    assert (await collect(mirror, publisher, keep=1)).blobs == 2
    assert len(await mirror.publications(other.marketplace)) == 1
    assert (await mirror.verify(other.marketplace)).absent == ()


async def test_the_file_shrinks_in_small_steps(
    mirror: MirrorStore, publisher, publish_many, clock, tmp_path: Path
) -> None:
    await publish_many(12, size=100_000)
    clock.advance(days=2)
    await collect(mirror, publisher, keep=1)
    clock.advance(hours=2)
    before = pages(tmp_path / "mirror.db")
    report = await collect(mirror, publisher, keep=1)
    assert report.blobs == 11
    assert report.pages > 200, "more than one step, and more than the one page that execute() frees"
    assert pages(tmp_path / "mirror.db") == before - report.pages
    assert (await mirror.size()).free_bytes == 0


async def test_a_round_ends_when_its_time_is_up_and_the_next_goes_on(
    mirror: MirrorStore, publisher, commit_of, clock
) -> None:
    many = {b"skills/a/%04d" % n: b"%d" % n for n in range(1_200)}
    await publisher.publish(commit_of.of(many))
    await publisher.publish(commit_of.of(BASE))
    clock.advance(days=2)
    rounds = []
    while not rounds or not rounds[-1].finished:
        rounds.append(await collect(mirror, publisher, keep=1, budget_s=0.0))
    assert [report.rows for report in rounds] == [500, 500, 200]
    clock.advance(hours=2)
    rounds = [await collect(mirror, publisher, keep=1, budget_s=0.0) for _ in range(3)]
    assert [report.blobs for report in rounds] == [500, 500, 202 - 2]


async def test_nothing_to_do_is_done(mirror: MirrorStore, publisher, publish_many) -> None:
    await publish_many(1)
    report = await collect(mirror, publisher, keep=10)
    assert (report.publications, report.rows, report.blobs, report.finished) == (0, 0, 0, True)
    assert (await mirror.collect_garbage("unknown", keep_publications=1, keep_younger_than=NOTHING_YOUNG)).finished
