"""A code is good once, for the client it was made for, with the verifier of its challenge; any other try ends it all."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

LOCAL = "http://localhost:51620/callback"


def is_error(answer, error, status=400):
    assert answer.status == status, answer.text
    assert answer.json["error"] == error
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    return True


async def is_burnt(house, app, code):
    """Nothing can come of this code any more, for nobody."""
    assert is_error(await app.redeem(code), "invalid_grant")
    assert await house.store.oauth.sessions() == []
    return True


@pytest.mark.parametrize(
    "verifier", [None, "", "x" * 42, "x" * 43, "x" * 129, "wrong" * 12, "ü" * 43, "x" * 42 + "\u2028", "+" * 43]
)
async def test_without_the_verifier_the_code_is_burnt(house, app, verifier):
    code = await app.sign_in()
    assert is_error(await app.redeem(code, code_verifier=verifier), "invalid_grant")
    assert await is_burnt(house, app, code)


async def test_the_challenge_itself_is_no_verifier(house, app):
    code = await app.sign_in()
    assert is_error(await app.redeem(code, code_verifier=app.challenge), "invalid_grant")
    assert await is_burnt(house, app, code)


async def test_another_client_cannot_redeem_it_and_burns_it(house, app):
    other = await house.app("http://localhost:1/other")
    code = await app.sign_in()
    other.verifier = app.verifier
    assert is_error(await other.redeem(code, redirect_uri=LOCAL), "invalid_grant")
    assert await is_burnt(house, app, code)


@pytest.mark.parametrize(
    "uri", [LOCAL + "/", LOCAL.replace("51620", "51621"), "https://claude.ai/api/mcp/auth_callback"]
)
async def test_another_address_than_was_asked_for_burns_it(house, app, uri):
    code = await app.sign_in()
    assert is_error(await app.redeem(code, redirect_uri=uri), "invalid_grant")
    assert await is_burnt(house, app, code)


async def test_a_foreign_resource_burns_it(house, app):
    code = await app.sign_in()
    assert is_error(await app.redeem(code, resource="https://evil.example/mcp"), "invalid_target")
    assert await is_burnt(house, app, code)


async def test_a_second_use_ends_the_session_and_its_tokens(house, app):
    code = await app.sign_in()
    tokens = (await app.redeem(code)).json
    told = []
    house.store.oauth.tell(told.extend)
    assert is_error(await app.redeem(code), "invalid_grant")
    assert not await house.opens(tokens["access_token"])
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    assert len(told) == 1
    assert ("session_revoked", "code_replayed") in await house.actions()


async def test_of_sixteen_at_once_one_at_most_gets_tokens_and_nobody_keeps_any(house, app):
    code = await app.sign_in()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        tasks = [group.create_task(app.redeem(code)) for _ in range(16)]
    answers = [task.result() for task in tasks]
    won = [answer for answer in answers if answer.status == 200]
    assert len(won) <= 1
    assert all(is_error(answer, "invalid_grant") for answer in answers if answer not in won)
    for answer in won:
        assert not await house.opens(answer.json["access_token"])


async def test_after_a_minute_it_is_over(house, app, clock):
    code = await app.sign_in()
    clock.advance(60)
    assert is_error(await app.redeem(code), "invalid_grant")
    assert await is_burnt(house, app, code)


async def test_within_the_minute_it_is_good(house, app, clock):
    code = await app.sign_in()
    clock.advance(59)
    assert (await app.redeem(code)).status == 200


@pytest.mark.parametrize("code", ["sp_ac_unknown", "nonsense", "sp_at_x", "ü", "x" * 5000, "sp_ac_" + "x" * 500])
async def test_a_code_that_was_never_made_here_is_refused(house, app, code):
    assert is_error(await app.redeem(code), "invalid_grant")


async def test_a_wrong_try_ends_the_grant_itself(house, app, tmp_path):
    code = await app.sign_in()
    await app.redeem(code, code_verifier="x" * 43)
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        assert connection.execute("SELECT reason FROM grants").fetchall() == [("code_misused",)]


async def test_an_unknown_client_is_told_to_register_and_burns_nothing(house, app):
    code = await app.sign_in()
    refused = await app.redeem(code, client_id="sp_cl_unknown")
    assert is_error(refused, "invalid_client", 401)
    assert "WWW-Authenticate" in refused.headers
    assert (await app.redeem(code)).status == 200


async def test_what_is_missing_is_an_invalid_request(house, app):
    for left_out in ("client_id", "grant_type", "code"):
        assert is_error(await app.redeem("sp_ac_x", **{left_out: None}), "invalid_request")
    assert is_error(await app.refresh("x", refresh_token=None), "invalid_request")


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit", "Authorization_Code", "urn:x"])
async def test_other_grant_types_are_not_supported(house, app, grant_type):
    assert is_error(await app.redeem("sp_ac_x", grant_type=grant_type), "unsupported_grant_type")


async def test_somebody_kept_out_between_code_and_tokens_gets_none(house, app):
    code = await app.sign_in()
    await house.store.people.disable("google:alice")
    assert is_error(await app.redeem(code), "invalid_grant")


async def test_lifetimes_are_those_configured(house_of, clock):
    house = await house_of(access_token_s=900, code_s=10)
    app = await house.app()
    tokens = await app.connect()
    assert tokens["expires_in"] == 900
    clock.advance(899)
    assert await house.opens(tokens["access_token"])
    clock.advance(1)
    assert not await house.opens(tokens["access_token"])
    code = await app.sign_in()
    clock.advance(10)
    assert is_error(await app.redeem(code), "invalid_grant")


async def test_a_wrong_try_is_audited_with_whose_session_it_ended(house, app):
    code = await app.sign_in()
    await app.redeem(code, code_verifier="x" * 43)
    events = [event for event in await house.audited() if event.outcome == "code_misused"]
    assert [str(event.action) for event in events] == ["token_refused", "session_revoked"]
    assert events[1].principal_id == "google:alice"


async def test_nonsense_that_anybody_can_send_is_not_audited(house, app):
    before = len(await house.audited())
    for _ in range(3):
        await app.redeem("sp_ac_unknown")
        await app.refresh("sp_rt_unknown")
        await house.anybody.get("/oauth/callback/google?state=x&code=y")
    assert len(await house.audited()) == before
