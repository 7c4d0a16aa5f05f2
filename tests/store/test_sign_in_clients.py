"""Clients are known again, and sign-ins go one way, once; a flood of either touches nobody who is signed in."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Invalid
from skillport_sync.store.sign_in import Client, Stage, Transaction
from skillport_sync.store.state import StateStore

LOOPBACK = "http://localhost/callback"


def sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


@pytest.fixture
def client_of(clock):
    """``client_of("id")``: a client that registered itself now."""

    def client(client_id: str, **changed: object) -> Client:
        fields = {"kind": "dcr", "name": "Claude Code", "redirect_uris": (LOOPBACK,), "approved": False}
        return Client(client_id, **{**fields, "created_at": clock.now(), "last_used_at": clock.now(), **changed})

    return client


@pytest.fixture
def asked(clock):
    """``asked("tx", "client")``: a sign-in that begins now."""

    def transaction(name: str, client_id: str, **changed: object) -> Transaction:
        fields = {
            "stage": Stage.CONSENT,
            "redirect_uri": "http://localhost:5162/callback",
            "client_state": "s t&a=te",
            "scope": "skills",
            "resource": "https://skills.acme.example/mcp",
            "code_challenge": "c" * 43,
            "csrf_hash": sha256("csrf " + name),
            "bind_hash": sha256("cookie " + name),
            "created_at": clock.now(),
            "expires_at": clock.now() + timedelta(minutes=10),
        }
        return Transaction(sha256(name), client_id=client_id, **{**fields, **changed})

    return transaction


async def agree(state: StateStore, name: str, provider: str = "google", **changed: object) -> Transaction | None:
    learned = {
        "bind_hash": sha256("other cookie"),
        "nonce": "n",
        "upstream_verifier": "v" * 43,
        "state_hash": sha256("state " + name),
    }
    return await state.oauth.advance(
        sha256(name), expect=Stage.CONSENT, to=Stage.UPSTREAM, provider=provider, **{**learned, **changed}
    )


async def finish(state: StateStore, clock, name: str, person: str = "google:1") -> int | None:
    return await state.oauth.grant_and_code(
        sha256(name),
        PrincipalId(person),
        code_hash=sha256("code " + name),
        code_expires_at=clock.now() + timedelta(minutes=1),
        grant_expires_at=clock.now() + timedelta(days=90),
    )


# --- clients --------------------------------------------------------------------------------------------------------------


async def test_a_client_that_registered_is_known(state: StateStore, client_of) -> None:
    client = client_of("one", redirect_uris=(LOOPBACK, "https://claude.ai/api/mcp/auth_callback"), name="späße ☃")
    assert await state.oauth.register(sha256("meta"), client) == client
    assert await state.oauth.client("one") == client
    assert await state.oauth.client("two") is None
    assert await state.oauth.client("\ud800") is None


async def test_whoever_registers_with_the_same_words_is_the_same_client(state: StateStore, client_of, clock) -> None:
    first = await state.oauth.register(sha256("meta"), client_of("one"))
    clock.advance(hours=3)
    again = await state.oauth.register(sha256("meta"), client_of("two"))
    assert again == replace(first, last_used_at=clock.now())
    assert await state.oauth.client("two") is None
    other = await state.oauth.register(sha256("other"), client_of("three"))
    assert other.client_id == "three"
    assert await state.oauth.count_unapproved() == 2


async def test_sixteen_that_register_at_once_with_the_same_words_are_one(state: StateStore, client_of) -> None:
    entered = await asyncio.gather(*(state.oauth.register(sha256("meta"), client_of(f"client-{n}")) for n in range(16)))
    assert len({client.client_id for client in entered}) == 1
    assert await state.oauth.count_unapproved() == 1


async def test_a_client_known_by_its_document_is_brought_up_to_date(state: StateStore, client_of, clock) -> None:
    url = "https://claude.ai/oauth/claude-code-client-metadata"
    first = await state.oauth.register(sha256(url), client_of(url, kind="cimd"))
    clock.advance(hours=3)
    renamed = client_of(url, kind="cimd", name="Claude Code 2", redirect_uris=("http://127.0.0.1/callback",))
    assert await state.oauth.register(sha256(url), renamed) == replace(renamed, created_at=first.created_at)
    assert await state.oauth.count_unapproved() == 1


async def test_a_client_somebody_signed_in_through_stays_so_when_its_document_is_read_again(
    state: StateStore, client_of, asked, clock
) -> None:
    url = "https://claude.ai/oauth/claude-code-client-metadata"
    await state.people.signed_in(Principal(PrincipalId("google:1")), "google")
    await state.oauth.register(sha256(url), client_of(url, kind="cimd"))
    await state.oauth.begin(asked("tx", url))
    await agree(state, "tx")
    await finish(state, clock, "tx")
    assert (await state.oauth.register(sha256(url), client_of(url, kind="cimd"))).approved is True


async def test_no_document_takes_the_place_of_a_registration_with_the_same_key(state: StateStore, client_of) -> None:
    await state.oauth.register(sha256("meta"), client_of("one"))
    await state.oauth.register(sha256("meta"), client_of("https://evil.example/client", kind="cimd"))
    assert (await state.oauth.client("one")).kind == "dcr"
    assert (await state.oauth.client("https://evil.example/client")).kind == "cimd"


async def test_a_flood_of_registrations_drives_out_idle_strangers_and_nobody_else(
    state: StateStore, client_of, asked, clock
) -> None:
    await state.people.signed_in(Principal(PrincipalId("google:1")), "google")
    for name in ("known", "waiting", "idle"):
        await state.oauth.register(sha256(name), client_of(name))
    await state.oauth.register(sha256("static"), client_of("static", kind="static", approved=True))
    await state.oauth.begin(asked("tx", "known"))
    await agree(state, "tx")
    assert await finish(state, clock, "tx") is not None
    for n in range(20):
        clock.advance(seconds=1)
        await state.oauth.register(sha256(f"flood {n}"), client_of(f"flood-{n}"), unapproved_limit=5)
        await state.oauth.begin(asked(f"look {n}", "waiting"))  # somebody is looking at its page
        assert await state.oauth.count_unapproved() <= 5
    assert await state.oauth.client("idle") is None
    assert await state.oauth.client("flood-0") is None
    for kept in ("known", "static", "waiting", "flood-19"):
        assert await state.oauth.client(kept), kept


async def test_words_that_are_no_text_are_refused(state: StateStore, client_of, asked) -> None:
    with pytest.raises(Invalid, match="not Unicode"):
        await state.oauth.register(sha256("meta"), client_of("one", name="\udfff"))
    await state.oauth.register(sha256("meta"), client_of("one"))
    with pytest.raises(Invalid, match="not Unicode"):
        await state.oauth.begin(asked("tx", "one", client_state="\ud800"))
    assert await state.oauth.transaction(sha256("tx")) is None


async def test_clients_are_forgotten_a_day_after_nobody_signed_in_and_90_days_after_the_last_use(
    state: StateStore, client_of, asked, clock
) -> None:
    await state.people.signed_in(Principal(PrincipalId("google:1")), "google")
    for name in ("known", "idle", "seen"):
        await state.oauth.register(sha256(name), client_of(name))
    await state.oauth.register(sha256("static"), client_of("static", kind="static"))
    await state.oauth.begin(asked("tx", "known"))
    await agree(state, "tx")
    await finish(state, clock, "tx")

    clock.advance(hours=23, minutes=59)
    await state.oauth.register(sha256("seen"), client_of("another"))
    assert (await state.oauth.purge()).clients == 0
    clock.advance(minutes=1)
    purged = await state.oauth.purge()
    assert (purged.transactions, purged.grants, purged.clients) == (0, 1, 1)  # the code was never fetched
    assert await state.oauth.client("idle") is None
    clock.advance(days=88, hours=23)
    await state.oauth.purge()
    assert await state.oauth.client("seen") is None
    assert await state.oauth.client("known")
    clock.advance(hours=1)
    assert (await state.oauth.purge()).clients == 1
    assert await state.oauth.client("known") is None
    assert await state.oauth.client("static")


# --- sign-ins under way ---------------------------------------------------------------------------------------------------


async def test_a_sign_in_is_found_until_it_expires(state: StateStore, client_of, asked, clock) -> None:
    assert await state.oauth.begin(asked("tx", "one")) is False
    await state.oauth.register(sha256("meta"), client_of("one"))
    transaction = asked("tx", "one")
    assert await state.oauth.begin(transaction) is True
    assert await state.oauth.transaction(sha256("tx")) == transaction
    assert await state.oauth.transaction(sha256("other")) is None
    clock.advance(minutes=9, seconds=59)
    assert await state.oauth.transaction(sha256("tx")) == transaction
    clock.advance(seconds=1)
    assert await state.oauth.transaction(sha256("tx")) is None
    assert await agree(state, "tx") is None
    assert (await state.oauth.purge()).transactions == 1


async def test_it_goes_from_stage_to_stage_and_takes_along_what_is_learned(state: StateStore, client_of, asked) -> None:
    await state.oauth.register(sha256("meta"), client_of("one"))
    transaction = asked("tx", "one")
    await state.oauth.begin(transaction)
    agreed = await agree(state, "tx", bind_hash=None)
    assert agreed == replace(
        transaction,
        stage=Stage.UPSTREAM,
        provider="google",
        nonce="n",
        upstream_verifier="v" * 43,
        state_hash=sha256("state tx"),
    )
    assert await state.oauth.transaction_of_state(sha256("state tx")) == agreed
    assert await state.oauth.transaction_of_state(sha256("state")) is None
    denied = await state.oauth.advance(
        sha256("tx"), expect=Stage.UPSTREAM, to=Stage.DENIED, bind_hash=sha256("new cookie")
    )
    assert denied == replace(
        agreed, stage=Stage.DENIED, bind_hash=sha256("new cookie"), nonce=None, upstream_verifier=None
    )


async def test_of_many_that_agree_or_deny_at_once_one_is_heard(state: StateStore, client_of, asked) -> None:
    await state.oauth.register(sha256("meta"), client_of("one"))
    await state.oauth.begin(asked("tx", "one"))
    outcomes = await asyncio.gather(
        *(agree(state, "tx", state_hash=sha256(f"state {n}")) for n in range(8)),
        *(state.oauth.advance(sha256("tx"), expect=Stage.CONSENT, to=Stage.DENIED) for _ in range(8)),
    )
    assert len([outcome for outcome in outcomes if outcome is not None]) == 1


@pytest.mark.parametrize(
    ("expect", "to"),
    [
        (Stage.CONSENT, Stage.DONE),
        (Stage.UPSTREAM, Stage.DONE),
        (Stage.UPSTREAM, Stage.CONSENT),
        (Stage.DENIED, Stage.UPSTREAM),
        (Stage.DONE, Stage.CONSENT),
    ],
)
async def test_it_never_goes_another_way(state: StateStore, expect: Stage, to: Stage) -> None:
    with pytest.raises(ValueError, match=f"from {expect} to {to}"):
        await state.oauth.advance(sha256("tx"), expect=expect, to=to)


async def test_it_is_done_once_and_then_holds_nothing_of_the_provider(
    state: StateStore, client_of, asked, clock
) -> None:
    await state.people.signed_in(Principal(PrincipalId("google:1")), "google")
    await state.oauth.register(sha256("meta"), client_of("one"))
    await state.oauth.begin(asked("tx", "one"))
    assert await finish(state, clock, "tx") is None  # nobody agreed
    await agree(state, "tx")
    outcomes = await asyncio.gather(
        *(
            state.oauth.grant_and_code(
                sha256("tx"),
                PrincipalId("google:1"),
                code_hash=sha256(f"code {n}"),
                code_expires_at=clock.now() + timedelta(minutes=1),
                grant_expires_at=clock.now() + timedelta(days=90),
            )
            for n in range(16)
        )
    )
    assert len([grant for grant in outcomes if grant is not None]) == 1
    done = await state.oauth.transaction(sha256("tx"))
    assert (done.stage, done.nonce, done.upstream_verifier) == (Stage.DONE, None, None)
    assert (await state.oauth.client("one")).approved is True
    assert await agree(state, "tx") is None


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ("google:2", "nobody signed them in"),
        ("google:9", "an operator keeps them out"),
        ("github:1", "another provider vouched for them than the one that was asked"),
    ],
)
async def test_it_is_not_done_for_whoever_may_not(state: StateStore, client_of, asked, clock, person, why) -> None:
    for identity, provider in (("google:1", "google"), ("google:9", "google"), ("github:1", "github")):
        await state.people.signed_in(Principal(PrincipalId(identity)), provider)
    await state.people.disable(PrincipalId("google:9"))
    await state.oauth.register(sha256("meta"), client_of("one"))
    await state.oauth.begin(asked("tx", "one"))
    await agree(state, "tx")
    assert await finish(state, clock, "tx", person) is None, why
    assert await finish(state, clock, "tx", "google:1") is not None


async def test_it_is_not_done_once_it_expired(state: StateStore, client_of, asked, clock) -> None:
    await state.people.signed_in(Principal(PrincipalId("google:1")), "google")
    await state.oauth.register(sha256("meta"), client_of("one"))
    await state.oauth.begin(asked("tx", "one"))
    await agree(state, "tx")
    clock.advance(minutes=10)
    assert await finish(state, clock, "tx") is None


async def test_a_flood_of_sign_ins_drives_out_the_oldest_that_nobody_agreed_to(
    state: StateStore, client_of, asked, clock
) -> None:
    await state.oauth.register(sha256("meta"), client_of("one"))
    for name in ("agreed", "oldest"):
        await state.oauth.begin(asked(name, "one"))
    await agree(state, "agreed")
    for n in range(20):
        clock.advance(seconds=1)
        assert await state.oauth.begin(asked(f"flood {n}", "one"), limit=5) is True
    found = [await state.oauth.transaction(sha256(name)) is not None for name in ("agreed", "oldest", "flood 19")]
    assert found == [True, False, True]
    [[count]] = await state._readers.fetch("SELECT count(*) FROM oauth_transactions")
    assert count == 5


async def test_a_client_that_is_forgotten_takes_its_sign_ins_along(state: StateStore, client_of, asked, clock) -> None:
    await state.oauth.register(sha256("meta"), client_of("one"))
    await state.oauth.begin(asked("tx", "one", expires_at=clock.now() + timedelta(days=2)))
    clock.advance(days=1)
    await state.oauth.purge()
    assert await state.oauth.client("one") is None
    assert await state.oauth.transaction(sha256("tx")) is None
