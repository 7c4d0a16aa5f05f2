"""Versions: what there was, for whom, and how to get it back; what has become of what somebody has."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Conflict, Invalid, Missing
from skillport_sync.publication import Published
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import Installed, InstalledStatus
from skillport_sync.queries.cursors import Cursor, key_of, question_digest
from skillport_sync.queries.earlier import MAX_MADE, Earlier
from skillport_sync.queries.versions import status_of
from skillport_sync.template.own_skill import own_skill

UP, NEWER, OTHER = InstalledStatus.UP_TO_DATE, InstalledStatus.UPDATE_AVAILABLE, InstalledStatus.CONTENT_CHANGED
AHEAD, UNKNOWN = InstalledStatus.AHEAD, InstalledStatus.UNKNOWN


@pytest.fixture
def files(publisher):
    """``files("1.0", "body", extra…)``: the skill docs/pdf in this version, with this body, and what else there is."""

    def made(version, body, *, plugin="docs", skill="pdf", readers=None, **more):
        found = {
            ".claude-plugin/marketplace.json": publisher.marketplace(plugin, "other"),
            f"plugins/{plugin}/skills/{skill}/SKILL.md": publisher.skill_md(skill, "Fills forms.", body),
            "plugins/other/skills/voice/SKILL.md": publisher.skill_md("voice", "Speaks."),
            **more,
        }
        if version is not None:
            found[f"plugins/{plugin}/.claude-plugin/plugin.json"] = publisher.plugin_json(plugin, version)
        if readers is not None:
            found[".skillport/access.json"] = publisher.access(**readers)
        return found

    return made


@pytest.fixture
def publish(publisher, clock):
    """Publish an hour after what came before."""

    async def publish(files, **how):
        clock.advance(3600)
        return await publisher.publish(files, executable=frozenset(), **how)

    return publish


@pytest.fixture
def history(publisher):
    """``(version, commit, flagged)`` of a skill's history as somebody sees it, newest first; None for a version: it was gone."""

    async def history(who, skill="pdf"):
        answer = await publisher.queries.versions(who, skill)
        return [(fact.revision and fact.version, fact.commit, fact.changed_without_bump) for fact in answer.history]

    return history


def commit(published: Published) -> str:
    return published.publication.commit


def text(answer) -> bytes:
    return b"".join(part.content for part in answer.contents)


# --- an earlier version or commit -----------------------------------------------------------------------------------------


async def test_an_earlier_version_or_commit_is_fetched_whole_and_says_where_it_is_from(publisher, publish, files):
    one = await publish(files("1.0", "first\n", **{"plugins/docs/skills/pdf/notes.txt": "noted"}))
    two = await publish(files("2.0", "second\n"))
    await publish(files("3.0", "third\n"))
    fetch, bob = publisher.queries.fetch, publisher.bob
    for question in (
        {"version": "1.0"},
        {"commit": commit(one)},
        {"commit": commit(one)[:7].upper()},
        {"commit": f" {commit(one)[:12]} ", "version": "1.0"},
    ):
        answer = await fetch(bob, "docs/pdf", **question)
        assert text(answer).endswith(b"first\n")
        assert (answer.skill.version, [file.path for file in answer.files]) == ("1.0", ["SKILL.md", "notes.txt"])
        [snapshot] = answer.snapshots
        assert (snapshot.commit, snapshot.published_at) == (commit(one), one.publication.published_at)
        assert not snapshot.is_served
        assert answer.basis is None, "two people who read the same today may not have read the same then"
        notes = await fetch(bob, "docs/pdf", paths=["notes.txt"], **question)
        assert text(notes) == b"noted"
    assert text(await fetch(bob, "pdf", version="2.0")).endswith(b"second\n")
    assert (await fetch(bob, "pdf", commit=commit(two))).skill.version == "2.0"
    served = await fetch(bob, "pdf", version="3.0")
    assert served.basis is not None, "what is served is what is served"
    assert served.snapshots[0].is_served
    assert text(await fetch(bob, "pdf")).endswith(b"third\n")


async def test_the_newest_content_of_a_version_is_what_is_meant(publisher, publish, files):
    await publish(files("1.0", "first\n"))
    await publish(files("1.0", "mended\n"))
    await publish(files("1.0", "mended\n", **{"README.md": "elsewhere"}))
    await publish(files("2.0", "second\n"))
    assert text(await publisher.queries.fetch(publisher.bob, "pdf", version="1.0")).endswith(b"mended\n")


