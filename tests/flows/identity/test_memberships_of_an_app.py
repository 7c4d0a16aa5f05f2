"""Whether people are still in the organisation, asked as a GitHub App: by its installation on it, if that sees all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from mcp_server.identity import membership
from mcp_server.identity.presets import OwnGitHub
from mcp_server.identity.witness import AppWitness
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.github.organizations import OrganizationInstallations
from skillport_sync.standin.identity import ADA, GRACE, StandInIdentity

WHO = Principal(PrincipalId("github:1815"), "Ada Lovelace")
OTHER = Principal(PrincipalId("github:1906"), "Grace Hopper")
GRANTED = {"contents": "read", "metadata": "read", "members": "read"}
API = "/github/api/v3"
FIND, MINT = f"GET {API}/orgs/acme/installation", f"POST {API}/app/installations/99/access_tokens"
MEMBERSHIP = f"GET {API}/orgs/acme/memberships/ada"
NOT_SEEN = "memberships_not_seen"


@pytest.fixture
def clock(clock):
    """At the machine's time of day: an App says what time it is, and the stand-in compares."""
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds())
    return clock


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def idp(standin) -> AsyncIterator[StandInIdentity]:
    """A GitHub where Ada is in Acme, and so is Grace."""
    grace = replace(GRACE, organizations={"acme": "active"})
    identity = StandInIdentity((ADA, grace), hub=standin)
    await identity.start()
    yield identity
    await identity.close()


@pytest.fixture
def app(standin, key):
    """An App on Acme, which may read its repositories and see its members."""
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return standin.register_app(7, public.decode(), 99, account="Acme", permissions=GRANTED)


@pytest.fixture
def installations(idp, key, web_session, clock):
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return OrganizationInstallations(web_session, app_id="7", private_key=pem, api_url=idp.github_api_url, clock=clock)


@pytest.fixture
def github_for(sign_in_at, idp, installations):
    """``github_for("acme", "labs")``: GitHub, where these organisations are let in, and the service is an App."""

    def made(*organizations: str):
        own = OwnGitHub(idp.github_api_url, AppWitness(installations))
        return sign_in_at("github", organizations=organizations, own_github=own, api_url=idp.github_api_url).provider

    return made


@pytest.fixture
def github(github_for):
    return github_for("acme")


def stands(idp, **organizations: str) -> None:
    """How Ada stands to organisations from now on."""
    idp.people = (replace(ADA, organizations=organizations), *idp.people[1:])


def not_seen(logged) -> list[tuple[str, str]]:
    return [(line["organization"], line["code"]) for line in logged if line["event"] == NOT_SEEN]


# --- an installation that sees everybody -------------------------------------------------------------------------------------


async def test_a_member_stays_and_whoever_left_is_out_an_hour_later(app, github, idp, clock):
    assert await github.still_allowed(WHO) is True
    stands(idp)
    clock.advance(3599)
    assert await github.still_allowed(WHO) is True
    clock.advance(1)
    assert await github.still_allowed(WHO) is False


async def test_its_token_may_see_members_and_nothing_else_and_is_kept(app, github, idp, standin, clock):
    assert await github.still_allowed(WHO) is True
    clock.advance(54 * 60)
    assert await github.still_allowed(OTHER) is True
    (mint,) = idp.journal.matching(MINT)
    assert json.loads(mint.body) == {"permissions": {"members": "read"}}
    (grant,) = [grant for grant in standin.access.grants.values() if grant.app is app]
    assert dict(grant.permissions) == {"members": "read"}
    clock.advance(6 * 60 + 1)
    stands(idp)
    assert await github.still_allowed(WHO) is False
    assert idp.journal.count(MINT) == 2


@pytest.mark.parametrize("stance", [{}, {"acme": "pending"}, {"labs": "active"}])
async def test_an_invitation_or_nothing_is_no_membership(app, github, idp, stance):
    stands(idp, **stance)
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is False
    assert not_seen(logged) == []


async def test_another_account_that_took_an_old_name_is_somebody_else(app, github, idp):
    idp.people = (replace(ADA, github_id=77),)
    assert await github.still_allowed(WHO) is False


@pytest.mark.parametrize("status", [302, 403])
async def test_a_membership_that_is_hidden_throws_nobody_out(app, github, idp, status):
    stands(idp)
    idp.faults.http.fail_next(MEMBERSHIP, status=status, body=b"{}")
    assert await github.still_allowed(WHO) is None


# --- an installation that does not --------------------------------------------------------------------------------------------


async def test_an_app_that_is_not_on_the_organisation_throws_nobody_out_and_says_so_once(
    app, github, idp, standin, clock
):
    app.account = "elsewhere"
    stands(idp)
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is None
        asked = len(idp.journal)
        assert await github.still_allowed(OTHER) is None
        assert len(idp.journal) == asked
        clock.advance(membership.UNKNOWN_S)
        assert await github.still_allowed(OTHER) is None
        assert len(idp.journal) > asked
    assert not_seen(logged) == [("acme", "app_not_on_organization")]
    assert "Install it there" in next(line["reason"] for line in logged if line["event"] == NOT_SEEN)
    app.account = "acme"
    clock.advance(membership.UNKNOWN_S)
    assert await github.still_allowed(WHO) is False
    app.account = "elsewhere"
    clock.advance(3600)
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is None
    assert not_seen(logged) == [("acme", "app_not_on_organization")]


