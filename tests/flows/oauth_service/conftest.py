"""Owns a whole service that people sign in to, tried out as ``serve --dev`` does it: the real store, the real routes, a stand-in
GitHub and a stand-in identity provider. People sign in with the SDK's own client.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata
from pydantic import AnyUrl

from mcp_server.oauth.cimd_fetch import Fetched, NotFetched
from skillport_sync.clock import SystemClock
from skillport_sync.config import Settings, load
from skillport_sync.demo.browser import RETURN_ADDRESS, Browser, ClientMemory
from skillport_sync.serve import Service, serving
from skillport_sync.standin import StandInGitHub
from skillport_sync.store.audit import AuditEvent

REPOSITORY = "acme/skills"
POLICY = {
    "version": "1.0",
    "editors": [{"id": "demo:ada", "label": "Ada"}],
    "defaults": {"read": "*", "write": "editors"},
}
FILES = {
    ".claude-plugin/marketplace.json": json.dumps(
        {"name": "acme", "owner": {"name": "Acme"}, "plugins": [{"name": "docs", "source": "./docs"}]}
    ),
    ".skillport/access.json": json.dumps(POLICY),
    "docs/skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Fills forms.\n---\n\nDo it well.\n",
}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}


class LateClock(SystemClock):
    """The machine's clocks, which a test can put forward. The stand-in provider goes by the machine's."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self._ahead.total_seconds()

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Documents:
    """The documents of CIMD clients, which would lie on this machine, where the service reads nobody's."""

    bodies: dict[str, bytes] = field(default_factory=dict)

    async def __call__(self, url: str) -> Fetched | NotFetched:
        body = self.bodies.get(url)
        return NotFetched("status 404") if body is None else Fetched(body, None)

    def put(self, url: str, name: str = "A client") -> str:
        said = {
            "client_id": url,
            "client_name": name,
            "redirect_uris": [RETURN_ADDRESS],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        self.bodies[url] = json.dumps(said).encode()
        return url


@dataclass
class SignedIn:
    """A person and their client, the SDK's: it knows where to sign in, renews its tokens, and signs in again."""

    browser: Browser
    memory: ClientMemory
    provider: OAuthClientProvider

    @property
    def access_token(self) -> str:
        assert self.memory.tokens is not None
        return self.memory.tokens.access_token

    @property
    def refresh_token(self) -> str:
        assert self.memory.tokens is not None
        assert self.memory.tokens.refresh_token is not None
        return self.memory.tokens.refresh_token

    @property
    def client_id(self) -> str:
        assert self.memory.client is not None
        assert self.memory.client.client_id is not None
        return self.memory.client.client_id


@dataclass
class House:
    """A running service, and how to ask it."""

    service: Service
    http: httpx2.AsyncClient
    clock: LateClock
    documents: Documents

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def state(self) -> Any:
        return self.service.parts.state

    async def ask(self, token: str | None = None, /, url: str | None = None, **arguments: object) -> httpx2.Response:
        """One call of the tool."""
        headers = {"MCP-Protocol-Version": "2025-11-25"} | ({"Authorization": f"Bearer {token}"} if token else {})
        body = {**CALL, "params": {"name": "skillport", "arguments": arguments}}
        return await self.http.post(f"{url or self.url}/mcp", json=body, headers=headers)

    async def opens(self, token: str) -> bool:
        answer = await self.ask(token)
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

    def somebody(
        self, person: str = "ada", memory: ClientMemory | None = None, document: str | None = None
    ) -> SignedIn:
        """A person with a client that has not asked yet; ``document`` is where a CIMD client has its own."""
        browser, memory = Browser({"provider": "demo", "person": person}), memory or ClientMemory()
        provider = OAuthClientProvider(
            f"{self.url}/mcp",
            OAuthClientMetadata(client_name="A client", redirect_uris=[AnyUrl(RETURN_ADDRESS)]),
            memory,
            browser.open,
            browser.came_back,
            client_metadata_url=document,
        )
        return SignedIn(browser, memory, provider)

    async def told(self, who: SignedIn, **arguments: object) -> Mapping[str, Any]:
        """What this person's client is answered, whatever it has to do for it."""
        body = {**CALL, "params": {"name": "skillport", "arguments": arguments}}
        headers = {"MCP-Protocol-Version": "2025-11-25"}
        async with httpx2.AsyncClient(auth=who.provider) as http:
            answer = await http.post(f"{self.url}/mcp", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["result"]["structuredContent"])

    async def signed_in(self, person: str = "ada", document: str | None = None) -> SignedIn:
        who = self.somebody(person, document=document)
        assert (await self.told(who, operation="whoami"))["id"] == f"demo:{person}"
        return who

    async def audited(self) -> list[AuditEvent]:
        """What the audit says, oldest first."""
        return list(reversed(await self.state.audit.read(limit=1000)))


def configured(folder: Path, standin: StandInGitHub, *more: str, before: str = "") -> Settings:
    """What an operator would write; ``before`` stands before the first table, ``more`` are lines of further tables."""
    folder.mkdir(exist_ok=True)
    token = folder / "github-token"
    token.write_text("token-of-the-tests")
    token.chmod(0o600)
    lines = [
        before,
        f"data_dir = {json.dumps(str(folder / 'data'))}",
        "[[marketplaces]]",
        f'repository = "{REPOSITORY}"',
        "[github]",
        f'api_url = "{standin.api_url}"',
        'token_file = "github-token"',
        *(more if any("[server]" in line for line in more) else ("[server]", "port = 0", *more)),
    ]
    (folder / "config.toml").write_text("\n".join(lines) + "\n")
    return load(folder / "config.toml", {})


Configure = Callable[..., Settings]
HouseOf = Callable[..., Awaitable[House]]


@pytest.fixture
def configure(standin: StandInGitHub, tmp_path: Path) -> Configure:
    """``configure("[auth]", "code_s = 10")``: the settings of a service that listens on any free port of this machine."""
    standin.create_repository(REPOSITORY).commit({path: text.encode() for path, text in FILES.items()})
    return lambda *more, before="": configured(tmp_path / "service", standin, *more, before=before)


@pytest.fixture
def clock() -> LateClock:
    return LateClock()


@asynccontextmanager
async def open_house(settings: Settings, clock: LateClock, *, dev: bool = True) -> AsyncIterator[House]:
    """A service that has read its repository."""
    documents = Documents()
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        serving(settings, dev=dev, clock=clock, fetch_document=documents) as service,
    ):
        for mirrored in service.parts.marketplaces.values():
            await mirrored.loop.settled()
        yield House(service, http, clock, documents)


@pytest.fixture
def opening(clock: LateClock) -> Callable[..., AbstractAsyncContextManager[House]]:
    """``async with opening(settings) as house``: for tests in which the service ends before they do."""
    return lambda settings, **how: open_house(settings, clock, **how)


@pytest.fixture
async def house_of(configure: Configure, clock: LateClock) -> AsyncIterator[HouseOf]:
    """``await house_of(settings)``: without settings, a service that is tried out with ``--dev``."""
    async with AsyncExitStack() as stack:

        async def start(settings: Settings | None = None, *, dev: bool = True) -> House:
            return await stack.enter_async_context(open_house(settings or configure(), clock, dev=dev))

        yield start


@pytest.fixture
async def house(house_of: HouseOf) -> House:
    """A service that is tried out: Ada, an editor, Grace and Edsger can sign in."""
    return await house_of()
