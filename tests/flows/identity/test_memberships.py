"""Whether people are still in the organisation: asked with the service's own token, once an hour, and never guessed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from mcp_server.identity import membership
from mcp_server.identity.github_api import GitHubApi
from mcp_server.identity.membership import Memberships
from mcp_server.identity.presets import OwnGitHub
from mcp_server.identity.transport import Transport
from mcp_server.identity.witness import TokenWitness
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.standin.identity import ADA, GRACE

SERVICE = replace(GRACE, id="bot", github_id=2000, github_login="skillport-bot", organizations={"acme": "active"})
WHO = Principal(PrincipalId("github:1815"), "Ada Lovelace")
MEMBERSHIP = "GET /github/api/v3/orgs/acme/memberships/ada"


@pytest.fixture
def github(sign_in_at, idp):
    """GitHub, to which the service shows the token of one of its members."""
    idp.people = (ADA, SERVICE)
    token = idp.give_token(SERVICE, scope="read:org")

    async def own() -> str:
        return f"token {token}"

    return sign_in_at("github", own_github=OwnGitHub(idp.github_api_url + "/", TokenWitness(own))).provider


@pytest.fixture
def memberships(idp, web_session, clock):
    """The same without a sign-in, for other limits."""
    idp.people = (ADA, SERVICE)
    token = idp.give_token(SERVICE, scope="read:org")

    async def own() -> str:
        return f"token {token}"

    api = GitHubApi(Transport(web_session, clock, title="GitHub"), idp.github_api_url)
    return lambda **limits: Memberships(api, ("acme",), TokenWitness(own), clock, **limits)


def let_go(idp) -> None:
    idp.people = (replace(ADA, organizations={}), SERVICE)


async def test_a_member_is_looked_at_once_an_hour(github, idp, clock):
    assert await github.still_allowed(WHO) is True
    let_go(idp)
    clock.advance(3599)
    assert await github.still_allowed(WHO) is True
    assert idp.journal.count(MEMBERSHIP) == 1
    clock.advance(1)
    assert await github.still_allowed(WHO) is False


async def test_whoever_was_let_go_is_out_and_whoever_changed_their_name_is_not(github, idp):
    idp.people = (replace(ADA, github_login="ada-l"), SERVICE)
    assert await github.still_allowed(WHO) is True


async def test_another_account_that_took_an_old_name_is_somebody_else(github, idp, clock):
    idp.people = (replace(ADA, github_id=77), SERVICE)
    assert await github.still_allowed(WHO) is False


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("GET /github/api/v3/user/1815", {"id": 2000, "login": "skillport-bot", "name": "A member"}),
        (MEMBERSHIP, {"state": "active", "user": {"id": 77, "login": "ada"}}),
        (MEMBERSHIP, {"state": "active"}),
    ],
)
async def test_an_answer_about_another_account_keeps_nobody_in(github, idp, step, answer):
    idp.faults.http.fail_next(step, status=200, body=json.dumps(answer))
    assert await github.still_allowed(WHO) is False


@pytest.mark.parametrize("state", ["pending", None])
async def test_an_invitation_or_nothing_is_no_membership(github, idp, state):
    idp.people = (replace(ADA, organizations={} if state is None else {"acme": state}), SERVICE)
    assert await github.still_allowed(WHO) is False


async def test_a_service_that_is_not_inside_itself_cannot_tell_and_throws_nobody_out(github, idp, clock):
    idp.tickets.given = {
        token: replace(given, person=replace(SERVICE, organizations={})) for token, given in idp.tickets.given.items()
    }
    let_go(idp)
    assert await github.still_allowed(WHO) is None
    idp.tickets.given = {token: replace(given, scope="") for token, given in idp.tickets.given.items()}
    clock.advance(membership.UNKNOWN_S)
    assert await github.still_allowed(WHO) is None


async def test_a_membership_that_is_hidden_throws_nobody_out(github, idp):
    let_go(idp)
    idp.faults.http.fail_next(MEMBERSHIP, status=403, body=b"{}")
    assert await github.still_allowed(WHO) is None


async def test_a_no_that_a_stranger_would_hear_too_is_not_believed(github, idp):
    let_go(idp)
    idp.faults.http.fail_next("GET /github/api/v3/user/memberships/orgs/acme", status=404, body=b"{}")
    assert await github.still_allowed(WHO) is None


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
async def test_a_github_that_fails_throws_nobody_out_and_is_left_alone_for_a_while(github, idp, clock, status):
    let_go(idp)
    idp.faults.http.fail_next("GET /github/api/v3/user/1815", status=status, times=1)
    assert await github.still_allowed(WHO) is None
    requests = len(idp.journal)
    assert await github.still_allowed(WHO) is None
    assert len(idp.journal) == requests
    clock.advance(membership.UNKNOWN_S)
    assert await github.still_allowed(WHO) is False


async def test_a_silent_github_holds_nobody_up_for_long(memberships, idp):
    idp.faults.http.hang_next("GET /github/api/v3/user/1815")
    async with asyncio.timeout(5):
        assert await memberships(longest_s=0.2).includes(1815) is None


async def test_one_of_several_organisations_is_enough_to_stay(sign_in_at, idp):
    service = replace(SERVICE, organizations={"acme": "active", "labs": "active"})
    idp.people = (replace(ADA, organizations={"labs": "active"}), service)
    token = idp.give_token(service, scope="read:org")

    async def own() -> str:
        return f"token {token}"

    sign_in = sign_in_at(
        "github", organizations=("acme", "labs"), own_github=OwnGitHub(idp.github_api_url, TokenWitness(own))
    )
    assert await sign_in.provider.still_allowed(WHO) is True


async def test_credentials_of_one_github_are_never_shown_to_another(sign_in_at, idp):
    async def own() -> str:
        raise AssertionError("nobody should ask")

    sign_in = sign_in_at("github", own_github=OwnGitHub("https://api.github.com", TokenWitness(own)))
    assert await sign_in.provider.still_allowed(WHO) is None
    assert len(idp.journal) == 0


async def test_credentials_that_cannot_be_had_tell_nothing(sign_in_at, idp):
    async def nobody() -> str:
        return ""

    async def failing() -> str:
        raise Unavailable("GitHub is down.")

    for own in (nobody, failing):
        sign_in = sign_in_at("github", own_github=OwnGitHub(idp.github_api_url, TokenWitness(own)))
        assert await sign_in.provider.still_allowed(WHO) is None
    assert len(idp.journal) == 0


@pytest.mark.parametrize("other", ["google:1815", "github:ada", "github:", "github:²"])
async def test_only_people_of_github_are_asked_about(github, idp, other):
    assert await github.still_allowed(Principal(PrincipalId(other))) is None
    assert len(idp.journal) == 0


async def test_only_so_many_are_remembered(memberships, idp):
    few = memberships(most_remembered=2)
    for number in (1815, 1, 2, 1815):
        await few.includes(number)
    assert idp.journal.count(MEMBERSHIP) == 2
