"""P8, P9: SIGTERM in the middle of things, and two processes on one data directory."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from skillport_sync.standin import Repository, StandInGitHub
from tests.faults.running import Serve, ask, commit_of, marketplace, text_of

LARGE = {f"docs/skills/letters/{number}.bin": random.Random(number).randbytes(9_000_000) for number in range(4)}


async def archive_of(http: aiohttp.ClientSession, serve: Serve) -> tuple[str, str]:
    """Where the archive of the one plugin is, and its SHA-256 as the catalog says it."""
    async with http.get(f"{serve.url}/marketplace.json") as answer:
        (entry,) = [each for each in (await answer.json())["plugins"] if each["name"] == "docs"]
    return entry["source"]["url"], entry["source"]["sha256"]


async def test_sigterm_lets_a_download_finish_and_leaves_a_pull_to_the_next_start(
    standin: StandInGitHub,
    repository: Repository,
    serve: Serve,
    serves: Callable[[Serve, str], Awaitable[None]],
) -> None:
    await repository.push(LARGE)
    await serves(serve, repository.head())
    before = repository.head()
    async with aiohttp.ClientSession(read_bufsize=4096) as http:
        url, sha256 = await archive_of(http, serve)
        async with http.get(url) as download:
            assert download.status == 200
            assert download.content_length is not None
            assert download.content_length > sum(map(len, LARGE.values()))
            digest = hashlib.sha256(await download.content.readexactly(1))
            gate = standin.faults.gate("GET /repos/*/git/commits/*")
            after = repository.commit(marketplace("second"))
            await repository.deliver(repository.changes[-1])
            async with asyncio.timeout(30):
                await gate.reached()
            began_s = time.monotonic()
            serve.send(signal.SIGTERM)
            await serve.heard("service_stopping")
            async for chunk in download.content.iter_any():
                digest.update(chunk)
            assert digest.hexdigest() == sha256
        assert await serve.ended() == 0
        assert time.monotonic() - began_s < 12
        assert "service_stopped" in [line["event"] for line in serve.said]
        assert not [line for line in serve.said if line.get("level") == "error"]
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(f"{serve.url}/healthz")
        gate.open()
        # The next start serves what was published, and makes good the pull that it owes.
        standin.faults.hang_next("GET /repos/*/*", times=100)
        await serve.start()
        assert commit_of(await ask(http, serve.url)) == before
        standin.faults.clear()
        await serve.stop()
        await serve.start()
        await serves(serve, after)
        assert text_of(await ask(http, serve.url, operation="fetch", skill="letters", paths=["SKILL.md"])) == (
            "---\nname: letters\ndescription: Does letters.\n---\nsecond\n"
        )


async def test_a_second_process_on_the_same_data_says_who_has_it_and_disturbs_nothing(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    second = Serve(serve.config)
    async with second:
        await second.begin()
        assert await second.ended() == 4
    said = "\n".join(line["event"] for line in second.said)
    assert f"is in use by process {serve.pid}" in said
    assert "Traceback" not in said
    assert (await ask(http, serve.url))["structuredContent"]["skills"]
    code, out, err = await serve.command("status", "--json")
    assert (code, err) == (0, ""), out


async def test_a_command_beside_a_service_asks_it_and_takes_nothing_from_it(
    serve: Serve, repository: Repository, serves: Callable[[Serve, str], Awaitable[None]]
) -> None:
    head = repository.commit(marketplace("second"))
    code, out, err = await serve.command("reconcile")
    assert code == 0, out + err
    assert head[:10] in out
    await serves(serve, head)
