"""Owns how many requests GitHub gets: counted in the stand-in's journal, through the real service and signed deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from benchmarks.content import SMALL, Size, marketplace
from benchmarks.cores import Cores
from benchmarks.figures import Figure
from benchmarks.questions import QUESTIONS, modern
from benchmarks.seed import cold_list_requests
from benchmarks.servers.standin import SECRET, OneRepository
from benchmarks.service import MARKETPLACE, folder, in_this_process, settled
from skillport_sync.reports import ReconcileOptions
from skillport_sync.serve import Service

TITLE = "GitHub requests (primary cost, sequential round trips)"
SERVES_HERE = True
LATENCY_S = 0.05
"""Enough that requests at the same time are seen to be so."""
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class _Promise:
    requests: int
    primary: int
    round_trips: int


async def measure(_cores: Cores, *, quick: bool) -> list[Figure]:
    """The five promises, each beside what the seed connector's way takes for the same."""
    size = SMALL
    seed = cold_list_requests(marketplace(size))
    async with _mirroring(size, 0.02 if quick else LATENCY_S) as (github, service):
        figures = _figures(github, f"first sync of {size.files} files", _Promise(5, 4, 4), seed + size.files)
        for files, promise in ((3, _Promise(5, 5, 2)), (400, _Promise(4, 3, 3))):
            await _pushed(github, service, files)
            figures += _figures(github, f"push of {files} files", promise, seed + files)
        async for _ in service.operator.reconcile(ReconcileOptions()):
            pass
        figures += _figures(github, "reconcile, nothing new", _Promise(1, 0, 1), seed, looked_after=4)
        await _asked(service, size)
        figures += _figures(github, f"{len(QUESTIONS)} queries of every kind", _Promise(0, 0, 0), None)
    return figures


@asynccontextmanager
async def _mirroring(size: Size, latency_s: float) -> AsyncIterator[tuple[OneRepository, Service]]:
    """A stand-in GitHub in this process, and a service that has just read it for the first time."""
    async with AsyncExitStack() as stack:
        github = OneRepository(size)
        url = await github.start()
        stack.push_async_callback(github.github.close)
        github.github.latency_s = latency_s
        service = await stack.enter_async_context(in_this_process(stack.enter_context(folder()), url))
        github.repository.add_hook(f"{service.url}/webhooks/github", SECRET)
        yield github, service


async def _pushed(github: OneRepository, service: Service, files: int) -> None:
    published = asyncio.Event()
    service.parts.current.on_swap(lambda _: published.set())
    pushed = await github.push(files)
    assert pushed["answers"] == [202], pushed
    async with asyncio.timeout(WITHIN_S):
        await published.wait()
    await settled(service)
    assert service.parts.current.get()[MARKETPLACE].snapshot.commit == pushed["head"]


async def _asked(service: Service, size: Size) -> None:
    async with aiohttp.ClientSession() as session:
        for question in QUESTIONS.values():
            headers, body = modern(question(size))
            async with session.post(f"{service.url}/mcp", data=body, headers=headers) as answer:
                told = await answer.json()
            assert answer.status == 200, told
            assert not told["result"]["isError"], told


def _figures(
    github: OneRepository, what: str, promise: _Promise, seed: int | None, *, looked_after: int | None = None
) -> list[Figure]:
    spent = github.journal()
    against = "" if seed is None else "seed connector's way: one request per directory and file, one after the other"
    beside = (
        []
        if looked_after is None
        else [Figure("looking after the webhook: requests", spent["looked_after"], "", None, "", looked_after)]
    )
    return [
        *beside,
        Figure(f"{what}: requests", spent["requests"], "", seed, against, promise.requests),
        Figure(f"{what}: primary cost", spent["primary"], "", seed, "the same" if seed else "", promise.primary),
        Figure(f"{what}: round trips", spent["round_trips"], "", seed, "the same" if seed else "", promise.round_trips),
    ]
