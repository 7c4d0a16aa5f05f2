"""Deliveries go through one by one, in order, and whoever else waits for the event loop gets turns in between."""

from __future__ import annotations

import asyncio
import itertools

from webhooks.turnstile import RESTING_TURNS, Turnstile


async def test_work_goes_through_in_order_with_turns_for_others_in_between() -> None:
    turnstile, turns, seen = Turnstile(), 0, []

    async def work(number: int) -> None:
        await turnstile.turn()
        seen.append((number, turns))

    async def others() -> None:
        nonlocal turns
        while len(seen) < 5:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(others())
        for number in range(5):
            group.create_task(work(number))
    assert [number for number, _ in seen] == [0, 1, 2, 3, 4]
    waited = [turn for _, turn in seen[1:]]
    between = {later - earlier - 1 for earlier, later in itertools.pairwise(waited)}
    assert between == {RESTING_TURNS} == {3}


def is_at_once(turnstile: Turnstile) -> bool:
    asking = turnstile.turn()
    try:
        asking.send(None)
    except StopIteration:
        return True
    asking.close()
    return False


async def test_who_is_alone_does_not_wait_and_who_is_not_does() -> None:
    turnstile = Turnstile()
    assert is_at_once(turnstile)
    assert not is_at_once(turnstile)
    async with asyncio.timeout(5):
        await turnstile.turn()
    assert not is_at_once(turnstile), "the next one comes when whoever else waits has had its turns"
    for _ in range(20):
        await asyncio.sleep(0)
    assert is_at_once(turnstile)


async def test_whoever_gives_up_waiting_holds_up_nobody() -> None:
    turnstile = Turnstile()
    tasks = [asyncio.ensure_future(turnstile.turn()) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await turnstile.turn()
    assert [type(result) for result in results] == [type(None), asyncio.CancelledError, type(None), type(None)]
