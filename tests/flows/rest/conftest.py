"""Owns the REST API of a published marketplace, served on a loopback port to Alice, an editor, and Bob, who may not read all."""

from __future__ import annotations

import hashlib
import io
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, get_unused_port_socket
from yarl import URL

from mcp_server.archives.shelf import Shelf
from mcp_server.authentication import API_TOKEN, Authenticator, Caller, ConnectorAuthentication
from mcp_server.front_door import FrontDoor
from mcp_server.install.installs import unnoted
from mcp_server.install.links import InstallLinks
from mcp_server.install.routes import install_routes
from mcp_server.oauth.metadata import Addresses
from mcp_server.rest.routes import rest_routes
from skillport_sync.clock import SystemEntropy
from skillport_sync.store.state import StateStore
from skillport_sync.template.own_skill import own_skill

PEOPLE = {"alice": "sps_of-alice", "bob": "sps_of-bob"}
SIGN_IN = Addresses("https://skills.acme.example")


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """A client of one service. Paths are sent as they are written, percent signs and all."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession) -> None:
        self.base_url = base_url
        self._session = session

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        who: str | None = "bob",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One request; a ``body`` that is no bytes is sent as JSON."""
        sent = dict(headers or {})
        if who is not None:
            sent.setdefault("Authorization", f"Bearer {PEOPLE[who]}")
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        data = raw if raw is None or len(raw) < 1024 * 1024 else io.BytesIO(raw)
        url = URL(self.base_url + path, encoded=True)
        async with self._session.request(method, url, data=data, headers=sent, allow_redirects=False) as response:
            return Answered(response.status, response.headers, await response.read())

    async def get(self, path: str, who: str = "bob") -> Any:
        """The JSON of an answer that must have gone well."""
        seen = await self.ask(path, who=who)
        assert seen.status == 200, seen.body
        return seen.json

    async def refused(self, path: str, **how: Any) -> tuple[int, str]:
        """Status and code of what must have gone wrong, in the one form of errors."""
        seen = await self.ask(path, **how)
        assert seen.status >= 400, seen.body
        assert seen.json.keys() == {"error", "message", "code"}
        return seen.status, seen.json["code"]


ServeRoutes = Callable[..., Awaitable[Api]]


@pytest.fixture
async def serve_routes() -> AsyncIterator[ServeRoutes]:
    """``await serve_routes(routes)``: these, on a port of their own, or on ``sock``."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def serve(routes: list[web.RouteDef], sock: socket.socket | None = None) -> Api:
            app = web.Application()
            app.add_routes(routes)
            server = TestServer(
                app, host="127.0.0.1", socket_factory=lambda *_: sock or get_unused_port_socket("127.0.0.1")
            )
            await server.start_server(access_log=None)
            stack.push_async_callback(server.close)
            return Api(str(server.make_url("")).rstrip("/"), session)

        yield serve


@pytest.fixture
def door_of(clock):
    """A front door that knows Alice and Bob, or asks another authenticator."""

    def door(
        alice=None, bob=None, authenticator: Authenticator | None = None, sign_in: Addresses | None = SIGN_IN
    ) -> FrontDoor:
        people = {
            hashlib.sha256(PEOPLE[who].encode()).digest(): Caller(principal, f"token:{who}")
            for who, principal in (("alice", alice), ("bob", bob))
            if principal is not None
        }

        async def find(digest: bytes) -> Caller | None:
            return people.get(digest)

        return FrontDoor(
            authenticator or ConnectorAuthentication({API_TOKEN: find}, clock),
            allowed_hosts=frozenset({"127.0.0.1:*"}),
            allowed_origins=frozenset({"http://localhost:*", "https://claude.example"}),
            sign_in=sign_in,
        )

    return door


@pytest.fixture
async def api_of(serve_routes, door_of, reads, asked, clock, tmp_path):
    """``await api_of(publisher)``: the REST API of what it publishes, and the installer that its links lead to."""
    state = await StateStore.open(tmp_path / "state.db", clock=clock)

    async def serve(publisher) -> Api:
        sock = get_unused_port_socket("127.0.0.1")
        base_url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        door = door_of(publisher.alice, publisher.bob)
        links = InstallLinks(
            queries=publisher.queries,
            links=state.links,
            shelf=Shelf(tmp_path / "archives", publisher.store, clock),
            own_skill=own_skill(),
            base_url=base_url,
            clock=clock,
            entropy=SystemEntropy(),
            on_install=unnoted,
        )
        rest = rest_routes(
            door=door, queries=publisher.queries, links=links, base_url=base_url, on_read=reads, on_query=asked
        )
        return await serve_routes([*rest, *install_routes(door, links)], sock)

    yield serve
    await state.close()


@pytest.fixture
async def api(published, api_of) -> Api:
    return await api_of(published)
