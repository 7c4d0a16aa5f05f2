"""An OpenID provider that is not ours: PyPI's oidc-provider-mock, over real HTTP."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from mcp_server.identity.provider import Identity, Refused
from skillport_sync.access.model import Principal
from skillport_sync.clock import SystemClock

LIMIT_S = 20.0


@pytest.fixture
def peer() -> Iterator[str]:
    """Its URL. It knows Ada, and believes every client."""
    with warnings.catch_warnings():
        # It uses a part of authlib that will go.
        warnings.simplefilter("ignore")
        mock = pytest.importorskip("oidc_provider_mock", reason="oidc-provider-mock is a development dependency")
        ada = {"name": "Ada Lovelace", "email": "ada@acme.example", "email_verified": True, "groups": ["editors"]}
        with mock.run_server_in_thread(user_claims=[mock.User(sub="ada", claims=ada)]) as server:
            yield f"http://localhost:{server.server_port}"


async def come_back(sign_in, **chosen: str) -> dict[str, str]:
    async with asyncio.timeout(LIMIT_S):
        url = await sign_in.provider.authorization_url(sign_in.upstream, sign_in.redirect_uri)
        async with sign_in.session.post(url, data=chosen, allow_redirects=False) as answered:
            assert answered.status == 302, await answered.text()
            return dict(parse_qsl(urlsplit(answered.headers["Location"]).query))


async def test_somebody_signs_in_at_the_mock_by_its_issuer_alone(peer, sign_in_at):
    sign_in = sign_in_at(issuer=peer, clock=SystemClock())
    came = await come_back(sign_in, sub="ada")
    assert await sign_in.identified(came) == Identity(
        Principal("acme:ada", "Ada Lovelace", "ada@acme.example", frozenset({"editors"})), "acme"
    )
    again = await sign_in.identified(came)
    assert isinstance(again, Refused)
    assert again.code == "code_spent"


async def test_a_nonce_of_another_sign_in_is_refused_from_the_mock_too(peer, sign_in_at):
    sign_in = sign_in_at(issuer=peer, clock=SystemClock())
    came = await come_back(sign_in, sub="ada")
    sign_in.upstream = replace(sign_in.upstream, nonce="of another sign-in")
    outcome = await sign_in.identified(came)
    assert isinstance(outcome, Refused)
    assert outcome.code == "id_token_nonce"


async def test_whoever_declines_at_the_mock_is_not_signed_in(peer, sign_in_at):
    sign_in = sign_in_at(issuer=peer, clock=SystemClock())
    came = await come_back(sign_in, action="deny")
    assert came["error"] == "access_denied"
    outcome = await sign_in.identified({**came, "state": sign_in.upstream.state})
    assert isinstance(outcome, Refused)
    assert outcome.code == "declined"