async def test_a_version_that_never_was_is_answered_with_those_there_are(publisher, publish, files):
    for version in ("1.0", "1.1", "1.0", "2.0"):
        await publish(files(version, f"of {version}\n"))
    with pytest.raises(Missing) as raised:
        await publisher.queries.fetch(publisher.bob, "pdf", version="1.2")
    assert raised.value.code == "version_not_served"
    assert raised.value.message == "docs/pdf has no version '1.2'. Send one of: 2.0 (served), 1.0, 1.1."
    await publish(files(None, "of none\n"))
    with pytest.raises(Missing, match=r"Send one of: 2\.0, 1\.0, 1\.1\."):
        await publisher.queries.fetch(publisher.bob, "pdf", version="1.2")
    with pytest.raises(Missing, match="It has no versions: send a commit instead"):
        await publisher.queries.fetch(publisher.bob, "voice", version="1.2")


async def test_a_version_that_the_commit_does_not_have_says_which_it_has(publisher, publish, files):
    one = await publish(files("1.0", "first\n"))
    await publish(files("2.0", "second\n"))
    with pytest.raises(Missing, match=r"At commit [0-9a-f]{12} docs/pdf has version 1\.0, not '2\.0'"):
        await publisher.queries.fetch(publisher.bob, "pdf", commit=commit(one), version="2.0")
    with pytest.raises(Missing, match=r"other/voice has no version, not '2\.0'"):
        await publisher.queries.fetch(publisher.bob, "voice", commit=commit(one), version="2.0")


async def test_what_is_no_commit_or_not_kept_or_means_several_says_so(publisher, publish, files, clock):
    published = await publish(files("1.0", "first\n"))
    for nothing in ("", "abc123", "main", commit(published)[:6], commit(published) + "0", "g" * 40, "☃" * 8):
        with pytest.raises(Invalid, match="7 to 40 hexadecimal digits"):
            await publisher.queries.fetch(publisher.bob, "pdf", commit=nothing)
    with pytest.raises(Missing, match="leave commit out to fetch what is served") as raised:
        await publisher.queries.fetch(publisher.bob, "pdf", commit="0" * 40)
    assert raised.value.code == "commit_not_kept"
    # Two commits that begin alike, found the hard way.
    tree, seen, at = published.snapshot.sources[0].tree, {}, clock.now()
    while True:
        at += timedelta(hours=1)
        prefix = hashlib.sha1(repr((tree, 1, at)).encode()).hexdigest()[:7]
        if prefix in seen:
            break
        seen[prefix] = at
    for moment in (seen[prefix], at):
        clock.advance((moment - clock.now()).total_seconds() - 3600)
        await publish(files("1.0", "first\n"))
    with pytest.raises(Invalid, match=f"Several commits begin with {prefix}"):
        await publisher.queries.fetch(publisher.bob, "pdf", commit=prefix)
    full = commit(publisher.current.get()["acme"])
    assert (await publisher.queries.fetch(publisher.bob, "pdf", commit=full)).snapshots[0].commit == full


async def test_a_commit_that_is_not_kept_is_as_good_as_what_it_brought(publisher, publish, files, history, clock):
    """A history goes back further than the publications that are kept; whatever it names can be fetched."""
    one = await publish(files("1.0", "first\n"))
    two = await publish(files("1.0", "first\n", **{"README.md": "elsewhere"}))
    await publish(files("2.0", "second\n"))
    for _ in range(2):
        clock.advance(7200)
        await publisher.store.collect_garbage("acme", keep_publications=2, keep_younger_than=timedelta(0))
    assert [commit for _, commit, _ in await history(publisher.bob)][1:] == [commit(one)]
    for question in ({"commit": commit(one)[:7]}, {"commit": commit(one), "version": "1.0"}, {"version": "1.0"}):
        answer = await publisher.queries.fetch(publisher.bob, "pdf", **question)
        assert text(answer).endswith(b"first\n")
        assert answer.snapshots[0].commit == commit(two), "where it is read"
    for label in ("voices", "no-such"):
        with pytest.raises(Missing, match="is kept"):
            await publisher.queries.fetch(publisher.bob, label, commit=commit(one))


async def test_a_skill_that_is_gone_is_fetched_by_its_commit(publisher, publish, files):
    one = await publish(files("1.0", "first\n"))
    await publish(files("1.0", "x\n", skill="word"))
    with pytest.raises(Missing, match="There is no skill 'pdf'"):
        await publisher.queries.fetch(publisher.bob, "pdf")
    with pytest.raises(Missing, match="There is no skill 'pdf'"):
        await publisher.queries.fetch(publisher.bob, "pdf", version="1.0")
    for label in ("pdf", "docs/pdf", "docs/pdf@acme", "plugins/docs/skills/pdf"):
        assert text(await publisher.queries.fetch(publisher.bob, label, commit=commit(one))).endswith(b"first\n")
    with pytest.raises(Missing, match="There is no skill 'word'"):
        await publisher.queries.fetch(publisher.bob, "word", commit=commit(one))