async def test_an_app_that_may_not_see_members_throws_nobody_out(app, github, idp, clock):
    stands(idp)
    app.permissions = {"contents": "read", "metadata": "read"}
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is None
        app.permissions = GRANTED
        clock.advance(membership.UNKNOWN_S)
        idp.faults.http.fail_next(MINT, status=422, body=b'{"message": "not granted to this installation"}')
        assert await github.still_allowed(WHO) is None
    assert not_seen(logged) == [("acme", "app_without_members")]
    clock.advance(membership.UNKNOWN_S)
    assert await github.still_allowed(WHO) is False


async def test_a_suspended_installation_throws_nobody_out(app, github, idp, standin, clock):
    assert await github.still_allowed(OTHER) is True
    stands(idp)
    await standin.change_installation(app, "suspend")
    assert await github.still_allowed(WHO) is None  # with the token from before
    clock.advance(3600)
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is None
    assert not_seen(logged) == [("acme", "app_suspended")]
    await standin.change_installation(app, "unsuspend")
    clock.advance(membership.UNKNOWN_S)
    assert await github.still_allowed(WHO) is False


@pytest.mark.parametrize(
    "account", [{"login": "acme", "type": "User"}, {"login": "acme-holding", "type": "Organization"}]
)
async def test_an_installation_on_another_account_is_not_the_organisation_s(app, github, idp, account):
    stands(idp)
    found = {"id": 99, "account": account, "permissions": GRANTED, "suspended_at": None}
    idp.faults.http.fail_next(FIND, status=200, body=json.dumps(found))
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is None
    assert not_seen(logged) == [("acme", "app_not_on_organization")]
    assert idp.journal.count(MINT) == 0


async def test_a_no_counts_only_while_the_app_is_still_there(app, github, idp):
    assert await github.still_allowed(OTHER) is True
    app.account = "acme-holding"  # renamed: all its members are unknown under the old name
    idp.faults.http.fail_next(MEMBERSHIP, status=404, body=b"{}")
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is None
    assert not_seen(logged) == [("acme", "app_not_on_organization")]


async def test_a_no_counts_only_while_the_app_still_sees_members(app, github, idp):
    assert await github.still_allowed(OTHER) is True
    app.permissions = {"contents": "read", "metadata": "read"}
    idp.faults.http.fail_next(MEMBERSHIP, status=404, body=b"{}")
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is None
    assert not_seen(logged) == [("acme", "app_without_members")]


async def test_a_no_to_the_token_of_another_installation_does_not_count(app, github, idp, standin, clock):
    assert await github.still_allowed(OTHER) is True
    stands(idp)
    standin.access.install(app, 100, account="acme", permissions=GRANTED)
    app.account = "acme-holding"
    idp.faults.http.fail_next(MEMBERSHIP, status=404, body=b"{}")
    assert await github.still_allowed(WHO) is None
    clock.advance(membership.UNKNOWN_S)
    assert await github.still_allowed(WHO) is False
    assert idp.journal.count(f"POST {API}/app/installations/100/access_tokens") == 1


@pytest.mark.parametrize("step", [FIND, MINT, f"GET {API}/user/1815", MEMBERSHIP])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
async def test_a_github_that_fails_throws_nobody_out(app, github, idp, clock, step, status):
    stands(idp)
    idp.faults.http.fail_next(step, status=status, body=b"{}", times=1)
    assert await github.still_allowed(WHO) is None
    clock.advance(membership.UNKNOWN_S)
    assert await github.still_allowed(WHO) is False


# --- several organisations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stance", "still"),
    [({"labs": "active"}, True), ({"acme": "active"}, True), ({"acme": "pending"}, False), ({}, False)],
)
async def test_each_organisation_is_asked_as_its_own_installation(app, github_for, idp, standin, stance, still):
    standin.access.install(app, 100, account="labs", permissions=GRANTED)
    stands(idp, **stance)
    assert await github_for("acme", "labs").still_allowed(WHO) is still
    second = idp.journal.count(f"POST {API}/app/installations/100/access_tokens")
    assert (idp.journal.count(MINT), second) == (1, 0 if "active" in stance.get("acme", "") else 1)


@pytest.mark.parametrize(("stance", "still"), [({"labs": "active"}, True), ({}, None)])
@pytest.mark.parametrize("organizations", [("acme", "labs"), ("labs", "acme")])
async def test_one_yes_is_enough_and_one_organisation_that_is_not_seen_makes_a_no_none(
    app, github_for, idp, stance, still, organizations
):
    app.account = "labs"
    stands(idp, **stance)
    assert await github_for(*organizations).still_allowed(WHO) is still


async def test_nothing_of_the_app_is_shown(app, github, installations, standin):
    with capture_logs() as logged:
        assert await github.still_allowed(WHO) is True
        await standin.change_installation(app, "suspend")
        assert await github.still_allowed(OTHER) is None
    shown = repr((logged, installations, vars(installations), github))
    assert "ghs_" not in shown
    assert "PRIVATE KEY" not in shown
