"""What somebody makes for themselves speaks for them as they are now, ends with whatever ends them, and is never one too many."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Invalid
from skillport_sync.store.minted_tokens import NewToken, NotWelcome, TooMany
from skillport_sync.store.state import StateStore
from skillport_sync.store.tokens import TokenRow, client_id_of, number_of

ADA = Principal(
    PrincipalId("google:1"), "Ada", "ada@acme.example", frozenset({"x"}), frozenset({("hd", "acme.example")})
)
GRACE = Principal(PrincipalId("google:2"), "Grace")
CI = Principal(PrincipalId("token:ci"), "CI", None, frozenset({"builders"}))


def sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def new(name: str, until: datetime, **changed: object) -> NewToken:
    fields = {"principal": ADA, "purpose": "scripts", "read_only": False, "client_id": "a client", "expires_at": until}
    return NewToken(sha256(name), **{**fields, **changed})


@pytest.fixture
async def signed_in(state: StateStore) -> None:
    await state.people.signed_in(ADA, "google")
    await state.people.signed_in(GRACE, "google")


@pytest.fixture
def make(state: StateStore, clock, signed_in):
    """``await make("one", days=90)``: a token that is stored, and its row."""

    async def made(
        name: str, *, most: int = 50, makes_room: bool = False, days: float = 1, **changed: object
    ) -> object:
        fresh = new(name, clock.now() + timedelta(days=days), **changed)
        return await state.minted_tokens.make(fresh, most=most, makes_room=makes_room)

    return made


@pytest.fixture
def told(state: StateStore) -> list[bytes]:
    """The tokens that were said to open nothing any more."""
    told: list[bytes] = []
    state.oauth.tell(told.extend)
    return told


async def opens(state: StateStore, *names: str) -> list[str]:
    return [name for name in names if await state.minted_tokens.find(sha256(name)) is not None]


async def test_it_finds_its_person_and_what_it_may_do(state: StateStore, make, clock) -> None:
    row = await make("one", purpose="claude-code", read_only=True)
    found = await state.minted_tokens.find(sha256("one"))
    assert found == replace(row, principal=ADA)
    assert (found.principal, found.purpose, found.read_only, found.client_id) == (ADA, "claude-code", True, "a client")
    assert (found.created_at, found.expires_at) == (clock.now(), clock.now() + timedelta(days=1))
    assert await opens(state, "two", "") == []


async def test_it_speaks_for_the_person_as_they_are_now(state: StateStore, make) -> None:
    await make("one")
    now = Principal(ADA.id, "Ada L.", None, frozenset({"y"}), frozenset({("hd", "other.example")}))
    await state.people.signed_in(now, "google")
    assert (await state.minted_tokens.find(sha256("one"))).principal == now


async def test_whoever_never_signed_in_is_as_they_were_when_it_was_made(state: StateStore, make) -> None:
    parent = await state.tokens.create(sha256("ci"), CI, "the build")
    await make("one", principal=CI, client_id=client_id_of(parent.id))
    assert (await state.minted_tokens.find(sha256("one"))).principal == CI


async def test_it_is_no_api_token_and_an_api_token_is_none(state: StateStore, make) -> None:
    await state.tokens.create(sha256("ci"), CI, "the build")
    await make("one")
    assert await state.tokens.find(sha256("one")) is None
    assert await opens(state, "ci") == []
    assert [row.label for row in state.tokens.list()] == ["the build"]
    assert [row.purpose for row in await state.minted_tokens.all()] == ["scripts"]
    api_token, minted = state.tokens.list()[0], (await state.minted_tokens.all())[0]
    assert await state.minted_tokens.revoke(api_token.id) is False
    assert await state.tokens.find(sha256("ci")) is not None
    assert api_token.id != minted.id


async def test_it_opens_nothing_from_the_moment_it_expires(state: StateStore, make, clock) -> None:
    await make("one")
    clock.advance(hours=23, minutes=59, seconds=59)
    assert await opens(state, "one") == ["one"]
    clock.advance(seconds=1)
    assert await opens(state, "one") == []


async def test_its_use_is_noted_at_most_once_a_minute_and_a_full_disk_locks_nobody_out(
    state: StateStore, make, clock
) -> None:
    await make("one")
    before = state._writer.commits
    for _ in range(60):
        await state.minted_tokens.find(sha256("one"))
        clock.advance(seconds=2)
    assert state._writer.commits == before + 2
    [row] = await state.minted_tokens.all()
    assert row.last_used_at == clock.now() - timedelta(minutes=1)
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = ON").fetchone())
    with capture_logs() as logs:
        assert await opens(state, "one") == ["one"]
    assert [line["event"] for line in logs] == ["token_use_not_noted"]


# --- what ends it -------------------------------------------------------------------------------------------------------------


async def test_a_revoked_one_opens_nothing_and_everybody_is_told_once(state: StateStore, make, told, clock) -> None:
    row = await make("one")
    await make("two")
    assert await state.minted_tokens.revoke(row.id) is True
    assert await opens(state, "one", "two") == ["two"]
    assert told == [sha256("one")]
    clock.advance(hours=1)
    assert await state.minted_tokens.revoke(row.id) is False
    assert await state.minted_tokens.revoke(999) is False
    assert told == [sha256("one")]
    assert (await state.minted_tokens.all())[0].revoked_at == clock.now() - timedelta(hours=1)


@pytest.mark.parametrize("how", ["disabled", "revoked"])
async def test_all_of_a_person_end_with_their_sessions_and_nobody_elses(
    state: StateStore, make, told, how: str
) -> None:
    await make("one")
    await make("two", purpose="claude-code")
    await make("of Grace", principal=GRACE)
    if how == "disabled":
        assert await state.people.disable(ADA.id)
        assert await state.people.enable(ADA.id)  # what has ended does not begin again
        ended = told
    else:
        ended = await state.oauth.revoke_person(ADA.id, "left")
    assert sorted(ended) == sorted(told) == sorted([sha256("one"), sha256("two")])
    assert await opens(state, "one", "two", "of Grace") == ["of Grace"]
    assert await state.oauth.revoke_person(ADA.id, "again") == []


async def test_a_person_who_is_marked_as_kept_out_by_hand_is_out_too(state: StateStore, make) -> None:
    await make("one")
    await state._writer.run(lambda connection: connection.execute("UPDATE people SET disabled_at_us = 1").rowcount)
    assert await opens(state, "one") == []


async def test_it_ends_with_the_api_token_it_was_asked_for_with(state: StateStore, make, told, clock) -> None:
    until = clock.now() + timedelta(hours=1)
    own, other = [await state.tokens.create(sha256(name), CI, name, until) for name in ("own", "other")]
    one = await make("one", principal=CI, client_id=client_id_of(own.id))
    await make("two", principal=CI, client_id=client_id_of(other.id))
    short = await make("short", principal=CI, client_id=client_id_of(own.id), days=0.01)
    assert one.expires_at == until
    assert short.expires_at == clock.now() + timedelta(days=0.01)
    assert await state.tokens.revoke(own.id)
    assert sorted(told) == sorted([sha256("own"), sha256("one"), sha256("short")])
    assert await opens(state, "one", "two", "short") == ["two"]


async def test_nobody_makes_one_with_what_is_over_or_while_they_are_kept_out(state: StateStore, make, clock) -> None:
    revoked = await state.tokens.create(sha256("revoked"), CI, "revoked")
    await state.tokens.revoke(revoked.id)
    expired = await state.tokens.create(sha256("expired"), CI, "expired", clock.now())
    for number in (revoked.id, expired.id, 999):
        assert await make("one", principal=CI, client_id=client_id_of(number)) == NotWelcome()
    await state.people.disable(ADA.id)
    assert await make("one") == NotWelcome()
    assert await state.minted_tokens.all() == []


@pytest.mark.parametrize(
    "client_id",
    [
        *(None, "", "7", "token:", "token:x", "token:-1", "token:²", "token:٣", "token:1_0", "token:1 ", "Token:1"),
        *("token:token:1", "https://token:1", "1token:"),
    ],
)
def test_what_is_no_tokens_number_is_a_client(client_id: str | None) -> None:
    assert number_of(client_id) is None
    assert client_id_of(17) == "token:17"
    assert number_of("token:17") == 17


# --- how many -----------------------------------------------------------------------------------------------------------------


async def test_where_there_are_too_many_there_is_not_one_more(state: StateStore, make, clock) -> None:
    for name in ("one", "two"):
        assert isinstance(await make(name, most=2, purpose="claude-code"), TokenRow)
    assert await make("three", most=2, purpose="claude-code") == TooMany()
    assert isinstance(await make("other purpose", most=2), TokenRow)
    assert isinstance(await make("other person", most=2, purpose="claude-code", principal=GRACE), TokenRow)
    assert await opens(state, "one", "two", "three") == ["one", "two"]
    await state.minted_tokens.revoke((await state.minted_tokens.all())[0].id)
    assert isinstance(await make("four", most=2, purpose="claude-code"), TokenRow)
    clock.advance(days=1)
    assert isinstance(await make("five", most=2, purpose="claude-code"), TokenRow)


async def test_the_oldest_makes_room_where_it_may(state: StateStore, make, told) -> None:
    for name in ("one", "two", "three"):
        assert isinstance(await make(name, most=2, makes_room=True), TokenRow)
    assert await opens(state, "one", "two", "three") == ["two", "three"]
    assert told == [sha256("one")]
    assert len(await state.minted_tokens.all()) == 2


async def test_of_many_made_at_once_no_more_than_may_be_are_live(state: StateStore, make) -> None:
    made = await asyncio.gather(*(make(str(number), most=5, purpose="claude-code") for number in range(20)))
    assert len([row for row in made if isinstance(row, TokenRow)]) == 5
    assert len(await opens(state, *map(str, range(20)))) == 5


# --- how they are kept --------------------------------------------------------------------------------------------------------


async def test_what_expired_is_forgotten_and_what_was_revoked_only_then(state: StateStore, make, clock) -> None:
    await state.tokens.create(sha256("ci"), CI, "expires too", clock.now() + timedelta(hours=1))
    row = await make("revoked", days=2)
    await state.minted_tokens.revoke(row.id)
    await make("one", days=1)
    await make("two", days=3)
    assert await state.minted_tokens.purge() == 0
    clock.advance(days=1)
    assert await state.minted_tokens.purge() == 1
    clock.advance(days=1)
    assert await state.minted_tokens.purge() == 1
    assert await opens(state, "two") == ["two"]
    assert len(state.tokens.list()) == 1


async def test_they_survive_a_restart(tmp_path: Path, state: StateStore, make, clock) -> None:
    row = await make("one", purpose="claude-code", read_only=True)
    await make("two")
    await state.minted_tokens.revoke((await state.minted_tokens.all())[1].id)
    before = await state.minted_tokens.all()
    await state.close()
    reopened = await StateStore.open(tmp_path / "state.db", clock=clock)
    try:
        assert await reopened.minted_tokens.all() == before
        assert await opens(reopened, "one", "two") == ["one"]
        assert reopened.tokens.list() == ()
        assert row.purpose == "claude-code"
    finally:
        await reopened.close()


async def test_its_holders_are_those_who_signed_in_for_it(state: StateStore, make, clock) -> None:
    parent = await state.tokens.create(sha256("ci"), CI, "the build")
    await make("by CI", principal=CI, client_id=client_id_of(parent.id))
    await make("of Grace", principal=GRACE, days=2)
    await make("one")
    await make("two")
    assert await state.minted_tokens.holders() == [ADA.id, GRACE.id]
    clock.advance(days=1)
    assert await state.minted_tokens.holders() == [GRACE.id]
    await state.oauth.revoke_person(GRACE.id, "left")
    assert await state.minted_tokens.holders() == []


async def test_text_that_cannot_be_stored_is_refused_without_repeating_it(make) -> None:
    with pytest.raises(Invalid) as refused:
        await make("one", client_id="a client \ud800")
    assert "client" not in refused.value.message
