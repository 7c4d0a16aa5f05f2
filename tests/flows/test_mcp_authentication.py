"""Bearer tokens: who is believed, for how long, and what is never remembered."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from structlog.testing import capture_logs

from mcp_server.authentication import NoAuthentication, TokenAuthentication
from skillport_sync.errors import Unauthenticated, Unavailable
from skillport_sync.queries import Queries


class Tokens:
    """Tokens as a database has them, and how often it was asked."""

    def __init__(self, **people):
        self.people = {hashlib.sha256(f"sps_{name}".encode()).digest(): who for name, who in people.items()}
        self.asked = 0
        self.hold: asyncio.Event | None = None
        self.is_asked = asyncio.Event()

    async def find(self, digest):
        self.asked += 1
        self.is_asked.set()
        found = self.people.get(digest)
        if self.hold is not None:
            await self.hold.wait()
        return found


@pytest.fixture
def tokens(publisher):
    return Tokens(one=publisher.bob)


async def test_a_token_is_looked_up_once_in_ten_seconds(publisher, tokens, clock):
    authentication = TokenAuthentication(tokens.find, clock)
    for _ in range(5):
        assert await authentication.principal("Bearer sps_one") is publisher.bob
    assert tokens.asked == 1
    clock.advance(10)
    assert await authentication.principal("bearer   sps_one ") is publisher.bob
    assert tokens.asked == 2


async def test_a_revoked_token_is_refused_at_once_where_it_is_forgotten_and_within_ten_seconds_elsewhere(tokens, clock):
    authentication, elsewhere = TokenAuthentication(tokens.find, clock), TokenAuthentication(tokens.find, clock)
    for one in (authentication, elsewhere):
        await one.principal("Bearer sps_one")
    (digest,) = tokens.people
    tokens.people.clear()
    authentication.forget(digest)
    with pytest.raises(Unauthenticated):
        await authentication.principal("Bearer sps_one")
    assert await elsewhere.principal("Bearer sps_one")
    clock.advance(10)
    with pytest.raises(Unauthenticated):
        await elsewhere.principal("Bearer sps_one")


async def test_a_token_revoked_while_it_is_looked_up_is_not_remembered(tokens, clock):
    authentication = TokenAuthentication(tokens.find, clock)
    tokens.hold = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(authentication.principal("Bearer sps_one"))
        await tokens.is_asked.wait()
        (digest,) = tokens.people
        tokens.people.clear()
        authentication.forget(digest)
        tokens.hold.set()
    assert first.result()
    with pytest.raises(Unauthenticated):
        await authentication.principal("Bearer sps_one")


async def test_a_token_that_is_not_found_is_asked_for_again(tokens, publisher, clock):
    authentication = TokenAuthentication(tokens.find, clock)
    with pytest.raises(Unauthenticated):
        await authentication.principal("Bearer sps_two")
    tokens.people[hashlib.sha256(b"sps_two").digest()] = publisher.alice
    assert await authentication.principal("Bearer sps_two") is publisher.alice


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "token_missing"),
        ("", "token_invalid"),
        ("Bearer", "token_invalid"),
        ("Bearer ghp_one", "token_invalid"),
        ("Basic sps_one", "token_invalid"),
        ("Bearer sps_" + "x" * 200, "token_invalid"),
        ("Bearer sps_two", "token_invalid"),
        ("Bearer sps_one, Bearer sps_one", "token_invalid"),
        ("Bearer sps_\udcff", "token_invalid"),
    ],
)
async def test_what_is_no_token_is_refused_without_a_trace_of_it(tokens, clock, authorization, code):
    authentication = TokenAuthentication(tokens.find, clock)
    with pytest.raises(Unauthenticated) as raised:
        await authentication.principal(authorization)
    assert raised.value.code == code
    assert "two" not in raised.value.message


async def test_a_database_that_cannot_be_asked_is_no_refusal(clock, published, wire_of):
    async def find(digest):
        raise Unavailable("state.db is busy; try again.", retry_after_s=2.2)

    wire = await wire_of(published, authenticator=TokenAuthentication(find, clock))
    seen = await wire.request("tools/list")
    assert (seen.status, seen.headers["Retry-After"]) == (503, "3")
    assert b"state.db is busy" in seen.body


async def test_what_nobody_foresaw_is_a_500_with_a_reference_and_nothing_else(published, wire_of):
    class Failing:
        async def principal(self, authorization):
            raise RuntimeError("the secret of the house")

    wire = await wire_of(published, authenticator=Failing())
    with capture_logs() as logs:
        seen = await wire.request("tools/list")
    assert (seen.status, seen.json["code"]) == (500, "internal_error")
    assert b"secret" not in seen.body
    (logged,) = [entry for entry in logs if entry["event"] == "request_failed"]
    assert logged["reference"] in seen.json["message"]


async def test_what_breaks_inside_of_a_call_is_a_json_rpc_error_with_a_reference(published, wire_of):
    class Failing:
        async def skill_history(self, *skill):
            raise RuntimeError("the secret of the house")

    published.queries = Queries(published.current, Failing(), published.restoring, published.clock)
    wire = await wire_of(published)
    for modern in (True, False):
        params = {"name": "skillport", "arguments": {"operation": "version", "skill": "pdf"}}
        with capture_logs() as logs:
            seen = await wire.request("tools/call", params, modern=modern)
        assert (seen.status, seen.json["error"]["code"]) == (200, -32603)
        assert b"secret" not in seen.body
        (logged,) = [entry for entry in logs if entry["event"] == "request_failed"]
        assert logged["reference"] in seen.json["error"]["message"]


async def test_without_authentication_everybody_is_the_one_person(published, wire_of):
    wire = await wire_of(published, authenticator=NoAuthentication(published.alice))
    for who in ("bob", None):
        assert (await wire.call({"operation": "whoami"}, who=who))["structuredContent"]["id"] == "token:alice"
