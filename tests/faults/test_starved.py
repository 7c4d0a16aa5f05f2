"""P12: no file descriptor left. Nobody is let in for a while; as soon as there are some again, all is as before."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp

from skillport_sync.standin import Repository
from tests.faults.running import SECRET, Serve, ask, marketplace, text_of

TOO_MANY = 200


def open_files(serve: Serve) -> int:
    return len(list(Path(f"/proc/{serve.pid}/fd").iterdir()))


async def test_without_file_descriptors_it_lives_on_and_recovers(
    serve_of: Callable[..., Serve],
    repository: Repository,
    http: aiohttp.ClientSession,
    serves: Callable[..., Awaitable[None]],
) -> None:
    serve = serve_of(header_timeout_s=60)  # they stay until they go by themselves
    await serve.start()
    await serve.heard("snapshot_published")
    repository.add_hook(f"{serve.url}/webhooks/github", SECRET, ["push"])
    host, port = serve.url.removeprefix("http://").split(":")
    before = await asyncio.to_thread(open_files, serve)
    serve.limit(resource.RLIMIT_NOFILE, before + 20)
    writers = []
    for _ in range(TOO_MANY):
        _, writer = await asyncio.open_connection(host, int(port))
        writers.append(writer)
    head = repository.commit(marketplace("second"))
    # Nobody can be let in, and what is said over a new connection is lost: GitHub would call it a failed delivery.
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(2), http.get(f"{serve.url}/healthz") as health:
            assert health.status in (200, 503)
    assert await asyncio.to_thread(open_files, serve) <= before + 20
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    async with asyncio.timeout(30):
        while True:
            with suppress(aiohttp.ClientError):
                await ask(http, serve.url)
                break
            await asyncio.sleep(0)
    (delivery,) = await repository.deliver(repository.changes[-1])
    assert delivery.status_code == 202
    await serves(serve, head)
    fetched = await ask(http, serve.url, operation="fetch", skill="letters", paths=["SKILL.md"])
    assert "second" in text_of(fetched)
    assert await serve.stop() == 0
