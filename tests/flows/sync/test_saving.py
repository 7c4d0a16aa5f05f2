"""Saving: one change is one commit or nothing, decided under the policy it lands on, and served when the answer comes."""

from __future__ import annotations

import asyncio
import json

import pytest

from skillport_sync.catalog.change.wishes import (
    Bump,
    ChangeRefused,
    Delete,
    FileWish,
    Part,
    Publish,
    Rename,
    Save,
    Unpublish,
)
from skillport_sync.errors import Conflict, Denied, Unavailable
from skillport_sync.git.objects import TreeId
from skillport_sync.sync.saves import Clash, NotAllowed, Rehearsed, Saved, Unchanged

SKILL = "s00001"
PLACE = f"plugins/docs/skills/{SKILL}"


def write(skill, path="notes.txt", content=b"new\n", **fields):
    return Save(skill, (FileWish(path, content),), **fields)


def asked(standin):
    return standin.journal.lines()


async def test_a_save_is_one_commit_and_one_request_and_is_served_at_once(editing, make):
    before = editing.repository.head()
    saved = await editing.save(write(SKILL, "SKILL.md", make.skill(SKILL, "Better.")))
    assert isinstance(saved, Saved)
    assert saved.commit == editing.repository.head() == editing.mirror.commit
    assert saved.publication == editing.mirror.published.publication.id
    assert editing.repository.objects.commit(saved.commit).parents == (before,)
    await editing.mirror.assert_serves(saved.commit)
    lines = asked(editing.mirror.standin)
    assert len([line for line in lines if "/graphql" in line]) == 1
    assert len(lines) <= 2  # the first time the default branch is asked for


async def test_from_the_second_save_on_github_is_asked_once(editing):
    await editing.save(write(SKILL))
    editing.mirror.standin.journal.reset()
    assert isinstance(await editing.save(write(SKILL, content=b"again\n")), Saved)
    assert len(asked(editing.mirror.standin)) == 1


async def test_the_commit_names_whoever_asked_for_it(editing):
    saved = await editing.save(write(SKILL), message="Say more")
    message = editing.repository.objects.commit(saved.commit).message
    assert message.split("\n")[0] == "Say more"
    assert "Requested-by: Google:1 <google:1>" in message
    assert "Co-authored-by: Google:1 <1@acme.example>" in message


async def test_a_program_is_saved_as_one(editing):
    saved = await editing.save(Save(SKILL, (FileWish("run.sh", b"#!/bin/sh\n", executable=True),)))
    assert isinstance(saved, Saved)
    assert editing.mirror.published.snapshot.files[f"{PLACE}/run.sh"].mode.is_executable
    await editing.mirror.assert_serves(saved.commit)


@pytest.mark.parametrize(
    "wish",
    [
        write(SKILL),
        Delete(SKILL),
        Bump(SKILL, Part.MINOR),
        Publish(SKILL, "Documents.", tags=("surface:CALL",)),
        Unpublish(SKILL),
        Rename(SKILL, "text"),
    ],
    ids=lambda wish: type(wish).__name__,
)
async def test_every_operation_ends_in_what_the_repository_then_holds(editing, wish):
    if isinstance(wish, Bump):
        await editing.mirror.push({"plugins/docs/.claude-plugin/plugin.json": b'{"name": "docs", "version": "1.0.0"}'})
    saved = await editing.save(wish)
    assert isinstance(saved, Saved), saved
    await editing.mirror.assert_serves(saved.commit)
    assert editing.repository.head() == saved.commit


async def test_a_rehearsal_shows_the_change_and_makes_none(editing):
    before = editing.repository.head()
    rehearsed = await editing.save(write(SKILL), dry_run=True)
    assert isinstance(rehearsed, Rehearsed)
    assert "+new" in rehearsed.diff
    assert f"b/{PLACE}/notes.txt" in rehearsed.diff
    assert editing.repository.head() == before == editing.mirror.commit
    assert not [line for line in asked(editing.mirror.standin) if "graphql" in line]


async def test_saving_what_is_there_already_makes_no_commit(editing):
    await editing.save(write(SKILL))
    head = editing.repository.head()
    assert await editing.save(write(SKILL)) == Unchanged(head)
    assert editing.repository.head() == head


