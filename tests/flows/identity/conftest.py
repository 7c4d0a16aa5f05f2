"""Owns a stand-in identity provider that is running, providers made for it, and somebody who clicks through its page."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from yarl import URL

from mcp_server.identity.presets import OwnGitHub, providers
from mcp_server.identity.provider import Identity, Provider, Refused, Upstream
from skillport_sync.config.settings import Preset, ProviderSettings
from skillport_sync.ports import Clock
from skillport_sync.standin.identity import ACME_TENANT, ADA, Person, StandInIdentity

CLIENT_ID = "skillport"
CLIENT_SECRET = "s3cret: with a colon, a % and späße"
"""As no provider makes them, and every one may."""
REDIRECT_URI = "http://127.0.0.1:8080/oauth/callback/demo?kept=1"
LIMIT_S = 10.0


@dataclass
class SignIn:
    """A browser, a provider, and what this service keeps of one sign-in. Every value may be changed between the steps."""

    provider: Provider
    session: aiohttp.ClientSession
    upstream: Upstream
    redirect_uri: str = REDIRECT_URI
    sent: dict[str, str] = field(default_factory=dict)
    """The query the person was sent to the provider with."""

    async def chosen(self, person: Person | None = ADA) -> dict[str, str]:
        """Go there, choose who to be (nobody: leave), and return what came back to the callback."""
        url = await self.provider.authorization_url(self.upstream, self.redirect_uri)
        self.sent = dict(parse_qsl(urlsplit(url).query))
        async with self.session.get(url, allow_redirects=False) as shown:
            text = await shown.text()
            if shown.status == 302:
                return _came_back(shown.headers["Location"], self.redirect_uri)
            assert shown.status == 200, text
        ticket = re.search(r'name="ticket" value="([^"]+)"', text)
        assert ticket is not None
        action = URL(url).join(URL("/sign-in"))
        form = {"ticket": html.unescape(ticket[1]), "person": "" if person is None else person.id}
        async with self.session.post(action, data=form, allow_redirects=False) as answered:
            assert answered.status == 302, await answered.text()
            return _came_back(answered.headers["Location"], self.redirect_uri)

    async def identified(self, parameters: Mapping[str, str]) -> Identity | Refused:
        async with asyncio.timeout(LIMIT_S):
            return await self.provider.identify(parameters, self.upstream, self.redirect_uri)

    async def as_(self, person: Person = ADA) -> Identity | Refused:
        """The whole of it."""
        return await self.identified(await self.chosen(person))

    def again(self) -> SignIn:
        """Another sign-in at the same provider."""
        return replace(self, upstream=_upstream(), sent={})


def _came_back(location: str, redirect_uri: str) -> dict[str, str]:
    assert location.startswith(redirect_uri + "&"), location
    return dict(parse_qsl(location.removeprefix(redirect_uri + "&"), keep_blank_values=True))


_made = iter(range(10**6))


def _upstream() -> Upstream:
    at = next(_made)
    return Upstream(f"state-{at}-{'s' * 32}", f"nonce-{at}-{'n' * 32}", f"verifier-{at:04}-{'v' * 40}")


SignInAt = Callable[..., SignIn]


@pytest.fixture
async def idp(clock) -> AsyncIterator[StandInIdentity]:
    """The stand-in, on the tests' own clock."""
    identity = StandInIdentity(now=clock.now)
    await identity.start()
    identity.register(CLIENT_ID, CLIENT_SECRET, redirect_uris=[REDIRECT_URI])
    yield identity
    await identity.close()


@pytest.fixture
async def web_session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def secret_file(tmp_path) -> Path:
    path = tmp_path / "client-secret"
    path.write_text(CLIENT_SECRET + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def sign_in_at(idp, clock: Clock, web_session, secret_file) -> SignInAt:
    """``sign_in_at("google")``: a sign-in at that dialect of the stand-in's, configured as an operator of Acme would."""

    def made(
        preset: Preset = "oidc",
        *,
        clock: Clock = clock,
        own_github: OwnGitHub | None = None,
        timeout_s: float = LIMIT_S,
        **changed: object,
    ) -> SignIn:
        usual: dict[Preset, dict[str, object]] = {
            "oidc": {"name": "acme", "title": "Acme", "issuer": idp.issuer},
            "google": {"hosted_domains": ("Acme.example",), "base_url": idp.google_issuer},
            "microsoft": {"tenants": (ACME_TENANT,), "base_url": idp.microsoft_url},
            "github": {"organizations": ("acme",), "base_url": idp.github_url},
        }
        chosen = {"name": preset, "client_id": CLIENT_ID, "client_secret_file": secret_file} | usual[preset] | changed
        configured = ProviderSettings(preset=preset, **chosen)
        own = [own_github] if own_github is not None else []
        (provider,) = providers([configured], web_session, clock, own_githubs=own, timeout_s=timeout_s).values()
        return SignIn(provider, web_session, _upstream())

    return made


@pytest.fixture
def sign_in(sign_in_at) -> SignIn:
    """At the OpenID provider without a preset."""
    return sign_in_at()
