"""Whoever signed in is known as their provider last described them; whoever is kept out stays out until an operator says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.clock import SystemEntropy
from skillport_sync.errors import Invalid
from skillport_sync.store.database import Schema
from skillport_sync.store.sign_in import Person
from skillport_sync.store.state import SCHEMA, StateStore

ADA = Principal(
    PrincipalId("google:109"),
    "Ada Lovelace",
    "ada@acme.example",
    frozenset({"analysts", "späße ☃"}),
    frozenset({("hd", "acme.example"), ("role", "a"), ("role", "b")}),
)


async def test_whoever_signs_in_is_known_with_all_that_was_said_of_them(state: StateStore, clock) -> None:
    person = await state.people.signed_in(ADA, "google")
    assert person == Person(ADA, "google", clock.now(), clock.now(), None)
    assert await state.people.find(ADA.id) == person
    assert await state.people.find(PrincipalId("google:1")) is None


async def test_the_last_description_counts_and_since_when_they_are_here_stays(state: StateStore, clock) -> None:
    first = await state.people.signed_in(ADA, "google")
    clock.advance(days=3)
    moved = Principal(ADA.id, "Ada King", None, frozenset({"directors"}))
    assert await state.people.signed_in(moved, "google") == replace(first, principal=moved, last_login_at=clock.now())
    assert await state.people.find(ADA.id) == Person(moved, "google", first.created_at, clock.now(), None)


async def test_everybody_is_listed_in_the_order_of_their_ids(state: StateStore) -> None:
    for identity in ("microsoft:b", "github:7", "google:109"):
        await state.people.signed_in(Principal(PrincipalId(identity)), identity.partition(":")[0])
    assert [person.principal.id for person in await state.people.all()] == ["github:7", "google:109", "microsoft:b"]


async def test_whoever_is_disabled_stays_so_through_signing_in_until_enabled(state: StateStore, clock) -> None:
    assert await state.people.disable(ADA.id) is False
    await state.people.signed_in(ADA, "google")
    assert await state.people.disable(ADA.id) is True
    since = clock.now()
    clock.advance(hours=1)
    assert await state.people.disable(ADA.id) is False
    assert (await state.people.signed_in(ADA, "google")).disabled_at == since
    assert await state.people.enable(ADA.id) is True
    assert await state.people.enable(ADA.id) is False
    assert (await state.people.find(ADA.id)).disabled_at is None


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(
    principal=st.builds(
        Principal,
        id=texts.map(PrincipalId),
        name=texts,
        email=st.none() | texts,
        groups=st.frozensets(st.text(max_size=9), max_size=4),
        claims=st.frozensets(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=4),
    ),
    provider=texts,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_description_comes_back_as_it_went_in(state: StateStore, principal: Principal, provider: str) -> None:
    person = await state.people.signed_in(principal, provider)
    assert (person.principal, person.provider) == (principal, provider)
    assert (await state.people.find(principal.id)).principal == principal


async def test_a_name_that_is_no_text_is_refused_without_being_repeated(state: StateStore) -> None:
    with pytest.raises(Invalid, match="not Unicode") as refused:
        await state.people.signed_in(replace(ADA, name="secret \ud800"), "google")
    assert "secret" not in refused.value.message
    assert await state.people.all() == []


async def test_an_id_that_is_no_text_is_nobody(state: StateStore) -> None:
    nobody = PrincipalId("google:\ud800")
    assert await state.people.find(nobody) is None
    assert await state.people.disable(nobody) is False
    assert await state.people.enable(nobody) is False


# --- the server's own key -------------------------------------------------------------------------------------------------


async def test_the_server_key_is_made_once_and_outlives_the_process(state: StateStore, clock, tmp_path: Path) -> None:
    key = await state.server_key(SystemEntropy())
    assert len(key) == 32
    assert await state.server_key(SystemEntropy()) == key
    await state.close()
    again = await StateStore.open(tmp_path / "state.db", clock=clock)
    try:
        assert await again.server_key(SystemEntropy()) == key
    finally:
        await again.close()


# --- files of before ------------------------------------------------------------------------------------------------------


async def test_a_file_of_before_sign_in_is_taken_over_with_all_it_holds(tmp_path: Path, clock) -> None:
    path, schema, before = tmp_path / "old.db", Schema("state", SCHEMA.application_id), 3
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA application_id = {schema.application_id};"
            f"{' '.join(schema.migrations()[:before])} PRAGMA user_version = {before};"
        )
        old.execute("INSERT INTO pins VALUES('acme/skills', ?, 'broken', 5)", (b"\x11" * 20,))
        old.execute(
            "INSERT INTO tokens(token_sha256, principal, name, groups_json, label, created_at_us) "
            "VALUES(?, 'token:ci', 'CI', '[]', 'build', 7)",
            (b"\x22" * 32,),
        )
    state = await StateStore.open(path, clock=clock)
    try:
        assert (await state.pinned("acme/skills")).commit == "11" * 20
        assert (await state.tokens.find(b"\x22" * 32)).principal.id == "token:ci"
        assert await state.people.all() == []
        assert await state.oauth.sessions() == []
        assert await state.audit.read() == []
        assert (await state.people.signed_in(ADA, "google")).principal == ADA
    finally:
        await state.close()
