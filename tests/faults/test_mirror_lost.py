"""P5: mirror.db is lost under a service that is being asked: what needs it is answered, or put off with 503, never a 500."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.faults.running import Serve
from tests.faults.test_disk import empty, fetched, overwrite, remove

ASKED = (
    "/api/skills/docs/letters",
    "/api/skills/docs/letters/versions",
    "/api/skills/docs/letters/install",
    "/marketplace.json",
    "/readyz",
)


def scribble(path: Path) -> None:
    """Its first page is as it was, all others are noise."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


@pytest.mark.parametrize("damage", [overwrite, empty, remove, scribble])
async def test_what_needs_a_lost_mirror_is_put_off_and_then_answered_again(
    damage: Callable[[Path], None], serve: Serve, http: aiohttp.ClientSession
) -> None:
    damage(serve.config.parent / "data" / "mirror.db")
    healed = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        seen = [group.create_task(_statuses(http, f"{serve.url}{path}", healed)) for path in ASKED]
        async with asyncio.timeout(60):
            await serve.command("reconcile", "--verify")
            await serve.command("reconcile")
        healed.set()
    assert set().union(*(task.result() for task in seen)) <= {200, 503}
    assert [await _status(http, f"{serve.url}{path}") for path in ASKED] == [200] * len(ASKED)
    assert "first" in await fetched(http, serve)


async def _statuses(http: aiohttp.ClientSession, url: str, enough: asyncio.Event) -> set[int]:
    """What whoever asks again and again is answered."""
    seen = {await _status(http, url)}
    while not enough.is_set():
        seen.add(await _status(http, url))
    return seen


async def _status(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as response:
        told = await response.text()
        assert tempfile.gettempdir() not in told, "where the files are is nobody's business"
        assert response.status != 503 or response.headers.get("Retry-After"), "it says when to come back"
        return response.status