async def test_a_commit_is_looked_for_in_every_marketplace_and_found_in_its_own(publisher, publish, files):
    one = await publish(files("1.0", "first\n"), name="beta")
    await publish(files("2.0", "second\n"), name="beta")
    await publish(files("7.0", "acme's\n"))
    answer = await publisher.queries.fetch(publisher.bob, "pdf", commit=commit(one))
    assert (answer.skill.marketplace, answer.skill.version, answer.several) == ("beta", "1.0", True)
    assert (await publisher.queries.fetch(publisher.bob, "docs/pdf@beta", version="1.0")).snapshots[0].commit == commit(
        one
    )
    with pytest.raises(Invalid, match="docs/pdf@acme, docs/pdf@beta"):
        await publisher.queries.fetch(publisher.bob, "pdf", version="1.0")


async def test_a_skill_of_another_repository_is_fetched_as_it_was_then(publisher, publish, files):
    def manifest(*directories):
        subdirs = [
            {
                "name": f"tools-{at}",
                "source": {"source": "git-subdir", "url": "https://github.com/other/tools.git", "path": path},
            }
            for at, path in enumerate(directories)
        ]
        return publisher.marketplace(plugins=[{"name": "docs", "source": "./plugins/docs"}, *subdirs])

    def theirs(version):
        return {
            f"{directory}/{path}": content
            for directory in ("a", "b")
            for path, content in {
                ".claude-plugin/plugin.json": publisher.plugin_json("tools", version),
                "skills/saw/SKILL.md": publisher.skill_md("saw", "Saws.", f"{directory} {version}\n"),
            }.items()
        }

    key = "other/tools@HEAD"
    own = {**files("1.0", "x\n"), ".claude-plugin/marketplace.json": manifest("a")}
    first = await publish(own, others={key: theirs("1.0")})
    second = await publish(own, others={key: theirs("2.0")})
    await publish({**own, ".claude-plugin/marketplace.json": manifest("b", "a")}, others={key: theirs("3.0")})
    last = await publish(files("1.0", "x\n"))
    fetch, bob = publisher.queries.fetch, publisher.bob
    for published, version in ((first, "1.0"), (second, "2.0")):
        answer = await fetch(bob, "tools-0/saw", commit=commit(published))
        assert text(answer).endswith(f"a {version}\n".encode())
        assert answer.skill.version == version
        with pytest.raises(Missing):
            await fetch(bob, "tools-1/saw", commit=commit(published))
    with pytest.raises(Missing):
        await fetch(bob, "tools-0/saw", commit=commit(last))
    again = await publish(own, others={key: theirs("2.0")})
    history = await publisher.queries.versions(bob, "tools-0/saw")
    assert [fact.version for fact in history.history] == ["2.0", None, "2.0", "1.0"], "b's saw is another skill"
    assert history.history[0].commit == commit(again)
    assert text(await fetch(bob, "tools-0/saw", version="1.0")).endswith(b"a 1.0\n")


# --- who may --------------------------------------------------------------------------------------------------------------


async def test_an_earlier_commit_is_for_those_whom_its_policy_and_todays_both_let(publisher, publish, files):
    closed, open_ = {"pdf": ["token:alice"]}, {}
    first = await publish(files("1.0", "closed\n", readers=closed))
    second = await publish(files("2.0", "open\n", readers=open_))
    third = await publish(files("3.0", "open\n", readers=open_))
    fetch, bob = publisher.queries.fetch, publisher.bob
    missing = []
    for question in ({"commit": commit(first)}, {"commit": commit(first), "version": "1.0"}):
        for label in ("pdf", "no-such"):
            with pytest.raises(Missing) as raised:
                await fetch(bob, label, **question)
            missing.append((raised.value.code, raised.value.message.replace(repr(label), "LABEL")))
    said, unknown = missing[0], missing[1]
    assert said[0] == unknown[0] == "unknown_skill"
    assert said[1].partition(" Did")[0] == unknown[1].partition(" Did")[0]
    with pytest.raises(Missing, match=r"Send one of: 3\.0 \(served\), 2\.0\.$"):
        await fetch(bob, "pdf", version="1.0")
    assert text(await fetch(bob, "pdf", version="2.0")).endswith(b"open\n")
    assert text(await fetch(publisher.alice, "pdf", version="1.0")).endswith(b"closed\n")
    # Taken away today, it is gone in every commit.
    await publish(files("3.0", "open\n", readers=closed))
    for question in ({}, {"version": "2.0"}, {"commit": commit(second)}, {"commit": commit(third)}):
        with pytest.raises(Missing, match="There is no skill"):
            await fetch(bob, "pdf", **question)
    assert text(await fetch(publisher.alice, "pdf", commit=commit(second))).endswith(b"open\n")


