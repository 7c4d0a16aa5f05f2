"""Refresh tokens: one follows another and always the same one; retries are forgiven, a thief's copy ends the session."""

from __future__ import annotations

import asyncio

import pytest

from mcp_server.oauth.tokens import digest
from skillport_sync.errors import Unavailable


def is_error(answer, error, status=400):
    assert answer.status == status, answer.text
    assert answer.json["error"] == error
    return True


@pytest.fixture
async def tokens(app):
    return await app.connect()


async def test_each_refresh_gives_a_new_pair(house, app, tokens):
    seen = [tokens]
    for _ in range(5):
        answer = await app.refresh(seen[-1]["refresh_token"])
        assert answer.status == 200, answer.text
        seen.append(answer.json)
    assert len({each["refresh_token"] for each in seen}) == 6
    assert len({each["access_token"] for each in seen}) == 6
    assert await house.opens(seen[-1]["access_token"])
    assert len(await house.store.oauth.sessions()) == 1


async def test_eight_at_once_get_the_same_successor_and_go_on(house, app, tokens):
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        tasks = [group.create_task(app.refresh(tokens["refresh_token"])) for _ in range(8)]
    answers = [task.result().json for task in tasks]
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert len({answer["access_token"] for answer in answers}) == 8
    for answer in answers:
        assert await house.opens(answer["access_token"])
    assert (await app.refresh(answers[0]["refresh_token"])).status == 200


async def test_a_retry_gets_the_same_successor_as_long_as_nobody_used_it(app, tokens, clock):
    first = (await app.refresh(tokens["refresh_token"])).json
    clock.advance(3600)
    again = (await app.refresh(tokens["refresh_token"])).json
    assert again["refresh_token"] == first["refresh_token"]


async def test_within_the_window_a_race_is_forgiven_even_after_the_successor_was_used(app, tokens, clock):
    first = (await app.refresh(tokens["refresh_token"])).json
    assert (await app.refresh(first["refresh_token"])).status == 200
    clock.advance(59)
    again = await app.refresh(tokens["refresh_token"])
    assert again.json["refresh_token"] == first["refresh_token"]


async def test_a_copy_that_comes_late_ends_the_session_and_its_tokens(house, app, tokens, clock):
    first = (await app.refresh(tokens["refresh_token"])).json
    second = (await app.refresh(first["refresh_token"])).json
    clock.advance(61)
    told = []
    house.store.oauth.tell(told.extend)
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    assert is_error(await app.refresh(second["refresh_token"]), "invalid_grant")
    for each in (first, second):
        assert not await house.opens(each["access_token"])
    assert digest(second["access_token"]) in told
    assert await house.store.oauth.sessions() == []
    assert ("session_revoked", "refresh_reused") in await house.actions()


async def test_with_no_window_a_race_is_a_theft_once_the_successor_was_used(house_of):
    house = await house_of(refresh_window_s=0)
    app = await house.app()
    tokens = await app.connect()
    first = (await app.refresh(tokens["refresh_token"])).json
    house.clock.advance(0.001)
    await app.refresh(first["refresh_token"])
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_another_client_gets_nothing_and_does_no_harm(house, app, tokens):
    other = await house.app("http://localhost:1/other")
    for _ in range(3):
        assert is_error(await other.refresh(tokens["refresh_token"]), "invalid_grant")
    assert await house.opens(tokens["access_token"])
    assert (await app.refresh(tokens["refresh_token"])).status == 200


async def test_for_another_client_nobody_asks_the_provider(house, app, tokens):
    other = await house.app("http://localhost:1/other")
    house.google.allowed = False
    assert is_error(await other.refresh(tokens["refresh_token"]), "invalid_grant")
    assert house.google.asked_again == 0
    assert await house.opens(tokens["access_token"])
    assert ("token_refused", "wrong_client") in await house.actions()


async def test_another_client_does_no_harm_with_a_token_of_yesterday_either(house, app, tokens, clock):
    other = await house.app("http://localhost:1/other")
    first = (await app.refresh(tokens["refresh_token"])).json
    await app.refresh(first["refresh_token"])
    clock.advance(120)
    assert is_error(await other.refresh(tokens["refresh_token"]), "invalid_grant")
    assert len(await house.store.oauth.sessions()) == 1


