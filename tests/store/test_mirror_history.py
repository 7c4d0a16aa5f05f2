"""What is kept of the past is told as it was: found by commit, served again, and followed skill by skill."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skillport_sync.errors import Missing
from skillport_sync.git.objects import CommitId
from skillport_sync.publication import Changes
from skillport_sync.store.drafts import Fenced, Unbumped
from skillport_sync.store.mirror import MirrorStore

BRAND, VOICE = b"skills/brand/SKILL.md", b"skills/voice/SKILL.md"
POLICY = b".skillport/access.json"


@pytest.fixture
def publish(publisher, commit_of, clock):
    """Publish ``{path: content}`` an hour later, at this version; returns the publication."""

    async def publish(files: dict[bytes, bytes], version: str | None = "1.0", **changed: object):
        clock.advance(hours=1)
        commit = commit_of.of(files)
        return await publisher.publish(
            commit, skills=[replace(row, version=version) for row in commit.skills], **changed
        )

    return publish


@pytest.fixture
def past(mirror: MirrorStore, publisher):
    """The past of the skill in ``skills/brand``, newest first: when, which commit, which version and revision (or None)."""

    async def past(until=None):
        phases = await mirror.skill_history(
            publisher.marketplace, "tools", "skills/brand", publisher.head if until is None else until.id
        )
        return [(one.published_at, one.commit, one.row and (one.row.version, one.row.revision)) for one in phases]

    return past


def when(publication, row):
    return (publication.published_at, publication.commit, row)


async def test_a_past_names_what_brought_each_version_and_when_it_was_gone(publish, past, commit_of) -> None:
    nothing, first = {b"n": b"0"}, {b"n": b"1", BRAND: b"1"}
    await publish(nothing)
    one = await publish(first)
    await publish({**first, b"n": b"2"})
    two = await publish({**first, BRAND: b"2"}, "2.0")
    gone = await publish(nothing)
    await publish({b"n": b"3"})
    back = await publish(first)
    revision = [commit_of.of({BRAND: content}).skills[0].revision for content in (b"1", b"2")]
    assert await past() == [
        when(back, ("1.0", revision[0])),
        when(gone, None),
        when(two, ("2.0", revision[1])),
        when(one, ("1.0", revision[0])),
    ]
    assert await past(until=gone) == (await past())[1:]


async def test_a_skill_that_never_was_has_no_past(mirror: MirrorStore, publisher, publish) -> None:
    published = await publish({BRAND: b"1"})
    assert await mirror.skill_history(publisher.marketplace, "tools", "no/such", published.id) == []
    assert await mirror.skill_history(publisher.marketplace, "other", "skills/brand", published.id) == []
    assert await mirror.skill_history("unknown", "tools", "skills/brand", published.id) == []


async def test_another_policy_begins_another_phase_of_the_same_skill(
    mirror: MirrorStore, publisher, publish, commit_of
) -> None:
    open_, closed = b"open", b"closed"
    published = [
        await publish({BRAND: b"1"}),
        await publish({BRAND: b"1", POLICY: open_}),
        await publish({BRAND: b"1", POLICY: open_, VOICE: b"1"}),
        await publish({BRAND: b"1", POLICY: closed}),
        await publish({BRAND: b"2", POLICY: closed}),
    ]
    phases = await mirror.skill_history(publisher.marketplace, "tools", "skills/brand", published[-1].id)
    entries = commit_of.of({b"open": open_, b"closed": closed}).entries
    policies = [entries[b"closed"].oid, entries[b"closed"].oid, entries[b"open"].oid, None]
    assert [phase.policy for phase in phases] == policies
    # The second and third came with another policy only: their content is older, and they name themselves.
    assert [phase.commit for phase in phases] == [published[at].commit for at in (4, 3, 1, 0)]
    assert [phase.publication for phase in phases] == [published[at].id for at in (4, 3, 1, 0)]


async def test_what_is_served_again_came_with_the_publication_that_did_so(
    mirror: MirrorStore, publisher, publish, past, clock
) -> None:
    one, two = await publish({BRAND: b"1"}), await publish({BRAND: b"2"})
    clock.advance(hours=1)
    again = await mirror.republish(
        publisher.marketplace, one.id, cause="rollback", published_at=clock.now(), expected_head=two.id
    )
    publisher.head = again.id
    assert [(at, commit) for at, commit, _ in await past()] == [
        (again.published_at, one.commit),
        (two.published_at, two.commit),
        (one.published_at, one.commit),
    ]
    forward = await publish({BRAND: b"2"})
    assert (await past())[0][:2] == (forward.published_at, two.commit)
    assert forward.content_number == two.content_number


async def test_an_old_content_is_served_again_without_a_row_of_it_being_written(
    mirror: MirrorStore, publisher, publish, commit_of, clock
) -> None:
    other = commit_of.of({b"SKILL/SKILL.md": b"theirs"})
    one = await publish({BRAND: b"1", VOICE: b"1"}, "1.0", cause="start", parser_version=7)
    publisher.head = one.id
    two = await publisher.publish(commit_of.of({BRAND: b"2", b"skills/new/SKILL.md": b"n"}), ("vendor", other))
    await mirror.confirm_head(publisher.marketplace, clock.now())
    confirmed_at = clock.now()
    clock.advance(days=1)
    again = await mirror.republish(
        publisher.marketplace, one.id, cause="rollback", published_at=clock.now(), expected_head=two.id
    )
    expected = replace(
        one, id=again.id, cause="rollback", published_at=clock.now(), changes=Changes(added=1, changed=1, removed=1)
    )
    assert again == expected
    assert again.id > two.id
    stored, before = await mirror.load(publisher.marketplace), await mirror.load(publisher.marketplace, one.id)
    assert (stored.publication, stored.sources, stored.held) == (again, before.sources, before.held)
    assert stored.confirmed_at == confirmed_at, "GitHub said nothing about it"
    publisher.head = again.id
    third = await publisher.publish(commit_of.of({BRAND: b"2", VOICE: b"1"}), ("vendor", other))
    assert third.changes == Changes(0, 1, 0), "people see it change from what was served"
    assert (await mirror.load(publisher.marketplace)).sources[1].listing.entries == other.entries


async def test_what_is_served_again_is_fenced_and_must_be_kept(mirror: MirrorStore, publisher, publisher_of, publish):
    one, two = await publish({BRAND: b"1"}), await publish({BRAND: b"2"})

    async def republish(publication, expected_head, marketplace=publisher.marketplace):
        return await mirror.republish(
            marketplace, publication, cause="rollback", published_at=two.published_at, expected_head=expected_head
        )

    assert await republish(one.id, one.id) == Fenced(one.id, two.id)
    for publication, marketplace in ((two.id + 1, "acme/skills"), (one.id, "acme/tools")):
        with pytest.raises(Missing) as refusal:
            await republish(publication, two.id, marketplace)
        assert refusal.value.code == "publication_not_kept"
    assert await mirror.publications(publisher.marketplace) == [two, one]


async def test_publications_are_found_by_how_their_commit_begins(mirror: MirrorStore, publisher, commit_of) -> None:
    commit = commit_of.of({BRAND: b"1"})
    ids = [CommitId(f"abc{digit}{'0' * 36}") for digit in "12"]
    one, two, again = [
        await publisher.publish(replace(commit, id=ids[at]), cause=cause)
        for at, cause in ((0, "push"), (1, "push"), (0, "operator"))
    ]
    find = mirror.find_publications
    assert await find(publisher.marketplace, "abc") == [again, two, one]
    assert await find(publisher.marketplace, "ABC1") == [again, one]
    assert await find(publisher.marketplace, ids[1]) == [two]
    assert await find(publisher.marketplace, "bc1") == []
    assert await find("unknown", "abc") == []


async def test_content_that_changed_without_its_version_is_found(mirror: MirrorStore, publisher, publish, commit_of):
    files = {BRAND: b"1", VOICE: b"1", b"skills/free/SKILL.md": b"1"}
    commit = commit_of.of(files)
    rows = {row.name: row for row in commit.skills}

    async def next_(contents, **versions):
        changed = commit_of.of({**files, **contents})
        skills = [replace(row, version=versions.get(row.name, "1.0")) for row in changed.skills]
        return await publisher.publish(changed, skills=skills), {row.name: row for row in skills}

    await next_({}, free=None)
    assert await mirror.changed_without_bump(publisher.marketplace) == []
    second, now = await next_({BRAND: b"2", VOICE: b"2", b"skills/free/SKILL.md": b"2"}, voice="2.0", free=None)
    found = Unbumped("tools", "skills/brand", "brand", "1.0", now["brand"].revision, second.commit, second.published_at)
    assert now["brand"].revision != rows["brand"].revision
    assert await mirror.changed_without_bump(publisher.marketplace) == [found]
    await next_({BRAND: b"2", VOICE: b"2", b"n": b"elsewhere"}, voice="2.0")
    assert await mirror.changed_without_bump(publisher.marketplace) == [found], "it is still so"
    await next_({BRAND: b"2", VOICE: b"2"}, brand="1.1", voice="2.0")
    assert await mirror.changed_without_bump(publisher.marketplace) == [], "a version of its own tells of the change"
    assert await mirror.changed_without_bump("unknown") == []


async def test_what_is_served_counts_for_versions_that_stayed_and_not_what_is_newest(
    mirror: MirrorStore, publisher, publish, clock
) -> None:
    one, two = await publish({BRAND: b"1"}), await publish({BRAND: b"2"})
    assert [found.name for found in await mirror.changed_without_bump(publisher.marketplace)] == ["brand"]
    await mirror.republish(
        publisher.marketplace, one.id, cause="rollback", published_at=clock.now(), expected_head=two.id
    )
    assert await mirror.changed_without_bump(publisher.marketplace) == []