async def test_a_rule_under_todays_name_holds_for_what_the_skill_was_called_before(publisher, publish, files):
    """Renamed in its place, moved by its plugin's rename, or removed with its rule left behind."""
    before = await publish(files("1.0", "old\n", skill="wages", readers={}))
    assert await publisher.queries.fetch(publisher.bob, "wages")
    renamed = files("1.0", "new\n", skill="wages", readers={"salaries": ["token:alice"]})
    renamed["plugins/docs/skills/wages/SKILL.md"] = publisher.skill_md("salaries", "Is called otherwise.")
    await publish(renamed)
    with pytest.raises(Missing):
        await publisher.queries.fetch(publisher.bob, "wages", commit=commit(before))
    assert await publisher.queries.fetch(publisher.alice, "wages", commit=commit(before))
    await publish(files("1.0", "x\n", skill="word", readers={"wages": ["token:alice"]}))
    with pytest.raises(Missing):
        await publisher.queries.fetch(publisher.bob, "wages", commit=commit(before))
    await publish(files("1.0", "x\n", skill="word", readers={}))
    assert await publisher.queries.fetch(publisher.bob, "wages", commit=commit(before))


async def test_what_quarantine_keeps_out_today_is_not_handed_out_of_an_earlier_commit(publisher, publish, files):
    leaking = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA" * 8 + "\n-----END RSA PRIVATE KEY-----\n"
    before = await publish(files("1.0", "x\n", **{"plugins/docs/skills/pdf/key.pem": leaking}))
    publisher.quarantine = frozenset({"secrets"})
    await publish(files("1.1", "x\n"))
    with pytest.raises(Missing):
        await publisher.queries.fetch(publisher.alice, "pdf", commit=commit(before))
    assert await publisher.queries.fetch(publisher.alice, "voice", commit=commit(before))


# --- paging ---------------------------------------------------------------------------------------------------------------


async def test_a_fetch_of_an_earlier_commit_goes_on_whatever_is_published_and_read_meanwhile(
    publisher, publish, files, clock
):
    commits = [commit(await publish(files(f"{at}.0", chr(97 + at) * 200_000))) for at in range(MAX_MADE + 3)]
    fetch, bob = publisher.queries.fetch, publisher.bob
    for question in ({"commit": commits[0][:9]}, {"version": "0.0"}):
        first = await fetch(bob, "pdf", **question)
        for other in commits[1:-1]:
            await fetch(bob, "voice", commit=other)
        await publish(files("99.0", "z"))
        clock.advance(10_000)
        parts, cursor = [text(first)], first.next_cursor
        while cursor is not None:
            page = await fetch(bob, "pdf", cursor=cursor, **question)
            assert page.snapshots[0].commit == commits[0]
            parts.append(text(page))
            cursor = page.next_cursor
        assert b"".join(parts).endswith(b"a" * 200_000)
        assert len(parts) > 2
    with pytest.raises(Invalid, match="belongs to another question"):
        await fetch(bob, "pdf", commit=commits[1], cursor=first.next_cursor)


async def test_a_fetch_of_what_was_served_goes_on_long_after_it_was_replaced(publisher, publish, files, clock):
    await publish(files("1.0", "a" * 200_000))
    first = await publisher.queries.fetch(publisher.bob, "pdf")
    for at in range(9):
        await publish(files("2.0", f"{at}"))
    clock.advance(10_000)
    rest = await publisher.queries.fetch(publisher.bob, "pdf", cursor=first.next_cursor)
    assert rest.snapshots[0].commit == first.snapshots[0].commit
    assert set(text(rest)) == {ord("a")}


async def test_a_right_taken_away_ends_the_paging_of_an_earlier_commit(publisher, publish, files):
    before = await publish(files("1.0", "a" * 200_000, readers={}))
    await publish(files("2.0", "b", readers={}))
    question = {"commit": commit(before)}
    first = await publisher.queries.fetch(publisher.bob, "pdf", **question)
    await publish(files("2.0", "b", readers={"pdf": ["token:alice"]}))
    with pytest.raises(Missing, match="There is no skill"):
        await publisher.queries.fetch(publisher.bob, "pdf", cursor=first.next_cursor, **question)
    lent = await publisher.queries.fetch(publisher.alice, "pdf", cursor=first.next_cursor, **question)
    assert set(text(lent)) == {ord("a")}


async def test_a_cursor_that_somebody_made_up_opens_nothing(publisher, publish, files):
    closed = await publish(files("1.0", "closed\n", readers={"pdf": ["token:alice"]}))
    await publish(files("2.0", "open\n", readers={}))
    for question in ({}, {"version": "1.0"}, {"version": "2.0"}, {"commit": commit(closed)}):
        digest = question_digest("fetch", "pdf", [], question.get("version"), question.get("commit"))
        forged = Cursor((key_of(closed),), digest, (0, 0, 0)).encode()
        with pytest.raises((Missing, Conflict)):
            await publisher.queries.fetch(publisher.bob, "pdf", cursor=forged, **question)
        assert text(await publisher.queries.fetch(publisher.alice, "pdf", cursor=forged, **question)).endswith(
            b"closed\n"
        )
        for made_up in (2**60, -1):
            garbled = Cursor((key_of(closed)._replace(id=made_up),), digest, (0, 0, 0)).encode()
            with pytest.raises(Invalid, match="not one of ours"):
                await publisher.queries.fetch(publisher.alice, "pdf", cursor=garbled, **question)
        several = Cursor((key_of(closed),) * 2, digest, (0, 0, 0)).encode()
        with pytest.raises(Conflict):
            await publisher.queries.fetch(publisher.alice, "pdf", cursor=several, **question)


