"""Owns the authorization server as a target: forms and queries that are nearly those of a client and a browser that mean well.

A sign-in is gone through again and again, so that there always is a page to answer, a code and a refresh token. The server is the
real one, with its store; only its limits are lifted, and the provider lets in whoever comes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import orjson

from mcp_server.identity.provider import Identity, Refused, Upstream
from mcp_server.oauth.cimd_fetch import Fetched, NotFetched
from mcp_server.oauth.limits import Limits, Rate
from mcp_server.oauth.metadata import Addresses
from mcp_server.oauth.routes import oauth_routes
from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.tokens import ServerKey
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.clock import SystemClock, SystemEntropy
from skillport_sync.demo.browser import Page
from skillport_sync.listener import bind, site
from skillport_sync.store.state import StateStore
from tests.fuzz.mutation import as_form, as_json, odd_text, printable, spoiled_fields, spoiled_json
from tests.fuzz.target import Attempt, Target, WrongError, shown
from tests.fuzz.wire import LIMIT_S, Answer, Wire

EXPECTED: Final = frozenset({200, 201, 303, 400, 401, 403, 404, 405, 409})
LOCAL: Final = "http://localhost:51620/callback"
PROVIDER: Final = "https://provider.example/authorize"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
NAMES: Final = (
    "client_id", "redirect_uri", "response_type", "response_mode", "state", "scope", "resource", "prompt", "code",
    "code_challenge",
    "code_challenge_method", "code_verifier", "grant_type", "refresh_token", "token", "transaction", "csrf", "provider",
    "deny", "error", "iss",
    "client_secret", "request", "request_uri",
)  # fmt: skip
VALUES: Final = (
    "code", "S256", "plain", "authorization_code", "refresh_token", "client_credentials", "fuzz", "yes", "sp_rt_x",
    "sp_at_x", "sp_ac_x", "sp_st_x",
    LOCAL, "http://localhost:99999/callback", "http://[::1", "javascript:x", "https://claude.ai/api/mcp/auth_callback", "https://claude.ai/x/y",
    "https://client.example/metadata.json", "skills offline_access", "a" * 43,
)  # fmt: skip
METADATA: Final = {
    "client_name": "Claude Code",
    "redirect_uris": [LOCAL, "https://claude.ai/api/mcp/auth_callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "scope": "skills offline_access",
}
_ENDLESS: Final = Rate(burst=10**9, per_s=10**9)


def targets() -> list[Target]:
    return [Target("oauth", 5_000, LIMIT_S, opened)]


@dataclass
class Anybody:
    """A provider at which everybody is the same person."""

    name: str = "fuzz"
    title: str = "Anybody"
    preset: str = "oidc"

    async def authorization_url(self, upstream: Upstream, redirect_uri: str) -> str:
        return f"{PROVIDER}?{urlencode({'state': upstream.state, 'redirect_uri': redirect_uri})}"

    async def identify(
        self, parameters: Mapping[str, str], upstream: Upstream, redirect_uri: str
    ) -> Identity | Refused:
        if parameters.get("error") == "access_denied":
            return Refused("declined", "They turned back.")
        return Identity(Principal(PrincipalId("fuzz:1"), "Ada"), self.name)

    async def still_allowed(self, principal: Principal) -> bool | None:
        return True


@dataclass
class Desk:
    """One client and one browser, and what they hold by now."""

    wire: Wire
    addresses: Addresses
    client_id: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    page: dict[str, str] = field(default_factory=dict)
    state: str = ""
    code: str = ""
    refresh_token: str = ""
    access_token: str = ""

    @property
    def browser(self) -> list[tuple[str, str]]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return [("Origin", self.addresses.public_url), *([("Cookie", cookies)] if cookies else [])]

    @property
    def authorize(self) -> dict[str, str]:
        return {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": LOCAL,
            "state": "of-the-client",
            "scope": "skills offline_access",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "resource": self.addresses.resource,
        }

    @property
    def exchange(self) -> dict[str, str]:
        return {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": self.code,
            "code_verifier": VERIFIER,
            "redirect_uri": LOCAL,
            "resource": self.addresses.resource,
        }

    @property
    def renewal(self) -> dict[str, str]:
        return {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": self.refresh_token}

    async def send(
        self, method: str, path: str, fields: bytes, headers: list[tuple[str, str]], statuses: frozenset[int] = EXPECTED
    ) -> Answer:
        """In the query of a GET, in the body of a POST."""
        target = path.encode() + b"?" + fields if method == "GET" else path.encode()
        answer = await self.wire.ask(method, target, headers, b"" if method == "GET" else fields, expected=statuses)
        self.cookies = {**self.cookies, **answer.cookies} if len(self.cookies) < 4 else dict(answer.cookies)
        location = answer.headers.get("location", "")
        if location and not location.startswith((LOCAL, PROVIDER, "https://claude.ai/api/mcp/auth_callback")):
            raise WrongError(f"sent on to {location!r} by {shown(fields)}")
        return answer

    async def get_on(self, up_to: int) -> None:
        """The first steps of a sign-in in which everybody means well: registered, asked, agreed, come back, exchanged."""
        if not self.client_id:
            headers = [("Content-Type", "application/json")]
            said = await self.send("POST", "/oauth/register", orjson.dumps(METADATA), headers, frozenset({201}))
            self.client_id = said.json["client_id"]
        self.cookies = {}
        if up_to >= 1:
            asked = await self.send("GET", "/oauth/authorize", urlencode(self.authorize).encode(), [], frozenset({200}))
            self.page = {**Page(asked.body.decode()).hidden, "provider": "fuzz"}
        if up_to >= 2:
            form = urlencode(self.page).encode()
            agreed = await self.send("POST", "/oauth/consent", form, [FORM, *self.browser], frozenset({303}))
            self.state = dict(parse_qsl(urlsplit(agreed.headers["location"]).query))["state"]
        if up_to >= 3:
            query = urlencode({"state": self.state, "code": "x"}).encode()
            back = await self.send("GET", "/oauth/callback/fuzz", query, self.browser, frozenset({303}))
            self.code = dict(parse_qsl(urlsplit(back.headers["location"]).query))["code"]
        if up_to >= 4:
            pair = await self.send("POST", "/oauth/token", urlencode(self.exchange).encode(), [FORM], frozenset({200}))
            self.refresh_token, self.access_token = pair.json["refresh_token"], pair.json["access_token"]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Attempt]:
    async with AsyncExitStack() as stack:
        clock, entropy = SystemClock(), SystemEntropy()
        store = await StateStore.open(_made(folder) / "state.db", clock=clock)
        stack.push_async_callback(store.close)
        listener = bind("127.0.0.1", 0)
        addresses = Addresses(listener.url)
        routes = oauth_routes(
            oauth=store.oauth,
            people=store.people,
            audit=store.audit,
            providers={"fuzz": Anybody()},
            addresses=addresses,
            settings=OAuthSettings(limits=Limits(_ENDLESS, _ENDLESS, _ENDLESS, _ENDLESS, _ENDLESS)),
            server_key=ServerKey(await store.server_key(entropy)),
            clock=clock,
            entropy=entropy,
            fetch_document=_document,
        )
        await stack.enter_async_context(
            site(listener, routes, max_body_bytes=1024**2, header_timeout_s=5, keepalive_s=60, drain_s=1)
        )
        desk = Desk(Wire(listener.url), addresses)
        stack.push_async_callback(desk.wire.close)

        async def attempt(rng: Random) -> None:
            await ask(rng, desk)

        yield attempt


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _document(url: str) -> Fetched | NotFetched:
    """Documents of clients, which are as odd as their addresses are. One that cannot be fetched is rightly answered 503."""
    rng = Random(url)
    said = {**METADATA, "client_id": url}
    return Fetched(as_json(rng, spoiled_json(rng, said) if rng.random() < 0.7 else said), rng.choice((None, 0, 300)))


async def ask(rng: Random, desk: Desk) -> None:
    """Go on with a sign-in as far as the dice say, then do the next step, or any other, nearly right."""
    step = rng.randrange(7)
    if not desk.client_id or rng.random() < 0.15:
        await desk.get_on(min(step, 4))
    headers = desk.browser if rng.random() < 0.85 else [("Origin", "https://elsewhere.example")]
    match step:
        case 0:
            body = as_json(rng, spoiled_json(rng, METADATA, VALUES))
            kind = "application/json" if rng.random() < 0.9 else printable(odd_text(rng))
            await desk.send("POST", "/oauth/register", body, [("Content-Type", kind)])
        case 1:
            await desk.send("GET", "/oauth/authorize", _query(as_form(rng, _spoiled(rng, desk.authorize))), [])
        case 2:
            await desk.send("POST", "/oauth/consent", as_form(rng, _spoiled(rng, desk.page)), [FORM, *headers])
        case 3:
            provider = "fuzz" if rng.random() < 0.9 else quote(odd_text(rng), safe="")
            fields = _spoiled(rng, {"state": desk.state, "code": "x", "iss": PROVIDER})
            await desk.send("GET", f"/oauth/callback/{provider}", _query(as_form(rng, fields)), headers)
        case 4 | 5:
            fields = desk.exchange if step == 4 else desk.renewal
            more = [("Authorization", printable(odd_text(rng)))] if rng.random() < 0.1 else []
            form = FORM if rng.random() < 0.95 else ("Content-Type", "multipart/form-data; boundary=x")
            answer = await desk.send("POST", "/oauth/token", as_form(rng, _spoiled(rng, fields)), [form, *more])
            if answer.status == 200:
                desk.refresh_token, desk.access_token = answer.json["refresh_token"], answer.json["access_token"]
        case _:
            token = desk.refresh_token if rng.random() < 0.5 else desk.access_token
            fields = _spoiled(rng, {"token": token, "client_id": desk.client_id, "token_type_hint": "x"})
            await desk.send("POST", "/oauth/revoke", as_form(rng, fields), [FORM])


def _spoiled(rng: Random, fields: Mapping[str, str]) -> dict[str, str]:
    return dict(fields) if rng.random() < 0.1 else spoiled_fields(rng, fields, VALUES, NAMES)


def _query(raw: bytes) -> bytes:
    """As it can stand in the first line of a request: a blank would end it there."""
    return raw.translate(None, bytes(range(0x21)) + b"\x7f")
