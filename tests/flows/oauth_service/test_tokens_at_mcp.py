"""What opens /mcp: a token of our own, of the right kind, for this very resource, of a person who is welcome."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.reports import TokenRequest
from skillport_sync.store.sign_in import Client, NewTokens, Stage, Transaction


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def issued(house: Any, access_token: str, *, resource: str, lives_s: int = 3600) -> None:
    """A grant made in the store itself, for any resource: whatever else might have written there one day."""
    now, oauth = house.clock.now(), house.state.oauth
    later = now + timedelta(seconds=lives_s)
    await oauth.register(b"k" * 32, Client("a-client", "dcr", "A client", ("http://localhost/cb",), now, now, False))
    person = Principal(PrincipalId("demo:ada"), "Ada")
    await house.state.people.signed_in(person, "demo")
    transaction = Transaction(
        digest(access_token + "transaction"),
        Stage.CONSENT,
        "a-client",
        "http://localhost/cb",
        None,
        "skills",
        resource,
        "c" * 43,
        b"f" * 32,
        b"b" * 32,
        now,
        later,
    )
    assert await oauth.begin(transaction)
    await oauth.advance(transaction.id_hash, expect=Stage.CONSENT, to=Stage.UPSTREAM, provider="demo")
    grant = await oauth.grant_and_code(
        transaction.id_hash,
        person.id,
        code_hash=digest(access_token + "code"),
        code_expires_at=later,
        grant_expires_at=later,
    )
    assert grant is not None
    tokens = NewTokens(digest(access_token), later, digest(access_token + "refresh"), later)
    assert await oauth.issue(grant, tokens) is not None


async def test_whoever_signed_in_is_who_their_provider_says(house: Any) -> None:
    ada = await house.signed_in("ada")
    said = await house.told(ada, operation="whoami")
    assert (said["id"], said["email"], said["groups"]) == ("demo:ada", "ada@acme.example", ["editors", "engineering"])
    assert said["editor"] == {"acme/skills": True}
    grace = await house.signed_in("grace")
    assert (await house.told(grace, operation="whoami"))["editor"] == {"acme/skills": False}


async def test_a_token_for_this_resource_opens_it_and_one_for_another_does_not(house: Any) -> None:
    ours = f"{house.url}/mcp"
    await issued(house, "sp_at_ours", resource=ours)
    assert await house.opens("sp_at_ours")
    for number, resource in enumerate([house.url, ours + "/", "https://elsewhere.example/mcp", ours.upper()]):
        await issued(house, f"sp_at_{number}", resource=resource)
        assert not await house.opens(f"sp_at_{number}"), resource


async def test_only_an_access_token_opens_it(house: Any) -> None:
    ada = await house.signed_in("ada")
    assert ada.access_token.startswith("sp_at_")
    for other in (
        ada.refresh_token,
        ada.refresh_token.replace("sp_rt_", "sp_at_"),
        ada.access_token.replace("sp_at_", "sps_"),
        ada.access_token[:-1],
        ada.access_token + "x",
        ada.client_id,
    ):
        assert not await house.opens(other)
    assert await house.opens(ada.access_token)


async def test_an_access_token_ends_to_the_second_though_it_is_remembered(house: Any) -> None:
    await issued(house, "sp_at_short", resource=f"{house.url}/mcp", lives_s=100)
    house.clock.advance(95)
    assert await house.opens("sp_at_short")
    house.clock.advance(5)
    assert not await house.opens("sp_at_short")


# --- who is out ---------------------------------------------------------------------------------------------------------------


async def test_a_client_that_gives_its_tokens_back_is_out_at_once(house: Any) -> None:
    ada = await house.signed_in("ada")
    form = {"token": ada.refresh_token, "client_id": ada.client_id}
    assert (await house.http.post(f"{house.url}/oauth/revoke", data=form)).status_code == 200
    assert not await house.opens(ada.access_token)


@pytest.mark.parametrize("how", ["sessions revoked", "person disabled"])
async def test_a_person_who_is_thrown_out_is_out_at_once_and_nobody_else_is(house: Any, how: str) -> None:
    adas = [await house.signed_in("ada") for _ in range(2)]
    grace = await house.signed_in("grace")
    if how == "sessions revoked":
        await house.state.oauth.revoke_person(PrincipalId("demo:ada"), "operator")
    else:
        assert await house.state.people.disable(PrincipalId("demo:ada"))
    for ada in adas:
        assert not await house.opens(ada.access_token)
        form = {"grant_type": "refresh_token", "refresh_token": ada.refresh_token, "client_id": ada.client_id}
        answer = await house.http.post(f"{house.url}/oauth/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert await house.opens(grace.access_token)


async def test_the_api_tokens_of_a_disabled_person_open_nothing_within_ten_seconds(house: Any) -> None:
    await house.signed_in("ada")
    operator = house.service.operator
    adas = (await operator.create_token(TokenRequest("demo:ada", "her script"))).token
    of_ci = (await operator.create_token(TokenRequest("token:ci", "CI"))).token
    assert await house.opens(adas)
    assert await house.opens(of_ci)
    await house.state.people.disable(PrincipalId("demo:ada"))
    house.clock.advance(10)
    assert not await house.opens(adas)
    assert await house.opens(of_ci)
    await house.state.people.enable(PrincipalId("demo:ada"))
    assert await house.opens(adas)


async def test_a_revoked_api_token_is_out_at_once_beside_sign_in(house: Any) -> None:
    made = await house.service.operator.create_token(TokenRequest("token:ci", "CI"))
    assert await house.opens(made.token)
    await house.service.operator.revoke_token(made.row.id)
    assert not await house.opens(made.token)
