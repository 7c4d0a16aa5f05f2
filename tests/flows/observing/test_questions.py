"""Questions over MCP: each is counted once, and so is whether it was answered from memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcp_server.authentication import API_TOKEN, Caller, ConnectorAuthentication
from mcp_server.endpoint import mcp_routes
from skillport_sync.observing.counts import Counts

TOKEN = "sps_" + "a" * 43


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
async def ask(published: Any, giving_of: Any, counts: Counts) -> AsyncIterator[Any]:
    """``await ask(query="pdf")``: the tool's result, over HTTP, as the handshake era asks."""
    caller = Caller(published.alice, "token:alice")

    async def find(digest: bytes) -> Caller | None:
        return caller if digest == hashlib.sha256(TOKEN.encode()).digest() else None

    app = web.Application()
    app.add_routes(
        mcp_routes(
            queries=published.queries,
            giving=await giving_of(published),
            authenticator=ConnectorAuthentication({API_TOKEN: find}, published.clock),
            allowed_hosts=frozenset({"127.0.0.1:*"}),
            allowed_origins=frozenset(),
            on_query=counts.queries.add,
            hot_counts=counts.hot,
        )
    )
    async with TestServer(app, host="127.0.0.1") as server, aiohttp.ClientSession() as http:

        async def asks(**arguments: object) -> Any:
            params = {"name": "skillport", "arguments": arguments}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            headers = {"Authorization": f"Bearer {TOKEN}", "MCP-Protocol-Version": "2025-11-25"}
            async with http.post(server.make_url("/mcp"), json=body, headers=headers) as response:
                return (await response.json())["result"]

        yield asks


async def test_the_first_is_a_miss_and_every_further_one_a_hit(ask: Any, counts: Counts) -> None:
    for _ in range(4):
        await ask(operation="list", query="pdf")
    assert (counts.hot.misses, counts.hot.hits) == (1, 3)
    assert 0 < counts.hot.size_bytes < 100_000
    assert dict(counts.queries.read()) == {("list", "mcp", "ok"): 4}


async def test_what_is_never_remembered_is_a_miss_each_time(ask: Any, counts: Counts) -> None:
    for _ in range(2):
        assert (await ask(operation="fetch", skill="no-such-skill"))["isError"]
    assert (counts.hot.misses, counts.hot.hits) == (2, 0)
    (((operation, surface, outcome), count),) = counts.queries.read()
    assert (operation, surface, count) == ("fetch", "mcp", 2)
    assert outcome not in ("ok", "no-such-skill")


async def test_an_operation_that_somebody_made_up_is_no_label(ask: Any, counts: Counts) -> None:
    await ask(operation="salaries of everybody")
    (((operation, _, _), _),) = counts.queries.read()
    assert operation == "unknown"