async def test_who_may_not_write_makes_no_commit(editing):
    before = editing.repository.head()
    for wish, new in [
        (write(SKILL), False),
        (Delete(SKILL), False),
        (Rename(SKILL, "text"), False),
        (write("x"), True),
    ]:
        assert isinstance(await editing.save(wish, who="google:2", new=new), NotAllowed)
    assert editing.repository.head() == before


async def test_who_may_write_one_skill_changes_it_and_makes_publishes_and_renames_none(editing):
    policy = {
        "version": "1.0",
        "editors": [{"id": "google:1"}],
        "skills": {"docs": {"read": "*", "write": [{"id": "google:2"}]}},
        "defaults": {"read": "*", "write": "editors"},
    }
    await editing.mirror.push({".skillport/access.json": json.dumps(policy).encode()})
    assert isinstance(await editing.save(write(SKILL), who="google:2"), Saved)
    new = write("fresh", "SKILL.md", b"---\nname: fresh\ndescription: New.\n---\n", group="docs")
    assert isinstance(await editing.save(new, who="google:2", new=True), NotAllowed)
    assert isinstance(await editing.save(Rename(SKILL, "text"), who="google:2"), NotAllowed)
    key = b"ghp_" + b"aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
    assert isinstance(await editing.save(write(SKILL, "k", key, allow_secrets=True), who="google:2"), NotAllowed)
    assert isinstance(await editing.save(new, new=True), Saved)


async def test_a_name_that_somebody_may_not_see_is_taken_like_any_other(editing):
    refused = await editing.save(write(SKILL, "SKILL.md", b"x"), new=True)
    assert isinstance(refused, ChangeRefused)
    assert refused.code == "name_taken"


async def test_a_branch_that_moved_elsewhere_is_followed_and_the_save_lands_on_it(editing, make):
    await editing.save(write(SKILL))
    theirs = editing.repository.commit({"README.md": b"Hello.\n"})
    saved = await editing.save(write(SKILL, content=b"mine\n"))
    assert isinstance(saved, Saved)
    assert editing.repository.objects.commit(saved.commit).parents == (theirs,)
    assert editing.repository.read("README.md") == b"Hello.\n"


async def test_what_was_decided_is_decided_again_under_the_policy_it_lands_on(editing, make):
    editing.repository.commit({".skillport/access.json": make.policy("google:9")})
    assert isinstance(await editing.save(write(SKILL)), NotAllowed)
    assert len(editing.history()) == 2


async def test_nothing_lands_on_a_head_whose_policy_nobody_can_read(editing):
    editing.repository.commit({".skillport/access.json": b"{"})
    with pytest.raises(Conflict) as refused:
        await editing.save(write(SKILL))
    assert refused.value.code == "head_not_published"
    assert len(editing.history()) == 2


async def test_a_skill_that_somebody_else_changed_meanwhile_is_not_overwritten(editing, make):
    editing.repository.commit({f"{PLACE}/SKILL.md": make.skill(SKILL, "Theirs.")})
    head = editing.repository.head()
    clash = await editing.save(write(SKILL, "SKILL.md", make.skill(SKILL, "Mine.")))
    assert isinstance(clash, Clash)
    assert editing.repository.head() == head
    assert clash.yours == ("SKILL.md",)
    assert clash.theirs == ("SKILL.md",)
    assert [(both.path, "Theirs." in both.content) for both in clash.both] == [("SKILL.md", True)]


async def test_a_change_made_from_an_older_revision_is_told_both_sides(editing, make):
    base = editing.mirror.published.snapshot.skills_named(f"docs/{SKILL}")[0].revision
    await editing.mirror.push({f"{PLACE}/a.txt": b"theirs\n"})
    clash = await editing.save(write(SKILL, "b.txt"), base=base)
    assert isinstance(clash, Clash)
    assert (clash.base, clash.theirs, clash.both) == (base, ("a.txt",), ())
    assert clash.current == editing.mirror.published.snapshot.skills_named(f"docs/{SKILL}")[0].revision
    assert isinstance(await editing.save(write(SKILL, "b.txt"), base=clash.current), Saved)