async def test_what_is_collected_is_gone_and_the_answer_says_so(publisher, publish, files, clock):
    before = await publish(files("1.0", "a" * 200_000))
    await publish(files("2.0", "b"))
    first = await publisher.queries.fetch(publisher.bob, "pdf", commit=commit(before))
    for _ in range(2):
        clock.advance(7200)
        await publisher.store.collect_garbage("acme", keep_publications=1, keep_younger_than=timedelta(0))
    with pytest.raises(Missing, match="is kept") as raised:
        await publisher.queries.fetch(publisher.bob, "pdf", commit=commit(before))
    assert raised.value.code == "commit_not_kept"
    # It is still in memory, but its contents are not held any more.
    with pytest.raises(Missing, match="is kept"):
        await publisher.queries.fetch(publisher.bob, "pdf", commit=commit(before), cursor=first.next_cursor)
    fresh = Queries(publisher.current, publisher.store, publisher.restoring, clock)
    with pytest.raises(Conflict, match="Start again without it"):
        await fresh.fetch(publisher.bob, "pdf", commit=commit(before), cursor=first.next_cursor)


class Counting:
    """The store, and how often something was loaded from it, and how many at the same time."""

    def __init__(self, store):
        self.store, self.loads, self.at_once, self.most = store, 0, 0, 0

    async def find_publications(self, marketplace, prefix):
        return await self.store.find_publications(marketplace, prefix)

    async def load(self, marketplace, publication=None):
        self.loads += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        try:
            return await self.store.load(marketplace, publication)
        finally:
            self.at_once -= 1


async def test_an_earlier_publication_is_made_once_for_all_who_ask_and_the_last_few_are_kept(publisher, publish, files):
    published = [await publish(files(f"{at}.0", f"{at}\n")) for at in range(MAX_MADE + 2)]
    in_force = tuple(publisher.current.get().values())
    counting = Counting(publisher.store)
    earlier = Earlier(counting, publisher.restoring)
    found = await asyncio.gather(*(earlier.at_commit(commit(published[0]), in_force) for _ in range(5)))
    assert counting.loads == 1
    assert all(one[0] is found[0][0] for one in found)
    await asyncio.gather(*(earlier.at_commit(commit(one), in_force) for one in published[1:]))
    assert (counting.loads, counting.most) == (MAX_MADE + 1, 1), "the one in force is not loaded, the others in turn"
    again = await earlier.again(key_of(published[1]), in_force)
    assert again.snapshot.catalog == published[1].snapshot.catalog
    assert counting.loads == MAX_MADE + 1
    await earlier.again(key_of(published[0]), in_force)
    assert counting.loads == MAX_MADE + 2, "of five the first had been forgotten"
    await earlier.again(key_of(published[1]), in_force)
    assert counting.loads == MAX_MADE + 2, "what was asked for again is kept longer"


async def test_a_number_that_means_another_publication_since_the_mirror_was_made_anew_is_not_believed(
    publisher, publish, files
):
    key = key_of(await publish(files("1.0", "x")))
    await publish(files("2.0", "y"))
    in_force = tuple(publisher.current.get().values())
    earlier = Earlier(publisher.store, publisher.restoring)
    assert await earlier.again(key._replace(commit="0" * 12), in_force) is None
    assert await earlier.again(key._replace(commit=""), in_force) is None
    assert await earlier.again(key._replace(id=key.id + 100), in_force) is None
    assert await earlier.again(key._replace(marketplace="beta"), in_force) is None
    assert (await earlier.again(key, in_force)).publication.id == key.id


# --- history --------------------------------------------------------------------------------------------------------------


async def test_a_history_tells_changes_removals_and_what_changed_without_a_bump(publisher, publish, files, history):
    one = await publish(files("1.0", "first\n"))
    await publish(files("1.0", "first\n", **{"README.md": "elsewhere"}))
    two = await publish(files("1.0", "mended\n"))
    three = await publish(files("2.0", "second\n"))
    gone = await publish(files("2.0", "x\n", skill="word"))
    back = await publish(files("2.0", "second\n"))
    other = await publish(files("2.0", "third\n"))
    assert await history(publisher.bob) == [
        ("2.0", commit(other), True),
        ("2.0", commit(back), False),
        (None, commit(gone), False),
        ("2.0", commit(three), False),
        ("1.0", commit(two), True),
        ("1.0", commit(one), False),
    ]
    answer = await publisher.queries.versions(publisher.bob, "pdf")
    assert answer.history[0].published_at == other.publication.published_at
    assert answer.history[0].revision == answer.skill.revision
    assert [fact.revision is None for fact in answer.history] == [False, False, True, False, False, False]


