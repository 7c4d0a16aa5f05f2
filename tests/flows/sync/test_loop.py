"""The loop, seen from outside: when it pulls, how often, what it forgets and what it never does."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from skillport_sync.errors import Unavailable
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.ledger import Concern, DeliveryFacts, DeliveryState
from skillport_sync.sync.loop import Order
from skillport_sync.sync.wakeups import REST_S

ACME = MarketplaceName("acme")
HEAD = "GET /commits/HEAD"


async def states(mirror) -> list[DeliveryState]:
    """Of the deliveries, oldest first."""
    return [entry.state for entry in reversed(await mirror.state.recent_deliveries())]


# --- when it pulls --------------------------------------------------------------------------------------------------------


async def test_a_push_is_published_and_its_delivery_done(running, make):
    await running.push({make.path(0): make.skill("s00000", "new")})
    await running.assert_serves(running.repository.head())
    assert await states(running) == [DeliveryState.DONE]
    assert await running.owed() == 0
    assert running.published.publication.cause == "push"


async def test_a_burst_of_deliveries_is_one_pull_and_one_more(running, make):
    gate = running.standin.faults.gate("GET /git/commits")
    for n in range(50):
        running.repository.commit({make.path(0): make.skill("s00000", f"{n}")})
    await running.receive(running.repository.changes[-50])
    await gate.reached()
    for change in running.repository.changes[-49:]:
        await running.receive(change)
    gate.open()
    await running.settled()
    assert running.commit == running.repository.head()
    assert len(await running.store.publications("acme")) == 3, "the first sync, the first push, all the others"
    assert set(await states(running)) == {DeliveryState.DONE}


async def test_a_push_during_a_pull_is_not_lost(running, make):
    gate = running.standin.faults.gate("GET /git/blobs")
    running.repository.commit({make.path(0): make.skill("s00000", "during")})
    await running.receive(running.repository.changes[-1])
    await gate.reached()
    second = running.repository.commit({make.path(1): make.skill("s00001", "meanwhile")})
    await running.receive(running.repository.changes[-1])
    gate.open()
    await running.settled()
    await running.assert_serves(second)
    assert await states(running) == [DeliveryState.DONE] * 2


async def test_deliveries_out_of_order_and_repeated_end_at_the_last_push(running, make):
    for n in range(4):
        running.repository.commit({make.path(0): make.skill("s00000", f"{n}")})
    gate = running.standin.faults.gate("* *")
    running.loop.wake("reconcile")
    await gate.reached()
    changes = running.repository.changes[-4:]
    for at in (2, 0, 3, 0, 1, 2):
        await running.receive(changes[at], guid=f"push-{at}")
    gate.open()
    await running.settled()
    await running.assert_serves(running.repository.head())
    assert await states(running) == [DeliveryState.DONE] * 4


async def test_a_lost_delivery_is_made_up_for_by_the_next_reconcile(running, make):
    lost = running.repository.commit({make.path(0): make.skill("s00000", "lost")})
    running.loop.wake("reconcile")
    await running.settled()
    await running.assert_serves(lost)
    assert running.published.publication.cause == "reconcile"


async def test_deliveries_of_nothing_new_are_a_handful_of_pulls(running):
    """Ten thousand in a second and a half are not ten thousand checks, and the last one is answered for."""
    change, began_s = running.repository.changes[-1], running.time.monotonic_s()
    for n in range(300):
        await running.receive(change, guid=f"guid-{n}")
        await running.time.skip(0.005)
    await running.time.skip(REST_S)
    await running.settled()
    assert running.standin.journal.count() <= (running.time.monotonic_s() - began_s) / REST_S + 1
    assert set(await states(running)) == {DeliveryState.DONE}


async def test_a_silent_scheduler_is_made_up_for(running, make):
    """The wall clock jumped back, or the scheduler died: the loop looks by itself every other interval."""
    lost = running.repository.commit({make.path(0): make.skill("s00000", "lost")})
    await running.time.skip(601)
    await running.settled()
    await running.assert_serves(lost)
    assert running.published.publication.cause == "watchdog"


# --- pushes as hints ------------------------------------------------------------------------------------------------------


async def test_a_followed_push_is_confirmed_ten_seconds_later(running, make):
    await running.push({make.path(0): make.skill("s00000", "new")})
    assert running.standin.journal.count(HEAD) == 0
    await running.confirmed()
    assert running.standin.journal.count(HEAD) == 1
    assert running.report.outcome == "unchanged"


async def test_what_was_pushed_after_a_followed_push_without_a_word_is_found_when_it_is_confirmed(running, make):
    running.repository.commit({make.path(0): make.skill("s00000", "told")})
    told = running.repository.changes[-1]
    untold = running.repository.commit({make.path(0): make.skill("s00000", "untold")})
    await running.receive(told)
    await running.settled()
    assert running.commit == told.after
    await running.confirmed()
    await running.assert_serves(untold)


async def test_a_push_that_reads_do_not_show_yet_is_waited_for(running, make):
    before = running.commit
    pushed = running.repository.commit({make.path(0): make.skill("s00000", "new")})
    running.standin.faults.answer_stale_head(times=3, commit=before)
    running.standin.faults.hide_commit(pushed, times=6)
    report = await running.pulled(await running.receive(running.repository.changes[-1]))
    for backoff_s in (0.5, 1.0, 2.0):
        assert running.commit == before
        assert report.reason == "a push names a commit that GitHub does not show yet"
        assert await states(running) == [DeliveryState.OWED]
        report = await running.after(backoff_s)
    await running.settled()
    await running.assert_serves(pushed)
    assert await states(running) == [DeliveryState.DONE]


async def test_a_push_that_never_shows_is_waited_for_a_minute_and_costs_little(running, make):
    """Pushed, delivered, and forced away before anybody looked."""
    before = running.commit
    running.repository.commit({make.path(0): make.skill("s00000", "gone")})
    gone = running.repository.changes[-1]
    running.repository.force("main", before)
    running.standin.faults.hide_commit(gone.after, times=1_000)
    await running.pulled(await running.receive(gone))
    for backoff_s in (0.5, 1, 2, 4, 8, 16, 32):
        assert await states(running) == [DeliveryState.OWED]
        await running.after(backoff_s)
    await running.settled()
    assert running.commit == before
    assert await states(running) == [DeliveryState.DONE]
    assert running.standin.journal.count(HEAD) == 8


async def test_pushes_older_than_a_minute_are_not_followed_but_the_branch_is_read(running, make):
    """A process that was down for an hour finds what it was owed, and trusts the branch more than an old push."""
    await running.stop()
    running.repository.commit({make.path(0): make.skill("s00000", "old")})
    old = running.repository.changes[-1]
    newest = running.repository.commit({make.path(0): make.skill("s00000", "newest")})
    running.standin.faults.down()
    await running.start(wake=False)
    await running.pulled(await running.receive(old))
    await running.stop()
    await running.time.skip(3_600)
    running.standin.faults.up()
    running.standin.journal.reset()
    await running.start()
    await running.settled()
    await running.assert_serves(newest)
    assert running.standin.journal.count(HEAD) == 1
    assert await running.owed() == 0


# --- what is said of it ---------------------------------------------------------------------------------------------------

DELIVERED = ("guid", "deliveries")


def delivered(lines, event: str) -> list[tuple[object, ...]]:
    """What these lines say of the deliveries behind their pulls."""
    return [tuple(line.get(key) for key in DELIVERED) for line in lines if line["event"] == event]


async def test_a_pulls_line_names_the_last_of_the_deliveries_it_answers_for_and_says_how_many(running, make):
    gate = running.standin.faults.gate("GET /git/commits")
    with capture_logs() as lines:
        for n in range(4):
            running.repository.commit({make.path(0): make.skill("s00000", f"{n}")})
            await running.receive(running.repository.changes[-1], guid=f"push-{n}")
            await gate.reached()  # by the first; the others come while its pull is under way
        gate.open()
        await running.settled()
        await running.confirmed()
    assert delivered(lines, "snapshot_published") == [("push-0", 1), ("push-3", 3)]
    (confirmation,) = [line for line in lines if line["event"] == "head_confirmed"]
    assert not confirmation.keys() & set(DELIVERED), "nobody delivered anything for it"


async def test_a_pull_that_is_tried_again_is_for_the_same_delivery(running, make):
    running.standin.faults.down()
    running.repository.commit({make.path(0): make.skill("s00000", "new")})
    with capture_logs() as lines:
        await running.pulled(await running.receive(running.repository.changes[-1], guid="push"))
        running.standin.faults.up()
        await running.after(60.0)
        await running.settled()
    assert delivered(lines, "pull_failed") == [("push", 1)]
    assert delivered(lines, "snapshot_published") == [("push", 1)]


async def test_a_rehearsal_names_no_delivery_and_an_order_those_it_answers_for(running, make):
    gate = running.standin.faults.gate(HEAD)
    rehearsal = asyncio.create_task(running.reconcile(dry_run=True))
    await gate.reached()
    running.repository.commit({make.path(0): make.skill("s00000", "new")})
    await running.state.record(DeliveryFacts("push", 1, "push"), [Concern(ACME, "push")])
    again = asyncio.create_task(running.reconcile(dry_run=True))
    order = asyncio.create_task(running.reconcile())
    with capture_logs() as lines:
        gate.open()
        await asyncio.gather(rehearsal, again, order)
    assert delivered(lines, "pull_rehearsed") == [(None, None)] * 2
    assert delivered(lines, "snapshot_published") == [("push", 1)]


# --- operators ------------------------------------------------------------------------------------------------------------


async def test_an_order_goes_ahead_of_any_backoff(running, make):
    running.standin.faults.down()
    for _ in range(6):
        await running.reconcile()
    running.standin.faults.up()
    pushed = running.repository.commit({make.path(0): make.skill("s00000", "new")})
    assert (await running.reconcile()).outcome == "published"
    assert running.commit == pushed


async def test_an_order_answers_for_what_was_owed(running):
    running.loop.wake("push")
    await running.reconcile()
    await running.settled()
    assert running.standin.journal.count() == 1


async def test_a_rehearsal_answers_for_nothing(running, make):
    running.repository.commit({make.path(0): make.skill("s00000", "new")})
    gate = running.standin.faults.gate(HEAD)
    rehearsal = asyncio.create_task(running.reconcile(dry_run=True))
    await gate.reached()
    await running.receive(running.repository.changes[-1])
    gate.open()
    assert (await rehearsal).outcome == "would_publish"
    await running.settled()
    await running.assert_serves(running.repository.head())


async def test_an_operator_who_leaves_does_not_stop_the_pull(running, make):
    gate = running.standin.faults.gate("GET /git/blobs")
    pushed = running.repository.commit({make.path(0): make.skill("s00000", "new")})
    order = asyncio.create_task(running.loop.order(Order(), running.progress.append))
    await gate.reached()
    order.cancel()
    with pytest.raises(asyncio.CancelledError):
        await order
    gate.open()
    await running.settled()
    assert running.commit == pushed


async def test_an_order_that_nobody_waits_for_any_more_is_not_begun(running):
    gate = running.standin.faults.gate("* *")
    first = asyncio.create_task(running.reconcile())
    await gate.reached()
    second = asyncio.create_task(running.loop.order(Order(full=True), running.progress.append))
    await asyncio.sleep(0)
    second.cancel()
    gate.open()
    await first
    await running.settled()
    assert running.standin.journal.count("GET /git/blobs") == 0


async def test_operators_are_answered_one_after_the_other(running):
    reports = await asyncio.gather(running.reconcile(), running.reconcile(), running.reconcile())
    assert [report.outcome for report in reports] == ["unchanged"] * 3
    assert running.standin.journal.count() == 3


async def test_operators_are_told_when_the_service_stops_under_them(running):
    gate = running.standin.faults.gate("* *")
    orders = [asyncio.create_task(running.loop.order(Order(), running.progress.append)) for _ in range(2)]
    await gate.reached()
    await running.stop()
    for answer in await asyncio.gather(*orders, return_exceptions=True):
        assert isinstance(answer, Unavailable), answer
        assert answer.code == "stopping"
    with pytest.raises(Unavailable, match="stopping"):
        await running.loop.order(Order(), running.progress.append)


async def test_progress_that_cannot_be_told_fails_the_order_and_not_the_loop(running, make):
    def closed(_progress: object) -> None:
        raise BrokenPipeError

    report = await running.loop.order(Order(), closed)
    assert report.outcome == "failed"
    assert running.loop.last_failure == "pull_crashed"
    pushed = await running.push({make.path(0): make.skill("s00000", "new")})
    assert running.commit == pushed


async def test_settled_waits_for_all_that_is_owed(running, make):
    running.loop.wake("push")
    waiting = asyncio.create_task(running.loop.settled())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting
    assert running.standin.journal.count() == 1
