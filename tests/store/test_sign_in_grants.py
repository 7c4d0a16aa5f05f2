"""A code is good once, a refresh token has one successor, and whatever is over opens nothing from that moment on."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.store.sign_in import (
    AccessFacts,
    Client,
    CodeFacts,
    Ended,
    GrantId,
    Issued,
    NewTokens,
    RefreshFacts,
    Replayed,
    Reused,
    SessionRow,
    Stage,
    Transaction,
    Unknown,
    WrongClient,
)
from skillport_sync.store.state import StateStore

ADA = Principal(PrincipalId("google:1"), "Ada", "ada@acme.example", frozenset({"analysts"}), frozenset({("hd", "x")}))
RESOURCE = "https://skills.acme.example/mcp"
RETURN = "http://localhost:5162/callback"
WINDOW_S = 60


def sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def successor(refresh: str) -> str:
    return f"next of {refresh}"


@dataclass
class Desk:
    """Signs people in and hands out tokens, as the server does."""

    state: StateStore
    clock: object
    forgotten: list[bytes] = field(default_factory=list)
    made: int = 0

    def fresh(self, kind: str) -> str:
        self.made += 1
        return f"{kind} {self.made}"

    async def code(
        self, person: Principal = ADA, client_id: str = "claude", code_s: float = 60, grant_days: float = 90
    ) -> tuple[GrantId, str]:
        """A grant, and the code for it."""
        provider = person.id.partition(":")[0]
        await self.state.people.signed_in(person, provider)
        client = Client(client_id, "dcr", "Claude", (RETURN,), self.clock.now(), self.clock.now(), approved=False)
        await self.state.oauth.register(sha256(client_id), client)
        name, code = self.fresh("transaction"), self.fresh("code")
        await self.state.oauth.begin(
            Transaction(
                sha256(name),
                Stage.CONSENT,
                client_id,
                RETURN,
                "state",
                "skills",
                RESOURCE,
                "c" * 43,
                sha256("csrf"),
                sha256("cookie"),
                self.clock.now(),
                self.clock.now() + timedelta(minutes=10),
            )
        )
        await self.state.oauth.advance(
            sha256(name), expect=Stage.CONSENT, to=Stage.UPSTREAM, provider=provider, state_hash=sha256("s " + name)
        )
        grant = await self.state.oauth.grant_and_code(
            sha256(name),
            person.id,
            code_hash=sha256(code),
            code_expires_at=self.clock.now() + timedelta(seconds=code_s),
            grant_expires_at=self.clock.now() + timedelta(days=grant_days),
        )
        assert grant is not None
        return grant, code

    def tokens(self, refresh: str, access_s: float = 3600, idle_days: float = 30) -> tuple[str, NewTokens]:
        access, now = self.fresh("access"), self.clock.now()
        pair = NewTokens(
            sha256(access), now + timedelta(seconds=access_s), sha256(refresh), now + timedelta(days=idle_days)
        )
        return access, pair

    async def session(
        self, person: Principal = ADA, client_id: str = "claude", **how: float
    ) -> tuple[GrantId, str, str]:
        """A grant with its first access and refresh token."""
        grant, code = await self.code(person, client_id, **{k: v for k, v in how.items() if k == "grant_days"})
        assert isinstance(await self.state.oauth.consume_code(sha256(code)), CodeFacts)
        refresh = self.fresh("refresh")
        access, pair = self.tokens(refresh, **{k: v for k, v in how.items() if k != "grant_days"})
        assert isinstance(await self.state.oauth.issue(grant, pair), Issued)
        return grant, access, refresh

    async def rotate(
        self, refresh: str, client_id: str = "claude", window_s: int = WINDOW_S, **how: float
    ) -> tuple[object, str]:
        """What becomes of a refresh token, and the access token that was to be made."""
        access, pair = self.tokens(successor(refresh), **how)
        outcome = await self.state.oauth.rotate(sha256(refresh), client_id=client_id, tokens=pair, window_s=window_s)
        return outcome, access

    async def opens(self, access: str) -> bool:
        return await self.state.oauth.find_access(sha256(access)) is not None

    def was_told(self, *accesses: str) -> bool:
        return {sha256(access) for access in accesses} == set(self.forgotten)


@pytest.fixture
def desk(state: StateStore, clock) -> Desk:
    desk = Desk(state, clock)
    state.oauth.tell(desk.forgotten.extend)
    return desk


# --- codes ----------------------------------------------------------------------------------------------------------------


async def test_a_code_says_what_was_granted(state: StateStore, desk: Desk) -> None:
    grant, code = await desk.code()
    assert await state.oauth.consume_code(sha256(code)) == CodeFacts(
        grant, ADA.id, "claude", RETURN, "c" * 43, "skills", RESOURCE
    )
    assert await state.oauth.consume_code(sha256("another")) is None


async def test_a_code_that_comes_again_ends_its_grant_and_all_its_tokens(state: StateStore, desk: Desk) -> None:
    grant, code = await desk.code()
    await state.oauth.consume_code(sha256(code))
    access, pair = desk.tokens("refresh")
    await state.oauth.issue(grant, pair)
    _, other, _ = await desk.session(client_id="inspector")
    assert await state.oauth.consume_code(sha256(code)) == Replayed(grant, ADA.id, "claude")
    assert not await desk.opens(access)
    assert await desk.opens(other)
    assert desk.was_told(access)
    assert (await desk.rotate("refresh"))[0] == Ended(grant, ADA.id, "code_replayed")
    assert await state.oauth.consume_code(sha256(code)) == Replayed(grant, ADA.id, "claude")


async def test_of_sixteen_that_bring_a_code_at_once_one_gets_it_and_nobody_keeps_tokens(
    state: StateStore, desk: Desk
) -> None:
    grant, code = await desk.code()
    outcomes = await asyncio.gather(*(state.oauth.consume_code(sha256(code)) for _ in range(16)))
    assert [type(outcome) for outcome in outcomes].count(CodeFacts) == 1
    assert [type(outcome) for outcome in outcomes].count(Replayed) == 15
    assert await state.oauth.issue(grant, desk.tokens("refresh")[1]) is None


async def test_a_code_is_good_until_it_expires_and_burnt_even_then(state: StateStore, desk: Desk, clock) -> None:
    _, in_time = await desk.code()
    grant, late = await desk.code()
    clock.advance(seconds=59.9)
    assert isinstance(await state.oauth.consume_code(sha256(in_time)), CodeFacts)
    clock.advance(seconds=0.1)
    assert await state.oauth.consume_code(sha256(late)) is None
    assert await state.oauth.consume_code(sha256(late)) == Replayed(grant, ADA.id, "claude")


@pytest.mark.parametrize("ends", ["revoke_grant", "revoke_person", "disable"])
async def test_a_code_of_what_is_over_is_good_for_nothing(state: StateStore, desk: Desk, ends: str) -> None:
    grant, code = await desk.code()
    match ends:
        case "revoke_grant":
            assert await state.oauth.revoke_grant(grant, "wrong_verifier") is True
        case "revoke_person":
            await state.oauth.revoke_person(ADA.id, "left")
        case _:
            await state.people.disable(ADA.id)
            await state.people.enable(ADA.id)
    assert await state.oauth.consume_code(sha256(code)) is None
    assert await state.oauth.issue(grant, desk.tokens("refresh")[1]) is None


# --- access tokens --------------------------------------------------------------------------------------------------------


async def test_an_access_token_opens_what_was_granted_until_it_expires(state: StateStore, desk: Desk, clock) -> None:
    grant, access, _ = await desk.session()
    assert await state.oauth.find_access(sha256(access)) == AccessFacts(
        ADA, grant, "claude", RESOURCE, "skills", clock.now() + timedelta(hours=1)
    )
    assert await state.oauth.find_access(sha256("another")) is None
    clock.advance(minutes=59, seconds=59)
    assert await desk.opens(access)
    clock.advance(seconds=1)
    assert not await desk.opens(access)


async def test_one_kind_of_token_is_never_taken_for_the_other(state: StateStore, desk: Desk) -> None:
    _, access, refresh = await desk.session()
    assert not await desk.opens(refresh)
    assert (await desk.rotate(access))[0] == Unknown()
    assert await state.oauth.find_refresh(sha256(access)) is None


async def test_it_opens_what_the_provider_said_last_of_its_person(state: StateStore, desk: Desk) -> None:
    _, access, _ = await desk.session()
    moved = Principal(ADA.id, "Ada King", None, frozenset({"directors"}))
    await state.people.signed_in(moved, "google")
    assert (await state.oauth.find_access(sha256(access))).principal == moved


async def test_no_token_outlives_its_grant(state: StateStore, desk: Desk, clock) -> None:
    grant, access, refresh = await desk.session(access_s=7200, grant_days=1 / 24)
    assert (await state.oauth.find_access(sha256(access))).expires_at == clock.now() + timedelta(hours=1)
    clock.advance(minutes=50)
    outcome, access = await desk.rotate(refresh)
    assert outcome == Issued(grant, ADA, "claude", "skills", RESOURCE, clock.now() + timedelta(minutes=10))
    clock.advance(minutes=10)
    assert not await desk.opens(access)
    assert (await desk.rotate(successor(refresh)))[0] == Ended(grant, ADA.id, "expired")
    assert await state.oauth.revoke_grant(grant, "late") is False


async def test_a_grant_begins_with_one_pair(state: StateStore, desk: Desk) -> None:
    grant, _, _ = await desk.session()
    assert await state.oauth.issue(grant, desk.tokens("second")[1]) is None
    assert await state.oauth.issue(GrantId(999), desk.tokens("third")[1]) is None
    assert (await desk.rotate("second"))[0] == Unknown()


# --- rotation -------------------------------------------------------------------------------------------------------------


async def test_a_refresh_token_is_exchanged_for_the_next_pair(state: StateStore, desk: Desk, clock) -> None:
    grant, first, refresh = await desk.session()
    clock.advance(minutes=55)
    facts = RefreshFacts(grant, ADA, "claude", "skills", RESOURCE)
    assert await state.oauth.find_refresh(sha256(refresh)) == facts
    outcome, second = await desk.rotate(refresh)
    assert outcome == Issued(grant, ADA, "claude", "skills", RESOURCE, clock.now() + timedelta(hours=1))
    assert await desk.opens(first)
    assert await desk.opens(second)
    assert await state.oauth.find_refresh(sha256(successor(refresh))) == facts


async def test_eight_that_race_are_given_one_successor_and_all_go_on_with_it(desk: Desk, clock) -> None:
    _, _, refresh = await desk.session()
    for _ in range(3):
        clock.advance(hours=1)
        outcomes = await asyncio.gather(*(desk.rotate(refresh) for _ in range(8)))
        assert all(isinstance(outcome, Issued) for outcome, _ in outcomes)
        assert all([await desk.opens(access) for _, access in outcomes])
        assert await live_refresh_tokens(desk) == [sha256(successor(refresh))]
        refresh = successor(refresh)


async def live_refresh_tokens(desk: Desk) -> Sequence[bytes]:
    rows = await desk.state._readers.fetch("SELECT token_hash FROM refresh_tokens WHERE rotated_at_us IS NULL")
    return [token_hash for (token_hash,) in rows]


async def test_another_successor_than_the_one_that_was_given_is_reuse(state: StateStore, desk: Desk) -> None:
    grant, _, refresh = await desk.session()
    await desk.rotate(refresh)
    _, pair = desk.tokens("a second line")
    outcome = await state.oauth.rotate(sha256(refresh), client_id="claude", tokens=pair, window_s=WINDOW_S)
    assert outcome == Reused(grant, ADA.id, "claude")


async def test_a_rotated_token_is_good_as_long_as_nobody_used_its_successor(desk: Desk, clock) -> None:
    _, _, refresh = await desk.session()
    await desk.rotate(refresh)
    clock.advance(days=20)
    outcome, access = await desk.rotate(refresh, window_s=0)
    assert isinstance(outcome, Issued)
    assert await desk.opens(access)
    assert isinstance((await desk.rotate(successor(refresh), window_s=0))[0], Issued)


async def test_a_rotated_token_is_good_within_the_window_even_if_its_successor_was_used(desk: Desk, clock) -> None:
    _, _, refresh = await desk.session()
    await desk.rotate(refresh)
    await desk.rotate(successor(refresh))
    clock.advance(seconds=WINDOW_S)
    assert isinstance((await desk.rotate(refresh))[0], Issued)
    assert await live_refresh_tokens(desk) == [sha256(successor(successor(refresh)))]


@pytest.mark.parametrize("window_s", [0, WINDOW_S])
async def test_a_token_that_comes_too_late_ends_the_grant_and_every_token_of_it(
    desk: Desk, clock, window_s: int
) -> None:
    grant, first, refresh = await desk.session()
    _, other, _ = await desk.session(client_id="inspector")
    _, second = await desk.rotate(refresh, window_s=window_s)
    _, third = await desk.rotate(successor(refresh), window_s=window_s)
    clock.advance(seconds=window_s, microseconds=1)
    outcome, fourth = await desk.rotate(refresh, window_s=window_s)
    assert outcome == Reused(grant, ADA.id, "claude")
    for access in (first, second, third, fourth):
        assert not await desk.opens(access)
    assert desk.was_told(first, second, third)
    assert await desk.opens(other)
    for token in (refresh, successor(refresh), successor(successor(refresh))):
        assert (await desk.rotate(token))[0] == Ended(grant, ADA.id, "refresh_reused")


async def test_another_client_neither_gets_tokens_nor_does_harm(state: StateStore, desk: Desk, clock) -> None:
    grant, access, refresh = await desk.session()
    assert (await desk.rotate(refresh, client_id="other"))[0] == WrongClient(grant)
    await desk.rotate(refresh)
    await desk.rotate(successor(refresh))
    clock.advance(minutes=5)
    assert (await desk.rotate(refresh, client_id="other"))[0] == WrongClient(grant)  # late reuse, by somebody else
    assert await state.oauth.revoke_token(sha256(refresh), "other") is False
    assert await state.oauth.revoke_token(sha256(access), "other") is False
    assert await state.oauth.revoke_token(sha256(access), "\ud800") is False
    assert await desk.opens(access)
    assert isinstance((await desk.rotate(successor(successor(refresh))))[0], Issued)
    assert desk.forgotten == []


async def test_a_refresh_token_that_lay_idle_too_long_is_good_for_nothing(state: StateStore, desk: Desk, clock) -> None:
    grant, _, refresh = await desk.session(idle_days=2)
    clock.advance(days=1, hours=23)
    assert isinstance((await desk.rotate(refresh, idle_days=2))[0], Issued)
    clock.advance(days=2)
    assert (await desk.rotate(successor(refresh)))[0] == Ended(grant, ADA.id, "idle")
    assert await state.oauth.find_refresh(sha256(successor(refresh))) is None
    assert (await desk.rotate("never seen"))[0] == Unknown()


async def test_a_rotated_token_is_known_no_longer_than_its_successor(desk: Desk, clock) -> None:
    grant, _, refresh = await desk.session(idle_days=30)
    await desk.rotate(refresh, idle_days=1)  # the setting was changed in between
    clock.advance(days=1)
    assert (await desk.rotate(refresh))[0] == Ended(grant, ADA.id, "idle")


# --- the end --------------------------------------------------------------------------------------------------------------


async def test_a_refresh_token_that_is_revoked_takes_its_grant_along(state: StateStore, desk: Desk) -> None:
    grant, access, refresh = await desk.session()
    assert await state.oauth.revoke_token(sha256(refresh), "claude") is True
    assert not await desk.opens(access)
    assert desk.was_told(access)
    assert (await desk.rotate(refresh))[0] == Ended(grant, ADA.id, "signed_out")
    assert await state.oauth.revoke_token(sha256(refresh), "claude") is True
    assert await state.oauth.revoke_token(sha256(access), "claude") is False


async def test_an_access_token_that_is_revoked_goes_alone(state: StateStore, desk: Desk) -> None:
    _, access, refresh = await desk.session()
    assert await state.oauth.revoke_token(sha256(access), "claude") is True
    assert not await desk.opens(access)
    assert desk.was_told(access)
    assert isinstance((await desk.rotate(refresh))[0], Issued)
    assert await state.oauth.revoke_token(sha256("never seen"), "claude") is False


async def test_revoking_a_grant_ends_it_once(state: StateStore, desk: Desk) -> None:
    grant, access, refresh = await desk.session()
    _, other, _ = await desk.session(client_id="inspector")
    assert await state.oauth.revoke_grant(grant, "operator") is True
    assert await state.oauth.revoke_grant(grant, "again") is False
    assert not await desk.opens(access)
    assert await desk.opens(other)
    assert desk.was_told(access)
    await state.oauth.revoke_person(ADA.id, "left")
    assert (await desk.rotate(refresh))[0] == Ended(grant, ADA.id, "operator")
    assert await state.oauth.find_refresh(sha256(refresh)) is None


async def test_revoking_a_person_ends_all_they_have_and_says_what_to_forget(state: StateStore, desk: Desk) -> None:
    bob = Principal(PrincipalId("google:2"), "Bob")
    sessions = [await desk.session(client_id=client) for client in ("claude", "claude", "inspector")]
    _, bobs, _ = await desk.session(bob)
    _, code = await desk.code()
    gone = await state.oauth.revoke_person(ADA.id, "left")
    assert set(gone) == {sha256(access) for _, access, _ in sessions}
    assert desk.was_told(*(access for _, access, _ in sessions))
    for grant, access, refresh in sessions:
        assert not await desk.opens(access)
        assert isinstance((await desk.rotate(refresh, "claude"))[0], Ended | WrongClient), grant
    assert await state.oauth.consume_code(sha256(code)) is None
    assert await desk.opens(bobs)
    assert await state.oauth.revoke_person(ADA.id, "again") == []
    assert await state.oauth.revoke_person(PrincipalId("\ud800"), "nobody") == []


async def test_whoever_is_disabled_is_out_at_once_and_signs_in_anew_when_enabled(state: StateStore, desk: Desk) -> None:
    grant, access, refresh = await desk.session()
    await state.people.disable(ADA.id)
    assert not await desk.opens(access)
    assert desk.was_told(access)
    assert (await desk.rotate(refresh))[0] == Ended(grant, ADA.id, "disabled")
    await state.people.enable(ADA.id)
    assert not await desk.opens(access)
    assert (await desk.rotate(refresh))[0] == Ended(grant, ADA.id, "disabled")
    _, again, _ = await desk.session()
    assert await desk.opens(again)


@pytest.mark.parametrize(
    "by_hand",
    [
        "UPDATE people SET disabled_at_us = 1",
        "UPDATE grants SET revoked_at_us = 1, reason = 'by hand'",
        "UPDATE grants SET expires_at_us = 1",
    ],
)
async def test_what_is_marked_as_over_by_hand_is_over_too(state: StateStore, desk: Desk, by_hand: str) -> None:
    _, access, refresh = await desk.session()
    await state._writer.run(lambda connection: connection.execute(by_hand).rowcount)
    assert not await desk.opens(access)
    assert isinstance((await desk.rotate(refresh))[0], Ended)
    assert await state.oauth.find_refresh(sha256(refresh)) is None
    assert await state.oauth.sessions() == []


async def test_it_ends_as_a_whole_or_not_at_all(state: StateStore, desk: Desk) -> None:
    _, access, refresh = await desk.session()
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = ON").fetchone())
    for attempt in (
        state.oauth.revoke_person(ADA.id, "left"),
        state.people.disable(ADA.id),
        state.oauth.revoke_token(sha256(refresh), "claude"),
    ):
        with pytest.raises(Unavailable):
            await attempt
    assert await desk.opens(access)
    assert desk.forgotten == []
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = OFF").fetchone())
    assert await state.oauth.revoke_person(ADA.id, "left") == [sha256(access)]


# --- what an operator sees ------------------------------------------------------------------------------------------------


async def test_sessions_are_the_grants_somebody_can_go_on_with(state: StateStore, desk: Desk, clock) -> None:
    bob = Principal(PrincipalId("google:2"), "Bob")
    began = clock.now()
    first, _, refresh = await desk.session()
    await desk.code()  # nobody fetched its tokens
    over, _, _ = await desk.session()
    await state.oauth.revoke_grant(over, "operator")
    clock.advance(hours=1)
    bobs, _, _ = await desk.session(bob, "inspector")
    clock.advance(hours=1)
    await desk.rotate(refresh)
    ends = began + timedelta(days=90)
    row = SessionRow(first, ADA.id, "Ada", ADA.email, "claude", "Claude", RETURN, began, clock.now(), ends)
    assert await state.oauth.sessions(ADA.id) == [row]
    assert [session.grant_id for session in await state.oauth.sessions()] == [first, bobs]
    assert await state.oauth.sessions(PrincipalId("google:3")) == []
    assert await state.oauth.sessions(PrincipalId("\ud800")) == []
    clock.advance(days=30)
    assert await state.oauth.sessions() == []


# --- forgetting -----------------------------------------------------------------------------------------------------------


async def rows_of(state: StateStore, *tables: str) -> list[int]:
    return [(await state._readers.fetch(f"SELECT count(*) FROM {table}"))[0][0] for table in tables]


async def test_what_is_over_is_forgotten_and_what_lives_goes_on(state: StateStore, desk: Desk, clock) -> None:
    live, _, refresh = await desk.session()
    dead, _, dead_refresh = await desk.session(ADA, "inspector")
    await state.oauth.revoke_grant(dead, "operator")
    clock.advance(hours=23)
    purged = await state.oauth.purge()
    assert (purged.grants, purged.tokens) == (0, 1)  # the access token that expired; the other went with its grant
    assert (await desk.rotate(dead_refresh, "inspector"))[0] == Ended(dead, ADA.id, "operator")
    clock.advance(hours=1)
    assert (await state.oauth.purge()).grants == 1
    assert (await desk.rotate(dead_refresh, "inspector"))[0] == Unknown()
    for _ in range(4):
        clock.advance(days=20)
        assert isinstance((await desk.rotate(refresh))[0], Issued)
        await state.oauth.purge()
        refresh = successor(refresh)
    assert [session.grant_id for session in await state.oauth.sessions()] == [live]
    assert await rows_of(state, "refresh_tokens", "access_tokens", "codes", "oauth_transactions") == [2, 1, 1, 0]
    clock.advance(days=10)
    await state.oauth.purge()
    assert await rows_of(state, "grants", "refresh_tokens", "access_tokens", "codes") == [0, 0, 0, 0]
    assert await state.oauth.client("claude")
    clock.advance(days=80)
    await state.oauth.purge()
    assert await rows_of(state, "clients") == [0]
    assert await rows_of(state, "people") == [1]


async def test_a_client_with_a_grant_is_kept_however_long_ago_it_was_used(state: StateStore, desk: Desk, clock) -> None:
    _, access, _ = await desk.session()
    await state._writer.run(lambda connection: connection.execute("UPDATE clients SET last_used_at_us = 1").rowcount)
    assert (await state.oauth.purge()).clients == 0
    assert await desk.opens(access)


async def test_forgetting_much_takes_many_small_steps(state: StateStore, desk: Desk, clock) -> None:
    grant, _, _ = await desk.session()

    def fill(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT INTO access_tokens VALUES(?, ?, 1)", [(sha256(f"old {n}"), grant) for n in range(1700)]
        )

    await state._writer.run(fill)
    before = state._writer.commits
    assert (await state.oauth.purge()).tokens == 1700
    assert state._writer.commits - before >= 4


async def test_nothing_that_opens_anything_is_in_the_file(state: StateStore, desk: Desk, tmp_path: Path) -> None:
    _, access, refresh = await desk.session()
    await desk.rotate(refresh)
    _, code = await desk.code()
    await state.close()
    held = bytes_of(tmp_path)
    for secret in (access, refresh, successor(refresh), code):
        assert secret.encode() not in held
        assert sha256(secret) in held


def bytes_of(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.glob("state.db*"))