async def test_content_without_a_version_is_never_said_to_lack_a_bump(publisher, publish, files, history):
    await publish(files(None, "first\n"))
    await publish(files(None, "second\n"))
    assert [flagged for _, _, flagged in await history(publisher.bob)] == [False, False]


async def test_a_rollback_is_one_more_entry_of_a_history(publisher, publish, files, history, clock):
    one, two = await publish(files("1.0", "first\n")), await publish(files("2.0", "second\n"))
    clock.advance(3600)
    again = await publisher.store.republish(
        "acme", one.publication.id, cause="rollback", published_at=clock.now(), expected_head=two.publication.id
    )
    publisher.serve(Published(again, one.snapshot))
    assert await history(publisher.bob) == [
        ("1.0", commit(one), False),
        ("2.0", commit(two), False),
        ("1.0", commit(one), False),
    ]
    assert (await publisher.queries.versions(publisher.bob, "pdf")).history[0].published_at == clock.now()
    assert text(await publisher.queries.fetch(publisher.bob, "pdf", version="2.0")).endswith(b"second\n")
    [ahead] = (await publisher.queries.check_installed(publisher.bob, [Installed("pdf", "2.0")])).installed
    assert ahead.status is InstalledStatus.AHEAD


async def test_a_time_when_somebody_might_not_read_a_skill_is_one_when_it_was_not_there(
    publisher, publish, files, history
):
    closed, open_ = {"pdf": ["token:alice"]}, {}
    await publish(files("1.0", "first\n", readers=closed))
    one = await publish(files("1.0", "mended\n", readers=closed))
    opened = await publish(files("1.0", "mended\n", readers=open_))
    shut = await publish(files("2.0", "second\n", readers=closed))
    await publish(files("3.0", "third\n", readers=closed))
    reopened = await publish(files("3.0", "third\n", readers=open_))
    assert await history(publisher.bob) == [
        ("3.0", commit(reopened), False),
        (None, commit(shut), False),
        ("1.0", commit(opened), False),
    ]
    mine = await history(publisher.alice)
    assert [(version, flagged) for version, _, flagged in mine] == [
        ("3.0", False),
        ("2.0", False),
        ("1.0", True),
        ("1.0", False),
    ]
    assert mine[2][1] == commit(one)
    # Whatever a history names can be fetched, by its version.
    for version, _, _ in await history(publisher.bob):
        if version is not None:
            assert (await publisher.queries.fetch(publisher.bob, "pdf", version=version)).skill.version == version


async def test_a_history_is_remembered_for_one_person_only(publisher, publish, files):
    """Two people who read the same today share one basis; their histories are not the same."""
    await publish(files("1.0", "first\n", readers={"pdf": ["token:alice"]}))
    await publish(files("2.0", "second\n", readers={}))
    alice, bob = [await publisher.queries.versions(who, "pdf") for who in (publisher.alice, publisher.bob)]
    assert (len(alice.history), len(bob.history)) == (2, 1)
    assert publisher.queries.standing(publisher.alice).view is publisher.queries.standing(publisher.bob).view
    assert alice.basis is not bob.basis
    assert bob.basis is publisher.queries.standing(publisher.bob).personal


async def test_a_policy_that_cannot_be_read_any_more_lets_nobody(publisher, publish, files, history):
    first = await publish(files("1.0", "first\n", readers={"word": []}))
    await publish(files("2.0", "second\n", readers={}))
    oid = first.snapshot.files[".skillport/access.json"].oid
    await publisher.store.discard_blobs([oid])
    assert [version for version, _, _ in await history(publisher.alice)] == ["2.0"]


@pytest.mark.parametrize("before", [{"salaries": ["token:alice"]}, {}], ids=["closed then", "closed since"])
async def test_the_name_that_a_skill_had_then_is_what_the_policies_are_asked_about(
    publisher, publish, files, history, before
):
    def named(name, version, readers):
        made = files(version, f"{name}\n", skill="money", readers=readers)
        return {**made, "plugins/docs/skills/money/SKILL.md": publisher.skill_md(name, "Pays.")}

    first = await publish(named("salaries", "1.0", before))
    second = await publish(named("pay", "2.0", {"salaries": ["token:alice"]}))
    assert await history(publisher.bob, "pay") == [("2.0", commit(second), False)]
    assert await history(publisher.alice, "pay") == [("2.0", commit(second), False), ("1.0", commit(first), False)]


