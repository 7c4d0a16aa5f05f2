"""What clients of one GitHub share although they ask as somebody else: slots, the pace, secondary limits, the last tenth."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from skillport_sync.errors import RateLimited
from skillport_sync.github.budget import DEFAULT_LIMITS
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken
from skillport_sync.github.host import POINTS_PER_MINUTE, RESERVED, Host, pace_of
from skillport_sync.github.transport import Transport

REPO = "acme/skills"
OID = "0" * 40
BLOB = f"/repos/{REPO}/git/blobs/{OID}"


@pytest.fixture
def ask(session: aiohttp.ClientSession, script: Any, clock: Any) -> Any:
    """``ask(host, "name")``: a client of that host, with a token of its own."""

    def client(host: Host, token: str) -> GitHub:
        return GitHub(session, StaticToken(token), api_url=script.url, clock=clock, host=host)

    return client


@pytest.fixture
def transport(session: aiohttp.ClientSession, script: Any, clock: Any) -> Any:
    def of(host: Host, *, background: bool = False) -> Transport:
        return Transport(
            session,
            StaticToken("t"),
            api_url=script.url,
            user_agent="tests",
            clock=clock,
            max_concurrency=8,
            limits=DEFAULT_LIMITS,
            host=host,
            background=background,
        )

    return of


def rate(clock: Any, remaining: int, *, after_s: int = 600) -> dict[str, str]:
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(clock.now().timestamp()) + after_s),
        "x-ratelimit-resource": "core",
    }


async def test_no_more_are_under_way_than_the_host_has_slots_for(ask: Any, script: Any, clock: Any) -> None:
    go = asyncio.Event()
    script.on(BLOB, b"x", hold=go)
    host = Host(clock, at_once=2)
    clients = [ask(host, f"token-{number}") for number in range(3)]
    async with asyncio.timeout(10):
        asking = [asyncio.create_task(client.blob(REPO, OID, max_bytes=9)) for client in clients for _ in range(2)]
        while len(script.seen) < 2:
            script.arrived.clear()
            await script.arrived.wait()
        script.arrived.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(script.arrived.wait(), 0.2)
        assert len(script.seen) == 2
        go.set()
        assert await asyncio.gather(*asking) == [b"x"] * 6


async def test_writing_does_not_wait_for_those_who_read(ask: Any, transport: Any, script: Any, clock: Any) -> None:
    go = asyncio.Event()
    script.on(BLOB, b"x", hold=go)
    script.on("/made", {}, status=201)
    host = Host(clock, at_once=1)
    async with asyncio.timeout(10):
        reading = asyncio.create_task(ask(host, "a").blob(REPO, OID, max_bytes=9))
        await script.arrived.wait()
        await transport(host).tell("POST", "/made", b"{}", expected={201})
        go.set()
        await reading


async def test_a_secondary_limit_stops_everybody(ask: Any, script: Any, clock: Any) -> None:
    script.on(BLOB, {"message": "You have exceeded a secondary rate limit."}, status=403, headers=rate(clock, 4000))
    host = Host(clock)
    for token in ("a", "b"):
        with pytest.raises(RateLimited):
            await ask(host, token).blob(REPO, OID, max_bytes=9)
    assert len(script.seen) == 1


async def test_a_primary_limit_stops_only_the_one_who_used_it_up(ask: Any, script: Any, clock: Any) -> None:
    script.on(BLOB, b"", status=403, headers=rate(clock, 0))
    script.on(BLOB, b"x", headers=rate(clock, 4000))
    host = Host(clock)
    spent, other = ask(host, "a"), ask(host, "b")
    for _ in range(2):
        with pytest.raises(RateLimited):
            await spent.blob(REPO, OID, max_bytes=9)
    assert await other.blob(REPO, OID, max_bytes=9) == b"x"
    assert len(script.seen) == 2


async def test_background_work_leaves_the_last_tenth_until_the_limit_is_renewed(
    ask: Any, transport: Any, script: Any, clock: Any
) -> None:
    script.on(BLOB, b"x", headers=rate(clock, 499))
    script.on("/hooks", [])
    host = Host(clock)
    await ask(host, "a").blob(REPO, OID, max_bytes=9)
    with pytest.raises(RateLimited) as refused:
        await transport(host, background=True).ask("/hooks")
    assert refused.value.code == RESERVED
    assert refused.value.retry_after_s == 600
    await transport(host).ask("/hooks")  # somebody waits for it
    clock.advance(601)
    await transport(host, background=True).ask("/hooks")
    assert [seen.target for seen in script.seen] == [BLOB, "/hooks", "/hooks"]


async def test_a_tenth_that_is_left_is_enough_for_background_work(
    ask: Any, transport: Any, script: Any, clock: Any
) -> None:
    script.on(BLOB, b"x", headers=rate(clock, 500))
    script.on("/hooks", [])
    host = Host(clock)
    await ask(host, "a").blob(REPO, OID, max_bytes=9)
    await transport(host, background=True).ask("/hooks")


async def test_the_pace_of_a_minute_is_kept_and_a_write_costs_five_points(
    transport: Any, script: Any, clock: Any
) -> None:
    script.on("/made", {}, status=201)
    script.on("/hooks", [])
    asking = transport(Host(clock, points_per_minute=6))
    await asking.tell("POST", "/made", b"{}", expected={201})
    await asking.ask("/hooks")
    script.arrived.clear()
    async with asyncio.timeout(10):
        third = asyncio.create_task(asking.ask("/hooks"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(script.arrived.wait(), 0.2)
        clock.advance(60)
        await third
    assert len(script.seen) == 3


async def test_everybody_who_asks_is_told_of(ask: Any, transport: Any, script: Any, clock: Any) -> None:
    script.on(BLOB, b"x")
    script.on("/meta", {})
    host, told = Host(clock), []
    host.on_request = lambda kind, outcome: told.append((kind, outcome))
    await ask(host, "a").blob(REPO, OID, max_bytes=9)
    await transport(host, background=True).ask("/meta")
    assert told == [("git/blobs", "200"), ("meta", "200")]


@pytest.mark.parametrize(
    ("api_url", "points"),
    [
        ("https://api.github.com", POINTS_PER_MINUTE),
        ("https://api.acme.ghe.com", POINTS_PER_MINUTE),
        ("https://github.acme.example/api/v3", None),
        ("http://127.0.0.1:8123", None),
    ],
)
def test_a_pace_is_kept_where_github_asks_for_one(api_url: str, points: int | None) -> None:
    assert pace_of(api_url) == points
