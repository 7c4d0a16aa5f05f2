"""An operator goes back to an earlier publication and stays there, until they follow the branch again."""

from __future__ import annotations

import asyncio

import pytest

from skillport_sync.errors import Invalid, Missing

HEAD = "GET /repos/acme/skills/commits/HEAD"


@pytest.fixture
async def two(running, make):
    """Two commits published, the second one served; the journal is empty."""
    first = running.commit
    second = await running.push({make.path(0): make.skill("s00000", "second")})
    await running.confirmed()
    running.standin.journal.reset()
    return running, first, second


async def rolled_back(mirror, commit, reason="it was wrong"):
    async with asyncio.timeout(20):
        return await mirror.loop.rollback(commit, reason)


async def resumed(mirror):
    async with asyncio.timeout(20):
        return await mirror.loop.resume()


async def test_rollback_serves_the_earlier_commit_byte_for_byte_without_asking_github(two):
    mirror, first, _ = two
    report = await rolled_back(mirror, first[:10])
    assert (report.outcome, report.after) == ("published", first)
    assert mirror.standin.journal.count() == 0
    await mirror.assert_serves(first)
    assert mirror.published.publication.cause == "rollback"


async def test_a_rollback_points_at_the_old_content_and_writes_none(two):
    mirror, first, _ = two
    before = {row.commit: row.content_number for row in await mirror.store.publications("acme")}
    await rolled_back(mirror, first)
    assert mirror.published.publication.content_number == before[first]


async def test_rollback_works_while_github_is_down(two):
    mirror, first, _ = two
    mirror.standin.faults.fail_next("* *", times=50, status=502)
    assert (await rolled_back(mirror, first)).outcome == "published"
    assert mirror.commit == first


async def test_pushes_are_not_followed_while_rolled_back(two, make):
    mirror, first, _ = two
    await rolled_back(mirror, first)
    third = await mirror.push({make.path(1): make.skill("s00001", "third")})
    assert mirror.commit == first
    assert mirror.report.outcome == "held"
    assert first[:10] in mirror.report.reason
    assert third[:10] in mirror.report.reason
    assert "resume" in mirror.report.reason
    assert await mirror.owed() == 0


async def test_resume_follows_the_branch_again(two, make):
    mirror, first, _ = two
    await rolled_back(mirror, first)
    third = await mirror.push({make.path(1): make.skill("s00001", "third")})
    report = await resumed(mirror)
    assert (report.outcome, report.before, report.after) == ("published", first, third)
    await mirror.assert_serves(third)


async def test_a_rollback_outlives_a_restart(two):
    mirror, first, second = two
    await rolled_back(mirror, first)
    await mirror.restart()
    await mirror.settled()
    assert (mirror.commit, mirror.report.outcome) == (first, "held")
    await resumed(mirror)
    await mirror.assert_serves(second)


async def test_a_rollback_outlives_the_loss_of_the_mirror(two):
    mirror, first, _ = two
    await rolled_back(mirror, first)
    await mirror.stop()
    for file in mirror.directory.glob("mirror.db*"):
        file.unlink()
    await mirror.start()
    await mirror.settled()
    await mirror.assert_serves(first)


async def test_a_crash_between_the_pin_and_the_publication_is_made_good_by_the_next_start(two):
    mirror, first, _ = two
    await mirror.state.pin("acme", first, "the process died right after this")
    await mirror.restart()
    await mirror.settled()
    await mirror.assert_serves(first)


async def test_policy_and_content_go_back_together(running, make):
    first = running.commit
    await running.push({".skillport/access.json": make.policy("google:2")})
    await rolled_back(running, first)
    assert running.published.snapshot.policy.editors.ids == {"google:1"}


async def test_going_back_to_what_is_served_stays_there(two, make):
    mirror, _, second = two
    assert (await rolled_back(mirror, second)).outcome == "held"
    await mirror.push({make.path(1): make.skill("s00001", "third")})
    assert mirror.commit == second


async def test_staying_asks_for_nothing_but_one_free_look_at_the_branch(two):
    mirror, first, _ = two
    await rolled_back(mirror, first)
    await mirror.reconcile()
    mirror.standin.journal.reset()
    assert (await mirror.reconcile()).primary_cost == 0
    assert mirror.standin.journal.count() == 1


async def test_staying_needs_no_github(two):
    mirror, _, second = two
    mirror.standin.faults.fail_next("* *", times=50, status=502)
    report = await rolled_back(mirror, second)
    assert (report.outcome, report.after) == ("held", None)
    assert (await mirror.reconcile()).outcome == "held"


async def test_a_commit_that_was_never_published_is_refused_in_a_sentence(two):
    mirror, _, second = two
    with pytest.raises(Missing, match="skillport-sync publications"):
        await rolled_back(mirror, "0" * 40)
    assert await mirror.state.pinned("acme") is None
    assert mirror.commit == second


async def test_a_prefix_of_several_commits_is_refused(two):
    mirror, _, _ = two
    with pytest.raises(Invalid, match="write more of it"):
        await rolled_back(mirror, "")


async def test_the_guard_against_mass_removal_does_not_stand_in_the_way_of_a_rollback(mirror, make):
    await mirror.start()
    await mirror.settled()
    few = mirror.commit
    many = {make.path(n): make.skill(f"s{n:05}") for n in range(40)}
    await mirror.push(many)
    assert (await rolled_back(mirror, few)).outcome == "published"
    await mirror.assert_serves(few)
