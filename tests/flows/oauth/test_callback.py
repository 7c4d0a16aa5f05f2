"""Back from the provider: only the browser that agreed, for the provider that was chosen, once."""

from __future__ import annotations

import asyncio

import pytest

from mcp_server.identity.provider import Refused
from skillport_sync.errors import Unavailable

LOCAL = "http://localhost:51620/callback"


async def test_a_captured_address_in_another_browser_is_refused_and_harms_nothing(house, app, browser):
    agreed = await house.agree(app, browser)
    back = house.google.sign_in(agreed.location)
    victim = house.browser()
    await house.asked(app, victim)
    for other in (victim, house.browser()):
        answer = await other.get(back)
        assert answer.status == 400
        assert "Location" not in answer.headers
    assert house.google.redeemed == []
    assert (await browser.get(back)).status == 303


async def test_another_sign_ins_cookie_under_this_ones_name_is_refused(house, app, browser):
    agreed, other = await house.agree(app, browser), house.browser()
    await house.agree(app, other)
    other.cookies = dict.fromkeys(browser.cookies, next(iter(other.cookies.values())))
    assert (await other.get(house.google.sign_in(agreed.location))).status == 400


async def test_the_answer_of_one_provider_is_not_taken_at_anothers_address(house, app, browser):
    agreed = await house.agree(app, browser, "google")
    back = house.google.sign_in(agreed.location)
    answer = await browser.get(back.replace("/callback/google", "/callback/github"))
    assert answer.status == 400
    assert house.providers["github"].redeemed == []
    assert (await browser.get(back)).status == 303


async def test_the_code_of_somebody_elses_sign_in_signs_nobody_in(house, app, browser):
    attacker = house.browser()
    theirs = house.google.sign_in((await house.agree(app, attacker)).location, "mallory")
    mine = house.google.sign_in((await house.agree(app, browser)).location)
    code_of_theirs, code_of_mine = (back.partition("&code=")[2] for back in (theirs, mine))
    assert (await browser.get(theirs)).status == 400
    answer = await browser.get(mine.replace(code_of_mine, code_of_theirs))
    assert answer.status == 403
    assert "Location" not in answer.headers
    assert await house.store.people.all() == []


@pytest.mark.parametrize(
    "target",
    ["", "?", "?state=", "?state=sp_st_unknown", "?state=x&code=y", "?code=y", "?state=%ff", "?state=a&state=b"],
)
async def test_what_belongs_to_no_sign_in_is_a_page(house, browser, target):
    for provider in ("google", "unknown", "%2e%2e"):
        answer = await browser.get(f"/oauth/callback/{provider}{target}")
        assert answer.status == 400
        assert "Location" not in answer.headers


async def test_an_answer_is_good_once(house, app, browser):
    agreed = await house.agree(app, browser)
    back, cookies = house.google.sign_in(agreed.location), dict(browser.cookies)
    assert (await browser.get(back)).status == 303
    assert browser.cookies == {}
    browser.cookies = cookies
    again = await browser.get(back)
    assert again.status == 400
    assert "Location" not in again.headers
    assert len(house.google.redeemed) == 1


async def test_an_answer_that_comes_twice_at_once_signs_in_once(house, app, browser):
    agreed = await house.agree(app, browser)
    back, cookies = house.google.sign_in(agreed.location), dict(browser.cookies)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait():
        arrived.set()
        await go_on.wait()

    house.google.before_answering = wait
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        first = group.create_task(browser.get(back))
        await arrived.wait()
        reload = house.browser()
        reload.cookies = cookies
        assert (await reload.get(back)).status == 409
        go_on.set()
    assert first.result().status == 303
    assert len(house.google.redeemed) == 1


async def test_of_many_answers_at_once_one_gets_a_code(house, app, browser):
    agreed = await house.agree(app, browser)
    back, cookies = house.google.sign_in(agreed.location), dict(browser.cookies)
    browsers = [house.browser() for _ in range(8)]
    for each in browsers:
        each.cookies = dict(cookies)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.get(back)) for each in browsers]
    assert sorted(task.result().status for task in tasks)[0] == 303
    assert len([task for task in tasks if task.result().status == 303]) == 1
    assert len(house.google.redeemed) == 1


async def test_whom_the_provider_does_not_let_in_is_told_why_on_a_page(house, app, browser):
    refused = Refused("wrong_domain", "Only people of acme.example may sign in here.")
    answer = await house.come_back(app, browser, who=refused)
    assert answer.status == 403
    assert "Only people of acme.example may sign in here." in answer.text
    assert "Location" not in answer.headers
    assert await house.store.people.all() == []
    assert ("sign_in_refused", "wrong_domain") in await house.actions()
    assert browser.cookies == {}


async def test_whoever_turns_back_at_the_provider_is_sent_back_to_the_client(house, app, browser):
    agreed = await house.agree(app, browser)
    back = house.google.sign_in(agreed.location).partition("&code=")[0]
    answer = await browser.get(f"{back}&error=access_denied&error_description=%3Cb%3E")
    assert answer.location.startswith(LOCAL + "?")
    assert answer.said["error"] == "access_denied"
    assert answer.said["iss"] == house.addresses.public_url
    assert "<b>" not in answer.said["error_description"]


async def test_a_provider_that_fails_is_a_page_and_the_same_answer_may_come_again(house, app, browser):
    agreed = await house.agree(app, browser)
    back = house.google.sign_in(agreed.location)
    house.google.failing = Unavailable("Google answered 500 when it was asked for a token.")
    answer = await browser.get(back)
    assert answer.status == 503
    assert "Google answered 500" in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    house.google.failing = None
    assert (await browser.get(back)).status == 303


async def test_a_provider_that_breaks_in_a_way_nobody_foresaw_is_a_page_with_a_reference(house, app, browser):
    answer = await house.come_back(app, browser, who=RuntimeError("the secret of the house"))
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "reference" in answer.text


async def test_a_name_that_no_database_can_hold_is_a_page(house, app, browser):
    answer = await house.come_back(app, browser, who="half\ud800")
    assert answer.status == 400
    assert "Location" not in answer.headers


async def test_somebody_who_is_kept_out_does_not_come_in_and_hears_why(house, app, browser):
    await app.connect()
    assert await house.store.people.disable("google:alice")
    answer = await house.come_back(app, browser)
    assert answer.status == 403
    assert "operator" in answer.text
    assert await house.store.oauth.sessions() == []
    assert ("sign_in_refused", "disabled") in await house.actions()
    await house.store.people.enable("google:alice")
    assert (await house.come_back(app, house.browser())).status == 303


async def test_whoever_was_too_long_at_the_provider_begins_again(house, app, browser, clock):
    agreed = await house.agree(app, browser)
    clock.advance(601)
    assert (await browser.get(house.google.sign_in(agreed.location))).status == 400


async def test_the_audit_tells_the_story_without_a_secret(house, app, browser):
    code = await app.sign_in(browser=browser)
    tokens = (await app.redeem(code)).json
    events = await house.audited()
    assert [str(event.action) for event in events] == ["client_registered", "consent", "sign_in", "token_issued"]
    assert {event.client_id for event in events} == {app.client_id}
    assert {event.surface for event in events} == {"oauth"}
    assert events[2].principal_id == "google:alice"
    said = repr(events)
    for secret in (code, *tokens.values(), *browser.cookies.values(), "state-of-the-client"):
        assert str(secret) == "Bearer" or str(secret) == "skills" or str(secret) == "3600" or str(secret) not in said