async def test_a_skill_that_is_gone_is_a_clash_for_whoever_changed_it(editing):
    base = editing.mirror.published.snapshot.skills_named(f"docs/{SKILL}")[0].revision
    assert isinstance(await editing.save(Delete(SKILL), base=base), Saved)
    clash = await editing.save(write(SKILL), base=base)
    assert isinstance(clash, Clash)
    assert clash.current is None


async def test_a_base_that_nobody_remembers_is_still_a_clash(editing):
    clash = await editing.save(write(SKILL), base=TreeId("1" * 40))
    assert isinstance(clash, Clash)
    assert clash.theirs is None


async def test_a_rename_keeps_the_rules_that_name_the_skill(editing):
    policy = {
        "version": "1.0",
        "editors": [{"id": "google:1"}],
        "skills": {SKILL: {"read": [{"id": "google:1"}], "write": "editors"}},
        "defaults": {"read": "*", "write": "editors"},
    }
    await editing.mirror.push({".skillport/access.json": json.dumps(policy).encode()})
    refused = await editing.save(Rename(SKILL, "text"))
    assert isinstance(refused, ChangeRefused)
    assert refused.code == "rules_name_it"
    policy["skills"]["text"] = policy["skills"][SKILL]
    await editing.mirror.push({".skillport/access.json": json.dumps(policy).encode()})
    assert isinstance(await editing.save(Rename(SKILL, "text")), Saved)


async def test_nothing_is_changed_while_an_operator_serves_an_earlier_commit(editing):
    first = editing.mirror.commit
    await editing.mirror.push({"README.md": b"x"})
    await editing.mirror.loop.rollback(first, "broken")
    with pytest.raises(Denied) as refused:
        await editing.save(write(SKILL))
    assert refused.value.code == "rolled_back"
    await editing.mirror.loop.resume()
    assert isinstance(await editing.save(write(SKILL)), Saved)


async def test_a_credential_that_may_not_write_is_told_which_permission_is_missing(editing_with):
    editing = editing_with(contents="read")
    with pytest.raises(Denied) as refused:
        await editing.save(write(SKILL))
    assert refused.value.code == "github_permission_missing"
    assert "contents" in refused.value.message
    assert len(editing.history()) == 1


async def test_an_archived_repository_is_said(editing):
    editing.repository.archive()
    with pytest.raises(Denied) as refused:
        await editing.save(write(SKILL))
    assert refused.value.code == "repository_archived"


async def test_with_github_down_nothing_is_written_and_what_is_served_stays(editing):
    await editing.save(write(SKILL))
    served = editing.mirror.commit
    editing.mirror.standin.faults.down()
    with pytest.raises(Unavailable):
        await editing.save(write(SKILL, content=b"lost\n"))
    editing.mirror.standin.faults.up()
    assert editing.mirror.commit == served == editing.repository.head()


async def test_editors_who_save_at_once_all_land_once_and_none_is_lost(editing):
    editing.mirror.standin.limits.off = True
    editors = 50
    skills = [f"s{at % 10:05}" for at in range(editors)]
    outcomes = await asyncio.gather(
        *(
            editing.save(write(skill, f"by-{at}.txt", b"%d\n" % at), message=f"by {at}")
            for at, skill in enumerate(skills)
        )
    )
    assert [outcome for outcome in outcomes if not isinstance(outcome, Saved)] == []
    headlines = editing.history()
    assert sorted(line for line in headlines if line.startswith("by ")) == sorted(f"by {at}" for at in range(editors))
    for at, skill in enumerate(skills):
        assert editing.repository.read(f"plugins/docs/skills/{skill}/by-{at}.txt") == b"%d\n" % at
    await editing.mirror.assert_serves(editing.repository.head())


async def test_editors_of_one_file_who_start_from_one_revision_are_told_that_they_clash(editing):
    base = editing.mirror.published.snapshot.skills_named(f"docs/{SKILL}")[0].revision
    outcomes = await asyncio.gather(*(editing.save(write(SKILL, content=b"%d\n" % at), base=base) for at in range(5)))
    assert len([outcome for outcome in outcomes if isinstance(outcome, Saved)]) == 1
    assert len([outcome for outcome in outcomes if isinstance(outcome, Clash)]) == 4
