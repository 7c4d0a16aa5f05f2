"""Owns the replay of a sign-in with a client of our own: each step as Claude takes it, up to where a person is needed, and with
the stand-in provider to the end. Ends what it began: what it is given is revoked, and a client that nobody let in is forgotten
after a day. Never says a code, a state, a cookie or a token.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import aiohttp

from mcp_server.oauth.metadata import OFFLINE, SCOPE, Addresses
from skillport_sync.operations.doctor.outside import CALL, MCP_HEADERS
from skillport_sync.operations.doctor.page import Form
from skillport_sync.operations.doctor.verdicts import Area
from skillport_sync.operations.doctor.web import Answer, NoAnswer, Web
from skillport_sync.reports import Check

SIGN_IN: Final = Area("sign-in")
RETURN_ADDRESS: Final = "http://localhost:51620/callback"
"""Where Claude Code would listen. Nobody does: what is sent there is read from the redirect."""
HOSTED: Final = "https://claude.ai/api/mcp/auth_callback"
"""Where claude.ai, Desktop and mobile are sent back to: https://claude.com/docs/connectors/building/authentication."""
CLIENT: Final[Mapping[str, object]] = {
    "client_name": "skillport-sync doctor",
    "redirect_uris": [RETURN_ADDRESS, HOSTED],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "scope": f"{SCOPE} {OFFLINE}",
}
"""Always the same words, which are always the same client."""
STAND_IN: Final = "demo"
_MOST_STEPS: Final = 8
_LOOK: Final = "the service's log says more, at the same time of day"


@dataclass(frozen=True, slots=True)
class _Stuck:
    """Why it does not go on."""

    seen: str
    to_do: str = _LOOK


@dataclass(frozen=True, slots=True)
class _Begun:
    """One authorization request of ours, and what its answer has to fit."""

    client_id: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def address(self, addresses: Addresses) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": RETURN_ADDRESS,
            "code_challenge": urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "state": self.state,
            "scope": f"{SCOPE} {OFFLINE}",
            "prompt": "consent",
            "resource": addresses.resource,
        }
        return f"{addresses.public_url}/oauth/authorize?{urlencode(asked)}"


async def replayed(addresses: Addresses, *, registration: bool, is_stand_in: bool) -> AsyncIterator[Check]:
    """Every step until one fails, or a person is needed. With the stand-in, which lets anybody be anybody, one of its people."""
    if not registration:
        seen = "clients do not register here (auth.registration = false), and this one has no document of its own"
        yield SIGN_IN.warning("register", seen, "sign in with Claude itself to see the rest")
        return
    async with _browser(addresses) as web:
        client_id = await _register(web, addresses)
        if isinstance(client_id, _Stuck):
            yield SIGN_IN.failed("register", client_id.seen, client_id.to_do)
            return
        yield SIGN_IN.ok("register", "a client that Claude could be, for its own machine and for claude.ai")
        page = await _consent_page(web, addresses, _Begun(client_id))
        if isinstance(page, _Stuck):
            yield SIGN_IN.failed("authorize", page.seen, page.to_do)
            return
        names = page.choices("provider")
        yield SIGN_IN.ok("authorize", f"our page is shown, with {', '.join(names)}")
    for name in names:
        async with _browser(addresses) as web:
            async for check in _through(web, addresses, _Begun(client_id), name, goes_on=is_stand_in):
                yield check


@asynccontextmanager
async def _browser(addresses: Addresses) -> AsyncIterator[Web]:
    """A browser of its own, with its own cookies, that nobody else looks into."""
    is_https = addresses.public_url.startswith("https:")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), trust_env=is_https) as session:
        yield Web(session)


# --- the steps ---------------------------------------------------------------------------------------------------------------


