"""Clients known by their documents: read again after a while, believed a little longer when they cannot be, and nobody floods."""

from __future__ import annotations

import asyncio

import pytest

URL = "https://claude.ai/oauth/claude-code-client-metadata"
OTHER = "https://claude.ai/oauth/another"
LOCAL = "http://localhost:51620/callback"
HOSTED = "https://claude.ai/api/mcp/auth_callback"


@pytest.fixture
def claude(app):
    app.client_id = URL
    return app


async def test_a_document_is_read_once_in_five_minutes(house, claude, clock):
    for _ in range(3):
        assert (await house.anybody.get(claude.asks())).status == 200
    assert house.documents.fetched == [URL]
    clock.advance(299)
    await house.anybody.get(claude.asks())
    assert len(house.documents.fetched) == 1
    clock.advance(1)
    await house.anybody.get(claude.asks())
    assert len(house.documents.fetched) == 2


@pytest.mark.parametrize(("max_age_s", "fresh_s"), [(None, 300), (0, 300), (3600, 3600), (10**8, 24 * 3600)])
async def test_for_how_long_it_is_fresh_is_its_servers_to_say_within_bounds(house, claude, clock, max_age_s, fresh_s):
    house.documents.max_age_s = max_age_s
    await house.anybody.get(claude.asks())
    clock.advance(fresh_s - 1)
    await house.anybody.get(claude.asks())
    assert len(house.documents.fetched) == 1
    clock.advance(1)
    await house.anybody.get(claude.asks())
    assert len(house.documents.fetched) == 2


async def test_everybody_who_asks_at_once_waits_for_one_reading(house, claude):
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = [group.create_task(house.anybody.get(claude.asks())) for _ in range(10)]
    assert {task.result().status for task in tasks} == {200}
    assert house.documents.fetched == [URL]


@pytest.mark.parametrize("how", ["down", "html", "another"])
async def test_a_document_that_was_good_is_believed_a_day_longer_and_not_more(house, claude, clock, how):
    await house.anybody.get(claude.asks())
    if how == "down":
        house.documents.failing = True
    elif how == "html":
        house.documents.documents[URL] = b"<html>"
    else:
        house.documents.put(URL, client_id=OTHER)
    clock.advance(300 + 24 * 3600 - 1)
    assert (await house.anybody.get(claude.asks())).status == 200
    assert (await house.anybody.get(claude.asks())).status == 200
    assert len(house.documents.fetched) == 2, "asked again at once although it just failed"
    clock.advance(61)
    answer = await house.anybody.get(claude.asks())
    assert answer.status in (400, 503)
    assert "Location" not in answer.headers


async def test_what_a_document_no_longer_says_no_longer_holds(house, claude, clock):
    await house.anybody.get(claude.asks())
    house.documents.put(URL, redirect_uris=[HOSTED])
    clock.advance(300)
    assert (await house.anybody.get(claude.asks())).status == 400
    assert (await house.anybody.get(claude.asks(redirect_uri=HOSTED))).status == 200


@pytest.mark.parametrize(
    "said",
    [
        {"client_id": OTHER},
        {"client_id": None},
        {"client_id": URL + "?"},
        {"client_secret": "x"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"redirect_uris": ["https://evil.example/callback"]},
        {"redirect_uris": []},
        {"redirect_uris": LOCAL},
        {"client_name": {}},
    ],
)
async def test_a_document_that_is_not_one_is_a_page(house, claude, said):
    house.documents.put(URL, **said)
    answer = await house.anybody.get(claude.asks())
    assert answer.status == 400
    assert "Location" not in answer.headers
    assert await house.store.oauth.client(URL) is None


async def test_a_document_that_cannot_be_read_is_a_page_that_says_to_wait(house, claude):
    house.documents.failing = True
    answer = await house.anybody.get(claude.asks())
    assert answer.status == 503
    assert "Retry-After" in answer.headers
    assert "Wait a minute" in answer.text


async def test_only_hosts_that_are_listed_are_read_where_there_is_a_list(house_of):
    house = await house_of(cimd_hosts=frozenset({"acme.example"}))
    app = await house.app()
    app.client_id = URL
    assert (await house.anybody.get(app.asks())).status == 400
    assert house.documents.fetched == []
    app.client_id = "https://acme.example/client"
    house.documents.put(app.client_id)
    assert (await house.anybody.get(app.asks())).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://localhost/c",
        "https://2130706433/c",
        "https://a.example:22/c",
        "https://a.example/c?x",
        "https://a.example/../c",
        "https://u@a.example/c",
        "https://a.example",
        "https://a.example/c#f",
    ],
)
async def test_a_url_that_may_not_be_read_is_not_read(house, app, url):
    app.client_id = url
    house.documents.put(url)
    assert (await house.anybody.get(app.asks())).status == 400
    assert house.documents.fetched == []


async def test_made_up_addresses_of_a_host_are_slowed_down_and_the_real_one_is_not(house, claude, clock):
    await house.anybody.get(claude.asks())
    for at in range(20):
        await house.anybody.get(claude.asks(client_id=f"https://claude.ai/made-up/{at}"))
    assert len(house.documents.fetched) < 7
    clock.advance(300)
    for at in range(20):
        await house.anybody.get(claude.asks(client_id=f"https://claude.ai/made-up/again/{at}"))
    fetched = len(house.documents.fetched)
    assert (await house.anybody.get(claude.asks())).status == 200
    assert house.documents.fetched[fetched:] == [URL]


async def test_slow_hosts_of_strangers_do_not_keep_out_whoever_is_known(house, claude, clock):
    await house.anybody.get(claude.asks())
    clock.advance(300)
    release, waiting = asyncio.Event(), asyncio.Semaphore(0)

    async def wait():
        if house.documents.fetched[-1] != URL:
            waiting.release()
            await release.wait()

    house.documents.before_answering = wait
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        slow = [
            group.create_task(house.anybody.get(claude.asks(client_id=f"https://slow{at}.example/client")))
            for at in range(3)
        ]
        for _ in slow:
            await waiting.acquire()
        assert (await house.anybody.get(claude.asks(client_id="https://slow9.example/client"))).status == 503
        assert (await house.anybody.get(claude.asks())).status == 200
        assert house.documents.fetched[-1] == URL
        release.set()


async def test_tokens_are_exchanged_without_reading_the_document_again(house, claude, clock):
    tokens = await claude.connect()
    house.documents.failing = True
    fetched = len(house.documents.fetched)
    clock.advance(24 * 3600)
    assert (await claude.refresh(tokens["refresh_token"])).status == 200
    assert len(house.documents.fetched) == fetched


async def test_the_row_of_a_client_that_was_forgotten_is_made_again(house, claude, clock):
    house.documents.max_age_s = 10**8
    await house.anybody.get(claude.asks())
    clock.advance(24 * 3600 - 1)
    await house.store.oauth.purge()
    clock.advance(0.5)
    await house.store.oauth.purge()
    assert (await house.anybody.get(claude.asks())).status == 200
