"""Saving through pull requests: a branch and a pull request a person and skill, until somebody merges or closes it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from skillport_sync.catalog.change.wishes import ChangeRefused, FileWish, Save
from skillport_sync.errors import Conflict, SkillportError, Unavailable
from skillport_sync.sync.saves import NotAllowed, Proposed, Rehearsed, Unchanged

SKILL = "s00001"
PLACE = f"plugins/docs/skills/{SKILL}"


@pytest.fixture
def proposing(editing_with):
    return editing_with("pull_request")


def write(content=b"new\n", skill=SKILL, path="notes.txt"):
    return Save(skill, (FileWish(path, content),))


async def test_a_save_becomes_a_pull_request_and_the_branch_stays(proposing):
    before = proposing.repository.head()
    outcome = await proposing.save(write())
    assert isinstance(outcome, Proposed)
    assert outcome.is_new
    assert proposing.repository.head() == before == proposing.mirror.commit
    (pull,) = proposing.repository.pulls
    assert (pull.number, pull.base, pull.head) == (outcome.proposal.number, "main", outcome.proposal.branch)
    assert pull.head.startswith("skillport/docs/")
    assert proposing.repository.head(pull.head) == outcome.commit
    assert proposing.repository.read(f"{PLACE}/notes.txt", outcome.commit) == b"new\n"
    assert "Google:1" in pull.body
    assert f"`{PLACE}/notes.txt` created" in pull.body


async def test_a_protected_branch_gets_a_pull_request_unasked(editing):
    editing.repository.protected_branches.add("main")
    outcome = await editing.save(write())
    assert isinstance(outcome, Proposed)
    assert "protected" in outcome.why


async def test_later_saves_by_the_same_person_go_on_the_same_branch(proposing):
    first = await proposing.save(write())
    second = await proposing.save(write(b"better\n"))
    assert isinstance(second, Proposed)
    assert not second.is_new
    assert second.proposal.number == first.proposal.number
    assert proposing.repository.objects.commit(second.commit).parents == (first.commit,)
    assert len(list(proposing.repository.pulls)) == 1
    third = await proposing.save(write(path="more.txt"))
    assert proposing.repository.read(f"{PLACE}/notes.txt", third.commit) == b"better\n"
    (pull,) = proposing.repository.pulls
    assert "more.txt" in pull.body
    assert (await proposing.save(write(b"better\n"))).commit == third.commit


async def test_other_people_and_other_skills_have_pull_requests_of_their_own(proposing, make):
    policy = make.policy("google:1").replace(b'{"id": "google:1"}', b'{"id": "google:1"}, {"id": "google:2"}')
    await proposing.mirror.push({".skillport/access.json": policy})
    numbers = {(await proposing.save(write(), who=who)).proposal.number for who in ("google:1", "google:2")} | {
        (await proposing.save(write(skill="s00002"))).proposal.number
    }
    assert len(numbers) == 3


async def test_a_skill_that_is_only_proposed_can_be_changed_by_whoever_proposed_it(proposing):
    md = b"---\nname: fresh\ndescription: New.\n---\nBody.\n"
    new = Save("fresh", (FileWish("SKILL.md", md),), group="docs")
    first = await proposing.save(new, new=True)
    assert isinstance(first, Proposed)
    more = Save("fresh", (FileWish("more.txt", b"x"),), group="docs")
    second = await proposing.save(more, new=True)
    assert isinstance(second, Proposed), second
    assert second.proposal.number == first.proposal.number
    assert proposing.repository.read("plugins/docs/skills/fresh/SKILL.md", second.commit) == md


async def test_who_may_not_write_proposes_nothing(proposing):
    assert isinstance(await proposing.save(write(), who="google:2"), NotAllowed)
    assert list(proposing.repository.pulls) == []


async def test_whose_right_is_taken_away_does_not_go_on_with_their_pull_request(proposing, make):
    await proposing.save(write())
    await proposing.mirror.push({".skillport/access.json": make.policy("google:9")})
    assert isinstance(await proposing.save(write(b"more\n")), NotAllowed)


async def test_a_merged_pull_request_is_over_and_what_it_held_is_served(proposing):
    first = await proposing.save(write())
    change, _ = proposing.repository.pulls.merge(first.proposal.number)
    await proposing.mirror.receive(change)
    await proposing.mirror.settled()
    assert await proposing.proposals.refresh() == 1
    assert await proposing.proposals.listed() == []
    assert proposing.mirror.published.snapshot.files[f"{PLACE}/notes.txt"]
    second = await proposing.save(write(b"better\n"))
    assert second.is_new
    assert second.proposal.number != first.proposal.number


async def test_a_closed_pull_request_is_over_also_where_nobody_told(proposing):
    first = await proposing.save(write())
    proposing.repository.pulls.close(first.proposal.number)
    second = await proposing.save(write(b"better\n"))
    assert second.is_new
    rows = await proposing.mirror.state.proposals.listed("acme")
    assert {row.number: row.state for row in rows} == {first.proposal.number: "closed", second.proposal.number: "open"}


async def test_with_nothing_under_way_github_is_not_asked(proposing):
    assert await proposing.proposals.refresh() == 0
    assert proposing.mirror.standin.journal.lines() == []


async def test_a_rehearsal_proposes_nothing(proposing):
    assert isinstance(await proposing.save(write(), dry_run=True), Rehearsed)
    assert list(proposing.repository.pulls) == []
    await proposing.save(write())
    rehearsed = await proposing.save(write(b"better\n"), dry_run=True)
    assert isinstance(rehearsed, Rehearsed)
    assert "-new" in rehearsed.diff
    assert "+better" in rehearsed.diff


async def test_what_is_wrong_with_a_change_is_refused_there_too(proposing):
    await proposing.save(write())
    refused = await proposing.save(Save(SKILL, (FileWish("SKILL.md", b"x"),)))
    assert isinstance(refused, ChangeRefused)


async def test_somebody_else_on_the_branch_is_not_overwritten(proposing):
    first = await proposing.save(write())
    branch = first.proposal.branch
    proposing.repository.commit({f"{PLACE}/theirs.txt": b"theirs\n"}, branch=branch)
    second = await proposing.save(write(b"better\n"))
    assert proposing.repository.read(f"{PLACE}/theirs.txt", second.commit) == b"theirs\n"


REQUESTS = ["POST /repos/*/git/refs", "POST /graphql", "POST /repos/*/pulls"]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("pattern", REQUESTS, ids=lambda pattern: pattern.rpartition("/")[2])
async def test_after_a_fault_at_any_request_and_another_try_there_is_one_pull_request(proposing, pattern, late):
    before = proposing.repository.head()
    proposing.mirror.standin.faults.fail_next(pattern, status=502, late=late)
    with suppress(Unavailable, Conflict):
        await proposing.save(write())
    proposing.mirror.standin.faults.clear()
    outcome = await proposing.save(write())
    assert isinstance(outcome, Proposed | Unchanged)
    assert proposing.repository.head() == before
    (pull,) = proposing.repository.pulls
    assert proposing.repository.read(f"{PLACE}/notes.txt", proposing.repository.head(pull.head)) == b"new\n"
    assert outcome.proposal.number == pull.number


async def test_without_the_right_to_open_pull_requests_it_is_said(editing_with):
    editing = editing_with("pull_request", pull_requests="read")
    with pytest.raises(SkillportError) as refused:
        await editing.save(write())
    assert refused.value.code == "github_permission_missing"
    assert "pull" in refused.value.message


async def test_a_process_that_died_while_it_opened_one_starts_afresh(proposing):
    rows = proposing.mirror.state.proposals
    await rows.begin("acme", "skillport/docs/dead", person="google:1", plugin="docs", skill=SKILL, title="x")
    outcome = await proposing.save(write())
    assert isinstance(outcome, Proposed)
    assert {row.branch: row.state for row in await rows.listed("acme")} == {
        "skillport/docs/dead": "closed",
        outcome.proposal.branch: "open",
    }


async def test_a_webhook_that_says_one_ended_and_every_reconcile_find_out_what_became_of_it(proposing):
    proposing.mirror.loop.follow_up(proposing.proposals.refresh)
    for cause in ("pull_request_closed", "reconcile"):
        outcome = await proposing.save(write(f"{cause}\n".encode()))
        proposing.repository.pulls.close(outcome.proposal.number)
        before = proposing.mirror.loop.last
        proposing.mirror.loop.wake(cause)
        await proposing.mirror.pulled(before)
        await proposing.mirror.settled()
        assert await proposing.proposals.listed() == []


async def test_what_cannot_be_found_out_now_disturbs_nothing(proposing):
    proposing.mirror.loop.follow_up(proposing.proposals.refresh)
    outcome = await proposing.save(write())
    proposing.repository.pulls.close(outcome.proposal.number)
    proposing.mirror.standin.faults.fail_next("GET /repos/*/pulls*", status=502)
    assert (await proposing.mirror.reconcile()).outcome == "unchanged"
    assert len(await proposing.proposals.listed()) == 1
    await proposing.mirror.reconcile()
    assert await proposing.proposals.listed() == []