async def _register(web: Web, addresses: Addresses) -> str | _Stuck:
    answer = await web.ask("POST", f"{addresses.public_url}/oauth/register", json=CLIENT)
    if isinstance(answer, NoAnswer):
        return _Stuck(answer.error)
    if answer.status != 201:
        return _Stuck(f"{answer.error} where 201 is expected", "no client that registers could go on from here")
    said = answer.json() or {}
    client_id = said.get("client_id")
    if not isinstance(client_id, str) or None in said.values() or "client_secret" in said:
        return _Stuck("the answer is not one that every client reads", _LOOK)
    return client_id


async def _consent_page(web: Web, addresses: Addresses, begun: _Begun) -> Form | _Stuck:
    answer = await web.ask("GET", begun.address(addresses))
    if isinstance(answer, NoAnswer):
        return _Stuck(answer.error)
    if answer.status != 200:
        return _Stuck(f"{answer.error}: our page is not shown")
    form = Form(answer.text)
    if form.action != addresses.consent:
        return _Stuck(
            "the page is not ours, or was made for another public_url", "check public_url and what is before it"
        )
    if "Set-Cookie" not in answer.headers:
        return _Stuck("the page comes without its cookie", "have the proxy pass Set-Cookie on")
    return form if form.choices("provider") else _Stuck("our page offers no provider", "add [[auth.providers]]")


async def _through(
    web: Web, addresses: Addresses, begun: _Begun, provider: str, *, goes_on: bool
) -> AsyncIterator[Check]:
    what = f"to {provider}"
    location = await _agreed(web, addresses, begun, provider)
    if isinstance(location, _Stuck):
        yield SIGN_IN.failed(what, location.seen, location.to_do)
        return
    shown = await web.ask("GET", location)
    host = urlsplit(location).netloc
    if isinstance(shown, NoAnswer):
        yield SIGN_IN.failed(
            what, f"{host}: {shown.error}", "check the provider's addresses, and the way of people to it"
        )
        return
    if shown.status >= 400:
        to_do = f"check client_id, and that {addresses.callback(provider)} is registered there, letter by letter"
        yield SIGN_IN.failed(what, f"{host} refuses us with status {shown.status}", to_do)
        return
    if not (goes_on and provider == STAND_IN):
        yield SIGN_IN.ok(what, f"{host} shows its page (status {shown.status}); from here on a person is needed")
        return
    yield SIGN_IN.ok(what, f"{host} shows its page: the stand-in, where this examination signs in by itself")
    code = await _come_back(web, addresses, begun, shown, location)
    if isinstance(code, _Stuck):
        yield SIGN_IN.failed("back to the client", code.seen, code.to_do)
        return
    yield SIGN_IN.ok("back to the client", "with a code, its own state, and iss as the metadata promises")
    async for check in _connected(web, addresses, begun, code):
        yield check


