"""A sample of ``make fuzz``, always the same; and that what it looks for would be found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from skillport_sync.listener import bind, site
from tests.fuzz.blocks import Block, blocks_of, run
from tests.fuzz.judging import ENOUGH_TO_MEASURE, MOST_FAILURES, judge
from tests.fuzz.mutation import as_json, spoiled_bytes, spoiled_json
from tests.fuzz.target import Attempt, CaseId, Target, Verdict, WrongError
from tests.fuzz.targets import ALL, TARGETS, share
from tests.fuzz.wire import Wire

SEED = 20261121
CASES = 500
AT_LEAST = 40


def target(attempt: Callable[[Random], Awaitable[None]], limit_s: float = 5.0) -> Target:
    @asynccontextmanager
    async def opened(_folder: Path) -> AsyncIterator[Attempt]:
        yield attempt

    return Target("a-target", 1, limit_s, opened)


async def tried(
    attempt: Callable[[Random], Awaitable[None]], cases: int, folder: Path, limit_s: float = 5.0
) -> Verdict:
    return await judge(target(attempt, limit_s), SEED, range(cases), folder)


@pytest.mark.parametrize("sampled", TARGETS, ids=lambda each: each.name)
async def test_nothing_of_a_sample_goes_wrong(sampled: Target, tmp_path: Path) -> None:
    cases = max(AT_LEAST, share(sampled, CASES))
    verdict = await judge(sampled, SEED, range(cases), tmp_path)
    assert verdict.failures == []
    assert verdict.cases == cases


def test_a_whole_run_is_a_hundred_thousand_cases_and_every_target_has_a_name_of_its_own() -> None:
    assert ALL >= 100_000
    assert len({each.name for each in TARGETS}) == len(TARGETS)


async def test_what_gets_out_is_told_with_the_case_that_repeats_it(tmp_path: Path) -> None:
    seen: list[float] = []

    async def attempt(rng: Random) -> None:
        seen.append(rng.random())
        if len(seen) == 4:
            raise KeyError("oh")

    verdict = await tried(attempt, 10, tmp_path)
    (failure,) = verdict.failures
    assert failure.case == f"a-target:{SEED}:3"
    assert "KeyError" in failure.why
    assert CaseId.parse(failure.case).dice().random() == seen[3]


async def test_a_target_that_always_fails_is_given_up(tmp_path: Path) -> None:
    async def attempt(rng: Random) -> None:
        raise WrongError("always")

    verdict = await tried(attempt, 1_000, tmp_path)
    assert len(verdict.failures) == verdict.cases == MOST_FAILURES


async def test_who_computes_or_waits_for_ever_is_broken_off(tmp_path: Path) -> None:
    async def computing(rng: Random) -> None:
        while True:
            pass

    async def waiting(rng: Random) -> None:
        await asyncio.Event().wait()

    for attempt, why in ((computing, "HungError"), (waiting, "no answer within")):
        verdict = await tried(attempt, 1, tmp_path, limit_s=0.05)
        assert [why in failure.why for failure in verdict.failures] == [True]


async def test_a_process_that_grows_is_found(tmp_path: Path) -> None:
    kept: list[bytearray] = []

    async def attempt(rng: Random) -> None:
        kept.append(bytearray(b"x") * 150_000)

    verdict = await tried(attempt, ENOUGH_TO_MEASURE, tmp_path)
    assert ["grew by" in failure.why for failure in verdict.failures] == [True]


async def test_a_server_error_a_closed_connection_and_what_is_no_json_are_wrong() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/closed":
            assert request.transport is not None
            request.transport.close()
        bodies = {"/503": (503, "{}"), "/json": (200, "{"), "/bare": (400, "{}"), "/good": (400, '{"error": "x"}')}
        status, body = bodies.get(request.path, (200, "{}"))
        return web.Response(status=status, text=body, content_type="application/json")

    listener = bind("127.0.0.1", 0)
    routes = [web.route("*", "/{path:.*}", answer)]
    async with site(listener, routes, max_body_bytes=1024, header_timeout_s=5, keepalive_s=5, drain_s=1):
        wire = Wire(listener.url)
        assert (await wire.ask("GET", "/good")).status == 400
        for path in ("/503", "/json", "/bare", "/closed"):
            with pytest.raises(WrongError):
                await wire.ask("GET", path)
        with pytest.raises(WrongError):
            await wire.ask("GET", "/good", expected={200})
        await wire.close()


async def test_a_block_is_tried_in_a_process_of_its_own_and_one_that_dies_is_told_of(tmp_path: Path) -> None:
    done = await run(Block("tar", SEED, 0, 40), tmp_path / "good")
    assert (done.cases, done.failures) == (40, [])
    died = await run(Block("no-such-target", SEED, 0, 40), tmp_path / "bad")
    assert ["the process ended with 1" in failure.why for failure in died.failures] == [True]


def test_blocks_are_all_the_cases_and_read_as_they_are_written() -> None:
    blocks = list(blocks_of("tar", 1, 12_345))
    assert [number for block in blocks for number in range(block.start, block.stop)] == list(range(12_345))
    assert [Block.parse(str(block)) for block in blocks] == blocks
    assert Block.parse("tar:1:7") == Block("tar", 1, 7, 8)


def test_the_same_dice_make_the_same_input_and_others_another() -> None:
    def made(number: int) -> tuple[bytes, bytes]:
        rng = CaseId("x", SEED, number).dice()
        return spoiled_bytes(rng, b"a valid input" * 9), as_json(rng, spoiled_json(rng, {"a": [1, {"b": "c"}]}))

    assert made(1) == made(1)
    assert len({made(number) for number in range(50)}) > 45
