"""A commit that takes away very many skills waits for an operator; everything else is published as always."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.sync.removal import FEW, is_mass_removal

SKILLS = 24
REMOVED = 13


@pytest.fixture
async def full(mirror, make):
    """In step with a marketplace of 24 skills."""
    mirror.repository.commit(make.marketplace(SKILLS + 2))
    await mirror.start()
    await mirror.settled()
    return mirror


def without(make, count: int):
    return MappingProxyType({make.path(n): None for n in range(count)})


async def test_a_commit_that_removes_more_than_half_is_held(full, make):
    before = full.commit
    emptied = await full.push(without(make, REMOVED))
    assert full.commit == before
    assert full.report.outcome == "held"
    assert full.report.after == emptied
    assert full.report.would_remove[:2] == ("docs/s00000", "docs/s00001")
    assert f"{REMOVED} of {SKILLS} skills" in full.report.reason
    assert f"reconcile --confirm {emptied[:12]}" in full.report.reason


async def test_a_held_commit_is_looked_at_again_for_one_free_request(full, make):
    await full.push(without(make, REMOVED))
    full.standin.journal.reset()
    report = await full.reconcile()
    assert report.outcome == "held"
    assert full.standin.journal.count() == 1
    assert report.primary_cost == 0


async def test_a_held_commit_passes_once_it_is_confirmed(full, make):
    emptied = await full.push(without(make, REMOVED))
    report = await full.reconcile(confirm=emptied[:12])
    assert (report.outcome, report.removed) == ("published", REMOVED)
    await full.assert_serves(emptied)


async def test_confirming_one_commit_lets_no_other_pass(full, make):
    emptied = await full.push(without(make, REMOVED))
    full.repository.commit({make.path(n): None for n in range(REMOVED, SKILLS)})
    report = await full.reconcile(confirm=emptied)
    assert report.outcome == "held"
    assert f"{SKILLS} of {SKILLS}" in report.reason


async def test_a_commit_that_brings_the_skills_back_is_published(full, make):
    await full.push(without(make, REMOVED))
    restored = await full.push({make.path(n): make.skill(f"s{n:05}") for n in range(REMOVED)})
    await full.assert_serves(restored)


async def test_a_restart_still_holds_it(full, make):
    before = full.commit
    await full.push(without(make, REMOVED))
    await full.restart()
    await full.settled()
    assert (full.commit, full.report.outcome) == (before, "held")


async def test_removing_half_is_not_held(full, make):
    halved = await full.push(without(make, SKILLS // 2))
    await full.assert_serves(halved)


async def test_an_operator_may_switch_the_guard_off(full, make):
    full.max_removed_share = None
    await full.restart()
    await full.settled()
    emptied = await full.push(without(make, SKILLS))
    await full.assert_serves(emptied)


async def test_a_rehearsal_says_what_would_be_held_and_keeps_nothing(full, make):
    before = full.commit
    full.repository.commit(without(make, REMOVED))
    assert (await full.reconcile(dry_run=True)).outcome == "held"
    assert full.commit == before


async def test_skills_that_move_inside_their_plugin_are_not_removed(full, make):
    moved = {make.path(n): None for n in range(SKILLS)}
    moved |= {f"plugins/docs/skills/moved-{n}/SKILL.md": make.skill(f"s{n:05}") for n in range(SKILLS)}
    await full.assert_serves(await full.push(moved))


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0, 1))
def test_few_skills_may_always_go_and_all_of_many_never(gone, served, share):
    held = is_mass_removal(gone, served, share)
    assert not (held and gone < FEW)
    assert held or gone < FEW or gone <= share * served
