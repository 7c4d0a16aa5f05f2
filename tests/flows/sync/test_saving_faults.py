"""Saving while GitHub fails: the branch holds the old or the new commit, and what is asked again is not done twice."""

from __future__ import annotations

import asyncio

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
from skillport_sync.errors import SkillportError
from skillport_sync.sync.saves import Clash, Saved, Unchanged

SKILL = "s00001"
PLACE = f"plugins/docs/skills/{SKILL}"
PROGRAM = Save(SKILL, (FileWish("run.sh", b"#!/bin/sh\n", executable=True), FileWish("a.bin", b"\0\1\2")))
WISHES = [
    Save(SKILL, (FileWish("notes.txt", b"new\n"),)),
    PROGRAM,
    Delete(SKILL),
    Bump(SKILL, Part.MINOR),
    Publish(SKILL, "Documents.", tags=("surface:CALL",)),
    Unpublish(SKILL),
    Rename(SKILL, "text"),
]
OF_ALL = ["POST /graphql", "GET /repos/*"]
OF_PROGRAMS = ["POST /repos/*/git/blobs", "POST /repos/*/git/trees", "POST /repos/*/git/commits"]
STRIKES = [
    *((wish, pattern) for wish in WISHES for pattern in OF_ALL),
    *((PROGRAM, pattern) for pattern in OF_PROGRAMS),
]


def named(case):
    if isinstance(case, str):
        return case.rpartition("/")[2]
    return "SaveProgram" if case is PROGRAM else type(case).__name__


def strike(faults, pattern, kind, *, late):
    if kind == "reset":
        faults.reset_next(pattern, late=late)
    else:
        faults.fail_next(pattern, status=502, late=late)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["reset", "502"])
@pytest.mark.parametrize(("wish", "pattern"), STRIKES, ids=named)
async def test_a_fault_at_any_request_leaves_the_old_or_the_new_commit(editing, pattern, wish, kind, late):
    await editing.mirror.push({"plugins/docs/.claude-plugin/plugin.json": b'{"name": "docs", "version": "1.0.0"}'})
    before, length = editing.repository.head(), len(editing.history())
    strike(editing.mirror.standin.faults, pattern, kind, late=late)
    try:
        outcome = await editing.save(wish, message="Once")
    except SkillportError:
        outcome = None
        assert editing.repository.head() == before
    if outcome is not None:
        assert isinstance(outcome, Saved), outcome
        assert editing.repository.head() == outcome.commit
    editing.mirror.standin.faults.clear()
    again = await editing.save(wish, message="Once") if outcome is None else None
    assert again is None or isinstance(again, Saved)
    assert editing.history().count("Once") == 1
    assert len(editing.history()) == length + 1
    await editing.mirror.settled()
    await editing.mirror.assert_serves(editing.repository.head())


async def test_a_save_that_was_never_answered_but_landed_is_found_and_not_made_twice(editing):
    editing.mirror.standin.faults.reset_next("POST /graphql", late=True)
    editing.mirror.standin.faults.answer_stale_head(1)
    saved = await editing.save(WISHES[0], message="Once")
    assert isinstance(saved, Saved)
    assert editing.history().count("Once") == 1
    await editing.mirror.assert_serves(saved.commit)


async def test_a_commit_that_others_built_on_before_it_was_found_is_ours_all_the_same(editing):
    gate = editing.mirror.standin.faults.gate("GET /repos/*/git/ref/*")
    editing.mirror.standin.faults.reset_next("POST /graphql", late=True)

    async def meanwhile():
        await gate.reached()
        editing.repository.commit({"README.md": b"Theirs.\n"})
        gate.open()

    saving, _ = await asyncio.gather(editing.save(WISHES[0], message="Once"), meanwhile())
    assert isinstance(saving, Saved)
    assert editing.history()[:2] != ["Once", "Once"]
    assert editing.history().count("Once") == 1
    await editing.mirror.settled()


async def test_a_request_that_is_sent_again_after_its_answer_was_lost_on_our_side_changes_nothing(editing):
    for wish in (WISHES[0], Publish(SKILL, "Documents.", tags=("surface:CALL",))):
        assert isinstance(await editing.save(wish), Saved)
        assert isinstance(await editing.save(wish), Unchanged)
    base = editing.mirror.published.snapshot.skills_named(f"docs/{SKILL}")[0].revision
    assert isinstance(await editing.save(Delete(SKILL), base=base), Saved)
    assert isinstance(await editing.save(Delete(SKILL), base=base), Clash)
    assert isinstance(await editing.save(Delete(SKILL)), ChangeRefused)


async def test_a_commit_that_lands_while_reads_lag_behind_is_served_and_confirmed_later(editing):
    first = editing.repository.head()
    saved = await editing.save(WISHES[0])
    editing.mirror.standin.faults.answer_stale_head(1, first)
    await editing.mirror.confirmed()
    assert editing.mirror.commit == saved.commit
    await editing.mirror.time.skip(60.0)
    await editing.mirror.settled()
    assert editing.mirror.commit == saved.commit
