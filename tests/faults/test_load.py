"""L1, L3, L4, N12: ten thousand deliveries, floods of forgeries, readers who do not read, and senders who never finish."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from skillport_sync.standin import Repository, StandInGitHub
from tests.faults.running import SECRET, Serve, ask, marketplace, skill

BURST = int(os.environ.get("SKILLPORT_BURST", "10000"))
AT_ONCE = 64
Serves = Callable[..., Awaitable[None]]


def memory_bytes(serve: Serve) -> int:
    """What the process holds of the machine's memory."""
    fields = Path(f"/proc/{serve.pid}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(serve: Serve) -> int:
    return len(list(Path(f"/proc/{serve.pid}/fd").iterdir()))


def headers_of(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/load",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={digest}",
    }


async def answered(http: aiohttp.ClientSession, serve: Serve, until: asyncio.Event) -> list[float]:
    """How long each question took, asked one after the other until then."""
    took_s: list[float] = []
    while not until.is_set():
        began_s = time.perf_counter()
        assert (await ask(http, serve.url))["structuredContent"]["skills"]
        took_s.append(time.perf_counter() - began_s)
    return took_s


@pytest.mark.timeout(300)
async def test_ten_thousand_deliveries_are_all_taken_and_cost_a_handful_of_pulls(
    standin: StandInGitHub, repository: Repository, serve: Serve, http: aiohttp.ClientSession, serves: Serves
) -> None:
    url = f"{serve.url}/webhooks/github"
    head = repository.commit(marketplace("second"))
    body = json.dumps(repository.event("push", body={"ref": "refs/heads/main", "after": head}).payload).encode()
    requests_before = len(standin.journal.lines())
    statuses: Counter[int] = Counter()
    left = iter(range(BURST))

    async def send() -> None:
        for _ in left:
            async with http.post(url, data=body, headers=headers_of(body)) as response:
                statuses[response.status] += 1

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answered(http, serve, done))
        async with asyncio.TaskGroup() as senders:
            for _ in range(AT_ONCE):
                senders.create_task(send())
        done.set()
    assert statuses == {202: BURST}
    assert len(asking.result()) > 10
    await serves(serve, head)
    assert len(standin.journal.lines()) - requests_before < BURST / 20
    code, out, err = await serve.command("status", "--json")
    assert code == 0, err
    assert json.loads(out)["marketplaces"][0]["commit"] == head


async def test_a_flood_of_forgeries_leaves_no_trace_and_answers_go_on(
    repository: Repository, serve: Serve, http: aiohttp.ClientSession
) -> None:
    body = json.dumps({"ref": "refs/heads/main", "padding": "x" * 25_000}).encode()
    statuses: Counter[int] = Counter()
    left = iter(range(1_000))
    lines_before = len(serve.said)

    async def send() -> None:
        for number in left:
            headers = headers_of(body, "wrong")
            if number % 2:
                del headers["X-Hub-Signature-256"]
            # An answer may come while the rest is still being sent: it is then not waited for.
            with suppress(aiohttp.ClientOSError):
                async with http.post(f"{serve.url}/webhooks/github", data=body, headers=headers) as response:
                    statuses[response.status] += 1

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answered(http, serve, done))
        async with asyncio.TaskGroup() as senders:
            for _ in range(32):
                senders.create_task(send())
        done.set()
    assert set(statuses) == {401}
    assert asking.result()
    assert len(serve.said) - lines_before < 50
    code, out, err = await serve.command("status", "--json")
    assert (code, json.loads(out)["deliveries"]) == (0, []), err


@pytest.fixture
async def large(serve_of: Callable[..., Serve], repository: Repository) -> Serve:
    """A service with enough skills for a list of some hundred kilobytes."""
    skills = {f"docs/skills/s{n:04}/SKILL.md": skill(f"s{n:04}", "text") for n in range(1_500)}
    repository.commit(marketplace("second", **skills))
    service = serve_of()
    await service.start()
    await service.heard("snapshot_published")
    return service


async def test_readers_who_do_not_read_hold_up_nobody_and_cost_no_more_than_what_they_asked_for(
    large: Serve, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{large.url}/api/skills") as answer:
        size_bytes = len(await answer.read())
    assert size_bytes > 200_000
    host, port = large.url.removeprefix("http://").split(":")
    memory_before, files_before = memory_bytes(large), open_files(large)
    readers = []
    for _ in range(100):
        _, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(f"GET /api/skills HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        await writer.drain()
        readers.append(writer)
    for _ in range(20):
        async with asyncio.timeout(10):
            assert (await ask(http, large.url))["structuredContent"]["skills"]
    assert memory_bytes(large) - memory_before < 100 * size_bytes + 64 * 1024 * 1024
    for writer in readers:
        writer.transport.abort()
    async with asyncio.timeout(20):
        while open_files(large) > files_before + 5:
            await ask(http, large.url)


async def test_senders_who_never_finish_are_cut_off_and_hold_up_nobody(
    serve: Serve, http: aiohttp.ClientSession
) -> None:
    host, port = serve.url.removeprefix("http://").split(":")
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(300)]
    for number, (_, writer) in enumerate(connections):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Drip: "[: number % 30])

    async def drip(writer: asyncio.StreamWriter, closed: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while not closed.is_set():
                writer.write(b"x")
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await closed.wait()

    async def cut_off(reader: asyncio.StreamReader, closed: asyncio.Event) -> None:
        with suppress(ConnectionError):
            await reader.read()
        closed.set()

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(answered(http, serve, done))
        async with asyncio.timeout(30), asyncio.TaskGroup() as senders:
            for reader, writer in connections:
                closed = asyncio.Event()
                senders.create_task(drip(writer, closed))
                senders.create_task(cut_off(reader, closed))
        done.set()
    assert len(asking.result()) > 10
    assert sorted(asking.result())[len(asking.result()) // 2] < 1.0
    for _, writer in connections:
        writer.close()
