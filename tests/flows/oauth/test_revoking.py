"""Logging out: a client ends its own tokens, nobody else's, and nothing is told of what was never there."""

from __future__ import annotations

import pytest


async def test_logging_out_as_claude_code_does_ends_everything(house, app):
    tokens = await app.connect()
    told = []
    house.store.oauth.tell(told.extend)
    for token in (tokens["refresh_token"], tokens["access_token"]):
        answer = await app.revoke(token, token_type_hint="refresh_token")
        assert answer.status == 200
    assert not await house.opens(tokens["access_token"])
    assert (await app.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
    assert len(told) == 1
    events = [event for event in await house.audited() if event.action == "sign_out"]
    assert [event.principal_id for event in events] == ["google:alice"]


async def test_with_an_access_token_only_that_ends(house, app):
    tokens = await app.connect()
    assert (await app.revoke(tokens["access_token"])).status == 200
    assert not await house.opens(tokens["access_token"])
    assert (await app.refresh(tokens["refresh_token"])).status == 200


async def test_an_old_refresh_token_ends_the_whole_session_too(house, app):
    tokens = await app.connect()
    newer = (await app.refresh(tokens["refresh_token"])).json
    assert (await app.revoke(tokens["refresh_token"])).status == 200
    assert not await house.opens(newer["access_token"])


async def test_another_clients_token_is_left_alone_and_answered_alike(house, app):
    tokens = await app.connect()
    other = await house.app("http://localhost:1/other")
    unknown = await other.revoke("sp_rt_unknown")
    for token in (tokens["refresh_token"], tokens["access_token"]):
        answer = await other.revoke(token)
        assert (answer.status, answer.body) == (unknown.status, unknown.body) == (200, b"{}")
    assert await house.opens(tokens["access_token"])
    assert (await app.refresh(tokens["refresh_token"])).status == 200
    assert "sign_out" not in {action for action, _ in await house.actions()}


@pytest.mark.parametrize("token", ["nonsense", "sp_at_unknown", "ü", "x" * 5000])
async def test_what_was_never_a_token_is_answered_as_if_it_had_been(app, token):
    assert (await app.revoke(token)).status == 200
    assert (await app.revoke(token, client_id="unknown")).status == 200


async def test_what_is_missing_is_an_invalid_request(app):
    for left_out in ("token", "client_id"):
        answer = await app.revoke("x", **{left_out: None})
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
