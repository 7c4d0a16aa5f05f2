"""A whole sign-in, as the real clients do it: by registration and by document, hosted and on the person's own machine."""

from __future__ import annotations

import asyncio

HOSTED = "https://claude.ai/api/mcp/auth_callback"
LOCAL = "http://localhost:51620/callback"
DOCUMENT_URL = "https://claude.ai/oauth/claude-code-client-metadata"


async def test_a_registered_client_comes_all_the_way_to_tokens_that_open(house, app):
    tokens = await app.connect()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert type(tokens["expires_in"]) is int
    assert tokens["scope"] == "skills"
    assert tokens["access_token"].startswith("sp_at_")
    assert tokens["refresh_token"].startswith("sp_rt_")
    assert await house.opens(tokens["access_token"])
    [session] = await house.store.oauth.sessions()
    assert (session.person, session.client_id) == ("google:alice", app.client_id)
    person = await house.store.people.find("google:alice")
    assert person.principal == house.google.person("alice")


async def test_claude_on_the_web_comes_all_the_way(house):
    app = await house.app(HOSTED, token_endpoint_auth_method="client_secret_post", client_name="Claude")
    browser = house.browser()
    back = await house.come_back(app, browser)
    assert back.location.startswith(HOSTED + "?code=sp_ac_")
    assert back.said == {
        "code": back.said["code"],
        "state": "state-of-the-client",
        "iss": house.addresses.public_url,
    }
    assert (await app.redeem(back.said["code"])).status == 200


async def test_claude_code_comes_all_the_way_by_its_document_on_any_port(house, app):
    app.client_id = DOCUMENT_URL
    for port in (51620, 57297, 61644):
        app.redirect_uri = f"http://127.0.0.1:{port}/callback"
        tokens = await app.connect()
        assert await house.opens(tokens["access_token"])
    assert len(await house.store.oauth.sessions()) == 3


async def test_a_client_that_sends_neither_state_nor_resource_nor_scope_comes_all_the_way(house, app, browser):
    agreed = await house.agree(app, browser, state=None, resource=None, scope=None, prompt=None)
    back = await browser.get(house.google.sign_in(agreed.location))
    assert set(back.said) == {"code", "iss"}
    assert (await app.redeem(back.said["code"], resource=None, redirect_uri=None)).json["scope"] == "skills"


async def test_any_scope_is_taken_and_the_one_there_is_is_granted(house, app, browser):
    for scope in ("claudeai", " skills offline_access", "skills:read admin", "x" * 300):
        agreed = await house.agree(app, browser, scope=scope)
        back = await browser.get(house.google.sign_in(agreed.location))
        assert (await app.redeem(back.said["code"])).json["scope"] == "skills"


async def test_the_resource_may_end_in_a_slash_or_a_query(house, app, browser):
    for end in ("/", "?x=1"):
        resource = house.addresses.resource + end
        agreed = await house.agree(app, browser, resource=resource)
        back = await browser.get(house.google.sign_in(agreed.location))
        tokens = (await app.redeem(back.said["code"], resource=resource)).json
        assert (await app.refresh(tokens["refresh_token"], resource=resource)).status == 200


async def test_state_comes_back_as_it_was_sent_whatever_is_in_it(house, app, browser):
    for state in ("a&b=c#d?e", "ü☃ %41+/=", "x" * 2000, '"<script>'):
        agreed = await house.agree(app, browser, state=state)
        back = await browser.get(house.google.sign_in(agreed.location))
        assert back.said["state"] == state


async def test_an_address_with_a_query_keeps_it_byte_for_byte(house, browser):
    for uri in ("http://localhost:1/cb?x=%7Ea%2fb", "http://localhost:2/cb?", "https://claude.ai/a%2Fb/~c?x=1&y="):
        app = await house.app(uri)
        back = await house.come_back(app, browser)
        assert back.location.startswith(uri)
        assert "code=sp_ac_" in back.location.removeprefix(uri)


async def test_two_tabs_do_not_disturb_each_other(house, app, browser):
    first, second = await house.app("http://localhost:1/first"), await house.app("http://localhost:2/second")
    one, other = await house.asked(first, browser), await house.asked(second, browser)
    assert len(browser.cookies) == 2
    agreed_other = await browser.post(other.action, {**other.hidden, "provider": "github"}, Origin=house.url)
    agreed_one = await browser.post(one.action, {**one.hidden, "provider": "google"}, Origin=house.url)
    back_one = await browser.get(house.google.sign_in(agreed_one.location, "alice"))
    back_other = await browser.get(house.providers["github"].sign_in(agreed_other.location, "bob"))
    assert (await first.redeem(back_one.said["code"])).status == 200
    assert (await second.redeem(back_other.said["code"])).status == 200
    assert {session.person for session in await house.store.oauth.sessions()} == {"google:alice", "github:bob"}
    assert browser.cookies == {}


async def test_one_clients_two_machines_have_a_session_each(house, app):
    first, second = await app.connect(), await app.connect()
    assert (await app.revoke(first["refresh_token"])).status == 200
    assert not await house.opens(first["access_token"])
    assert await house.opens(second["access_token"])


async def test_everybody_at_once_comes_through(house, app):
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        tasks = [group.create_task(app.connect(who=f"person{at}")) for at in range(20)]
    assert len({task.result()["access_token"] for task in tasks}) == 20
    assert len(await house.store.oauth.sessions()) == 20


async def test_after_a_restart_sessions_and_sign_ins_under_way_go_on(house, house_of, app):
    tokens = await app.connect()
    browser = house.browser()
    agreed = await house.agree(app, browser)
    begun = dict(house.google.begun)
    restarted = await house_of(public_url=house.url)
    app.house = restarted
    again = await app.refresh(tokens["refresh_token"])
    assert again.status == 200
    successor = await app.refresh(tokens["refresh_token"])
    assert successor.json["refresh_token"] == again.json["refresh_token"]
    restarted.google.begun.update(begun)
    cookies, browser = browser.cookies, restarted.browser()
    browser.cookies.update(cookies)
    back = await browser.get(restarted.google.sign_in(agreed.location).replace(house.url, restarted.url))
    assert (await app.redeem(back.said["code"])).status == 200


async def test_a_server_that_forgot_everything_makes_the_client_register_again(house, house_of, app):
    tokens = await app.connect()
    amnesiac = await house_of(database="new", public_url=house.url)
    app.house = amnesiac
    refused = await app.refresh(tokens["refresh_token"])
    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    page = await amnesiac.anybody.get(app.asks())
    assert page.status == 400
    assert "remove this connector and add it again" in page.text
