"""What was answered 202 is in the ledger, and what is owed stays owed until a pull that began after it succeeded."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from skillport_sync.errors import Invalid, Unavailable
from skillport_sync.store.ledger import DeliveryFacts, DeliveryState, Disposition, Hint, Outcome, Owed, Recorded
from skillport_sync.store.repository_facts import RepositoryFacts
from skillport_sync.store.state import StateStore

ACME = "acme/skills"
COMMIT = "c" * 40
PULL, NOTE, IGNORE = Disposition.PULL, Disposition.NOTE, Disposition.IGNORE


async def test_a_delivery_and_the_pull_it_asks_for_are_one_write(state: StateStore, push) -> None:
    before = state._writer.commits
    assert await state.record(push("a"), ACME, PULL) == Recorded(Outcome.NEW, 1)
    assert state._writer.commits == before + 1
    owed = await state.owed(ACME)
    assert (owed.want, owed.done, owed.is_owed, owed.cause) == (1, 0, True, "push")


async def test_nothing_is_owed_to_begin_with(state: StateStore) -> None:
    owed = await state.owed(ACME)
    assert owed == Owed(0, 0, None, 0, None, None, ())
    assert not owed.is_owed


async def test_what_needs_no_pull_is_kept_and_owes_nothing(state: StateStore, push) -> None:
    assert await state.record(push("a", event="ping"), ACME, NOTE) == Recorded(Outcome.NEW, None)
    assert await state.record(push("b", event="star"), None, IGNORE) == Recorded(Outcome.NEW, None)
    assert not (await state.owed(ACME)).is_owed
    newest, oldest = await state.recent_deliveries()
    assert (newest.delivery.guid, newest.marketplace, newest.state) == ("b", None, DeliveryState.IGNORED)
    assert (oldest.delivery.guid, oldest.marketplace, oldest.state) == ("a", ACME, DeliveryState.NOTED)


async def test_a_redelivery_of_what_is_owed_or_done_is_a_duplicate(state: StateStore, push) -> None:
    await state.record(push("a"), ACME, PULL)
    assert await state.record(push("a"), ACME, PULL) == Recorded(Outcome.DUPLICATE, 1)
    await state.settle(ACME, 1, COMMIT)
    assert await state.record(push("a"), ACME, PULL) == Recorded(Outcome.DUPLICATE, 1)
    owed = await state.owed(ACME)
    assert (owed.want, owed.done) == (1, 1)
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.redelivered, entry.commit) == (DeliveryState.DONE, 2, COMMIT)


async def test_a_redelivery_of_what_failed_is_owed_again(state: StateStore, push, clock) -> None:
    await state.record(push("a"), ACME, PULL)
    await state.fail(ACME, 1, "GitHub answered 502")
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.error, entry.finished_at) == (DeliveryState.FAILED, "GitHub answered 502", clock.now())
    clock.advance(hours=1)
    assert await state.record(push("a"), ACME, PULL) == Recorded(Outcome.REVIVED, 2)
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.error, entry.received_at) == (DeliveryState.OWED, None, clock.now())
    assert (await state.owed(ACME)).want == 2


async def test_a_redelivery_of_what_meant_nothing_to_us_then_can_be_owed_now(state: StateStore, push) -> None:
    await state.record(push("a"), None, IGNORE)
    assert await state.record(push("a"), ACME, PULL) == Recorded(Outcome.REVIVED, 1)
    assert (await state.owed(ACME)).is_owed


async def test_a_push_that_arrives_during_a_pull_stays_owed(state: StateStore, push) -> None:
    await state.record(push("a"), ACME, PULL)
    began = (await state.owed(ACME)).want
    await state.record(push("b", before="1" * 40, after="2" * 40), ACME, PULL)
    await state.settle(ACME, began, COMMIT)
    owed = await state.owed(ACME)
    assert (owed.want, owed.done, [hint.after for hint in owed.hints]) == (2, 1, ["2" * 40])
    states = {entry.delivery.guid: entry.state for entry in await state.recent_deliveries()}
    assert states == {"a": DeliveryState.DONE, "b": DeliveryState.OWED}


async def test_a_failed_pull_stays_owed_with_its_reason_and_a_later_one_mends_everything(
    state: StateStore, push, clock
) -> None:
    await state.record(push("a"), ACME, PULL)
    again_at = clock.now() + timedelta(seconds=7)
    await state.fail(ACME, 1, "timeout", not_before=again_at)
    await state.fail(ACME, 1, "x" * 5_000, not_before=again_at)
    owed = await state.owed(ACME)
    assert (owed.is_owed, owed.attempts, owed.not_before, owed.last_error) == (True, 2, again_at, "x" * 1_000)
    assert owed.hints == ()
    await state.settle(ACME, 1, COMMIT)
    assert await state.owed(ACME) == Owed(1, 1, "push", 0, None, None, ())
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.error, entry.commit) == (DeliveryState.DONE, None, COMMIT)


async def test_an_older_pull_that_ends_late_takes_nothing_back(state: StateStore) -> None:
    assert [await state.owe(ACME, "reconcile") for _ in range(3)] == [1, 2, 3]
    await state.settle(ACME, 3, COMMIT)
    await state.settle(ACME, 1, COMMIT)
    await state.settle(ACME, 99, COMMIT)
    owed = await state.owed(ACME)
    assert (owed.want, owed.done) == (3, 3)
    await state.settle("unknown", 1, COMMIT)


async def test_hints_are_the_latest_hundred_pushes_that_are_owed_oldest_first(state: StateStore, push, clock) -> None:
    ids = [f"{n:040x}" for n in range(131)]
    for n in range(130):
        await state.record(push(f"{n}", before=ids[n], after=ids[n + 1], forced=n == 129), ACME, PULL)
    await state.record(push("other", event="repository"), ACME, PULL)
    await state.record(push("elsewhere"), "acme/tools", PULL)
    hints = (await state.owed(ACME)).hints
    assert [(hint.before, hint.after) for hint in hints] == [(ids[n], ids[n + 1]) for n in range(30, 130)]
    assert hints[-1] == Hint(ids[129], ids[130], "refs/heads/main", True, clock.now())
    assert not hints[0].forced


async def test_everything_said_comes_back_from_the_ledger(state: StateStore, push, clock) -> None:
    said = push("a", action="renamed", forced=True, ref=None, hook_id=None)
    await state.record(said, ACME, PULL)
    [entry] = await state.recent_deliveries()
    assert entry.delivery == said
    assert (entry.marketplace, entry.received_at, entry.redelivered) == (ACME, clock.now(), 0)


async def test_a_burst_shares_commits_and_loses_none(state: StateStore, push) -> None:
    before = state._writer.commits
    recorded = await asyncio.gather(*(state.record(push(f"{n}"), ACME, PULL) for n in range(2_000)))
    assert [r.generation for r in recorded] == list(range(1, 2_001))
    assert state._writer.commits - before < 20
    assert (await state.owed(ACME)).want == 2_000
    assert len(await state.recent_deliveries(limit=5_000)) == 2_000


@pytest.mark.parametrize(
    "poison",
    [{"ref": "refs/heads/\ud800"}, {"repository_id": 2**70}, {"hook_id": -(2**70)}],
    ids=["text", "id", "hook"],
)
async def test_one_that_cannot_be_stored_is_refused_alone(state: StateStore, push, poison: dict[str, object]) -> None:
    outcomes = await asyncio.gather(
        *(state.record(push(f"{n}", **(poison if n == 5 else {})), ACME, PULL) for n in range(10)),
        return_exceptions=True,
    )
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Invalid)] == [5]
    assert (await state.owed(ACME)).want == 9


async def test_it_survives_a_restart(tmp_path: Path, state: StateStore, push, clock) -> None:
    await state.record(push("a"), ACME, PULL)
    await state.owe(ACME, "reconcile")
    await state.settle(ACME, 1, COMMIT)
    before = await state.owed(ACME)
    await state.close()
    reopened = await StateStore.open(tmp_path / "state.db", clock=clock)
    try:
        assert await reopened.owed(ACME) == before
        assert await reopened.owe(ACME, "start") == 3
    finally:
        await reopened.close()


async def test_old_deliveries_are_forgotten_unless_they_are_owed(state: StateStore, push, clock) -> None:
    await asyncio.gather(*(state.record(push(f"{n}"), ACME, PULL) for n in range(1_500)))
    await state.settle(ACME, 1_499, COMMIT)
    clock.advance(days=10)
    await state.record(push("young"), ACME, PULL)
    assert await state.forget_old_deliveries(timedelta(days=7)) == 1_499
    assert [entry.delivery.guid for entry in await state.recent_deliveries()] == ["young", "1499"]


async def test_a_full_disk_is_said_and_a_duplicate_still_recognised_later(state: StateStore, push) -> None:
    await state.record(push("a"), ACME, PULL)
    pages = await state._writer.run_alone(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await state._writer.run_alone(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    long = "refs/heads/" + "x" * 50_000
    with pytest.raises(Unavailable, match="cannot grow"):
        await state.record(push("b", ref=long), ACME, PULL)
    await state._writer.run_alone(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert await state.record(push("b", ref=long), ACME, PULL) == Recorded(Outcome.NEW, 2)
    assert await state.record(push("a"), ACME, PULL) == Recorded(Outcome.DUPLICATE, 1)


async def test_what_is_said_of_a_repository_is_kept_until_something_else_is_said(state: StateStore) -> None:
    assert await state.repository_facts(ACME) == RepositoryFacts()
    await state.note_repository(ACME, RepositoryFacts(renamed_to="acme/new", archived=True))
    await state.note_repository(ACME, RepositoryFacts(archived=False, default_branch="trunk"))
    await state.note_repository(ACME, RepositoryFacts())
    assert await state.repository_facts(ACME) == RepositoryFacts("acme/new", "trunk", False)
    assert await state.repository_facts("acme/tools") == RepositoryFacts()


async def test_nothing_that_a_delivery_carried_is_stored_beyond_its_facts(state: StateStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        columns = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('deliveries')")}
    assert not columns & {"body", "payload", "headers", "signature"}


@dataclass
class Row:
    """A delivery in the plain model."""

    state: DeliveryState
    generation: int | None


class Ledger(RuleBasedStateMachine):
    """The ledger against two integers and a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.rows: dict[str, Row] = {}
        self.want = self.done = 0

    @initialize()
    def open(self) -> None:
        self.state = self.runner.run(StateStore.open(Path(self.directory.name) / "state.db", clock=self))

    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0

    @rule(guids=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8), disposition=st.sampled_from(Disposition))
    def record(self, guids: list[str], disposition: Disposition) -> None:
        async def at_once() -> list[Recorded]:
            facts = [DeliveryFacts(guid, 1, "push") for guid in guids]
            return await asyncio.gather(*(self.state.record(f, ACME, disposition) for f in facts))

        assert self.runner.run(at_once()) == [self._record(guid, disposition) for guid in guids]

    def _record(self, guid: str, disposition: Disposition) -> Recorded:
        row = self.rows.get(guid)
        if row is not None and (disposition is not PULL or row.state in (DeliveryState.OWED, DeliveryState.DONE)):
            return Recorded(Outcome.DUPLICATE, row.generation)
        if disposition is PULL:
            self.want += 1
            self.rows[guid] = Row(DeliveryState.OWED, self.want)
        else:
            self.rows[guid] = Row(DeliveryState.NOTED if disposition is NOTE else DeliveryState.IGNORED, None)
        return Recorded(Outcome.NEW if row is None else Outcome.REVIVED, self.rows[guid].generation)

    @rule()
    def owe(self) -> None:
        self.want += 1
        assert self.runner.run(self.state.owe(ACME, "reconcile")) == self.want

    @rule(behind=st.integers(0, 4), succeeds=st.booleans())
    def pull(self, behind: int, succeeds: bool) -> None:
        generation = max(0, self.want - behind)
        if succeeds:
            self.runner.run(self.state.settle(ACME, generation, COMMIT))
            self.done = max(self.done, generation)
        else:
            self.runner.run(self.state.fail(ACME, generation, "failed"))
        for row in self.rows.values():
            if row.state in (DeliveryState.OWED, DeliveryState.FAILED) and row.generation <= generation:
                row.state = DeliveryState.DONE if succeeds else DeliveryState.FAILED

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.state.close())
        self.open()

    @invariant()
    def it_says_what_the_model_says(self) -> None:
        owed = self.runner.run(self.state.owed(ACME))
        assert (owed.want, owed.done) == (self.want, self.done)
        assert len(owed.hints) == sum(row.state is DeliveryState.OWED for row in self.rows.values())
        entries = self.runner.run(self.state.recent_deliveries())
        assert {e.delivery.guid: e.state for e in entries} == {guid: row.state for guid, row in self.rows.items()}

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.runner.run(self.state.close())
        self.runner.close()
        self.directory.cleanup()


TestLedger = Ledger.TestCase
TestLedger.settings = settings(
    max_examples=int(os.environ.get("SKILLPORT_TEST_EXAMPLES", "40")),
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