async def test_an_unknown_client_is_told_to_register(app, tokens):
    assert is_error(await app.refresh(tokens["refresh_token"], client_id="sp_cl_unknown"), "invalid_client", 401)


async def test_a_foreign_resource_is_refused_before_anything_is_used_up(house, app, tokens, clock):
    [before] = await house.store.oauth.sessions()
    clock.advance(5)
    refused = await app.refresh(tokens["refresh_token"], resource="https://evil.example/mcp")
    assert is_error(refused, "invalid_target")
    assert await house.store.oauth.sessions() == [before]
    assert (await app.refresh(tokens["refresh_token"], resource=None)).status == 200


@pytest.mark.parametrize("scope", ["skills admin", "admin", "offline_access", "skills:write"])
async def test_the_scope_never_widens(app, tokens, scope):
    assert (await app.refresh(tokens["refresh_token"], scope=scope)).json["scope"] == "skills"


async def test_an_access_token_is_no_refresh_token_and_the_reverse(house, app, tokens):
    assert is_error(await app.refresh(tokens["access_token"]), "invalid_grant")
    assert not await house.opens(tokens["refresh_token"])
    renamed = "sp_rt_" + tokens["access_token"].removeprefix("sp_at_")
    assert is_error(await app.refresh(renamed), "invalid_grant")


async def test_a_successor_cannot_be_worked_out_without_the_key(house, app, tokens):
    from mcp_server.oauth.tokens import ServerKey, successor

    await app.refresh(tokens["refresh_token"])
    guessed = successor(ServerKey(b"\0" * 32), tokens["refresh_token"])
    assert is_error(await app.refresh(guessed), "invalid_grant")


async def test_somebody_the_provider_no_longer_lets_in_is_out_everywhere(house, app, tokens):
    elsewhere = await app.connect()
    house.google.allowed = False
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    assert not await house.opens(tokens["access_token"])
    assert not await house.opens(elsewhere["access_token"])
    assert ("session_revoked", "not_allowed_any_more") in await house.actions()
    house.google.allowed = True
    assert is_error(await app.refresh(elsewhere["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize("answer", [None, Unavailable("GitHub is asleep."), TimeoutError()])
async def test_where_the_provider_cannot_tell_they_stay(house, app, tokens, answer):
    house.google.allowed = answer
    assert (await app.refresh(tokens["refresh_token"])).status == 200
    assert house.google.asked_again == 1


async def test_whose_provider_was_taken_away_is_out(house, app, tokens):
    house.providers.pop("google")
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    assert not await house.opens(tokens["access_token"])


async def test_somebody_kept_out_gets_nothing_from_that_moment(house, app, tokens):
    await house.store.people.disable("google:alice")
    assert not await house.opens(tokens["access_token"])
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_a_session_ends_after_ninety_days_however_busy(house, app, tokens, clock):
    day_s = 24 * 3600
    for _ in range(4):
        clock.advance(20 * day_s)
        tokens = (await app.refresh(tokens["refresh_token"])).json
    clock.advance(10 * day_s - 1800)
    answer = await app.refresh(tokens["refresh_token"])
    assert answer.json["expires_in"] == 1800
    clock.advance(1800)
    assert not await house.opens(answer.json["access_token"])
    assert is_error(await app.refresh(answer.json["refresh_token"]), "invalid_grant")


async def test_a_refresh_token_that_lies_idle_for_thirty_days_is_over(app, tokens, clock):
    clock.advance(30 * 24 * 3600)
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_a_refresh_token_that_lies_idle_for_less_is_good(app, tokens, clock):
    clock.advance(30 * 24 * 3600 - 1)
    assert (await app.refresh(tokens["refresh_token"])).status == 200


async def test_what_is_no_refresh_token_is_refused(app):
    for token in ("nonsense", "sp_rt_", "sp_rt_unknown", "ü", "x" * 5000, "sp_rt_" + "x" * 500):
        assert is_error(await app.refresh(token), "invalid_grant")
