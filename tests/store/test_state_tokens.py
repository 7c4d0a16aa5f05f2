"""A token opens what its principal may open, from when it is made until it expires or is revoked, and is nowhere on disk."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.store.state import StateStore
from skillport_sync.store.tokens import TokenRow

CI = Principal(PrincipalId("token:ci"), "CI", "ci@acme.example", frozenset({"builders", "readers"}))


def sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def test_a_token_finds_its_principal(state: StateStore, clock) -> None:
    row = await state.tokens.create(sha256("one"), CI, "the build")
    assert row == TokenRow(1, sha256("one"), CI, "the build", clock.now(), None, None, None, None, False, None)
    found = await state.tokens.find(sha256("one"))
    assert found is not None
    assert (found.principal, found.id) == (CI, row.id)
    assert await state.tokens.find(sha256("two")) is None
    assert await state.tokens.find(b"") is None


async def test_it_stops_working_the_moment_it_expires(state: StateStore, clock) -> None:
    await state.tokens.create(sha256("one"), CI, "short", clock.now() + timedelta(hours=1))
    clock.advance(minutes=59, seconds=59)
    assert await state.tokens.find(sha256("one"))
    clock.advance(seconds=1)
    assert await state.tokens.find(sha256("one")) is None


async def test_it_stops_working_when_it_is_revoked_and_only_once(state: StateStore, clock) -> None:
    row = await state.tokens.create(sha256("one"), CI, "lost")
    other = await state.tokens.create(sha256("two"), CI, "kept")
    assert await state.tokens.revoke(row.id) is True
    assert await state.tokens.find(sha256("one")) is None
    assert await state.tokens.find(sha256("two")) == other
    clock.advance(hours=1)
    assert await state.tokens.revoke(row.id) is False
    assert await state.tokens.revoke(999) is False
    revoked, kept = state.tokens.list()
    assert revoked.revoked_at == clock.now() - timedelta(hours=1)
    assert kept.revoked_at is None


async def test_whoever_remembers_a_token_is_told_that_it_was_revoked_and_told_once(state: StateStore) -> None:
    told: list[bytes] = []
    state.oauth.tell(told.extend)
    row = await state.tokens.create(sha256("one"), CI, "lost")
    await state.tokens.create(sha256("two"), CI, "kept")
    assert await state.tokens.revoke(row.id) is True
    assert await state.tokens.revoke(row.id) is False
    assert await state.tokens.revoke(999) is False
    assert told == [sha256("one")]


async def test_a_token_that_cannot_be_marked_on_disk_is_revoked_all_the_same(state: StateStore) -> None:
    row = await state.tokens.create(sha256("one"), CI, "lost")
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = ON").fetchone())
    with pytest.raises(Unavailable):
        await state.tokens.revoke(row.id)
    assert await state.tokens.find(sha256("one")) is None
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = OFF").fetchone())
    assert await state.tokens.revoke(row.id) is True
    assert await state.tokens.revoke(row.id) is False


async def test_its_use_is_noted_at_most_once_a_minute(state: StateStore, clock) -> None:
    await state.tokens.create(sha256("one"), CI, "busy")
    before = state._writer.commits
    for _ in range(60):
        await state.tokens.find(sha256("one"))
        clock.advance(seconds=2)
    assert state._writer.commits == before + 2
    [row] = state.tokens.list()
    assert row.last_used_at == clock.now() - timedelta(minutes=1)


async def test_a_full_disk_locks_nobody_out(state: StateStore) -> None:
    await state.tokens.create(sha256("one"), CI, "busy")
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = ON").fetchone())
    with capture_logs() as logs:
        assert await state.tokens.find(sha256("one"))
    assert [(line["event"], line["token"]) for line in logs] == [("token_use_not_noted", 1)]


async def test_a_token_that_was_not_used_for_exactly_a_minute_is_noted_again(state: StateStore, clock) -> None:
    await state.tokens.create(sha256("one"), CI, "idle")
    for seconds, noted in ((0, 1), (59, 1), (1, 2), (60, 3), (61, 4)):
        clock.advance(seconds=seconds)
        await state.tokens.find(sha256("one"))
        assert state._writer.commits == 1 + noted, seconds


async def test_they_survive_a_restart(tmp_path: Path, state: StateStore, clock) -> None:
    await state.tokens.create(sha256("one"), CI, "first", clock.now() + timedelta(days=1))
    row = await state.tokens.create(sha256("two"), Principal(PrincipalId("token:x")), "second")
    await state.tokens.revoke(row.id)
    await state.tokens.find(sha256("one"))
    before = state.tokens.list()
    await state.close()
    reopened = await StateStore.open(tmp_path / "state.db", clock=clock)
    try:
        assert reopened.tokens.list() == before
        assert await reopened.tokens.find(sha256("one")) == before[0]
        assert await reopened.tokens.find(sha256("two")) is None
    finally:
        await reopened.close()
