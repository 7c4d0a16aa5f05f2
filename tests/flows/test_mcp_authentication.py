"""Bearer tokens: who is believed, for how long, and what is never remembered."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from mcp_server.authentication import ACCESS_TOKEN, API_TOKEN, Caller, ConnectorAuthentication, NoAuthentication
from skillport_sync.errors import Unauthenticated, Unavailable
from skillport_sync.queries import Queries


class Tokens:
    """Tokens as a database has them, and how often it was asked."""

    def __init__(self, **callers):
        self.callers = {digest_of(token): caller for token, caller in callers.items()}
        self.asked = 0
        self.hold: asyncio.Event | None = None
        self.is_asked = asyncio.Event()

    async def find(self, digest):
        self.asked += 1
        self.is_asked.set()
        found = self.callers.get(digest)
        if self.hold is not None:
            await self.hold.wait()
        return found


def digest_of(token):
    return hashlib.sha256(token.encode()).digest()


@pytest.fixture
def one(publisher):
    return Caller(publisher.bob, "token:1")


@pytest.fixture
def tokens(one):
    return Tokens(sps_one=one)


@pytest.fixture
def authentication(tokens, clock):
    return ConnectorAuthentication({API_TOKEN: tokens.find}, clock)


async def test_a_token_is_looked_up_once_in_ten_seconds(one, tokens, authentication, clock):
    for _ in range(5):
        assert await authentication.caller("Bearer sps_one") is one
    assert tokens.asked == 1
    clock.advance(9.9)
    assert await authentication.caller("Bearer sps_one") is one
    assert tokens.asked == 1
    clock.advance(0.1)
    assert await authentication.caller("bearer   sps_one ") is one
    assert tokens.asked == 2


async def test_a_revoked_token_is_refused_at_once_where_it_is_forgotten_and_within_ten_seconds_elsewhere(
    tokens, authentication, clock
):
    elsewhere = ConnectorAuthentication({API_TOKEN: tokens.find}, clock)
    for each in (authentication, elsewhere):
        await each.caller("Bearer sps_one")
    tokens.callers.clear()
    authentication.forget(digest_of("sps_one"))
    with pytest.raises(Unauthenticated):
        await authentication.caller("Bearer sps_one")
    assert await elsewhere.caller("Bearer sps_one")
    clock.advance(10)
    with pytest.raises(Unauthenticated):
        await elsewhere.caller("Bearer sps_one")


async def test_a_revoked_token_is_refused_at_once_however_it_was_spelled(tokens, authentication):
    for spelled in ("Bearer sps_one", "bearer sps_one", "Bearer   sps_one"):
        await authentication.caller(spelled)
    tokens.callers.clear()
    authentication.forget(digest_of("sps_one"))
    for spelled in ("Bearer sps_one", "bearer sps_one", "Bearer   sps_one"):
        with pytest.raises(Unauthenticated):
            await authentication.caller(spelled)


async def test_nothing_that_is_remembered_could_be_used_as_a_token(authentication):
    await authentication.caller("Bearer sps_one")
    remembered = repr(vars(authentication))
    assert "OrderedDict" in remembered
    assert "sps_one" not in remembered


async def test_all_that_end_together_are_forgotten_together(publisher, clock):
    callers = {f"sp_at_{number}": Caller(publisher.bob, "a client") for number in range(3)}
    tokens = Tokens(**callers)
    authentication = ConnectorAuthentication({ACCESS_TOKEN: tokens.find}, clock)
    for token in callers:
        await authentication.caller(f"Bearer {token}")
    tokens.callers.clear()
    authentication.forget_all([digest_of("sp_at_0"), digest_of("sp_at_2")])
    assert await authentication.caller("Bearer sp_at_1")
    for token in ("sp_at_0", "sp_at_2"):
        with pytest.raises(Unauthenticated):
            await authentication.caller(f"Bearer {token}")


async def test_a_token_revoked_while_it_is_looked_up_is_not_remembered(tokens, authentication):
    tokens.hold = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(authentication.caller("Bearer sps_one"))
        await tokens.is_asked.wait()
        tokens.callers.clear()
        authentication.forget(digest_of("sps_one"))
        tokens.hold.set()
    assert first.result()
    with pytest.raises(Unauthenticated):
        await authentication.caller("Bearer sps_one")


async def test_a_token_is_never_believed_beyond_its_own_end(publisher, clock):
    soon = Caller(publisher.bob, "a client", clock.now() + timedelta(seconds=3))
    over = Caller(publisher.bob, "a client", clock.now() - timedelta(seconds=3))
    tokens = Tokens(sp_at_soon=soon, sp_at_over=over)
    authentication = ConnectorAuthentication({ACCESS_TOKEN: tokens.find}, clock)
    for _ in range(2):
        assert await authentication.caller("Bearer sp_at_soon") is soon
    assert tokens.asked == 1
    clock.advance(3)
    tokens.callers.pop(digest_of("sp_at_soon"))
    with pytest.raises(Unauthenticated):
        await authentication.caller("Bearer sp_at_soon")
    for asked in (3, 4):
        await authentication.caller("Bearer sp_at_over")
        assert tokens.asked == asked


async def test_what_a_provider_says_anew_of_a_person_counts_within_ten_seconds(
    publisher, tokens, authentication, clock
):
    await authentication.caller("Bearer sps_one")
    tokens.callers[digest_of("sps_one")] = Caller(publisher.alice, "token:1")
    assert (await authentication.caller("Bearer sps_one")).principal is publisher.bob
    clock.advance(10)
    assert (await authentication.caller("Bearer sps_one")).principal is publisher.alice


async def test_a_token_that_is_not_found_is_asked_for_again(tokens, one, authentication):
    with pytest.raises(Unauthenticated):
        await authentication.caller("Bearer sps_two")
    tokens.callers[digest_of("sps_two")] = one
    assert await authentication.caller("Bearer sps_two") is one


async def test_each_kind_of_token_is_looked_up_where_its_kind_is_kept(publisher, clock):
    api, access = Tokens(sps_x=Caller(publisher.bob)), Tokens(sp_at_x=Caller(publisher.alice))
    # Each knows the other's secret as its own kind, which must not help.
    api.callers |= access.callers
    authentication = ConnectorAuthentication({API_TOKEN: api.find, ACCESS_TOKEN: access.find}, clock)
    assert (await authentication.caller("Bearer sps_x")).principal is publisher.bob
    assert (await authentication.caller("Bearer sp_at_x")).principal is publisher.alice
    assert (api.asked, access.asked) == (1, 1)
    only_api = ConnectorAuthentication({API_TOKEN: api.find}, clock)
    with pytest.raises(Unauthenticated):
        await only_api.caller("Bearer sp_at_x")


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer sp_rt_x",
        "Bearer sp_ac_x",
        "Bearer sp_tx_x",
        "Bearer sp_at",
        "Bearer sp_api_x",
        "Bearer sp_in_x",
        "Bearer x",
    ],
)
async def test_secrets_of_other_kinds_are_not_even_looked_up(one, clock, authorization):
    known = ("sps_x", "sp_at_x", "sp_rt_x", "sp_ac_x", "sp_tx_x", "sp_at", "sp_api_x", "sp_in_x", "x")
    tokens = Tokens(**dict.fromkeys(known, one))
    authentication = ConnectorAuthentication({API_TOKEN: tokens.find, ACCESS_TOKEN: tokens.find}, clock)
    with pytest.raises(Unauthenticated):
        await authentication.caller(authorization)
    assert tokens.asked == 0


async def test_so_many_tokens_are_remembered_and_no_more(one, clock):
    count = 5_000
    tokens = Tokens(**{f"sps_{number}": one for number in range(count)})
    authentication = ConnectorAuthentication({API_TOKEN: tokens.find}, clock)
    for number in range(count):
        await authentication.caller(f"Bearer sps_{number}")
    await authentication.caller(f"Bearer sps_{count - 1}")
    assert tokens.asked == count
    await authentication.caller("Bearer sps_0")
    assert tokens.asked == count + 1


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
async def test_what_is_no_token_is_refused_without_a_trace_of_it(authentication, authorization, code):
    with pytest.raises(Unauthenticated) as raised:
        await authentication.caller(authorization)
    assert raised.value.code == code
    assert "two" not in raised.value.message
    assert "sps_…" in raised.value.message


async def test_a_database_that_cannot_be_asked_is_no_refusal(clock, published, wire_of):
    async def find(digest):
        raise Unavailable("state.db is busy; try again.", retry_after_s=2.2)

    wire = await wire_of(published, authenticator=ConnectorAuthentication({API_TOKEN: find}, clock))
    seen = await wire.request("tools/list")
    assert (seen.status, seen.headers["Retry-After"]) == (503, "3")
    assert b"state.db is busy" in seen.body


async def test_what_nobody_foresaw_is_a_500_with_a_reference_and_nothing_else(published, wire_of):
    class Failing:
        async def caller(self, authorization):
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
