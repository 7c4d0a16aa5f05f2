"""A publication is one commit, whole, and follows exactly the one it was made to follow."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from skillport_sync.errors import Broken, Conflict
from skillport_sync.git.listing import EMPTY_LISTING
from skillport_sync.git.objects import Mode, TreeId
from skillport_sync.publication import Changes
from skillport_sync.store.drafts import Fenced
from skillport_sync.store.mirror import MirrorStore

ONE = {
    b".claude-plugin/marketplace.json": b"{}",
    b"skills/brand/SKILL.md": b"# Brand\n",
    b"skills/brand/logo.png": b"\x89PNG\r\n\0",
    b"skills/voice/SKILL.md": b"# Voice\n",
    b"caf\xe9": b"not UTF-8 by name",
}
TWO = {**ONE, b"skills/brand/SKILL.md": b"# Brand, revised\n", b"skills/sales/SKILL.md": b"# Sales\n"}
THREE = {path: content for path, content in TWO.items() if b"voice" not in path}


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def test_what_is_published_is_loaded_with_its_listing_proved(
    mirror: MirrorStore, publisher, commit_of, clock
) -> None:
    commit = commit_of.of(ONE, {b"skills/brand/logo.png": Mode.EXECUTABLE})
    publication = await publisher.publish(commit, cause="start", files=4)
    assert (publication.marketplace, publication.repository) == ("acme/skills", "acme/skills")
    assert (publication.commit, publication.tree, publication.cause) == (commit.id, commit.tree, "start")
    assert (publication.content_number, publication.files, publication.skills) == (1, 4, 2)
    assert publication.published_at == clock.now()
    assert publication.changes == Changes(2, 0, 0)
    stored = await mirror.load(publisher.marketplace)
    assert stored is not None
    assert stored.publication == publication
    assert stored.confirmed_at == clock.now()
    [source] = stored.sources
    assert source.state == commit.state()
    assert source.listing.entries == commit.entries
    assert source.listing.trees[b"skills/brand"] == commit.skills[0].revision
    assert stored.held.keys() == {oid for oid, _ in commit.blobs}


async def test_nothing_published_is_nothing_loaded(mirror: MirrorStore, publisher) -> None:
    assert await mirror.load(publisher.marketplace) is None
    assert await mirror.publications(publisher.marketplace) == []
    assert await mirror.published_commits(publisher.marketplace) == frozenset()
    assert await mirror.verify(publisher.marketplace) is None


async def test_a_commit_that_changes_a_little_writes_a_little(publisher, commit_of, tmp_path: Path) -> None:
    await publisher.publish(commit_of.of(ONE))
    second = await publisher.publish(commit_of.of(TWO))
    third = await publisher.publish(commit_of.of(THREE))
    assert (second.changes, third.changes) == (Changes(1, 1, 0), Changes(0, 0, 1))
    written = rows(tmp_path / "mirror.db", "SELECT path, from_seq, nullif(to_seq, 9223372036854775807) FROM files")
    assert sorted(written) == [
        (b".claude-plugin/marketplace.json", 1, None),
        (b"caf\xe9", 1, None),
        (b"skills/brand/SKILL.md", 1, 2),
        (b"skills/brand/SKILL.md", 2, None),
        (b"skills/brand/logo.png", 1, None),
        (b"skills/sales/SKILL.md", 2, None),
        (b"skills/voice/SKILL.md", 1, 3),
    ]


async def test_a_change_of_mode_alone_is_a_change(mirror: MirrorStore, publisher, commit_of) -> None:
    await publisher.publish(commit_of.of(ONE))
    executable = commit_of.of(ONE, {b"skills/brand/logo.png": Mode.EXECUTABLE})
    assert (await publisher.publish(executable)).content_number == 2
    stored = await mirror.load(publisher.marketplace)
    assert stored.sources[0].listing.entries[b"skills/brand/logo.png"].mode is Mode.EXECUTABLE


async def test_a_commit_without_a_changed_file_is_a_publication_of_the_same_content(
    mirror: MirrorStore, publisher, commit_of, clock
) -> None:
    first = await publisher.publish(commit_of.of(ONE))
    clock.advance(minutes=5)
    empty = replace(commit_of.of(ONE), id="e" * 40)
    second = await publisher.publish(empty)
    assert second.content_number == first.content_number
    assert second.changes == Changes(0, 0, 0)
    assert (await mirror.load(publisher.marketplace)).publication.commit == "e" * 40
    assert [publication.id for publication in await mirror.publications(publisher.marketplace)] == [second.id, first.id]


async def test_another_reading_of_the_same_files_is_another_content(publisher, commit_of) -> None:
    commit = commit_of.of(ONE)
    await publisher.publish(commit)
    reread = [replace(skill, version="2.0") for skill in commit.skills]
    publication = await publisher.publish(commit, skills=reread, parser_version=2)
    assert (publication.content_number, publication.parser_version) == (2, 2)
    assert publication.changes == Changes(0, 2, 0)


async def test_an_empty_repository_is_a_content(mirror: MirrorStore, publisher, commit_of) -> None:
    assert (await publisher.publish(commit_of.of({}))).content_number == 1
    stored = await mirror.load(publisher.marketplace)
    assert stored.sources[0].listing == EMPTY_LISTING
    assert (await publisher.publish(commit_of.of(ONE))).content_number == 2
    assert (await publisher.publish(commit_of.of({}))).changes == Changes(0, 0, 2)


async def test_a_draft_that_follows_another_head_is_fenced_and_writes_nothing(
    mirror: MirrorStore, publisher, commit_of, tmp_path: Path
) -> None:
    first = await publisher.publish(commit_of.of(ONE))
    second = await publisher.publish(commit_of.of(TWO))
    late = commit_of.of(THREE)
    await mirror.put_blobs(late.blobs)
    before = rows(tmp_path / "mirror.db", "SELECT * FROM files")
    for expected in (first.id, None, second.id + 1):
        outcome = await mirror.publish(publisher.draft(late, expected_head=expected))
        assert outcome == Fenced(expected, second.id)
    assert rows(tmp_path / "mirror.db", "SELECT * FROM files") == before
    assert (await mirror.load(publisher.marketplace)).publication == second


async def test_a_first_draft_that_expects_a_head_is_fenced(mirror: MirrorStore, publisher, commit_of) -> None:
    assert await mirror.publish(publisher.draft(commit_of.of({}), expected_head=7)) == Fenced(7, None)
    assert await mirror.load(publisher.marketplace) is None


async def test_a_file_whose_content_was_not_put_cannot_be_published(mirror: MirrorStore, publisher, commit_of) -> None:
    first = await publisher.publish(commit_of.of(ONE))
    with pytest.raises(Conflict, match="2 blobs are not held") as refusal:
        await mirror.publish(publisher.draft(commit_of.of(TWO)))
    assert refusal.value.code == "content_not_held"
    assert (await mirror.load(publisher.marketplace)).publication == first
    assert (await publisher.publish(commit_of.of(TWO))).content_number == 2


async def test_a_file_left_out_on_purpose_and_a_submodule_are_facts(mirror: MirrorStore, publisher, commit_of) -> None:
    commit = commit_of.of({**ONE, b"huge.bin": b"imagine", b"vendor": b"elsewhere"}, {b"vendor": Mode.SUBMODULE})
    huge = commit.entries[b"huge.bin"].oid
    await mirror.put_blobs([blob for blob in commit.blobs if blob[0] != huge])
    await mirror.publish(publisher.draft(commit, absent=frozenset([huge])))
    stored = await mirror.load(publisher.marketplace)
    assert stored.sources[0].listing.entries == commit.entries
    assert huge not in stored.held
    report = await mirror.verify(publisher.marketplace)
    assert (report.absent, report.root_matches) == ((huge,), True)


async def test_a_failed_or_forgotten_memory_of_the_newest_content_is_read_again(
    mirror: MirrorStore, publisher, commit_of
) -> None:
    """The store remembers the newest content to save reading it; it may be wrong about it and must notice."""
    await publisher.publish(commit_of.of(ONE))
    stale = dict(mirror._newest)
    await publisher.publish(commit_of.of(TWO))
    mirror._newest.update(stale)
    third = await publisher.publish(commit_of.of(THREE))
    mirror._newest.clear()
    fourth = await publisher.publish(commit_of.of(ONE))
    assert (third.content_number, fourth.content_number) == (3, 4)
    stored = await mirror.load(publisher.marketplace)
    assert stored.sources[0].listing.entries == commit_of.of(ONE).entries


async def test_several_sources_are_flipped_as_one(mirror: MirrorStore, publisher, commit_of) -> None:
    own, theirs = (
        commit_of.of(ONE),
        commit_of.of({b"SKILL/SKILL.md": b"theirs", b"skills/brand/SKILL.md": b"same path"}),
    )
    await publisher.publish(own, ("vendor", theirs))
    stored = await mirror.load(publisher.marketplace)
    assert [source.state for source in stored.sources] == [own.state(), theirs.state("vendor", "other/vendor")]
    assert [source.listing.entries for source in stored.sources] == [own.entries, theirs.entries]
    newer = commit_of.of({b"SKILL/SKILL.md": b"theirs, newer"})
    assert (await publisher.publish(own, ("vendor", newer))).content_number == 2
    assert (await publisher.publish(own)).content_number == 3
    stored = await mirror.load(publisher.marketplace)
    assert [source.listing.entries for source in stored.sources] == [own.entries]
    assert (await publisher.publish(own, ("vendor", newer))).content_number == 4
    stored = await mirror.load(publisher.marketplace)
    assert stored.sources[1].listing.entries == newer.entries


async def test_a_source_of_which_little_is_wanted_keeps_its_whole_listing_and_only_those_contents(
    mirror: MirrorStore, publisher, commit_of, clock
) -> None:
    own, theirs = commit_of.of(ONE), commit_of.of({b"skills/a/SKILL.md": b"# A\n", b"huge/1": b"1", b"huge/2": b"2"})
    unwanted = frozenset(entry.oid for path, entry in theirs.entries.items() if path.startswith(b"huge/"))

    async def publish(*others, absent):
        for commit in (own, *(other for _, other in others)):
            await mirror.put_blobs([blob for blob in commit.blobs if blob[0] not in absent])
        outcome = await mirror.publish(publisher.draft(own, *others, absent=absent))
        publisher.head = outcome.id
        return outcome

    await publish(("acme/tools@HEAD", theirs), absent=unwanted)
    stored = await mirror.load(publisher.marketplace)
    assert stored.sources[1].listing.entries == theirs.entries
    assert not unwanted & stored.held.keys()
    assert theirs.entries[b"skills/a/SKILL.md"].oid in stored.held
    report = await mirror.verify(publisher.marketplace)
    assert (set(report.absent), report.root_matches) == (unwanted, True)
    # More of it is wanted now: the listing is the same, so the content is, and what was put since belongs to it.
    again = await publish(("acme/tools@HEAD", theirs), absent=frozenset())
    assert again.content_number == 1
    clock.advance(days=2)
    await mirror.collect_garbage(publisher.marketplace, keep_publications=1, keep_younger_than=timedelta(0))
    assert (await mirror.verify(publisher.marketplace)).absent == ()
    # It is gone from the marketplace, and in time from the mirror.
    await publish(absent=frozenset())
    clock.advance(days=2)
    for _ in range(2):
        await mirror.collect_garbage(publisher.marketplace, keep_publications=1, keep_younger_than=timedelta(0))
        clock.advance(hours=2)
    assert await mirror.held([oid for oid, _ in theirs.blobs]) == {}
    assert [source.state.key for source in (await mirror.load(publisher.marketplace)).sources] == [""]


async def test_any_publication_that_is_kept_is_loaded_as_it_was(
    mirror: MirrorStore, publisher, publisher_of, commit_of, clock
) -> None:
    other = commit_of.of({b"SKILL/SKILL.md": b"theirs"})
    first_published_at = clock.now()
    first = await publisher.publish(commit_of.of(ONE), ("vendor", other))
    clock.advance(hours=1)
    second = await publisher.publish(commit_of.of(TWO))
    elsewhere = await publisher_of(mirror, "acme/tools").publish(commit_of.of(ONE))
    stored = await mirror.load(publisher.marketplace, first.id)
    assert (stored.publication, stored.confirmed_at) == (first, first_published_at)
    assert [source.state for source in stored.sources] == [
        commit_of.of(ONE).state(),
        other.state("vendor", "other/vendor"),
    ]
    assert [source.listing.entries for source in stored.sources] == [commit_of.of(ONE).entries, other.entries]
    assert stored.held.keys() == {oid for commit in (commit_of.of(ONE), other) for oid, _ in commit.blobs}
    assert await mirror.load(publisher.marketplace, second.id) == await mirror.load(publisher.marketplace)
    assert await mirror.load(publisher.marketplace, elsewhere.id) is None
    assert await mirror.load(publisher.marketplace, elsewhere.id + 1) is None
    # Having read the old one, the store still knows which content is the newest.
    assert (await publisher.publish(commit_of.of(THREE))).changes == Changes(0, 0, 1)


async def test_an_earlier_publication_is_believed_only_if_it_adds_up_too(
    mirror: MirrorStore, publisher, commit_of
) -> None:
    first = await publisher.publish(replace(commit_of.of(ONE), tree=TreeId("a" * 40)))
    await publisher.publish(commit_of.of(TWO))
    with pytest.raises(Broken, match="not the tree of commit"):
        await mirror.load(publisher.marketplace, first.id)
    assert await mirror.load(publisher.marketplace) is not None


async def test_marketplaces_share_contents_and_nothing_else(
    mirror: MirrorStore, publisher, publisher_of, commit_of
) -> None:
    other = publisher_of(mirror, "acme/tools")
    first = await publisher.publish(commit_of.of(ONE))
    second = await other.publish(commit_of.of(ONE))
    third = await other.publish(commit_of.of(TWO))
    assert [publication.content_number for publication in (first, second, third)] == [1, 1, 2]
    assert (await mirror.load(publisher.marketplace)).publication == first
    assert (await mirror.load(other.marketplace)).publication == third
    assert await mirror.publications(publisher.marketplace) == [first]


async def test_history_is_listed_newest_first_and_by_pages(mirror: MirrorStore, publisher, commit_of) -> None:
    all_of_them = [await publisher.publish(commit_of.of({**ONE, b"n": b"%d" % n})) for n in range(7)]
    newest_first = all_of_them[::-1]
    assert await mirror.publications(publisher.marketplace) == newest_first
    page = await mirror.publications(publisher.marketplace, limit=3)
    assert page == newest_first[:3]
    assert await mirror.publications(publisher.marketplace, limit=3, before=page[-1].id) == newest_first[3:6]
    assert await mirror.published_commits(publisher.marketplace) == {publication.commit for publication in all_of_them}


async def test_the_latest_confirmation_counts(mirror: MirrorStore, publisher, commit_of, clock) -> None:
    await publisher.publish(commit_of.of(ONE))
    earlier = clock.now()
    clock.advance(minutes=10)
    await mirror.confirm_head(publisher.marketplace, clock.now())
    await mirror.confirm_head(publisher.marketplace, earlier)
    assert (await mirror.load(publisher.marketplace)).confirmed_at == clock.now()
    await mirror.confirm_head("unknown", clock.now())


async def test_a_renamed_repository_keeps_its_history(
    mirror: MirrorStore, publisher, commit_of, tmp_path: Path
) -> None:
    await publisher.publish(commit_of.of(ONE))
    await mirror.remember(publisher.marketplace, "acme/renamed", 42)
    await mirror.remember(publisher.marketplace, "acme/again")
    assert rows(tmp_path / "mirror.db", "SELECT name, repository, repository_id FROM marketplaces") == [
        ("acme/skills", "acme/again", 42)
    ]
    assert (await mirror.load(publisher.marketplace)).publication.repository == "acme/skills"


async def test_everything_is_there_after_a_restart(tmp_path: Path, publisher, publisher_of, commit_of, clock) -> None:
    await publisher.publish(commit_of.of(ONE))
    second = await publisher.publish(commit_of.of(TWO))
    await publisher.mirror.close()
    reopened = await MirrorStore.open(tmp_path / "mirror.db", clock=clock)
    try:
        assert reopened.rebuilt is None
        stored = await reopened.load(publisher.marketplace)
        assert stored.publication == second
        again = publisher_of(reopened)
        again.head = second.id
        assert (await again.publish(commit_of.of(THREE))).content_number == 3
    finally:
        await reopened.close()


async def test_a_listing_that_is_not_its_tree_is_never_loaded_and_verify_says_so(
    mirror: MirrorStore, publisher, commit_of
) -> None:
    await publisher.publish(replace(commit_of.of(ONE), tree=TreeId("a" * 40)))
    with pytest.raises(Broken, match=r"rows of acme/skills are damaged .*not the tree of commit") as refusal:
        await mirror.load(publisher.marketplace)
    assert refusal.value.code == "database_damaged"
    report = await mirror.verify(publisher.marketplace)
    assert not report.root_matches
    assert report.corrupt == ()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE files SET mode = 33024 WHERE path = x'636166e9'",
        "UPDATE publications SET published_at_us = 9223372036854775807",
        "UPDATE sources SET key = 'other'",
        "DELETE FROM files WHERE path = x'636166e9'",
    ],
)
async def test_rows_that_cannot_be_what_was_published_are_never_loaded(
    mirror: MirrorStore, publisher, commit_of, tmp_path: Path, damage: str
) -> None:
    await publisher.publish(commit_of.of(ONE))
    with closing(sqlite3.connect(tmp_path / "mirror.db", isolation_level=None)) as connection:
        connection.execute(damage)
    with pytest.raises(Broken, match=r"rows of acme/skills are damaged"):
        await mirror.load(publisher.marketplace)
