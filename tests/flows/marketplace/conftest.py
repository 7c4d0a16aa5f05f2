"""Owns a marketplace room on a loopback port: the catalog and the archives of whatever is published, for Alice and Bob."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcp_server.archives.shelf import Shelf
from mcp_server.authentication import API_TOKEN, Caller, ConnectorAuthentication
from mcp_server.front_door import FrontDoor
from mcp_server.install.installs import Install
from mcp_server.marketplace.routes import marketplace_routes
from skillport_sync.template.own_skill import own_skill

BASE_URL = "https://skills.acme.example"
TOKENS = {"alice": "sps_of-alice", "bob": "sps_of-bob"}


@dataclass(frozen=True)
class Seen:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Unpacked:
    """A zip: every file's content, and which are executable."""

    files: Mapping[str, bytes]
    executable: frozenset[str]

    @classmethod
    def of(cls, content: bytes) -> Unpacked:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            members = archive.infolist()
            return cls(
                {member.filename: archive.read(member) for member in members},
                frozenset(member.filename for member in members if member.external_attr >> 16 & 0o111),
            )

    def json(self, path: str) -> Any:
        return json.loads(self.files[path])


class Room:
    """What Claude Code would ask, and what it would be told."""

    def __init__(self, url: str, session: aiohttp.ClientSession, installs: list[tuple[str, Install]]) -> None:
        self.url = url
        self.installs = installs
        self._session = session

    async def get(self, path: str, who: str | None = "bob", method: str = "GET", **headers: str) -> Seen:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent["Authorization"] = f"Bearer {TOKENS[who]}"
        async with self._session.request(method, self.url + path, headers=sent, allow_redirects=False) as response:
            return Seen(response.status, response.headers, await response.read())

    async def catalog(self, who: str = "bob", marketplace: str | None = None) -> Any:
        query = "" if marketplace is None else f"?marketplace={marketplace}"
        seen = await self.get(f"/marketplace.json{query}", who)
        assert seen.status == 200, seen.body
        return seen.json

    async def entries(self, who: str = "bob") -> dict[str, Any]:
        """The entries by name, without the one that comes with the service."""
        catalog = await self.catalog(who)
        return {entry["name"]: entry for entry in catalog["plugins"] if entry["name"] != "skillport"}

    async def plugin(self, name: str, who: str = "bob") -> Unpacked:
        """What Claude Code would install."""
        catalog = await self.catalog(who)
        (entry,) = (entry for entry in catalog["plugins"] if entry["name"] == name)
        return await self.unpacked(entry, who)

    async def unpacked(self, entry: Any, who: str = "bob") -> Unpacked:
        source = entry["source"]
        assert source["source"] == "archive"
        assert source["url"].startswith(f"{BASE_URL}/archives/")
        seen = await self.get(source["url"].removeprefix(BASE_URL), who)
        assert seen.status == 200, seen.body
        assert hashlib.sha256(seen.body).hexdigest() == source["sha256"]
        return Unpacked.of(seen.body)


@pytest.fixture
def room_folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


@pytest.fixture
async def room(publisher: Any, room_folder: Path) -> AsyncIterator[Room]:
    """Nothing is published yet."""
    people = {
        hashlib.sha256(TOKENS[who].encode()).digest(): Caller(person, f"token:{who}")
        for who, person in (("alice", publisher.alice), ("bob", publisher.bob))
    }
    installs: list[tuple[str, Install]] = []

    async def find(digest: bytes) -> Caller | None:
        return people.get(digest)

    def on_install(caller: Caller | None, install: Install) -> None:
        assert caller is not None
        installs.append((caller.principal.id, install))

    door = FrontDoor(
        ConnectorAuthentication({API_TOKEN: find}, publisher.clock),
        allowed_hosts=frozenset({"127.0.0.1:*"}),
        allowed_origins=frozenset(),
    )
    shelf = Shelf(room_folder, publisher.store, publisher.clock)
    app = web.Application()
    app.add_routes(
        marketplace_routes(
            door=door,
            queries=publisher.queries,
            blobs=publisher.store,
            shelf=shelf,
            base_url=BASE_URL,
            own_skill=own_skill(),
            clock=publisher.clock,
            on_install=on_install,
        )
    )
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        yield Room(str(server.make_url("")).rstrip("/"), session, installs)
    await server.close()
