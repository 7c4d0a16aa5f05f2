"""Owns what the tests of faults stand on: a repository, and the service as a process of its own that mirrors it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from skillport_sync.standin import Repository, StandInGitHub
from tests.faults.running import REPOSITORY, SECRET, SOON_S, Serve, ask, commit_of, configure, marketplace


@pytest.fixture
def repository(standin: StandInGitHub) -> Repository:
    standin.limits.off = True
    found = standin.create_repository(REPOSITORY)
    found.commit(marketplace())
    return found


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SOON_S)) as session:
        yield session


@pytest.fixture
async def serve_of(standin: StandInGitHub, tmp_path: Path) -> AsyncIterator[Callable[..., Serve]]:
    """``serve_of(**configuration)``: a service that is not started yet; ended with the test, whatever became of it."""
    async with AsyncExitStack() as stack:
        made: list[Serve] = []

        def make(*before: str, **how: object) -> Serve:
            made.append(Serve(configure(tmp_path / "service", standin.api_url, **how), before))  # type: ignore[arg-type]
            return made[-1]

        stack.push_async_callback(_end, made)
        yield make


async def _end(made: list[Serve]) -> None:
    for serve in made:
        await serve.__aexit__()


@pytest.fixture
async def serve(serve_of: Callable[..., Serve], repository: Repository) -> Serve:
    """A service that serves the repository's first commit, and hears of its pushes."""
    service = serve_of()
    await service.start()
    await service.heard("snapshot_published")
    repository.add_hook(f"{service.url}/webhooks/github", SECRET, ["push"])
    return service


@pytest.fixture
def serves(http: aiohttp.ClientSession) -> Callable[..., Awaitable[None]]:
    """``await serves(service, commit)``: returns once answers are of this commit. A third word is the token to ask with."""

    async def wait(service: Serve, commit: str, token: str | None = None) -> None:
        async with asyncio.timeout(SOON_S):
            while True:
                news = service.next_line()
                if commit_of(await ask(http, service.url, token)) == commit:
                    return
                await news.wait()

    return wait