# --- what somebody has ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "revision", "published", "status"),
    [
        ("1.0.0", None, "1.0.0", UP),
        ("1.0.0", None, "1.0.1", NEWER),
        ("1.9.0", None, "1.10.0", NEWER),
        ("1.10.0", None, "1.9.0", AHEAD),
        ("2.0.0-rc.1", None, "2.0.0", NEWER),
        ("2.0.0-rc.10", None, "2.0.0-rc.9", AHEAD),
        ("1.0.0+linux", None, "1.0.0+mac", UP),
        ("v1.2", None, "1.2.0", UP),
        ("2026.11.3", None, "2026.9.30", AHEAD),
        ("one", None, "two", NEWER),
        ("1.2.3.4", None, "1.2.3.5", NEWER),
        ("9" * 5000, None, "1.0.0", NEWER),
        ("1.0.0", "theirs", "1.0.0", UP),
        ("1.0.0", "other", "1.0.0", OTHER),
        ("0.9.0", "other", "1.0.0", NEWER),
        ("0.9.0", "theirs", "1.0.0", UP),
        ("1.1.0", "other", "1.0.0", AHEAD),
        (None, "theirs", "1.0.0", UP),
        (None, "other", "1.0.0", OTHER),
        (None, None, "1.0.0", UNKNOWN),
        ("1.0.0", None, None, UNKNOWN),
        ("1.0.0", "other", None, OTHER),
        (None, "other", None, OTHER),
        (None, None, None, UNKNOWN),
    ],
)
def test_what_is_installed_stands_so_to_what_is_published(version, revision, published, status):
    assert status_of(version, revision, published, "theirs") is status


@given(st.none() | st.text(max_size=12), st.none() | st.text(max_size=4), st.none() | st.text(max_size=12))
def test_any_version_can_be_compared_and_the_same_is_up_to_date(version, revision, published):
    assert status_of(version, revision, published, "r") in InstalledStatus
    if version is not None:
        assert status_of(version, None, version, "r") is UP
    assert status_of(version, "r", published, "r") is UP


@given(st.tuples(*[st.integers(0, 20)] * 3), st.tuples(*[st.integers(0, 20)] * 3))
def test_one_of_two_versions_is_the_newer_and_both_agree_which(one, other):
    left, right = (".".join(map(str, numbers)) for numbers in (one, other))
    mirrored = {NEWER: AHEAD, AHEAD: NEWER, UP: UP}
    assert status_of(left, None, right, None) is mirrored[status_of(right, None, left, None)]
    assert (status_of(left, None, right, None) is NEWER) == (one < other)


def renamed_to(publisher, renames, **plugins):
    entries = [{"name": name, "source": f"./plugins/{directory}"} for name, directory in plugins.items()]
    return json.dumps({"name": "acme-skills", "owner": {"name": "Acme"}, "plugins": entries, "renames": renames})


@pytest.fixture
async def moved(publisher, publish):
    """Plugins that were called otherwise: ``old`` and ``older`` are ``new`` today, ``gone`` is gone, ``hid`` is ``secret``."""
    skill = publisher.skill_md
    await publish(
        {
            ".claude-plugin/marketplace.json": renamed_to(
                publisher,
                {"older": "old", "old": "new", "gone": None, "hid": "secret", "lost": "nowhere"},
                new="new",
                secret="secret",
            ),
            ".skillport/access.json": publisher.access(hidden=["token:alice"]),
            "plugins/new/.claude-plugin/plugin.json": publisher.plugin_json("new", "2.0.0"),
            "plugins/new/skills/pdf/SKILL.md": skill("pdf", "P."),
            "plugins/new/skills/word/SKILL.md": skill("word", "W."),
            "plugins/secret/skills/hidden/SKILL.md": skill("hidden", "H."),
        }
    )
    return publisher


@pytest.mark.parametrize(
    ("name", "status", "now"),
    [
        ("pdf", UP, "new/pdf"),
        ("new/pdf", UP, "new/pdf"),
        ("new/pdf@acme", UP, "new/pdf"),
        ("new/pdf@acme-skills", UP, "new/pdf"),
        ("plugins/new/skills/pdf", UP, "new/pdf"),
        ("old/pdf", InstalledStatus.RENAMED, "new/pdf"),
        ("older/pdf", InstalledStatus.RENAMED, "new/pdf"),
        ("older/pdf@acme", InstalledStatus.RENAMED, "new/pdf"),
        ("old/no-such", InstalledStatus.GONE, None),
        ("gone/pdf", InstalledStatus.GONE, None),
        ("lost/pdf", InstalledStatus.GONE, None),
        ("new", UP, "new"),
        ("new@acme", UP, "new"),
        ("old", InstalledStatus.RENAMED, "new"),
        ("older@acme-skills", InstalledStatus.RENAMED, "new"),
        ("gone", InstalledStatus.GONE, None),
        ("lost", InstalledStatus.GONE, None),
        # What may not be read is gone, however it is called.
        ("secret", InstalledStatus.GONE, None),
        ("hid", InstalledStatus.GONE, None),
        ("hid/hidden", InstalledStatus.GONE, None),
        ("secret/hidden", InstalledStatus.GONE, None),
        ("no-such", InstalledStatus.GONE, None),
        ("", InstalledStatus.GONE, None),
        ("@", InstalledStatus.GONE, None),
        ("old/", InstalledStatus.RENAMED, "new"),
    ],
)
async def test_what_is_installed_is_found_under_the_name_it_has_today(moved, name, status, now):
    [fact] = (await moved.queries.check_installed(moved.bob, [Installed(name, "2.0.0")])).installed
    assert (fact.name, fact.status) == (name, status)
    current = fact.current
    shown = (
        None
        if current is None
        else current.name
        if not hasattr(current, "plugin")
        else f"{current.plugin}/{current.name}"
    )
    assert shown == now
    assert current is None or current.version == "2.0.0"


