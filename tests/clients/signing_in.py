"""Owns a company whose people sign in: the real service in ``auth.mode = "oauth"``, a person, a clock that can be put forward.

The identity provider is the stand-in of ``serve --dev`` unless another is named. The service keeps its address when it is started
again, also when it has lost ``state.db``. Documents of CIMD clients are handed to it here: behind the fence there is no web.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx2

from mcp_server.oauth.cimd_fetch import Fetched, NotFetched
from skillport_sync import template
from skillport_sync.clock import SystemClock
from skillport_sync.config import load
from skillport_sync.serve import serving
from skillport_sync.standin import File, StandInGitHub
from tests.clients.company import EDITOR, GITHUB_TOKEN, REPOSITORY, STARTS_WITHIN_S
from tests.clients.person import Person
from tests.clients.relay import relay

ACCESS_S = 900
"""How long access tokens live here: the least that may be set."""
WINDOW_S = 60
DOCUMENT = "https://clients.example/oauth/a-client.json"
"""The id of the client that has a document. Nobody is asked for it: see ``Documents``."""
CLAUDE_CODE_DOCUMENT = "https://claude.ai/oauth/claude-code-client-metadata"
"""Claude Code's own id. What stands there is on the web; here it is said again, with the addresses that stood there in 2026."""
DOCUMENTS = {DOCUMENT: "A client with a document", CLAUDE_CODE_DOCUMENT: "Claude Code"}
LOOPBACK_RETURNS = tuple(
    f"http://{host}{path}" for host in ("localhost", "127.0.0.1") for path in ("/callback", "/oauth/callback")
)
ADA = Person({"provider": "demo", "person": "ada"})


class PutForward(SystemClock):
    """The machine's clock, put forward at will; never back."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s

    def put_forward(self, seconds: float) -> None:
        self.ahead_s += seconds


@dataclass(frozen=True, slots=True)
class Upstream:
    """An OpenID provider that is not the stand-in: what stands about it in the configuration."""

    name: str
    issuer: str
    client_id: str
    client_secret: str


@dataclass(slots=True)
class Documents:
    """What stands at the ids of CIMD clients, and how often somebody looked."""

    looked: int = 0

    async def fetch(self, url: str) -> Fetched | NotFetched:
        self.looked += 1
        if url not in DOCUMENTS:
            return NotFetched("status 404")
        document = {
            "client_id": url,
            "client_name": DOCUMENTS[url],
            "redirect_uris": list(LOOPBACK_RETURNS),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        return Fetched(json.dumps(document).encode(), None)


@dataclass(slots=True)
class SigningIn:
    """A running company. ``port`` stays the same as long as it is there."""

    folder: Path
    port: int
    api_url: str
    upstream: Upstream | None = None
    listens: int = 0
    """Where the service itself listens when a relay stands in front of it."""
    clock: PutForward = field(default_factory=PutForward)
    documents: Documents = field(default_factory=Documents)
    _running: AsyncExitStack | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.issuer}/mcp"

    def outlive_access_token(self) -> None:
        """Whatever access token there is has expired after this."""
        self.clock.put_forward(ACCESS_S + 1)

    async def start(self) -> None:
        settings = load(self._config(), {})
        settings = replace(settings, server=replace(settings.server, port=self.listens or self.port))
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(
                serving(settings, dev=self.upstream is None, clock=self.clock, fetch_document=self.documents.fetch)
            )
            async with asyncio.timeout(STARTS_WITHIN_S):
                for mirrored in service.parts.marketplaces.values():
                    await mirrored.loop.settled()
            self._running = stack.pop_all()

    async def stop(self) -> None:
        if self._running is not None:
            await self._running.aclose()
            self._running = None

    async def lose_state(self) -> None:
        """Start again without ``state.db``: no client, no person, no token, and another key."""
        await self.stop()
        for file in (self.folder / "data").glob("state.db*"):
            file.unlink()
        await self.start()

    async def revoke(self, client_id: str, token: str) -> int:
        """What a client does that logs out. The status."""
        return (await self._post("revoke", {"client_id": client_id, "token": token})).status_code

    async def refreshes(self, client_id: str, refresh_token: str) -> bool:
        form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token}
        return (await self._post("token", form)).status_code == 200

    async def opens(self, access_token: str) -> bool:
        """Whether this token is let in now."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(self.url, json={}, headers={"Authorization": f"Bearer {access_token}"})
        return answer.status_code != 401

    async def whoami(self, access_token: str) -> str:
        """Whom a token stands for, as the tool says."""
        call = {"name": "skillport", "arguments": {"operation": "whoami"}}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json, text/event-stream"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(self.url, json=body, headers=headers)
        person: str = answer.json()["result"]["structuredContent"]["id"]
        return person

    async def _post(self, what: str, form: Mapping[str, str]) -> httpx2.Response:
        async with httpx2.AsyncClient(trust_env=False) as http:
            return await http.post(f"{self.issuer}/oauth/{what}", data=dict(form))

    def _config(self) -> Path:
        path = self.folder / "config.toml"
        path.write_text(
            f"""\
data_dir = "data"
public_url = "{self.issuer}"
[[marketplaces]]
repository = "{REPOSITORY}"
[github]
api_url = "{self.api_url}"
token_file = "github-token"
[auth]
mode = "oauth"
access_token_s = {ACCESS_S}
refresh_window_s = {WINDOW_S}
{self._provider()}"""
        )
        return path

    def _provider(self) -> str:
        if self.upstream is None:
            return ""
        _put_secret(self.folder / "client-secret", self.upstream.client_secret)
        return f"""\
[[auth.providers]]
preset = "oidc"
name = "{self.upstream.name}"
issuer = "{self.upstream.issuer}"
client_id = "{self.upstream.client_id}"
client_secret_file = "client-secret"
"""


@asynccontextmanager
async def signing_in(
    folder: Path, *, upstream: Upstream | None = None, port: int = 0, announces_documents: bool = True
) -> AsyncIterator[SigningIn]:
    """The service, in step with its repository, until left. Its files are in ``folder``, which is made."""
    _put_secret(folder / "github-token", GITHUB_TOKEN)
    async with AsyncExitStack() as stack:
        github = StandInGitHub()
        api_url = await github.start()
        stack.push_async_callback(github.close)
        github.accept_token(GITHUB_TOKEN)
        github.create_repository(REPOSITORY).commit(
            {
                path: File(file.content, executable=file.executable)
                for path, file in template.files(editors=[EDITOR]).items()
            }
        )
        there = SigningIn(folder, port or free_port(), api_url, upstream)
        if not announces_documents:
            there.listens = free_port()
            await stack.enter_async_context(relay(there.port, there.listens))
        stack.push_async_callback(there.stop)
        await there.start()
        yield there


def _put_secret(file: Path, secret: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    file.write_text(secret)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
