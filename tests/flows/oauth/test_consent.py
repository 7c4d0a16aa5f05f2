"""Our page's answer: only from the page, in the browser that was shown it, once; and nobody who knew the old secrets follows."""

from __future__ import annotations

import asyncio

import pytest

from skillport_sync.errors import Unavailable

LOCAL = "http://localhost:51620/callback"


async def test_a_no_goes_back_to_the_client_with_iss(house, app, browser):
    form = await house.asked(app, browser)
    answer = await browser.post(form.action, {**form.hidden, "deny": "yes"}, Origin=house.url)
    assert answer.status == 303
    assert answer.location.startswith(LOCAL + "?")
    assert answer.said["error"] == "access_denied"
    assert answer.said["state"] == "state-of-the-client"
    assert answer.said["iss"] == house.addresses.public_url
    assert browser.cookies == {}
    assert house.google.begun == {}
    assert ("consent", "denied") in await house.actions()
    again = await browser.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url)
    assert again.status == 400


async def test_the_page_offers_every_provider_and_a_no(house, app, browser):
    form = await house.asked(app, browser)
    assert form.buttons == [("provider", "google"), ("provider", "github"), ("deny", "yes")]


async def test_a_yes_is_good_once(house, app, browser):
    form = await house.asked(app, browser)
    cookies = dict(browser.cookies)
    first = await browser.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url)
    assert first.status == 303
    for kept in (cookies, browser.cookies):
        browser.cookies = dict(kept)
        again = await browser.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url)
        assert again.status == 400
    assert len(house.google.begun) == 1


async def test_of_many_yeses_at_once_one_counts(house, app, browser):
    form = await house.asked(app, browser)
    browsers = [house.browser() for _ in range(8)]
    for each in browsers:
        each.cookies = dict(browser.cookies)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.post(form.action, {**form.hidden, "provider": "google"})) for each in browsers]
    [agreed] = [task.result() for task in tasks if task.result().status == 303]
    [winner] = [each for each, task in zip(browsers, tasks, strict=True) if task.result() is agreed]
    assert (await winner.get(house.google.sign_in(agreed.location))).status == 303


@pytest.mark.parametrize(
    "changed",
    [{"csrf": ""}, {"csrf": "sp_fm_wrong"}, {"csrf": "ü"}, {"transaction": "sp_tx_wrong"}, {"transaction": ""}],
)
async def test_a_form_that_is_not_the_one_on_the_page_is_refused(house, app, browser, changed):
    form = await house.asked(app, browser)
    answer = await browser.post(form.action, {**form.hidden, "provider": "google", **changed}, Origin=house.url)
    assert answer.status == 400
    assert house.google.begun == {}
    assert (await browser.post(form.action, {**form.hidden, "provider": "google"})).status == 303


async def test_another_browser_cannot_answer(house, app, browser):
    form = await house.asked(app, browser)
    victim = house.browser()
    await house.asked(app, victim)
    for answering in (victim, house.browser()):
        answer = await answering.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url)
        assert answer.status == 400
    # nor can its own cookie under the name of the other's
    victim.cookies = dict.fromkeys(browser.cookies, next(iter(victim.cookies.values())))
    assert (await victim.post(form.action, {**form.hidden, "provider": "google"})).status == 400
    assert house.google.begun == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
async def test_a_form_from_another_site_is_refused(house, app, browser, headers):
    form = await house.asked(app, browser)
    sent = {"Origin": house.url, **headers} if "Origin" in headers else headers
    answer = await browser.post(form.action, {**form.hidden, "provider": "google"}, **sent)
    assert answer.status == 403
    assert house.google.begun == {}


async def test_a_form_from_our_own_page_is_taken_as_browsers_send_it(house, app, browser):
    form = await house.asked(app, browser)
    answer = await browser.post(
        form.action, {**form.hidden, "provider": "google"}, Origin=house.url, Sec_Fetch_Site="same-origin"
    )
    assert answer.status == 303


async def test_with_the_yes_the_browser_gets_a_new_secret_and_the_old_one_opens_nothing(house, app, browser):
    form = await house.asked(app, browser)
    before = dict(browser.cookies)
    agreed = await browser.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url)
    assert set(browser.cookies) == set(before)
    assert browser.cookies != before
    back = house.google.sign_in(agreed.location)
    fixed = house.browser()
    fixed.cookies = before
    assert (await fixed.get(back)).status == 400
    assert (await browser.get(back)).status == 303


async def test_the_cookie_of_the_page_stays_here_and_that_of_the_way_comes_along(house, app, browser):
    agreed = await house.agree(app, browser)
    assert agreed.status == 303
    page, way = browser.kept
    assert "SameSite=Strict" in page
    assert "SameSite=Lax" in way
    for cookie in (page, way):
        assert "HttpOnly" in cookie
        assert "Path=/" in cookie
        assert "Max-Age=600" in cookie
        assert "Domain" not in cookie
        assert cookie.startswith("skillport-sign-in-")


async def test_over_https_the_cookie_is_one_that_no_other_host_can_set(house_of):
    house = await house_of(public_url="https://skills.acme.example")
    app, browser = await house.app(), house.browser()
    form = await house.asked(app, browser)
    answer = await browser.post(
        "/oauth/consent", {**form.hidden, "provider": "google"}, Origin="https://skills.acme.example"
    )
    assert answer.status == 303
    back = house.google.sign_in(answer.location).replace("https://skills.acme.example", house.url)
    assert (await browser.get(back)).status == 303
    assert len(browser.kept) == 3
    for cookie in browser.kept:
        assert cookie.startswith("__Host-skillport-sign-in-")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


async def test_towards_the_provider_each_sign_in_has_its_own_state_nonce_and_verifier(house, app):
    for _ in range(2):
        await house.agree(app, house.browser())
    one, other = house.google.begun.values()
    assert one.state != other.state
    assert one.nonce != other.nonce
    assert one.verifier != other.verifier
    assert len(one.verifier) == 43


async def test_a_provider_that_is_not_configured_is_a_page_and_can_be_chosen_anew(house, app, browser):
    form = await house.asked(app, browser)
    for name in ("okta", "", "Google"):
        answer = await browser.post(form.action, {**form.hidden, "provider": name}, Origin=house.url)
        assert answer.status == 400
    assert (await browser.post(form.action, {**form.hidden, "provider": "github"})).status == 303


async def test_while_a_provider_is_down_the_page_says_so_and_another_can_be_chosen(house, app, browser):
    house.google.failing = Unavailable("Google cannot be reached: it is asleep.", retry_after_s=7)
    form = await house.asked(app, browser)
    answer = await browser.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "7"
    assert "it is asleep" in answer.text
    assert (await browser.post(form.action, {**form.hidden, "provider": "github"})).status == 303


async def test_a_page_that_lay_open_too_long_is_over(house, app, browser, clock):
    form = await house.asked(app, browser)
    clock.advance(601)
    answer = await browser.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url)
    assert answer.status == 400
    assert "Go back to the app" in answer.text


async def test_no_other_sites_script_may_call_it(house):
    answer = await house.anybody.send(
        "OPTIONS", "/oauth/consent", Origin="https://evil.example", Access_Control_Request_Method="POST"
    )
    assert answer.status == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
