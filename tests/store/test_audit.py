"""What was done stays written: in order, whole, never changed, and never lost without a word."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from skillport_sync.access.model import PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.store.audit import Audit, AuditAction, AuditEvent
from skillport_sync.store.state import StateStore

ADA, BOB = PrincipalId("google:1"), PrincipalId("google:2")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
READ = AuditEvent(
    START, AuditAction.READ, "ok", ADA, "claude", "mcp", "acme/skills", 17, "pdf", "a" * 40, "SKILL.md, 3 files"
)


def nth(n: int, **changed: object) -> AuditEvent:
    return replace(READ, at=START + timedelta(seconds=n), detail=f"{n}", **changed)


@pytest.fixture
async def impatient(state: StateStore) -> AsyncIterator[Audit]:
    """One that gathers nothing and tries again at once, with room for five events."""
    audit = Audit(state._writer, state._readers, gather_s=0, retry_s=0, max_waiting=5)
    yield audit
    await audit.close()


async def refuse_writes(state: StateStore, refuse: bool) -> None:
    await state._writer.run_alone(
        lambda connection: connection.execute(f"PRAGMA query_only = {int(refuse)}").fetchone()
    )


async def stored(state: StateStore) -> list[str]:
    """The details of all rows in the file, in the order in which they were written."""
    return [detail for (detail,) in await state._readers.fetch("SELECT detail FROM audit ORDER BY id")]


# --- writing --------------------------------------------------------------------------------------------------------------


async def test_what_is_appended_is_in_the_file_when_it_returns(state: StateStore) -> None:
    await state.audit.append(READ)
    assert await stored(state) == [READ.detail]
    assert await state.audit.read() == [READ]


async def test_what_is_appended_soon_is_written_in_one_group_without_being_waited_for(state: StateStore) -> None:
    before = state._writer.commits
    for n in range(700):
        state.audit.append_soon(nth(n))
    assert state._writer.commits == before
    await state.audit.flush()
    assert state._writer.commits == before + 1
    assert await stored(state) == [f"{n}" for n in range(700)]


async def test_it_is_written_by_itself_a_moment_later(state: StateStore, impatient: Audit) -> None:
    impatient.append_soon(nth(1))
    async with asyncio.timeout(10):
        while not await stored(state):
            pass
    impatient.append_soon(nth(2))
    async with asyncio.timeout(10):
        while len(await stored(state)) < 2:
            pass


async def test_it_is_written_at_the_close(state: StateStore, clock, tmp_path) -> None:
    state.audit.append_soon(nth(1))
    await state.close()
    with capture_logs() as logs:
        state.audit.append_soon(nth(2))  # too late for the file, not for the log
    assert [(line["event"], line["detail"]) for line in logs] == [("audit_event_not_stored", "2")]
    again = await StateStore.open(tmp_path / "state.db", clock=clock)
    try:
        assert await again.audit.read() == [nth(1)]
    finally:
        await again.close()


async def test_many_that_write_and_read_at_once_lose_and_double_nothing(state: StateStore) -> None:
    async def busy(worker: int) -> None:
        for n in range(40):
            state.audit.append_soon(nth(worker * 100 + n))
            match n % 3:
                case 0:
                    await state.audit.flush()
                case 1:
                    await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await asyncio.gather(*(busy(worker) for worker in range(8)))
        await state.audit.flush()
    written = await stored(state)
    assert sorted(written, key=int) == [f"{worker * 100 + n}" for worker in range(8) for n in range(40)]
    for worker in range(8):
        own = [int(detail) for detail in written if int(detail) // 100 == worker]
        assert own == sorted(own)


async def test_whoever_gives_up_waiting_takes_nothing_back(state: StateStore) -> None:
    for n in range(50):
        state.audit.append_soon(nth(n))
        flushing = asyncio.create_task(state.audit.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing
    await state.audit.flush()
    assert await stored(state) == [f"{n}" for n in range(50)]


async def test_what_cannot_be_stored_now_waits_and_is_stored_later_in_order(
    state: StateStore, impatient: Audit
) -> None:
    await refuse_writes(state, True)
    with capture_logs() as logs:
        impatient.append_soon(nth(1))
        impatient.append_soon(nth(2))
        with pytest.raises(Unavailable):
            await impatient.flush()
        with pytest.raises(Unavailable):
            await impatient.append(nth(3))
        assert await impatient.read() == []  # the stored part can be read all the same
    assert {line["event"] for line in logs} == {"audit_not_written"}
    await refuse_writes(state, False)
    async with asyncio.timeout(10):
        while len(await stored(state)) < 2:
            pass
    assert await stored(state) == ["1", "2"]


async def test_what_has_no_room_any_more_is_in_the_log_as_a_whole(state: StateStore, impatient: Audit) -> None:
    await refuse_writes(state, True)
    with capture_logs() as logs:
        for n in range(7):
            impatient.append_soon(nth(n))
        await impatient.close()
    lost = [line for line in logs if line["event"] == "audit_event_not_stored"]
    assert [line["detail"] for line in lost] == ["5", "6", "0", "1", "2", "3", "4"]
    assert {"at": lost[0]["at"], **nth(5).as_json()}.items() <= lost[0].items()
    await refuse_writes(state, False)
    assert await stored(state) == []


async def test_one_that_can_never_be_stored_holds_up_no_other(state: StateStore, impatient: Audit) -> None:
    with capture_logs() as logs:
        impatient.append_soon(nth(1, publication=2**64))
        await impatient.flush()
    assert [line["event"] for line in logs] == ["audit_group_refused", "audit_event_not_stored"]
    impatient.append_soon(nth(2))
    await impatient.flush()
    assert await stored(state) == ["2"]


async def test_long_and_odd_words_are_kept_as_far_as_they_can_be(state: StateStore) -> None:
    await state.audit.append(replace(READ, skill="x" * 5000, detail="half a pair: \ud800"))
    [event] = await state.audit.read()
    assert (event.skill, event.detail) == ("x" * 1000, "half a pair: \\ud800")


# --- reading --------------------------------------------------------------------------------------------------------------

events = st.builds(
    AuditEvent,
    at=st.integers(0, 2).map(lambda hours: START + timedelta(hours=hours)),
    action=st.sampled_from(AuditAction),
    outcome=st.sampled_from(["ok", "token_expired"]),
    principal_id=st.sampled_from([None, ADA, BOB]),
    client_id=st.none() | st.text(max_size=5).filter(lambda text: text.isprintable()),
    publication=st.none() | st.integers(0, 9),
)
moments = st.none() | st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours))


@given(
    written=st.lists(events, max_size=12),
    since=moments,
    until=moments,
    actor=st.sampled_from([None, None, ADA, BOB]),
    action=st.sampled_from([None, None, AuditAction.READ, AuditAction.SIGN_IN]),
    limit=st.integers(1, 12),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_it_finds_what_a_plain_search_finds(
    state: StateStore, written, since, until, actor, action, limit
) -> None:
    for event in written:
        state.audit.append_soon(event)
    found = [
        event
        for event in written
        if (since is None or event.at >= since)
        and (until is None or event.at < until)
        and actor in (None, event.principal_id)
        and action in (None, event.action)
    ]
    newest = sorted(found, key=lambda event: event.at)[::-1]
    wanted = {"since": since, "until": until, "actor": actor, "action": action}
    assert await state.audit.read(**wanted, limit=limit) == newest[:limit]
    exported = [event async for page in state.audit.export(**wanted) for event in page]
    assert exported == found
    await state.audit.forget_older_than(timedelta(0), START + timedelta(days=1))


async def test_all_of_a_long_audit_is_exported_in_pages(state: StateStore) -> None:
    for n in range(2500):
        state.audit.append_soon(nth(n))
    pages = [page async for page in state.audit.export()]
    assert [len(page) for page in pages] == [1000, 1000, 500]
    assert [event.detail for page in pages for event in page] == [f"{n}" for n in range(2500)]


def test_an_event_is_a_line_of_json_that_says_only_what_is_known() -> None:
    assert json.loads(json.dumps(READ.as_json())) == {
        "at": "2026-11-20T12:00:00.000000+00:00",
        "action": "read",
        "outcome": "ok",
        "principal_id": "google:1",
        "client_id": "claude",
        "surface": "mcp",
        "marketplace": "acme/skills",
        "publication": 17,
        "skill": "pdf",
        "commit": "a" * 40,
        "detail": "SKILL.md, 3 files",
    }
    elsewhere = START.astimezone(timezone(timedelta(hours=9)))
    assert AuditEvent(elsewhere, AuditAction.CONSENT, "denied").as_json() == {
        "at": "2026-11-20T12:00:00.000000+00:00",
        "action": "consent",
        "outcome": "denied",
    }


# --- what nobody can do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET outcome = 'ok'",
        "UPDATE audit SET at_us = 0",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit(id, at_us, action, outcome, detail) VALUES(1, 5, 'read', 'ok', '')",
        "REPLACE INTO audit(id, at_us, action, outcome, detail) VALUES(2, 5, 'read', 'ok', '')",
    ],
)
async def test_no_row_is_changed_or_taken_away(state: StateStore, tampering: str) -> None:
    await state.audit.forget_older_than(timedelta(0), START + timedelta(days=1))  # takes nothing, leaves nothing open
    written = [nth(1, outcome="denied"), nth(2, outcome="denied")]
    for event in written:
        await state.audit.append(event)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await state._writer.run(lambda connection: connection.execute(tampering).rowcount)
    assert await state.audit.read() == written[::-1]


async def test_only_what_is_older_than_it_is_kept_for_is_forgotten_in_small_steps(state: StateStore) -> None:
    for n in range(1300):
        state.audit.append_soon(nth(n))
    await state.audit.flush()
    before = state._writer.commits
    keep = timedelta(days=30)
    assert await state.audit.forget_older_than(keep, START + keep + timedelta(seconds=1200)) == 1200
    assert state._writer.commits - before == 3
    assert await stored(state) == [f"{n}" for n in range(1200, 1300)]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await state._writer.run(lambda connection: connection.execute("DELETE FROM audit").rowcount)