async def test_who_may_read_it_is_told_what_it_is_called(moved):
    asked = [Installed("hid", "1.0"), Installed("hid/hidden", None, "0" * 40)]
    facts = (await moved.queries.check_installed(moved.alice, asked)).installed
    assert [fact.status for fact in facts] == [InstalledStatus.RENAMED] * 2
    with pytest.raises(Missing, match=r"There is no skill 'older/pdf' any more: it is called new/pdf now\."):
        await moved.queries.fetch(moved.bob, "older/pdf")
    for label in ("hid/hidden", "hid/no-such"):
        with pytest.raises(Missing, match=f"There is no skill '{label}', or you may not read it."):
            await moved.queries.versions(moved.bob, label)


async def test_a_plugin_is_compared_by_its_version_and_told_apart_by_its_marketplace(publisher, publish, files):
    await publish(files("1.1.0", "x"))
    asked = [
        Installed("docs", version, revision)
        for version, revision in (("1.0.0", None), ("1.1.0", "0" * 40), (None, None))
    ]
    facts = (await publisher.queries.check_installed(publisher.bob, asked)).installed
    assert [fact.status for fact in facts] == [NEWER, UP, UNKNOWN]
    await publish(files("3.0.0", "x"), name="beta")
    asked = [Installed("docs", "3.0.0"), Installed("docs@beta", "3.0.0"), Installed("docs@acme", "3.0.0")]
    facts = (await publisher.queries.check_installed(publisher.bob, asked)).installed
    assert [fact.status for fact in facts] == [InstalledStatus.AMBIGUOUS, UP, AHEAD]
    assert facts[0].candidates == ("docs@acme", "docs@beta")


async def test_of_several_skills_of_a_name_the_revision_tells_which_is_meant(publisher, publish, files):
    await publish(files("1.0", "x", **{"plugins/other/skills/pdf/SKILL.md": publisher.skill_md("pdf", "Another.")}))
    other = await publisher.queries.fetch(publisher.bob, "other/pdf")
    asked = [
        Installed("pdf", "1.0"),
        Installed("pdf", None, other.skill.revision.upper()),
        Installed("pdf", None, "0" * 40),
    ]
    facts = (await publisher.queries.check_installed(publisher.bob, asked)).installed
    assert [fact.status for fact in facts] == [InstalledStatus.AMBIGUOUS, UP, InstalledStatus.AMBIGUOUS]
    assert facts[0].candidates == ("docs/pdf", "other/pdf")
    assert facts[1].current == other.skill


async def test_two_hundred_questions_about_ten_thousand_skills_go_through_them_once(publisher, publish, monkeypatch):
    """Names that nothing has are looked up like the others; only the first makes the way through all skills."""
    await publish(publisher.many(300))
    passes = []
    from skillport_sync.queries import naming

    group = naming._by
    monkeypatch.setattr(naming, "_by", lambda skills, keys: passes.append(1) or group(skills, keys))
    asked = [Installed(f"no/such-{at}", "1.0") for at in range(200)]
    facts = (await publisher.queries.check_installed(publisher.bob, asked)).installed
    assert {fact.status for fact in facts} == {InstalledStatus.GONE}
    assert len(passes) == 2


async def test_the_skill_that_comes_with_the_service_is_compared_with_what_it_offers(published):
    own = own_skill()
    asked = [
        Installed("skillport", own.version, own.revision, "skillport", "skillport-sync"),
        Installed("skillport/skillport", "1.3.4"),
        Installed("skillport", plugin="another"),
        Installed("skillport", marketplace="elsewhere"),
    ]
    answer = await published.queries.check_installed(published.bob, asked)
    assert [fact.status.value for fact in answer.installed] == ["up_to_date", "update_available", "gone", "gone"]
    assert answer.installed[1].current.version == own.version
