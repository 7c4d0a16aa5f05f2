"""N13: a name that cannot be resolved, an address that swallows everything, a proxy that wants a password."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from skillport_sync.clock import SystemClock
from skillport_sync.errors import Unavailable
from skillport_sync.github.budget import Limits
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken
from skillport_sync.outbound import open_session

TOKEN = "token-of-the-tests"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


def github(session: aiohttp.ClientSession, url: str) -> GitHub:
    limits = Limits(total_timeout_s=1.0)
    return GitHub(session, StaticToken(TOKEN), api_url=url, clock=SystemClock(), limits=limits)


async def test_a_name_that_cannot_be_resolved_is_unavailable(session: aiohttp.ClientSession) -> None:
    with pytest.raises(Unavailable) as failure:
        await github(session, "https://github.invalid").head("acme/skills", "main", None)
    assert TOKEN not in str(failure.value)


async def test_an_address_that_swallows_everything_is_given_up_in_time(session: aiohttp.ClientSession) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:  # takes connections, and never says a word
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable):
                await github(session, url).head("acme/skills", "main", None)


async def test_a_proxy_that_wants_a_password_is_unavailable_and_learns_no_token(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.headers}")
        return web.Response(status=407, headers={"Proxy-Authenticate": "Basic"})

    application = web.Application()
    application.router.add_route("*", "/{anything:.*}", refuse)
    async with TestServer(application, skip_url_asserts=True) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(Unavailable):
            await github(session, "https://github.invalid").head("acme/skills", "main", None)
    assert TOKEN not in "".join(seen)