async def _agreed(web: Web, addresses: Addresses, begun: _Begun, provider: str) -> str | _Stuck:
    """Press the provider's button on our page; where that leads."""
    page = await _consent_page(web, addresses, begun)
    if isinstance(page, _Stuck):
        return page
    parts = urlsplit(addresses.public_url)
    headers = {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
    answer = await web.ask("POST", page.action, form={**page.hidden, "provider": provider}, headers=headers)
    if isinstance(answer, NoAnswer):
        return _Stuck(answer.error)
    if answer.status not in (302, 303):
        return _Stuck(f"status {answer.status} after our page", "the provider may be down: look at the lines above")
    back = parse_qs(urlsplit(answer.location).query).get("redirect_uri", [""])[0]
    if back != addresses.callback(provider):
        return _Stuck("the provider is told another address to come back to", "check public_url")
    return answer.location


async def _come_back(web: Web, addresses: Addresses, begun: _Begun, shown: Answer, location: str) -> str | _Stuck:
    """Be the first person of the stand-in, and go where it leads, until that is the client's address."""
    page = Form(shown.text)
    people = page.choices("person")
    if not people:
        return _Stuck("the stand-in's page offers nobody")
    at = urljoin(location, page.action)
    answer = await web.ask("POST", at, form={**page.hidden, "person": people[0]})
    for _ in range(_MOST_STEPS):
        if isinstance(answer, NoAnswer):
            return _Stuck(answer.error)
        if answer.status not in (302, 303):
            return _Stuck(f"status {answer.status} on the way back")
        at = urljoin(at, answer.location)
        if at.startswith(RETURN_ADDRESS):
            return _code(at, addresses, begun)
        answer = await web.ask("GET", at)
    return _Stuck("it goes round in circles")


def _code(at: str, addresses: Addresses, begun: _Begun) -> str | _Stuck:
    said = {name: values[0] for name, values in parse_qs(urlsplit(at).query).items()}
    if "error" in said:
        return _Stuck(f"the client is told {said['error'][:60]}")
    if not secrets.compare_digest(said.get("state", "").encode(), begun.state.encode()):
        return _Stuck("the client's state comes back changed", "every client refuses this")
    if said.get("iss") != addresses.public_url:
        return _Stuck("iss is not public_url", "clients that compare it refuse this: check public_url")
    return said.get("code") or _Stuck("there is no code")


async def _connected(web: Web, addresses: Addresses, begun: _Begun, code: str) -> AsyncIterator[Check]:
    """Tokens for the code, a call with them, fresh ones, and their end."""
    first = await _tokens(
        web,
        addresses,
        {
            "grant_type": "authorization_code",
            "client_id": begun.client_id,
            "code": code,
            "code_verifier": begun.verifier,
            "redirect_uri": RETURN_ADDRESS,
            "resource": addresses.resource,
        },
    )
    if isinstance(first, _Stuck):
        yield SIGN_IN.failed("token", first.seen, first.to_do)
        return
    access, refresh, lasts_s = first
    yield SIGN_IN.ok("token", f"an access token for {lasts_s} s, and one to renew it")
    yield _called("tool call", await _call(web, addresses, access), 200)
    again = {
        "grant_type": "refresh_token",
        "client_id": begun.client_id,
        "refresh_token": refresh,
        "resource": addresses.resource,
    }
    renewed = await _tokens(web, addresses, again)
    if isinstance(renewed, _Stuck):
        yield SIGN_IN.failed("renewal", renewed.seen, renewed.to_do)
    else:
        access, refresh, _ = renewed
        yield SIGN_IN.ok("renewal", "both tokens were replaced")
    ended = {"token": refresh, "client_id": begun.client_id}
    await web.ask("POST", f"{addresses.public_url}/oauth/revoke", form=ended)
    yield _called("sign-out", await _call(web, addresses, access), 401)


async def _tokens(web: Web, addresses: Addresses, form: Mapping[str, str]) -> tuple[str, str, int] | _Stuck:
    answer = await web.ask("POST", f"{addresses.public_url}/oauth/token", form=form)
    if isinstance(answer, NoAnswer):
        return _Stuck(answer.error)
    said = answer.json() or {}
    match said:
        case {"access_token": str(access), "refresh_token": str(refresh), "expires_in": int(lasts_s)}:
            if answer.status == 200:
                return access, refresh, lasts_s
    return _Stuck(f"{answer.error}: no tokens that every client understands")


async def _call(web: Web, addresses: Addresses, access: str) -> Answer | NoAnswer:
    headers = {**MCP_HEADERS, "Authorization": f"Bearer {access}"}
    return await web.ask("POST", addresses.resource, json=CALL, headers=headers)


def _called(what: str, answer: Answer | NoAnswer, expected: int) -> Check:
    if isinstance(answer, NoAnswer):
        return SIGN_IN.failed(what, answer.error, _LOOK)
    if answer.status != expected:
        return SIGN_IN.failed(what, f"{answer.error} where {expected} is expected", _LOOK)
    if expected == 401:
        return SIGN_IN.ok(what, "its tokens open nothing any more")
    result = (answer.json() or {}).get("result")
    if not isinstance(result, dict) or result.get("isError"):
        return SIGN_IN.failed(what, "the tool does not answer", _LOOK)
    return SIGN_IN.ok(what, "the tool says who is asking")
