"""P7: the machine's clock is set forward or back by two hours. Every wait goes by the other clock, and nothing falls silent."""

from __future__ import annotations

from datetime import timedelta

import pytest

JUMPS_S = pytest.mark.parametrize("jump_s", [7200, -7200], ids=["forward", "back"])


def set_clock(mirror, seconds):
    """Only what time it is changes, and not how much of it has passed."""
    right = mirror.time.now
    mirror.time.now = lambda: right() + timedelta(seconds=seconds)


@JUMPS_S
async def test_what_is_served_is_as_old_as_it_is(running, jump_s):
    await running.time.skip(100)
    set_clock(running, jump_s)
    assert 100 <= running.current.age_s("acme") < 110
    assert not running.current.is_stale("acme")


@JUMPS_S
async def test_a_pull_that_failed_is_tried_again_as_soon_as_ever(running, make, jump_s):
    running.standin.faults.down()
    assert (await running.reconcile()).outcome == "failed"
    lost = running.repository.commit({make.path(0): make.skill("s00000", "lost")})
    set_clock(running, jump_s)
    running.standin.faults.up()
    await running.after(1.0)
    await running.settled()
    await running.assert_serves(lost)


@JUMPS_S
async def test_the_watchdog_finds_what_a_silent_scheduler_does_not(running, make, jump_s):
    set_clock(running, jump_s)
    lost = running.repository.commit({make.path(0): make.skill("s00000", "lost")})
    await running.time.skip(601)
    await running.settled()
    await running.assert_serves(lost)
    assert running.published.publication.cause == "watchdog"


@JUMPS_S
async def test_a_push_is_published_at_once(running, make, jump_s):
    set_clock(running, jump_s)
    commit = await running.push({make.path(0): make.skill("s00000", "new")})
    await running.assert_serves(commit)
    await running.confirmed()
    later = await running.push({make.path(0): make.skill("s00000", "newer")})
    await running.assert_serves(later)
