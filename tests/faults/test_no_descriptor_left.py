"""P12: not one file descriptor left, from the first question on. Whoever is in already is answered, or put off with 503."""

from __future__ import annotations

import resource
from collections.abc import Callable

import aiohttp

from skillport_sync.standin import Repository
from tests.faults.running import SOON_S, Serve, text_of

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
HEADERS = {"MCP-Protocol-Version": "2025-11-25"}
ASKED = ("/api/skills", "/api/skills/docs/letters", "/api/skills/docs/letters/install", "/marketplace.json", "/readyz")


async def test_who_is_let_in_is_answered_or_put_off_without_one_file_descriptor(
    serve_of: Callable[..., Serve], repository: Repository
) -> None:
    assert repository.head()
    serve = serve_of()
    await serve.start()
    await serve.heard("snapshot_published")
    timeout, one = aiohttp.ClientTimeout(total=SOON_S), aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(timeout=timeout, connector=one) as http:
        async with http.get(f"{serve.url}/healthz") as health:  # the connection is made, nothing else was ever asked
            assert health.status == 200
        serve.limit(resource.RLIMIT_NOFILE, 1)
        question = {**CALL, "params": {"name": "skillport", "arguments": {"operation": "fetch", "skill": "letters"}}}
        async with http.post(f"{serve.url}/mcp", json=question, headers=HEADERS) as answer:
            said = await answer.json()
            assert answer.status == 200, said
            assert "first" in text_of(said["result"])
        starved = {path: await _status(http, f"{serve.url}{path}") for path in ASKED}
        assert set(starved.values()) <= {200, 503}, starved
        assert starved["/marketplace.json"] == 503
        serve.limit(resource.RLIMIT_NOFILE, None)
        assert {await _status(http, f"{serve.url}{path}") for path in ASKED} == {200}


async def _status(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as response:
        await response.read()
        return response.status
