"""Tokens that people make for themselves: what they open and what not, whom they speak for, and how they end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mcp_server.api_tokens import MOST_OF_ONE, ApiTokens, MintedToken, Purpose
from mcp_server.authentication import Authenticator, Caller
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.clock import SystemEntropy
from skillport_sync.errors import Conflict, Denied, Unauthenticated
from skillport_sync.reports import RevokeRequest, TokenRequest
from skillport_sync.signing_in import ANYBODY
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.sign_in import Purged
from skillport_sync.tokens import TokenKind, is_well_formed

DAY_S = 24 * 3600.0


def rest_of(house: Any) -> Authenticator:
    """Who is asked for all of HTTP besides /mcp."""
    authenticator: Authenticator = house.service.parts.authentication.rest
    return authenticator


async def caller_of(house: Any, token: str) -> Caller:
    return await rest_of(house).caller(f"Bearer {token}")


async def opens(house: Any, token: str) -> bool:
    """Whether it opens anything at all."""
    try:
        await caller_of(house, token)
    except Unauthenticated:
        return False
    return True


def maker(house: Any) -> ApiTokens:
    return ApiTokens(house.state.minted_tokens, house.state.audit, house.clock, SystemEntropy())


async def minted(house: Any, token: str, purpose: Purpose = Purpose.SCRIPTS) -> MintedToken:
    """Made by whoever has ``token``."""
    return await maker(house).mint(await caller_of(house, token), purpose)


# --- what it opens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "lives", "read_only"),
    [(Purpose.SCRIPTS, timedelta(minutes=15), False), (Purpose.CLAUDE_CODE, timedelta(days=90), True)],
)
async def test_it_speaks_for_whoever_made_it_until_it_ends_to_the_second(
    house: Any, purpose: Purpose, lives: timedelta, read_only: bool
) -> None:
    ada = await house.signed_in("ada")
    made = await minted(house, ada.access_token, purpose)
    assert is_well_formed(TokenKind.MINTED, made.token)
    assert made.read_only is read_only
    caller = await caller_of(house, made.token)
    assert caller.principal == (await house.state.people.find(PrincipalId("demo:ada"))).principal
    assert (caller.purpose, caller.read_only, caller.until) == (purpose, read_only, made.expires_at)
    assert lives.total_seconds() - 1 <= made.expires_in_s <= lives.total_seconds()
    house.clock.advance((made.expires_at - house.clock.now()).total_seconds() - 0.5)
    assert await opens(house, made.token)  # remembered from now on, but not beyond its end
    house.clock.advance(0.5)
    assert not await opens(house, made.token)


async def test_it_never_opens_mcp_whoever_asked_before(house: Any) -> None:
    ada = await house.signed_in("ada")
    made = await minted(house, ada.access_token)
    for _ in range(2):
        assert await opens(house, made.token)
        refused = await house.ask(made.token)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
        assert "sp_api_" in refused.json()["message"]
        assert made.token not in refused.text
    for spelled in (made.token.replace("sp_api_", "sps_"), made.token.replace("sp_api_", "sp_at_")):
        assert not await house.opens(spelled)


async def test_what_opens_mcp_opens_the_rest_as_well(house: Any) -> None:
    ada = await house.signed_in("ada")
    api_token = (await house.service.operator.create_token(TokenRequest("token:ci", "CI"))).token
    for token in (ada.access_token, api_token):
        caller = await caller_of(house, token)
        assert (caller.purpose, caller.read_only) == (None, False)


async def test_an_api_token_is_not_believed_beyond_its_own_end(house: Any) -> None:
    made = await house.service.operator.create_token(TokenRequest("token:ci", "CI", expires_in_days=1))
    house.clock.advance(DAY_S - 5)
    assert await house.opens(made.token)
    house.clock.advance(5)
    assert not await house.opens(made.token)


# --- who may make one ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", Purpose)
async def test_it_cannot_make_another_one(house: Any, purpose: Purpose) -> None:
    ada = await house.signed_in("ada")
    made = await minted(house, ada.access_token, purpose)
    for wanted in Purpose:
        with pytest.raises(Denied) as refused:
            await minted(house, made.token, wanted)
        assert refused.value.code == "token_cannot_mint"
    assert len(await house.state.minted_tokens.all()) == 1


async def test_what_is_good_for_reading_only_makes_none(house: Any) -> None:
    await house.signed_in("ada")
    caller = Caller(Principal(PrincipalId("demo:ada")), "a client", read_only=True)
    with pytest.raises(Denied):
        await maker(house).mint(caller, Purpose.SCRIPTS)


async def test_whoever_was_thrown_out_a_moment_ago_makes_none(house: Any) -> None:
    ada = await house.signed_in("ada")
    caller = await caller_of(house, ada.access_token)
    await house.state.people.disable(PrincipalId("demo:ada"))
    with pytest.raises(Denied) as refused:
        await maker(house).mint(caller, Purpose.SCRIPTS)
    assert refused.value.code == "not_allowed_any_more"


async def test_there_are_never_too_many_and_none_in_a_settings_file_ends_unasked(house: Any) -> None:
    ada = await house.signed_in("ada")
    scripts = [await minted(house, ada.access_token) for _ in range(MOST_OF_ONE + 1)]
    assert not await opens(house, scripts[0].token)
    assert await opens(house, scripts[1].token)
    first, *_ = [await minted(house, ada.access_token, Purpose.CLAUDE_CODE) for _ in range(MOST_OF_ONE)]
    with pytest.raises(Conflict) as refused:
        await minted(house, ada.access_token, Purpose.CLAUDE_CODE)
    assert refused.value.code == "too_many_tokens"
    assert await opens(house, first.token)


async def test_the_oldest_is_out_at_once_though_it_is_remembered(house: Any) -> None:
    ada = await house.signed_in("ada")
    oldest = await minted(house, ada.access_token)
    assert await opens(house, oldest.token)
    for _ in range(MOST_OF_ONE):
        await minted(house, ada.access_token)
    assert not await opens(house, oldest.token)


# --- whom it speaks for -------------------------------------------------------------------------------------------------------


async def test_within_ten_seconds_it_speaks_for_the_person_as_they_are_now(house: Any) -> None:
    ada = await house.signed_in("ada")
    made = await minted(house, ada.access_token, Purpose.CLAUDE_CODE)
    before = (await caller_of(house, made.token)).principal
    now = replace(before, name="Ada L.", groups=frozenset({"guests"}))
    await house.state.people.signed_in(now, "demo")
    house.clock.advance(10)
    assert (await caller_of(house, made.token)).principal == now


async def test_what_anybody_made_where_everybody_was_let_in_opens_nothing(house: Any) -> None:
    made = await maker(house).mint(Caller(ANYBODY), Purpose.CLAUDE_CODE)
    assert not await opens(house, made.token)


async def test_where_everybody_is_let_in_nothing_is_looked_at(house_of: Any, configure: Any) -> None:
    house = await house_of(configure("[auth]", 'mode = "none"'), dev=False)
    assert (await rest_of(house).caller(None)).principal == ANYBODY


# --- how it ends --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["sessions revoked", "person disabled", "token revoked"])
async def test_it_is_out_at_once_and_nobody_elses_is(house: Any, how: str) -> None:
    ada, grace = await house.signed_in("ada"), await house.signed_in("grace")
    adas = [await minted(house, ada.access_token, purpose) for purpose in Purpose]
    graces = await minted(house, grace.access_token)
    for made in (*adas, graces):
        assert await opens(house, made.token)
    match how:
        case "sessions revoked":
            ended = await house.service.operator.revoke_sessions(RevokeRequest("demo:ada"))
            assert [row.purpose for row in ended.minted_tokens] == list(Purpose)
            assert (ended.access_tokens, ended.api_tokens) == (1, ())
            assert (await house.audited())[-1].detail == "sessions revoke: demo:ada, 1 ended, 2 tokens"
        case "person disabled":
            await house.state.people.disable(PrincipalId("demo:ada"))
        case _:
            rows = [row for row in await house.service.operator.list_tokens() if row.principal_id == "demo:ada"]
            for row in rows:
                assert await house.service.operator.revoke_token(row.id) is True
                assert await house.service.operator.revoke_token(row.id) is False
            assert (await house.audited())[
                -1
            ].detail == f"token revoke: token {rows[1].id} (for claude-code) of demo:ada"
            assert await house.opens(ada.access_token)
    for made in adas:
        assert not await opens(house, made.token)
    assert await opens(house, graces.token)


async def test_it_ends_with_the_api_token_it_was_made_with(house: Any) -> None:
    operator = house.service.operator
    parent = await operator.create_token(TokenRequest("token:ci", "CI", expires_in_days=30))
    made = await minted(house, parent.token, Purpose.CLAUDE_CODE)
    assert made.expires_at == parent.row.expires_at
    assert await opens(house, made.token)
    assert await operator.revoke_token(parent.row.id) is True
    assert not await opens(house, made.token)
    assert not await opens(house, parent.token)


async def test_what_is_over_is_forgotten(house: Any) -> None:
    ada = await house.signed_in("ada")
    await minted(house, ada.access_token)
    kept = await minted(house, ada.access_token, Purpose.CLAUDE_CODE)
    house.clock.advance(DAY_S)
    assert await house.state.minted_tokens.purge() == 1
    assert isinstance(await house.state.oauth.purge(), Purged)
    assert await opens(house, kept.token)


# --- what is told of it -------------------------------------------------------------------------------------------------------


async def test_the_audit_says_who_made_it_through_what_for_what_and_never_the_token(house: Any) -> None:
    ada = await house.signed_in("ada")
    with capture_logs() as logged:
        made = await minted(house, ada.access_token, Purpose.CLAUDE_CODE)
    event = (await house.audited())[-1]
    [row] = await house.state.minted_tokens.all()
    assert (event.action, event.outcome, event.surface) == (AuditAction.TOKEN_ISSUED, "ok", "mcp")
    assert (event.principal_id, event.client_id) == ("demo:ada", ada.client_id)
    assert event.detail == f"token {row.id} for claude-code, until {made.expires_at:%Y-%m-%d %H:%M} UTC"
    assert [line["event"] for line in logged if line["event"] == "token_minted"]
    for said in (str(logged), str([each.as_json() for each in await house.audited()]), repr(made)):
        assert made.token not in said
        assert "sp_api_" not in said


async def test_it_is_nowhere_on_disk(house: Any, tmp_path: Path) -> None:
    ada = await house.signed_in("ada")
    made = await minted(house, ada.access_token)
    files = [path.read_bytes() for path in (tmp_path / "service" / "data").glob("state.db*")]
    assert files
    assert not any(made.token.encode() in content for content in files)


async def test_operators_see_what_it_is_for(house: Any) -> None:
    ada = await house.signed_in("ada")
    await house.service.operator.create_token(TokenRequest("token:ci", "CI"))
    await minted(house, ada.access_token, Purpose.CLAUDE_CODE)
    await house.service.operator.create_token(TokenRequest("token:cd", "CD"))
    rows = await house.service.operator.list_tokens()
    assert [(row.label, row.purpose, row.read_only, row.client_id) for row in rows] == [
        ("CI", None, False, None),
        ("", "claude-code", True, ada.client_id),
        ("CD", None, False, None),
    ]
    assert "sp_api_" not in json.dumps([row.to_json() for row in rows])
