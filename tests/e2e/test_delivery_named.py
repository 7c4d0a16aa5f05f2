"""From GitHub's list of deliveries to what was published for each: one id, in the receiver's line and in the pull's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from structlog.testing import capture_logs

from skillport_sync import template
from skillport_sync.standin import File, Repository, StandInGitHub

Build = Callable[..., Awaitable[Any]]


def _repository(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit({path: File(file.content, executable=file.executable) for path, file in template.files().items()})
    return repository


def _said(lines: Sequence[Mapping[str, Any]], event: str) -> list[Mapping[str, Any]]:
    return [line for line in lines if line["event"] == event]


async def test_the_pull_that_a_delivery_woke_names_it(standin: StandInGitHub, build_world: Build) -> None:
    repository = _repository(standin)
    with capture_logs() as lines:
        world = await build_world(repository)
        pushed = await repository.push({"README.md": File(b"more")})
        await world.loop.settled()
    (received,) = _said(lines, "delivery_recorded")
    first, published = _said(lines, "snapshot_published")
    assert (published["guid"], published["deliveries"]) == (received["guid"], 1)
    assert (published["cause"], published["commit"]) == ("push", pushed)
    assert not {"guid", "deliveries"} & first.keys(), "the start of the service woke the first one"


async def test_one_pull_for_many_deliveries_names_the_last_and_counts_them(
    standin: StandInGitHub, build_world: Build
) -> None:
    repository = _repository(standin)
    world = await build_world(repository)
    gate = standin.faults.gate("GET /git/commits")
    with capture_logs() as lines:
        await repository.push({"README.md": File(b"0")})
        async with asyncio.timeout(30):
            await gate.reached()
            for n in range(1, 4):
                await repository.push({"README.md": File(b"%d" % n)})
            gate.open()
            await world.loop.settled()
    guids = [line["guid"] for line in _said(lines, "delivery_recorded")]
    assert len(set(guids)) == 4
    named = [(line["guid"], line["deliveries"]) for line in _said(lines, "snapshot_published")]
    assert named == [(guids[0], 1), (guids[3], 3)]
