"""Owns a running authorization server: real routes on a real listener over loopback, the real state.db, and around it what is
not ours: a browser with its own cookies, a client that knows PKCE, identity providers that do as a test says, and the documents
of CIMD clients.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from mcp_server.identity.provider import Identity, Refused, Upstream
from mcp_server.oauth.cimd_fetch import Fetched, NotFetched
from mcp_server.oauth.metadata import Addresses
from mcp_server.oauth.routes import oauth_routes
from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.tokens import ServerKey
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.clock import SystemEntropy
from skillport_sync.listener import bind, site
from skillport_sync.ports import Clock
from skillport_sync.store.audit import AuditEvent
from skillport_sync.store.state import StateStore

HOSTED = "https://claude.ai/api/mcp/auth_callback"
LOCAL = "http://localhost:51620/callback"
DOCUMENT_URL = "https://claude.ai/oauth/claude-code-client-metadata"
DOCUMENT = {
    "client_id": DOCUMENT_URL,
    "client_name": "Claude Code",
    "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP, as it was sent."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def said(self) -> dict[str, str]:
        """The parameters of the address that the browser is sent to."""
        pairs = parse_qsl(urlsplit(self.location).query, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)


class Form(HTMLParser):
    """The form of a page: where it goes, what is hidden in it, and its buttons."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        elif tag == "input" and given.get("type") == "hidden":
            self.hidden[given["name"]] = given["value"]
        elif tag == "button":
            self.buttons.append((given["name"], given["value"]))


class Browser:
    """Follows nothing by itself, and keeps cookies as a browser does: by name, until they are taken away."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self.cookies: dict[str, str] = {}
        self.kept: list[str] = []
        """Every Set-Cookie header there was."""

    async def get(self, target: str, **headers: str) -> Answer:
        """``target``: an address, or the part of it after the host."""
        return await self.send("GET", target, **headers)

    async def post(self, target: str, form: Mapping[str, str] | bytes, **headers: str) -> Answer:
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        return await self.send("POST", target, body, **{"Content-Type": "application/x-www-form-urlencoded", **headers})

    async def send(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        url = target if target.startswith("http") else self._url + target
        async with self._session.request(
            method, URL(url, encoded=True), data=body, headers=sent, allow_redirects=False
        ) as response:
            for header in response.headers.getall("Set-Cookie", []):
                self._keep(header)
            return Answer(response.status, response.headers, await response.read())

    def _keep(self, header: str) -> None:
        self.kept.append(header)
        for name, morsel in SimpleCookie(header).items():
            self.cookies[name] = morsel.value
            if morsel["max-age"] == "0":
                del self.cookies[name]


@dataclass
class ScriptedProvider:
    """An identity provider that signs in whoever a test sends it, and gives each code to one sign-in only."""

    name: str = "google"
    title: str = "Google"
    preset: str = "google"
    allowed: bool | None = True
    """What it says when it is asked again at a refresh; an exception is raised."""
    failing: Exception | None = None
    begun: dict[str, Upstream] = field(default_factory=dict)
    redeemed: list[str] = field(default_factory=list)
    people: dict[tuple[str, str], Identity | Refused | Exception] = field(default_factory=dict)
    """Who signed in, by the state of the sign-in and the code: with PKCE a code is worth nothing in another sign-in."""
    asked_again: int = 0
    before_answering: Callable[[], Awaitable[object]] | None = None

    async def authorization_url(self, upstream: Upstream, redirect_uri: str) -> str:
        if self.failing is not None:
            raise self.failing
        self.begun[upstream.state] = upstream
        return f"https://{self.name}.example/authorize?" + urlencode(
            {"state": upstream.state, "redirect_uri": redirect_uri, "nonce": upstream.nonce}
        )

    async def identify(
        self, parameters: Mapping[str, str], upstream: Upstream, redirect_uri: str
    ) -> Identity | Refused:
        if self.before_answering is not None:
            await self.before_answering()
        if self.failing is not None:
            raise self.failing
        assert parameters["state"] == upstream.state
        assert self.begun[upstream.state] == upstream
        assert redirect_uri.endswith(f"/oauth/callback/{self.name}")
        if parameters.get("error") == "access_denied":
            return Refused("declined", f"You were not signed in at {self.title}.")
        code = parameters.get("code", "")
        self.redeemed.append(code)
        answer = self.people.pop(
            (upstream.state, code), Refused("code_refused", f"{self.title} did not accept this sign-in.")
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def still_allowed(self, principal: Principal) -> bool | None:
        self.asked_again += 1
        if isinstance(self.allowed, Exception):
            raise self.allowed
        return self.allowed

    def sign_in(self, location: str, who: str | Refused | Exception = "alice") -> str:
        """Where this provider sends somebody back to who came by ``location``."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        code = f"code of {self.name} {secrets.token_hex(4)}"
        self.people[asked["state"], code] = Identity(self.person(who), self.name) if isinstance(who, str) else who
        return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], 'code': code})}"

    def person(self, who: str) -> Principal:
        return Principal(PrincipalId(f"{self.name}:{who}"), who.title(), f"{who}@acme.example", frozenset({"staff"}))


