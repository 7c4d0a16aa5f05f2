"""What GitHub could not deliver: found, explained, and where that is wanted asked for again, once."""

from __future__ import annotations

import pytest
from aiohttp import web
from structlog.testing import capture_logs

ASKED = "POST /repos/*/attempts"


async def lose(house, *texts):
    """Pushes that GitHub tells nobody of, because nobody answers."""
    await house.shut()
    for text in texts:
        await house.push(text)
    await house.open()


async def test_a_delivery_that_nobody_answered_is_explained_and_not_asked_for_again(running):
    await lose(running, "one")
    report = await running.reconcile()
    assert report.outcome == "published"
    told = await running.told()
    (lost,) = told.deliveries
    assert (lost.event, lost.state, told.lost_count) == ("push", "lost", 1)
    assert "not reached" in lost.why
    assert "failed to connect" in lost.why
    assert running.github.journal.count(ASKED) == 0


async def test_with_heal_it_is_asked_for_and_arrives(house, configure):
    configure(sync='heal = "redeliver"')
    house.hook()
    await house.start()
    await house.reconcile("start")
    await lose(house, "one", "two")
    await house.reconcile()
    assert house.github.journal.count(ASKED) == 2
    told = await house.told()
    assert [each.state for each in told.deliveries] == ["arrived", "arrived"]
    assert told.lost_count == 0


async def test_each_is_asked_for_once_however_often_it_fails(house, configure):
    configure(sync='heal = "redeliver"')
    house.hook()
    await house.start()
    await house.reconcile("start")
    await house.shut()
    await house.push("one")
    for _ in range(3):
        await house.reconcile()
    await house.open()
    await house.restart()
    await house.reconcile()
    assert house.github.journal.count(ASKED) == 1
    (lost,) = (await house.told()).deliveries
    assert lost.state == "asked again"


async def test_an_operator_may_ask_for_it_where_heal_only_reports(running):
    await lose(running, "one")
    running.healer.ask(redeliver=True)
    await running.reconcile("operator")
    assert running.healer.redelivered == 1
    assert [each.state for each in (await running.told()).deliveries] == ["arrived"]
    await running.reconcile("operator")
    assert (running.github.journal.count(ASKED), running.healer.redelivered) == (1, 0)


async def test_two_hundred_lost_ones_are_all_found_and_all_asked_for_in_the_end(running):
    await lose(running, *map(str, range(120)))
    for _ in range(4):
        running.healer.ask(redeliver=True)
        await running.reconcile("operator")
    assert running.github.journal.count(ASKED) == 120
    assert (await running.told()).lost_count == 0


async def test_what_github_gave_up_on_and_came_all_the_same_is_no_loss(running):
    running.is_cut = True
    await running.push("slow")
    running.is_cut = False
    running.healer.ask(redeliver=True)
    await running.reconcile("operator")
    told = await running.told()
    assert [(each.state, told.lost_count) for each in told.deliveries] == [("arrived", 0)]
    assert "no answer in time" in told.deliveries[0].why
    assert running.github.journal.count(ASKED) == 0


async def test_what_was_refused_is_asked_for_only_once_something_arrived_since(running, hook):
    hook.secret = "another"
    await running.push("unbelieved")
    running.healer.ask(redeliver=True)
    await running.reconcile("operator")
    assert running.github.journal.count(ASKED) == 0
    (lost,) = (await running.told()).deliveries
    assert "another secret" in lost.why
    hook.secret = "hush"
    running.clock.advance(1)
    await running.push("believed")
    running.healer.ask(redeliver=True)
    await running.reconcile("operator")
    assert running.github.journal.count(ASKED) == 1
    assert (await running.told()).lost_count == 0


async def test_what_somebody_else_answered_is_found_by_comparing_with_the_ledger(running):
    running.clock.advance(1)
    running.answers = lambda _request: web.Response(status=200)
    await running.push("swallowed")
    running.answers = None
    await running.reconcile()
    (lost,) = (await running.told()).deliveries
    assert "never came here" in lost.why
    assert lost.state == "lost"


async def test_what_was_delivered_before_anybody_looked_is_not_missed(house):
    house.hook()
    house.answers = lambda _request: web.Response(status=200)
    await house.start()
    await house.push("to an earlier service")
    house.answers = None
    await house.reconcile("start")
    await house.reconcile()
    assert (await house.told()).deliveries == ()


