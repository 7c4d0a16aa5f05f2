"""What is made of the configuration: every provider under its name, and none that would let in everybody by accident."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from mcp_server.identity.presets import providers
from mcp_server.identity.provider import Upstream
from skillport_sync.config.settings import Preset, ProviderSettings
from skillport_sync.errors import Invalid

TENANT = "0a0a0a0a-1111-4222-8333-444455556666"
UPSTREAM = Upstream("state", "nonce", "v" * 43)


def configured(preset: Preset, name: str | None = None, **others) -> ProviderSettings:
    return ProviderSettings(preset=preset, name=name or preset, client_id="skillport", **others)


class StillClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0


@pytest.fixture
async def made():
    async with aiohttp.ClientSession() as session:
        yield lambda *each: providers(each, session, StillClock())


async def test_several_stand_side_by_side_in_their_order(made):
    found = made(
        configured("oidc", name="acme", issuer="https://idp.acme.example"),
        configured("google", hosted_domains=("acme.example",)),
        configured("github", organizations=("acme",), title="Our GitHub"),
        configured("oidc", name="partner", issuer="https://idp.partner.example", title="Partners"),
        configured("microsoft", tenants=(TENANT,)),
    )
    assert [(name, each.name, each.title, each.preset) for name, each in found.items()] == [
        ("acme", "acme", "acme", "oidc"),
        ("google", "google", "Google", "google"),
        ("github", "github", "Our GitHub", "github"),
        ("partner", "partner", "Partners", "oidc"),
        ("microsoft", "microsoft", "Microsoft", "microsoft"),
    ]


@pytest.mark.parametrize("preset", ["google", "microsoft", "github"])
async def test_an_empty_allow_list_is_not_everybody(made, preset):
    with pytest.raises(Invalid):
        made(configured(preset))
    assert list(made(configured(preset, anyone=True))) == [preset]


@pytest.mark.parametrize(
    "wrong",
    [
        configured("google", hosted_domains=("acme.example",), anyone=True),
        configured("microsoft", tenants=("acme.onmicrosoft.com",)),
        configured("microsoft", tenants=("common",)),
        configured("oidc", name="acme"),
        configured("github", organizations=("acme",), client_secret_file=Path("/nowhere/secret")),
    ],
)
async def test_what_cannot_be_meant_is_refused(made, wrong):
    with pytest.raises(Invalid):
        made(wrong)


async def test_two_of_one_name_are_refused(made):
    acme = configured("oidc", name="acme", issuer="https://idp.acme.example")
    with pytest.raises(Invalid):
        made(acme, acme)


@pytest.mark.parametrize(
    ("base_url", "api_url", "begins"),
    [
        (None, None, "https://github.com/login/oauth/authorize?"),
        ("https://github.acme.example/", None, "https://github.acme.example/login/oauth/authorize?"),
    ],
)
async def test_github_is_found_where_it_is_configured(made, base_url, api_url, begins):
    found = made(configured("github", organizations=("acme",), base_url=base_url, api_url=api_url))
    url = await found["github"].authorization_url(UPSTREAM, "https://skills.example/oauth/callback/github")
    assert url.startswith(begins)
    assert "nonce" not in url
