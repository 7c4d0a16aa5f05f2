"""A service whose people sign in with GitHub: whoever left the organisation is out when a client renews its tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthToken
from structlog.testing import capture_logs

from skillport_sync.clock import SystemClock
from skillport_sync.config import Settings, load
from skillport_sync.demo.browser import Browser
from skillport_sync.operations.doctor import members
from skillport_sync.outbound import open_session
from skillport_sync.standin import StandInGitHub
from skillport_sync.standin.identity import ADA, GRACE, StandInIdentity
from skillport_sync.store.audit import AuditAction

BOT = replace(GRACE, id="bot", github_id=2000, github_login="skillport-bot", organizations={"acme": "active"})
READS = {"contents": "read", "metadata": "read"}
SEES = {**READS, "members": "read"}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def github(standin: StandInGitHub, configure: Any) -> AsyncIterator[StandInIdentity]:
    """Repositories, people, and Apps at one address, as an Enterprise Server has them."""
    identity = StandInIdentity((ADA, BOT), hub=standin)
    await identity.start()
    yield identity
    await identity.close()


@pytest.fixture
def configured(github: StandInIdentity, standin: StandInGitHub, key: rsa.RSAPrivateKey, tmp_path: Path) -> Any:
    """``configured("app", permissions)``, ``configured("token")``: as whom the service reads its repository."""

    def secret(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
        return name

    def as_app(permissions: dict[str, str]) -> tuple[str, ...]:
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        standin.register_app(7, public.decode(), 99, account="acme", permissions=permissions)
        return "app_id = 7", f'private_key_file = "{secret("app.pem", private.decode())}"'

    def as_token() -> tuple[str, ...]:
        token = github.give_token(BOT, scope="read:org")
        standin.accept_token(token)
        return (f'token_file = "{secret("token", token)}"',)

    def made(credentials: str, permissions: dict[str, str] = SEES) -> Settings:
        lines = (
            'data_dir = "data"',
            "[[marketplaces]]",
            'repository = "acme/skills"',
            "[github]",
            f'api_url = "{github.github_api_url}"',
            *(as_app(permissions) if credentials == "app" else as_token()),
            "[server]",
            "port = 0",
            "[[auth.providers]]",
            'preset = "github"',
            'client_id = "ours"',
            f'client_secret_file = "{secret("client-secret", "s3cret")}"',
            'organizations = ["acme"]',
            f'base_url = "{github.github_url}"',
        )
        (tmp_path / "github.toml").write_text("\n".join(lines) + "\n")
        return load(tmp_path / "github.toml", {})

    return made


@pytest.fixture
def ada_at(github: StandInIdentity) -> Callable[[Any], Any]:
    """``await ada_at(house)``: Ada, who signed in with GitHub."""

    async def signed_in(house: Any) -> Any:
        github.register("ours", "s3cret", redirect_uris=[f"{house.url}/oauth/callback/github"])
        ada = house.somebody()
        ada.browser = Browser({"provider": "github", "person": "ada"})
        ada.provider = OAuthClientProvider(
            f"{house.url}/mcp",
            ada.provider.context.client_metadata,
            ada.memory,
            ada.browser.open,
            ada.browser.came_back,
        )
        assert (await house.told(ada, operation="whoami"))["id"] == "github:1815"
        return ada

    return signed_in


async def renewed(house: Any, ada: Any) -> Any:
    """The answer, whose tokens are the client's from now on."""
    form = {"grant_type": "refresh_token", "refresh_token": ada.refresh_token, "client_id": ada.client_id}
    answer = await house.http.post(f"{house.url}/oauth/token", data=form)
    if answer.status_code == 200:
        ada.memory.tokens = OAuthToken.model_validate(answer.json())
    return answer


def let_go(github: StandInIdentity) -> None:
    github.people = (replace(ADA, organizations={}), BOT)


@pytest.mark.parametrize("credentials", ["app", "token"])
async def test_a_member_goes_on_and_whoever_left_is_out_with_all_their_sessions(
    house_of: Any, configured: Any, github: StandInIdentity, ada_at: Any, clock: Any, credentials: str
) -> None:
    house = await house_of(configured(credentials), dev=False)
    ada, elsewhere = await ada_at(house), await ada_at(house)
    assert (await renewed(house, ada)).status_code == 200
    let_go(github)
    clock.advance(1800)
    assert (await renewed(house, ada)).status_code == 200  # known for an hour
    clock.advance(1800)
    assert await house.opens(ada.access_token)
    refused = await renewed(house, elsewhere)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert await house.state.oauth.sessions() == []
    assert not await house.opens(ada.access_token)
    last = (await house.audited())[-1]
    assert (last.action, last.outcome) == (AuditAction.SESSION_REVOKED, "not_allowed_any_more")


@pytest.mark.parametrize("credentials", ["app", "token"])
async def test_while_github_wants_the_service_to_wait_nobody_is_asked_about_and_nobody_thrown_out(
    house_of: Any, configured: Any, github: StandInIdentity, ada_at: Any, clock: Any, credentials: str
) -> None:
    settings = configured(credentials)
    house = await house_of(settings, dev=False)
    ada = await ada_at(house)
    let_go(github)
    clock.advance(3600)
    house.service.parts.hosts.of(settings.github.api_url).close_for(600)
    assert (await renewed(house, ada)).status_code == 200
    clock.advance(3600)
    assert (await renewed(house, ada)).status_code == 400


async def test_where_the_app_does_not_see_members_everybody_goes_on_and_the_log_says_why(
    house_of: Any, configured: Any, github: StandInIdentity, ada_at: Any
) -> None:
    house = await house_of(configured("app", READS), dev=False)
    ada = await ada_at(house)
    let_go(github)
    with capture_logs() as logged:
        assert (await renewed(house, ada)).status_code == 200
    (said,) = [line for line in logged if line["event"] == "memberships_not_seen"]
    assert (said["log_level"], said["organization"], said["code"]) == ("warning", "acme", "app_without_members")


@pytest.mark.parametrize(
    ("account", "permissions", "verdict", "words"),
    [
        ("acme", SEES, "ok", "the App sees them"),
        ("acme", READS, "warning", "Members: read"),
        ("elsewhere", SEES, "warning", "not installed"),
    ],
)
async def test_doctor_says_whether_the_app_sees_members(
    configured: Any, standin: StandInGitHub, account: str, permissions: dict[str, str], verdict: str, words: str
) -> None:
    settings = configured("app", permissions)
    standin.access.apps[7].account = account
    async with open_session() as session:
        (check,) = [check async for check in members.seen(settings, session, SystemClock())]
    assert (check.what, check.verdict) == ("members of acme", verdict)
    assert words in check.seen


async def test_doctor_says_nothing_of_members_where_the_service_is_no_app_or_one_of_another_github(
    configured: Any,
) -> None:
    elsewhere = configured("app")
    elsewhere = replace(elsewhere, github=replace(elsewhere.github, api_url="https://api.github.com"))
    async with open_session() as session:
        for settings in (configured("token"), elsewhere):
            assert [check async for check in members.seen(settings, session, SystemClock())] == []


async def test_the_repository_s_credentials_and_the_members_are_two(
    house_of: Any, configured: Any, github: StandInIdentity, standin: StandInGitHub, ada_at: Any
) -> None:
    house = await house_of(configured("app"), dev=False)
    assert (await renewed(house, await ada_at(house))).status_code == 200
    opened = [(grant.permissions, grant.repositories) for grant in standin.access.grants.values() if grant.app]
    assert opened == [(READS, frozenset({"acme/skills"})), ({"members": "read"}, None)]
