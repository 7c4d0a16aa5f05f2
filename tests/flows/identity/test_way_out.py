"""The session that GitHub and providers are asked through: proxies as the environment says, passwords of a ``.netrc`` never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcp_server.identity.provider import Identity
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken
from skillport_sync.outbound import open_session
from skillport_sync.standin.identity import ADA

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
async def web_session() -> AsyncIterator[aiohttp.ClientSession]:
    """The service's own."""
    async with open_session() as session:
        yield session


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """No proxy, and a password for this machine that nobody should be shown."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login operator password private\nmachine 127.0.0.1 login operator password private\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    return monkeypatch


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A server on this machine, and what it was asked."""
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"state": "active"})

    application = web.Application()
    application.router.add_route("*", "/{anything:.*}", handle)
    async with TestServer(application) as server:
        yield f"http://127.0.0.1:{server.port}", seen


@pytest.mark.parametrize("preset", ["oidc", "google", "microsoft", "github"])
async def test_a_netrc_is_shown_to_no_provider(sign_in_at, idp, preset, monkeypatch):
    shown: list[tuple[str, str]] = []
    exchange = aiohttp.ClientRequest.send

    async def send(self, conn):
        shown.append((f"{self.method} {self.url.path}", self.headers.get("Authorization", "")))
        return await exchange(self, conn)

    monkeypatch.setattr(aiohttp.ClientRequest, "send", send)
    idp.client_authentication = ("client_secret_post",)
    assert isinstance(await sign_in_at(preset).as_(ADA), Identity)
    assert len(shown) > 3
    assert [asked for asked, authorization in shown if authorization.startswith("Basic")] == []


async def test_a_client_that_shows_its_own_secret_is_not_in_its_way(sign_in_at, idp):
    idp.client_authentication = ("client_secret_basic",)
    assert isinstance(await sign_in_at("oidc").as_(ADA), Identity)


async def test_a_netrc_is_not_in_the_way_of_the_token_that_reads_the_repository(standin, web_session, clock):
    repository = standin.create_repository("acme/skills")
    head = repository.commit({"a": b"1"})
    github = GitHub(web_session, StaticToken("token-of-the-tests"), api_url=standin.api_url, clock=clock)
    assert (await github.head("acme/skills", "HEAD", None)).commit == head


async def test_a_proxy_of_the_environment_is_used_but_where_no_proxy_says_otherwise(environment, web_session):
    async with listening() as (proxy, through), listening() as (direct, seen):
        environment.setenv("http_proxy", proxy.replace("http://", "http://us:pass@"))
        environment.setenv("no_proxy", "127.0.0.1")
        async with web_session.get("http://provider.invalid/document?a=1") as answer:
            assert answer.status == 200
        async with web_session.get(f"{direct}/document") as answer:
            assert answer.status == 200
    assert [request.raw_path for request in through] == ["http://provider.invalid/document?a=1"]
    assert through[0].headers["Proxy-Authorization"] == "Basic dXM6cGFzcw=="
    assert [request.raw_path for request in seen] == ["/document"]
    assert not any("Authorization" in request.headers for request in (*through, *seen))


async def test_a_proxy_that_cannot_be_used_is_not_gone_around(environment, web_session):
    async with listening() as (direct, seen):
        environment.setenv("http_proxy", "socks5://127.0.0.1:9")
        with pytest.raises(aiohttp.ClientError):
            await web_session.get(f"{direct}/document")
    assert seen == []