@dataclass
class ScriptedDocuments:
    """The documents at the ids of CIMD clients, and how often each was fetched."""

    documents: dict[str, bytes] = field(default_factory=lambda: {DOCUMENT_URL: json.dumps(DOCUMENT).encode()})
    max_age_s: int | None = 300
    fetched: list[str] = field(default_factory=list)
    failing: bool = False
    before_answering: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, url: str) -> Fetched | NotFetched:
        self.fetched.append(url)
        if self.before_answering is not None:
            await self.before_answering()
        body = self.documents.get(url)
        return NotFetched("status 404") if self.failing or body is None else Fetched(body, self.max_age_s)

    def put(self, url: str, **members: object) -> None:
        said = {**DOCUMENT, "client_id": url, **members}
        self.documents[url] = json.dumps({name: value for name, value in said.items() if value is not None}).encode()


@dataclass
class App:
    """An MCP client: it registered, or has a document; it asks, and exchanges what it gets."""

    house: House
    client_id: str
    redirect_uri: str = LOCAL
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def asks(self, **changed: str | None) -> str:
        """The target of its authorization request, as Claude Code sends it; None leaves a parameter out."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "redirect_uri": self.redirect_uri,
            "state": "state-of-the-client",
            "scope": "skills offline_access",
            "prompt": "consent",
            "resource": self.house.addresses.resource,
        } | changed
        kept = {name: value for name, value in parameters.items() if value is not None}
        return "/oauth/authorize?" + urlencode(kept, quote_via=quote)

    async def redeem(self, code: str, /, **changed: str | None) -> Answer:
        return await self._token(
            {
                "grant_type": "authorization_code",
                "client_id": self.client_id,
                "code": code,
                "code_verifier": self.verifier,
                "redirect_uri": self.redirect_uri,
                "resource": self.house.addresses.resource,
            }
            | changed
        )

    async def refresh(self, refresh_token: str, /, **changed: str | None) -> Answer:
        return await self._token(
            {
                "grant_type": "refresh_token",
                "client_id": self.client_id,
                "refresh_token": refresh_token,
                "resource": self.house.addresses.resource,
            }
            | changed
        )

    async def revoke(self, token: str, /, **changed: str | None) -> Answer:
        form = {"client_id": self.client_id, "token": token} | changed
        kept = {name: value for name, value in form.items() if value is not None}
        return await self.house.anybody.post("/oauth/revoke", kept)

    async def _token(self, form: Mapping[str, str | None]) -> Answer:
        kept = {name: value for name, value in form.items() if value is not None}
        return await self.house.anybody.post("/oauth/token", kept)

    async def sign_in(self, browser: Browser | None = None, *, who: str = "alice", provider: str = "google") -> str:
        """The whole way, with a yes; the code."""
        back = await self.house.come_back(self, browser or self.house.browser(), who=who, provider=provider)
        assert back.status == 303, back.text
        assert back.location.startswith(self.redirect_uri + "?")
        return back.said["code"]

    async def connect(self, **how: Any) -> dict[str, Any]:
        """The whole way, to a pair of tokens."""
        answer = await self.redeem(await self.sign_in(**how))
        assert answer.status == 200, answer.text
        return answer.json


@dataclass
class House:
    """Everything of one running server."""

    url: str
    addresses: Addresses
    settings: OAuthSettings
    store: StateStore
    clock: Any
    providers: dict[str, ScriptedProvider]
    documents: ScriptedDocuments
    session: aiohttp.ClientSession

    @property
    def google(self) -> ScriptedProvider:
        return self.providers["google"]

    @property
    def anybody(self) -> Browser:
        """Somebody without a cookie."""
        return self.browser()

    def browser(self) -> Browser:
        return Browser(self.url, self.session)

    async def register(self, *redirect_uris: str, **members: object) -> Answer:
        said = {"client_name": "Claude Code (acme)", "redirect_uris": list(redirect_uris or (LOCAL,)), **members}
        return await self.anybody.send(
            "POST", "/oauth/register", json.dumps(said).encode(), Content_Type="application/json"
        )

    async def app(self, redirect_uri: str = LOCAL, **members: object) -> App:
        """A client that registered itself."""
        answer = await self.register(redirect_uri, **members)
        assert answer.status == 201, answer.text
        return App(self, answer.json["client_id"], redirect_uri)

    async def asked(self, app: App, browser: Browser, **changed: str | None) -> Form:
        """Our page, as the browser shows it."""
        answer = await browser.get(app.asks(**changed))
        assert answer.status == 200, answer.text
        return Form(answer.text)

    async def agree(self, app: App, browser: Browser, provider: str = "google", **changed: str | None) -> Answer:
        """The person says yes; where they are sent."""
        form = await self.asked(app, browser, **changed)
        return await browser.post(form.action, {**form.hidden, "provider": provider}, Origin=self.url)

    async def come_back(
        self, app: App, browser: Browser, *, who: str | Refused | Exception = "alice", provider: str = "google"
    ) -> Answer:
        """The person agreed, signed in at the provider, and comes back."""
        agreed = await self.agree(app, browser, provider)
        assert agreed.status == 303, agreed.text
        return await browser.get(self.providers[provider].sign_in(agreed.location, who))

    async def opens(self, access_token: str) -> bool:
        """Whether an access token opens anything now, as the MCP endpoint would find."""
        return await self.store.oauth.find_access(hashlib.sha256(access_token.encode()).digest()) is not None

    async def audited(self) -> list[AuditEvent]:
        """What the audit says, oldest first."""
        await self.store.audit.flush()
        return list(reversed(await self.store.audit.read(limit=1000)))

    async def actions(self) -> list[tuple[str, str]]:
        return [(str(event.action), event.outcome) for event in await self.audited()]


HouseOf = Callable[..., Awaitable[House]]


@pytest.fixture
async def house_of(tmp_path: Path, clock: Clock) -> AsyncIterator[HouseOf]:
    """``await house_of(public_url=…, code_s=…)``: a running server; what is not a setting of its is one of ``OAuthSettings``."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))

        async def start(
            public_url: str | None = None, fetch_document: Any = None, database: str = "state", **changed: Any
        ) -> House:
            store = await StateStore.open(tmp_path / f"{database}.db", clock=clock)
            stack.push_async_callback(store.close)
            listener = bind("127.0.0.1", 0)
            addresses = Addresses(public_url or listener.url)
            settings = replace(OAuthSettings(), **changed)
            providers = {
                "google": ScriptedProvider(),
                "github": ScriptedProvider("github", "GitHub", "github"),
            }
            documents = ScriptedDocuments()
            routes = oauth_routes(
                oauth=store.oauth,
                people=store.people,
                audit=store.audit,
                providers=providers,
                addresses=addresses,
                settings=settings,
                server_key=ServerKey(await store.server_key(SystemEntropy())),
                clock=clock,
                entropy=SystemEntropy(),
                fetch_document=fetch_document or documents,
            )
            await stack.enter_async_context(
                site(listener, routes, max_body_bytes=1024**2, header_timeout_s=5, keepalive_s=15, drain_s=1)
            )
            return House(listener.url, addresses, settings, store, clock, providers, documents, session)

        yield start


@pytest.fixture
async def house(house_of: HouseOf) -> House:
    """A running server with everything at its default, and two providers: google and github."""
    return await house_of()


@pytest.fixture
async def app(house: House) -> App:
    """A client that registered itself, on the person's machine."""
    return await house.app()


@pytest.fixture
def browser(house: House) -> Browser:
    return house.browser()
