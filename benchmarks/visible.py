"""Owns how soon a push can be seen: from the push until the publication in memory is swapped, the delivery included.

The stand-in has a process and a core of its own and waits one round trip before it looks at a request; its deliveries are
sent at once. Beside it the seed connector's way, which has to list everything again and read the changed files.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from benchmarks.content import SMALL, Size, edits, marketplace
from benchmarks.cores import Cores, pin
from benchmarks.figures import Figure
from benchmarks.processes import Child, child
from benchmarks.seed import SequentialReader, cold_list_requests
from benchmarks.servers.standin import REPOSITORY, TOKEN
from benchmarks.service import folder, in_this_process, settled
from skillport_sync.publication import Published
from skillport_sync.serve import Service

TITLE = "Push → visible: 3 files of 500, in round trips to GitHub"
SERVES_HERE = True
PROMISES = {0.1: 2.8, 0.05: 3.5}
FILES = 3
SEED_AT_MOST_S = 20.0
WITHIN_S = 120.0


async def measure(cores: Cores, *, quick: bool) -> list[Figure]:
    """Pushes at each latency in turn."""
    rounds = 2 if quick else 9
    pin(cores.server)
    async with child("standin", {"size": size_json(SMALL)}, cores.load) as github, mirror(github) as visible:
        taken: dict[float, list[float]] = {latency_s: [] for latency_s in PROMISES}
        for _ in range(rounds):
            for latency_s, found in taken.items():
                await github.ask("latency", seconds=latency_s)
                found.append(await visible.push(FILES))
        seeds = {
            latency_s: await _seed(github, SMALL, latency_s, 0.002 if quick else latency_s) for latency_s in PROMISES
        }
    figures = []
    for latency_s, found in taken.items():
        median_s, (seed_s, note) = statistics.median(found), seeds[latency_s]
        spread = f"{min(found) * 1000:.0f} to {max(found) * 1000:.0f} ms in {len(found)} pushes"
        label = f"{latency_s * 1000:.0f} ms a round trip"
        figures += [
            Figure(
                f"{label}: time", median_s * 1000, "ms", seed_s * 1000, "seed connector's way", note=f"{spread}{note}"
            ),
            Figure(
                f"{label}: trips", median_s / latency_s, "trips", seed_s / latency_s, "the same", PROMISES[latency_s]
            ),
        ]
    return figures


class Mirror:
    """A service in this process that mirrors a stand-in in another. Both read the same monotonic clock."""

    def __init__(self, github: Child, service: Service) -> None:
        self._github = github
        self.service = service
        self._swaps: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        service.parts.current.on_swap(self._swapped)

    async def push(self, files: int) -> float:
        """Seconds from a push until it is served."""
        pushed = await self._github.ask("push", files=files)
        assert pushed["answers"] == [202], pushed
        async with asyncio.timeout(WITHIN_S):
            while True:
                at_s, commit = await self._swaps.get()
                if commit == pushed["head"]:
                    break
        await settled(self.service)
        return at_s - float(pushed["began_s"])

    def _swapped(self, published: Published) -> None:
        self._swaps.put_nowait((time.monotonic(), published.snapshot.commit))


@asynccontextmanager
async def mirror(github: Child) -> AsyncIterator[Mirror]:
    """In step with the stand-in, and told by it of every push."""
    async with AsyncExitStack() as stack:
        place = stack.enter_context(folder())
        service = await stack.enter_async_context(in_this_process(place, github.told["url"]))
        await github.ask("hook", url=f"{service.url}/webhooks/github")
        yield Mirror(github, service)


def size_json(size: Size) -> dict[str, int]:
    return {"plugins": size.plugins, "skills": size.skills, "files": size.files, "size_bytes": size.size_bytes}


async def _seed(github: Child, size: Size, latency_s: float, measured_at_s: float) -> tuple[float, str]:
    """Seconds of the seed connector's way, and what has to be said of them."""
    requests = cold_list_requests(marketplace(size)) + FILES
    if requests * latency_s > SEED_AT_MOST_S:
        measured_at_s = min(measured_at_s, SEED_AT_MOST_S / 4 / requests)
    await github.ask("latency", seconds=measured_at_s)
    async with aiohttp.ClientSession() as session:
        reader, began_s = SequentialReader(session, github.told["url"], REPOSITORY, TOKEN), time.perf_counter()
        await reader.list_skills()
        await reader.read_all(edits(size, FILES, 1))
        took_s = time.perf_counter() - began_s
    assert reader.requests == requests, (reader.requests, requests)
    if measured_at_s == latency_s:
        return took_s, f"; seed connector's way: {requests} requests"
    scaled_s = took_s + requests * (latency_s - measured_at_s)
    said = f"; seed connector's way: {requests} requests, measured at {measured_at_s * 1000:g} ms and scaled"
    return scaled_s, said
