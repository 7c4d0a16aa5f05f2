"""The Python SDK's own OAuth client against the whole service: people sign in through it, stay, leave, and come back.

The clients are known by registration and by a document; the identity provider is the stand-in, as under ``serve --dev``.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from mcp.types import CallToolResult
from pydantic import AnyUrl

from mcp_server.oauth.cimd_fetch import Fetched, NotFetched
from skillport_sync import template
from skillport_sync.access.model import PrincipalId
from skillport_sync.config import Settings, load
from skillport_sync.demo.browser import RETURN_ADDRESS, Browser, ClientMemory, Page
from skillport_sync.serve import Service, serving
from skillport_sync.standin import File, StandInGitHub
from skillport_sync.standin.identity import ACME_TENANT, StandInIdentity

SOON_S = 30.0
DOCUMENT = "https://client.example/oauth/metadata"
KINDS = {"by registration": None, "by its document": DOCUMENT}


async def fetch_document(url: str) -> Fetched | NotFetched:
    """The one document there is. It would lie on this machine, where the service reads nobody's."""
    said = {
        "client_id": url,
        "client_name": "A test",
        "redirect_uris": [RETURN_ADDRESS],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    return Fetched(json.dumps(said).encode(), None) if url == DOCUMENT else NotFetched("status 404")


@dataclass
class User:
    """A person, and what their client remembers between two connections."""

    person: str = "ada"
    provider: str = "demo"
    document: str | None = None
    memory: ClientMemory = field(default_factory=ClientMemory)
    browsers: list[Browser] = field(default_factory=list)
    auths: list[OAuthClientProvider] = field(default_factory=list)

    @property
    def times_asked(self) -> int:
        """How often they had to open a browser."""
        return sum(len(browser.history) > 0 for browser in self.browsers)

    @asynccontextmanager
    async def connected(self, url: str, mode: str = "auto") -> AsyncIterator[Client]:
        """A new start of the client; the address is all that it is told."""
        self.browsers.append(Browser({"provider": self.provider, "person": self.person}))
        auth = OAuthClientProvider(
            f"{url}/mcp",
            OAuthClientMetadata(client_name="A test", redirect_uris=[AnyUrl(RETURN_ADDRESS)]),
            self.memory,
            self.browsers[-1].open,
            self.browsers[-1].came_back,
            client_metadata_url=self.document,
        )
        async with (
            asyncio.timeout(SOON_S),
            httpx2.AsyncClient(auth=auth) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
        ):
            self.auths.append(auth)
            yield client

    def let_tokens_grow_old(self) -> None:
        """As the client sees it: it renews them before it asks again."""
        self.auths[-1].context.token_expiry_time = 1.0

    async def whoami(self, url: str) -> str:
        async with self.connected(url) as client:
            return str((await ask(client, operation="whoami"))["id"])


async def ask(client: Client, **arguments: object) -> Mapping[str, Any]:
    result = await client.call_tool("skillport", arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    return dict(result.structured_content or {})


async def status(url: str, token: str) -> int:
    """How a question with this token is answered, without a client that would do something about it."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Authorization": f"Bearer {token}", "MCP-Protocol-Version": "2025-11-25"}
    async with httpx2.AsyncClient() as http:
        return (await http.post(f"{url}/mcp", json=body, headers=headers)).status_code


def refused(said: str) -> pytest.RaisesGroup[AssertionError]:
    """What the person at the browser gets to read, however deep inside of the client that called for them."""
    return pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match=said), flatten_subgroups=True)


@pytest.fixture
def config(standin: StandInGitHub, tmp_path: Path) -> Callable[..., Path]:
    """``config(port=…, more="[[auth.providers]]…")``: the file of a service that mirrors the example marketplace."""
    files = template.files(editors=["demo:ada"])
    standin.create_repository("acme/skills").commit(
        {path: File(file.content, executable=file.executable) for path, file in files.items()}
    )
    for name in ("github-token", "client-secret"):
        (tmp_path / name).write_text("token-of-the-tests")
        (tmp_path / name).chmod(0o600)

    def write(port: int = 0, more: str = "", log: str = "debug") -> Path:
        file = tmp_path / "config.toml"
        file.write_text(
            f"""
data_dir = {json.dumps(str(tmp_path / "data"))}
[server]
port = {port}
[[marketplaces]]
repository = "acme/skills"
[github]
api_url = "{standin.api_url}"
token_file = "github-token"
[log]
level = "{log}"
format = "json"
{more}
"""
        )
        return file

    return write


@asynccontextmanager
async def running(settings: Settings, *, dev: bool = True) -> AsyncIterator[Service]:
    async with serving(settings, dev=dev, fetch_document=fetch_document) as service:
        for mirrored in service.parts.marketplaces.values():
            await mirrored.loop.settled()
        yield service


@pytest.fixture
async def service(config: Callable[..., Path]) -> AsyncIterator[Service]:
    async with running(load(config(), {})) as service:
        yield service


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("document", KINDS.values(), ids=KINDS)
async def test_somebody_signs_in_and_reads_what_they_may(service: Service, document: str | None, mode: str) -> None:
    for person, skills in (("ada", 7), ("grace", 6)):
        user = User(person, document=document)
        async with user.connected(service.url, mode) as client:
            assert (await ask(client, operation="whoami"))["id"] == f"demo:{person}"
            assert (await ask(client, operation="list"))["total"] == skills
        assert user.memory.client is not None
        assert (user.memory.client.client_id == DOCUMENT) == (document is not None)
        assert user.times_asked == 1


@pytest.mark.parametrize("document", KINDS.values(), ids=KINDS)
async def test_a_client_that_starts_again_asks_nobody(service: Service, document: str | None) -> None:
    user = User(document=document)
    for _ in range(3):
        assert await user.whoami(service.url) == "demo:ada"
    assert user.times_asked == 1


@pytest.mark.parametrize("document", KINDS.values(), ids=KINDS)
async def test_a_client_renews_its_tokens_and_asks_nobody(service: Service, document: str | None) -> None:
    user = User(document=document)
    seen = set()
    async with user.connected(service.url) as client:
        for _ in range(4):
            assert (await ask(client, operation="whoami"))["id"] == "demo:ada"
            assert user.memory.tokens is not None
            seen.add(user.memory.tokens.access_token)
            user.let_tokens_grow_old()
    assert (len(seen), user.times_asked) == (4, 1)


async def test_clients_that_renew_the_same_token_at_once_all_stay_in(service: Service) -> None:
    """Several windows share what was stored: https://github.com/anthropics/claude-code/issues/85236 and its like."""
    user = User()
    await user.whoami(service.url)
    known = user.auths[-1].context.oauth_metadata
    assert user.memory.tokens is not None
    first, client_info = user.memory.tokens, user.memory.client

    async def window() -> str:
        own = User(memory=ClientMemory())
        own.memory.tokens, own.memory.client = first.model_copy(), client_info
        async with own.connected(service.url) as client:
            # Long-lived windows: each has looked around, each has seen its token grow old.
            own.auths[-1].context.oauth_metadata = known
            own.let_tokens_grow_old()
            for _ in range(2):
                assert (await ask(client, operation="whoami"))["id"] == "demo:ada"
                own.let_tokens_grow_old()
        assert own.times_asked == 0
        assert own.memory.tokens is not None
        return own.memory.tokens.access_token

    async with asyncio.timeout(SOON_S), asyncio.TaskGroup() as group:
        windows = [group.create_task(window()) for _ in range(4)]
    assert len({each.result() for each in windows}) == 4


@pytest.mark.parametrize("how", ["an operator ends the sessions", "an operator keeps them out", "the client signs out"])
async def test_who_is_out_is_out_at_once_and_may_sign_in_again_if_they_are_welcome(service: Service, how: str) -> None:
    user, ada, state = User(), PrincipalId("demo:ada"), service.parts.state
    await user.whoami(service.url)
    assert user.memory.tokens is not None
    assert user.memory.client is not None
    token, refresh_token = user.memory.tokens.access_token, user.memory.tokens.refresh_token
    assert await status(service.url, token) == 200
    match how:
        case "an operator ends the sessions":
            await state.oauth.revoke_person(ada, "operator")
        case "an operator keeps them out":
            await state.people.disable(ada)
        case _:
            async with httpx2.AsyncClient() as http:
                form = {"token": refresh_token, "client_id": user.memory.client.client_id}
                assert (await http.post(f"{service.url}/oauth/revoke", data=form)).status_code == 200
    assert await status(service.url, token) == 401
    if how == "an operator keeps them out":
        with refused("Your access was closed"):
            await user.whoami(service.url)
        await state.people.enable(ada)
    assert await user.whoami(service.url) == "demo:ada"


@pytest.mark.parametrize("document", KINDS.values(), ids=KINDS)
async def test_a_service_that_lost_its_memory_is_signed_in_to_again(
    config: Callable[..., Path], document: str | None
) -> None:
    user = User(document=document)
    async with running(load(config(), {})) as service:
        await user.whoami(service.url)
        url, settings = service.url, service.parts.settings
    for file in settings.data_dir.glob("state.db*"):
        file.unlink()
    async with running(load(config(port=service.public.port), {})) as service:
        assert service.url == url
        if document is None:
            # Its registration is gone: the page says what to do about it, and once that is done all is well.
            with refused("remove this connector and add it again"):
                await user.whoami(url)
            user.memory = ClientMemory()
        assert await user.whoami(url) == "demo:ada"
    assert user.times_asked == (2 if document is not None else 3)


REFUSED = {
    "google": "You cannot use this service.*Google account does not belong to an organisation",
    "github": "You cannot use this service.*GitHub account is not an active member",
    "microsoft": "access_denied.*The person did not sign in",
}
"""What somebody of another organisation sees. Microsoft's own page, which is that of one tenant, lets them no further."""


async def test_people_of_every_preset_sign_in_side_by_side_and_others_do_not(config: Callable[..., Path]) -> None:
    identity = StandInIdentity()
    await identity.start()
    more = f"""
[[auth.providers]]
preset = "google"
client_id = "us"
client_secret_file = "client-secret"
hosted_domains = ["acme.example"]
base_url = "{identity.google_issuer}"
[[auth.providers]]
preset = "microsoft"
client_id = "us"
client_secret_file = "client-secret"
tenants = ["{ACME_TENANT}"]
base_url = "{identity.microsoft_url}"
[[auth.providers]]
preset = "github"
client_id = "us"
client_secret_file = "client-secret"
organizations = ["acme"]
base_url = "{identity.github_url}"
api_url = "{identity.github_api_url}"
[[auth.providers]]
preset = "oidc"
name = "acme"
client_id = "us"
client_secret_file = "client-secret"
issuer = "{identity.issuer}"
"""
    ada = next(person for person in identity.people if person.id == "ada")
    ids = {
        "google": f"google:{ada.google()['sub']}",
        "microsoft": f"microsoft:{ada.object_id}",
        "github": f"github:{ada.github_id}",
        "acme": "acme:ada",
    }
    try:
        async with running(load(config(more=more), {}), dev=False) as service:
            callbacks = [f"{service.url}/oauth/callback/{name}" for name in ids]
            identity.register("us", "token-of-the-tests", redirect_uris=callbacks)
            for provider, expected in ids.items():
                assert await User(provider=provider).whoami(service.url) == expected
            for provider, said in REFUSED.items():
                with refused(said):
                    await User("edsger", provider).whoami(service.url)
    finally:
        await identity.close()


def secrets_of(browser: Browser) -> set[str]:
    """What passed through a browser that would open something: cookies, what pages hide, what addresses carry."""
    found: set[str] = set()
    for response in browser.history:
        for address in (str(response.url), response.headers.get("Location", "")):
            query = parse_qs(urlsplit(address).query)
            found |= {value for name in ("code", "state", "nonce") for value in query.get(name, [])}
        found |= set(Page(response.text).hidden.values())
        found |= {header.partition("=")[2].partition(";")[0] for header in response.headers.get_list("Set-Cookie")}
    return {secret for secret in found if len(secret) > 10}


async def test_nothing_secret_is_logged_while_somebody_signs_in_asks_renews_and_signs_out(
    config: Callable[..., Path],
) -> None:
    """``serve --dev`` as an operator runs it, at the level that says most."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "skillport_sync", "serve", "--dev", "--config", config()),
        stderr=asyncio.subprocess.PIPE,
        limit=1024 * 1024,
    )
    assert process.stderr is not None
    log: list[str] = []
    secrets: set[str] = set()
    try:
        async with asyncio.timeout(SOON_S):
            url = ""
            while "snapshot_published" not in "".join(log):
                log.append((await process.stderr.readline()).decode())
                said = json.loads(log[-1])
                url = said["url"] if said["event"] == "service_started" else url
            user = User()
            async with user.connected(url) as client:
                for _ in range(2):
                    await ask(client, operation="fetch", skill="release-notes")
                    assert user.memory.tokens is not None
                    secrets |= {user.memory.tokens.access_token, str(user.memory.tokens.refresh_token)}
                    user.let_tokens_grow_old()
            secrets |= secrets_of(user.browsers[0])
            process.send_signal(signal.SIGTERM)
            log.append((await process.stderr.read()).decode())
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    everything = "".join(log)
    warned = [line for line in everything.splitlines() if "stand_in_signs_people_in" in line]
    assert len(warned) == 1
    assert json.loads(warned[0])["level"] == "warning"
    assert "oauth_answered" in everything
    assert len(secrets) > 8
    for secret in secrets:
        assert secret not in everything, secret[:8]
