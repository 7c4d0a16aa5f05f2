"""In which mode people sign in, where that is answered, and what is refused before anything listens."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from skillport_sync.compose import open_operator
from skillport_sync.config import ProviderSettings
from skillport_sync.errors import Invalid
from skillport_sync.serve import serving
from skillport_sync.standin.identity import StandInIdentity

SIGN_IN = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/oauth/authorize",
    "/oauth/callback/demo",
]


async def test_a_client_finds_its_way_from_the_first_refusal(house: Any) -> None:
    """As the specification has it: 401 → the resource's document → the server's document → its endpoints."""
    refused = await house.ask()
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer resource_metadata=")
    assert 'scope="skills"' in challenge
    resource = (await house.http.get(challenge.split('"')[1])).json()
    assert resource["resource"] == f"{house.url}/mcp"
    (issuer,) = resource["authorization_servers"]
    server = (await house.http.get(f"{issuer}/.well-known/oauth-authorization-server")).json()
    assert (server["issuer"], server["token_endpoint"]) == (house.url, f"{house.url}/oauth/token")


@pytest.mark.parametrize("auth", [(), ("[auth]", 'mode = "none"')], ids=["token", "none"])
async def test_where_nobody_signs_in_there_is_nothing_to_sign_in_with(
    house_of: Any, configure: Any, auth: tuple[str, ...]
) -> None:
    house = await house_of(configure(*auth), dev=False)
    for path in SIGN_IN:
        assert (await house.http.get(house.url + path)).status_code == 404
    if not auth:
        assert (await house.ask()).headers["WWW-Authenticate"] == "Bearer"
        assert (await house.ask("sp_at_" + "A" * 43)).status_code == 401


async def test_people_sign_in_at_the_public_listener_only(house_of: Any, configure: Any) -> None:
    house = await house_of(configure("[server]", "port = 0", "webhooks_port = 0"))
    for path in SIGN_IN:
        assert (await house.http.get(house.url + path)).status_code != 404
        assert (await house.http.get(house.service.private.url + path)).status_code == 404


async def test_public_url_and_nothing_else_shapes_every_address(house_of: Any, configure: Any) -> None:
    identity = StandInIdentity()
    await identity.start()
    try:
        settings = configure(
            "[[auth.providers]]",
            'preset = "oidc"',
            'name = "acme"',
            'client_id = "us"',
            f'issuer = "{identity.issuer}"',
            before='public_url = "https://skills.acme.example"',
        )
        house = await house_of(settings, dev=False)
        lies = {"Host": "skills.acme.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
        refused = await house.http.post(f"{house.url}/mcp", json={}, headers=lies)
        assert 'resource_metadata="https://skills.acme.example/.well-known/' in refused.headers["WWW-Authenticate"]
        for path in SIGN_IN[:4]:
            told = (await house.http.get(house.url + path, headers={**lies, "Host": "evil.example"})).text
            assert "evil" not in told
            assert "https://skills.acme.example" in told
    finally:
        await identity.close()


# --- what is refused ----------------------------------------------------------------------------------------------------------


def refused(said: str) -> pytest.RaisesGroup[Invalid]:
    """However deep inside of what was being started."""
    return pytest.RaisesGroup(pytest.RaisesExc(Invalid, match=said), flatten_subgroups=True, allow_unwrapped=False)


async def test_sign_in_without_anybody_to_sign_in_with_does_not_start(configure: Any) -> None:
    settings = configure("[auth]", 'mode = "oauth"')
    with refused(r"add \[\[auth.providers\]\].*or run `skillport-sync serve --dev`"):
        async with serving(settings):
            pass
    async with open_operator(settings) as operator:  # an operator's commands go on working
        assert (await operator.status()).marketplaces


async def test_a_provider_whose_secret_cannot_be_read_does_not_start(configure: Any) -> None:
    settings = configure(
        "[[auth.providers]]",
        'preset = "github"',
        'client_id = "us"',
        'client_secret_file = "not-there"',
        'organizations = ["acme"]',
    )
    with refused("secret file .*not-there does not exist"):
        async with serving(settings):
            pass


PROVIDER = ProviderSettings(preset="oidc", name="acme", client_id="us", issuer="https://login.acme.example")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"server": {"host": "0.0.0.0"}}, "only this machine may reach it"),
        ({"public_url": "https://skills.acme.example"}, "only this machine may reach it"),
        ({"auth": {"mode": "oauth", "providers": (PROVIDER,)}}, "without [[auth.providers]]"),
        ({"auth": {"mode": "none"}}, "remove auth.mode"),
    ],
    ids=["open to the network", "open to the world", "with real people", "without sign-in"],
)
async def test_nobody_may_be_anybody_where_others_can_reach_it(
    configure: Any, changed: dict[str, Any], said: str
) -> None:
    settings = configure()
    for name, value in changed.items():
        inner = getattr(settings, name)
        settings = replace(settings, **{name: replace(inner, **value) if isinstance(value, dict) else value})
    async with AsyncExitStack() as stack:
        with pytest.raises(Invalid) as raised:
            await stack.enter_async_context(serving(settings, dev=True))
    assert said in raised.value.message


@pytest.mark.parametrize("mode", [(), ("[auth]", 'mode = "oauth"'), ("[auth]", 'mode = "token"')], ids=str)
async def test_a_service_that_is_tried_out_lets_people_and_api_tokens_in(
    house_of: Any, configure: Any, mode: tuple[str, ...]
) -> None:
    house = await house_of(configure(*mode))
    await house.signed_in("grace")
    assert house.service.parts.settings.auth.mode == "oauth"
