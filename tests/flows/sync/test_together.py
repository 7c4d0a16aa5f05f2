"""Concurrent steps: the first error comes out as itself, and being cancelled is stronger than any error."""

from __future__ import annotations

import asyncio

import pytest

from skillport_sync.errors import Broken, Unavailable
from skillport_sync.sync.together import together


async def fail(error: Exception) -> None:
    raise error


async def fail_when_cancelled() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise Unavailable("the connection was cut") from None


async def test_the_first_error_is_raised_as_itself_and_the_others_are_cancelled():
    others = []
    with pytest.raises(Broken):  # noqa: PT012 - what raises is leaving the block
        async with together() as steps:
            steps.begin(fail(Broken("lies")))
            others = [steps.begin(asyncio.Event().wait()), steps.begin(fail_when_cancelled())]
    assert all(task.done() for task in others)


async def test_an_error_of_the_block_itself_ends_the_steps():
    steps_begun = []
    with pytest.raises(Broken):  # noqa: PT012
        async with together() as steps:
            steps_begun.append(steps.begin(fail_when_cancelled()))
            await asyncio.sleep(0)
            await fail(Broken("lies"))
    assert steps_begun[0].done()


async def test_results_are_there_when_all_went_well():
    async with together() as steps:
        tasks = [steps.begin(asyncio.sleep(0, number)) for number in range(3)]
    assert [task.result() for task in tasks] == [0, 1, 2]


async def test_without_steps_nothing_is_waited_for():
    async with together():
        pass


async def test_who_is_cancelled_is_cancelled_even_if_a_step_fails_over_it():
    """Or a service that is asked to stop just when a connection is cut would go on."""
    begun = asyncio.Event()

    async def pull() -> None:
        async with together() as steps:
            steps.begin(fail_when_cancelled())
            begun.set()

    task = asyncio.create_task(pull())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