async def test_a_token_without_webhooks_is_told_so_once_and_not_refused_again_for_an_hour(house):
    house.github.accept_token("token-of-the-mirror", permissions={"contents": "read", "metadata": "read"})
    house.hook()
    await house.start()
    with capture_logs() as lines:
        for _ in range(5):
            await house.reconcile()
    assert await house.states() == ["hooks_not_visible"]
    assert [line["code"] for line in lines if line["event"] == "condition_found"] == ["hooks_not_visible"]
    assert house.github.journal.count("GET /repos/*/hooks*") == 1
    house.healer.ask()
    await house.reconcile("operator")
    assert house.github.journal.count("GET /repos/*/hooks*") == 2
    await house.reconcile(after_s=4000)
    assert house.github.journal.count("GET /repos/*/hooks*") == 3


async def test_a_token_that_may_only_read_webhooks_keeps_what_it_could_not_ask_for(running):
    reading = {"contents": "read", "metadata": "read", "repository_hooks": "read"}
    running.github.accept_token("token-of-the-mirror", permissions=reading)
    await lose(running, "one", "two")
    running.healer.ask(redeliver=True)
    await running.reconcile("operator")
    assert await running.states() == ["redelivery_denied"]
    assert running.github.journal.count(ASKED) == 1
    running.github.accept_token("token-of-the-mirror")
    running.healer.ask(redeliver=True)
    await running.reconcile("operator")
    assert await running.states() == []
    assert (await running.told()).lost_count == 0


async def test_a_process_that_died_after_it_claimed_one_never_asks_for_it_again(running):
    await lose(running, "one")
    await running.reconcile()
    (lost,) = await running.parts.state.healing.lost("acme/skills")
    assert await running.parts.state.healing.claim("acme/skills", lost.guid)
    assert not await running.parts.state.healing.claim("acme/skills", lost.guid)
    await running.restart()
    running.healer.ask(redeliver=True)
    await running.reconcile("operator")
    assert running.github.journal.count(ASKED) == 0


async def test_pushes_that_nobody_told_of_are_named_and_so_are_rewritten_histories(running):
    first = running.repository.head()
    running.clock.advance(1)
    missed = await running.push("quiet", deliver=False)
    running.clock.advance(1)
    told = await running.push("loud")
    running.clock.advance(1)
    await running.repository.deliver(running.repository.force("main", first))
    await running.reconcile()
    pushes = (await running.told()).pushes
    assert [(each.commit, each.missed, each.forced) for each in pushes] == [(first, False, True), (missed, True, False)]
    assert told not in [each.commit for each in pushes]
    await running.reconcile()
    assert len((await running.told()).pushes) == 2


async def test_a_push_of_a_moment_ago_may_still_be_told_of(running):
    running.clock.advance(290)
    await running.push("under way", deliver=False)
    await running.reconcile(after_s=10)
    assert (await running.told()).pushes == ()
    await running.reconcile()
    assert len((await running.told()).pushes) == 1


async def test_looks_are_a_minute_apart_and_cost_four_requests_each(running):
    for _ in range(6):
        await running.reconcile(after_s=20)
    assert running.github.journal.count("GET /repos/*/deliveries") == 2
    running.github.journal.reset()
    await running.reconcile()
    assert running.github.journal.count() == 5


async def test_while_github_is_down_nothing_that_was_found_is_forgotten(running, hook):
    hook.active = False
    await running.reconcile()
    assert await running.states() == ["hook_inactive"]
    running.github.faults.is_down = True
    await running.reconcile()
    assert await running.states() == ["hook_inactive"]
    running.github.faults.is_down = False
    hook.active = True
    await running.reconcile()
    assert await running.states() == []


@pytest.mark.parametrize("path", ["GET /repos/*/deliveries", "GET /repos/*/hooks", "GET /repos/*/activity"])
async def test_a_look_that_fails_halfway_does_not_fail_the_pull(running, path):
    running.github.faults.fail_next(path)
    await running.push("one", deliver=False)
    assert (await running.reconcile()).outcome == "published"
    await running.reconcile()
    assert await running.states() == []
