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
from skillport_sync.store.database import Schema, micros
from skillport_sync.store.ledger import Behind, Concern, DeliveryFacts, DeliveryState, Hint, Outcome, Owed, Recorded
from skillport_sync.store.repository_facts import RepositoryFacts
from skillport_sync.store.state import SCHEMA, StateStore

ACME, BETA = "acme/skills", "beta"
COMMIT = "c" * 40
PULL = [Concern(ACME, "push", hinted=True)]
NOTE = [Concern(ACME)]
BOTH = [*PULL, Concern(BETA, "source_push")]


async def test_a_delivery_and_the_pull_it_asks_for_are_one_write(state: StateStore, push) -> None:
    before = state._writer.commits
    assert await state.record(push("a"), PULL) == Recorded(Outcome.NEW, {ACME: 1})
    assert state._writer.commits == before + 1
    owed = await state.owed(ACME)
    assert (owed.want, owed.done, owed.is_owed, owed.cause) == (1, 0, True, "push")


async def test_nothing_is_owed_to_begin_with(state: StateStore) -> None:
    owed = await state.owed(ACME)
    assert owed == Owed(0, 0, None, 0, None, None, ())
    assert not owed.is_owed


async def test_what_needs_no_pull_is_kept_and_owes_nothing(state: StateStore, push) -> None:
    assert await state.record(push("a", event="ping"), NOTE) == Recorded(Outcome.NEW, {})
    assert await state.record(push("b", event="star"), [], ignored=True) == Recorded(Outcome.NEW, {})
    assert not (await state.owed(ACME)).is_owed
    newest, oldest = await state.recent_deliveries()
    assert (newest.delivery.guid, newest.marketplaces, newest.state) == ("b", (), DeliveryState.IGNORED)
    assert (oldest.delivery.guid, oldest.marketplaces, oldest.state) == ("a", (ACME,), DeliveryState.NOTED)


async def test_a_redelivery_of_what_is_owed_or_done_is_a_duplicate(state: StateStore, push) -> None:
    await state.record(push("a"), PULL)
    assert await state.record(push("a"), PULL) == Recorded(Outcome.DUPLICATE, {})
    await state.settle(ACME, 1, COMMIT)
    assert await state.record(push("a"), PULL) == Recorded(Outcome.DUPLICATE, {})
    owed = await state.owed(ACME)
    assert (owed.want, owed.done) == (1, 1)
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.redelivered, entry.settlements[0].commit) == (DeliveryState.DONE, 2, COMMIT)


async def test_a_redelivery_of_what_failed_is_owed_again(state: StateStore, push, clock) -> None:
    await state.record(push("a"), PULL)
    await state.fail(ACME, 1, "GitHub answered 502")
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.error) == (DeliveryState.FAILED, "GitHub answered 502")
    assert entry.settlements[0].finished_at == clock.now()
    clock.advance(hours=1)
    assert await state.record(push("a"), PULL) == Recorded(Outcome.REVIVED, {ACME: 2})
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.error, entry.received_at) == (DeliveryState.OWED, None, clock.now())
    assert (await state.owed(ACME)).want == 2


async def test_a_redelivery_of_what_meant_nothing_to_us_then_can_be_owed_now(state: StateStore, push) -> None:
    await state.record(push("a"), [], ignored=True)
    assert await state.record(push("a"), PULL) == Recorded(Outcome.REVIVED, {ACME: 1})
    assert (await state.owed(ACME)).is_owed
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.is_ignored) == (DeliveryState.OWED, False)


async def test_a_push_that_arrives_during_a_pull_stays_owed(state: StateStore, push) -> None:
    await state.record(push("a"), PULL)
    began = (await state.owed(ACME)).want
    await state.record(push("b", before="1" * 40, after="2" * 40), PULL)
    await state.settle(ACME, began, COMMIT)
    owed = await state.owed(ACME)
    assert (owed.want, owed.done, [hint.after for hint in owed.hints]) == (2, 1, ["2" * 40])
    states = {entry.delivery.guid: entry.state for entry in await state.recent_deliveries()}
    assert states == {"a": DeliveryState.DONE, "b": DeliveryState.OWED}


async def test_a_failed_pull_stays_owed_with_its_reason_and_a_later_one_mends_everything(
    state: StateStore, push, clock
) -> None:
    await state.record(push("a"), PULL)
    again_at = clock.now() + timedelta(seconds=7)
    await state.fail(ACME, 1, "timeout", not_before=again_at)
    await state.fail(ACME, 1, "x" * 5_000, not_before=again_at)
    owed = await state.owed(ACME)
    assert (owed.is_owed, owed.attempts, owed.not_before, owed.last_error) == (True, 2, again_at, "x" * 1_000)
    assert owed.hints == ()
    await state.settle(ACME, 1, COMMIT)
    assert await state.owed(ACME) == Owed(1, 1, "push", 0, None, None, ())
    [entry] = await state.recent_deliveries()
    assert (entry.state, entry.error, entry.settlements[0].commit) == (DeliveryState.DONE, None, COMMIT)


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
        await state.record(push(f"{n}", before=ids[n], after=ids[n + 1], forced=n == 129), PULL)
    await state.record(push("other", event="repository"), [Concern(ACME, "repository")])
    await state.record(push("elsewhere"), [Concern(BETA, "push", hinted=True)])
    hints = (await state.owed(ACME)).hints
    assert [(hint.before, hint.after) for hint in hints] == [(ids[n], ids[n + 1]) for n in range(30, 130)]
    assert hints[-1] == Hint(ids[129], ids[130], "refs/heads/main", True, clock.now())
    assert not hints[0].forced


async def test_the_deliveries_behind_a_pull_are_those_that_are_owed_one_the_last_by_name(
    state: StateStore, push
) -> None:
    assert (await state.owed(ACME)).behind is None
    for guid in "abc":
        await state.record(push(guid), PULL)
    await state.record(push("elsewhere"), [Concern(BETA, "push")])
    await state.record(push("told"), NOTE)
    assert (await state.owed(ACME)).behind == Behind("c", 3)
    await state.record(push("b"), PULL)
    assert (await state.owed(ACME)).behind == Behind("c", 3), "a duplicate asks for nothing"
    await state.fail(ACME, 3, "GitHub answered 502")
    assert (await state.owed(ACME)).behind is None
    await state.record(push("a"), PULL)
    assert (await state.owed(ACME)).behind == Behind("a", 1), "it came again"
    await state.settle(ACME, (await state.owed(ACME)).want, COMMIT)
    assert (await state.owed(ACME)).behind is None


async def test_everything_said_comes_back_from_the_ledger(state: StateStore, push, clock) -> None:
    said = push("a", action="renamed", forced=True, ref=None, hook_id=None)
    await state.record(said, PULL)
    [entry] = await state.recent_deliveries()
    assert entry.delivery == said
    assert (entry.marketplaces, entry.received_at, entry.redelivered) == ((ACME,), clock.now(), 0)


async def test_a_burst_shares_commits_and_loses_none(state: StateStore, push) -> None:
    before = state._writer.commits
    recorded = await asyncio.gather(*(state.record(push(f"{n}"), PULL) for n in range(2_000)))
    assert [r.owed for r in recorded] == [{ACME: n} for n in range(1, 2_001)]
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
        *(state.record(push(f"{n}", **(poison if n == 5 else {})), PULL) for n in range(10)),
        return_exceptions=True,
    )
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Invalid)] == [5]
    assert (await state.owed(ACME)).want == 9


async def test_it_survives_a_restart(tmp_path: Path, state: StateStore, push, clock) -> None:
    await state.record(push("a"), PULL)
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
    await asyncio.gather(*(state.record(push(f"{n}"), PULL) for n in range(1_500)))
    await state.settle(ACME, 1_499, COMMIT)
    clock.advance(days=10)
    await state.record(push("young"), PULL)
    assert await state.forget_old_deliveries(timedelta(days=7)) == 1_499
    assert [entry.delivery.guid for entry in await state.recent_deliveries()] == ["young", "1499"]


async def test_a_full_disk_is_said_and_a_duplicate_still_recognised_later(state: StateStore, push) -> None:
    await state.record(push("a"), PULL)
    pages = await state._writer.run_alone(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await state._writer.run_alone(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    long = "refs/heads/" + "x" * 50_000
    with pytest.raises(Unavailable, match="cannot grow"):
        await state.record(push("b", ref=long), PULL)
    await state._writer.run_alone(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert await state.record(push("b", ref=long), PULL) == Recorded(Outcome.NEW, {ACME: 2})
    assert await state.record(push("a"), PULL) == Recorded(Outcome.DUPLICATE, {})


# --- several marketplaces -------------------------------------------------------------------------------------------------


async def test_every_marketplace_that_a_delivery_concerns_is_owed_a_pull_in_the_same_write(
    state: StateStore, push
) -> None:
    before = state._writer.commits
    assert await state.record(push("a"), BOTH) == Recorded(Outcome.NEW, {ACME: 1, BETA: 1})
    assert state._writer.commits == before + 1
    assert [(await state.owed(name)).cause for name in (ACME, BETA)] == ["push", "source_push"]


async def test_one_marketplace_s_failure_is_not_the_other_s(state: StateStore, push) -> None:
    await state.record(push("a"), BOTH)
    await state.settle(ACME, 1, COMMIT)
    await state.fail(BETA, 1, "GitHub answered 502")
    assert [(await state.owed(name)).is_owed for name in (ACME, BETA)] == [False, True]
    [entry] = await state.recent_deliveries()
    assert [(one.marketplace, one.state) for one in entry.settlements] == [
        (ACME, DeliveryState.DONE),
        (BETA, DeliveryState.FAILED),
    ]
    assert (entry.state, entry.error) == (DeliveryState.FAILED, "GitHub answered 502")


async def test_a_redelivery_is_owed_again_to_whose_pull_failed_and_to_nobody_else(state: StateStore, push) -> None:
    await state.record(push("a"), BOTH)
    await state.settle(ACME, 1, COMMIT)
    await state.fail(BETA, 1, "GitHub answered 502")
    assert await state.record(push("a"), BOTH) == Recorded(Outcome.REVIVED, {BETA: 2})
    assert [(await state.owed(name)).want for name in (ACME, BETA)] == [1, 2]
    assert await state.record(push("a"), BOTH) == Recorded(Outcome.DUPLICATE, {})


async def test_a_redelivery_counts_for_a_marketplace_that_began_to_use_the_repository_meanwhile(
    state: StateStore, push
) -> None:
    await state.record(push("a"), PULL)
    assert await state.record(push("a"), BOTH) == Recorded(Outcome.REVIVED, {BETA: 1})


async def test_what_is_owed_to_any_is_said_first_and_never_forgotten(state: StateStore, push, clock) -> None:
    await state.record(push("a"), BOTH)
    await state.fail(BETA, 1, "GitHub answered 502")
    [entry] = await state.recent_deliveries()
    assert entry.state is DeliveryState.OWED
    clock.advance(days=10)
    assert await state.forget_old_deliveries(timedelta(days=7)) == 0
    await state.settle(ACME, 1, COMMIT)
    assert await state.forget_old_deliveries(timedelta(days=7)) == 1
    assert await state._readers.fetch("SELECT * FROM concerns", ()) == []


async def test_a_push_is_a_hint_only_for_whose_branch_it_names(state: StateStore, push) -> None:
    await state.record(push("a", before="1" * 40, after="2" * 40), BOTH)
    assert [hint.after for hint in (await state.owed(ACME)).hints] == ["2" * 40]
    assert (await state.owed(BETA)).hints == ()


async def test_a_hint_is_as_old_as_what_it_is_owed_for(state: StateStore, push, clock) -> None:
    """Redelivered because of another marketplace, it must not look fresh to this one."""
    began = clock.now()
    await state.record(push("a"), [Concern(name, "push", hinted=True) for name in (ACME, BETA)])
    await state.fail(BETA, 1, "GitHub answered 502")
    clock.advance(hours=1)
    await state.record(push("a"), [Concern(name, "push", hinted=True) for name in (ACME, BETA)])
    assert [hint.received_at for hint in (await state.owed(ACME)).hints] == [began]
    assert [hint.received_at for hint in (await state.owed(BETA)).hints] == [clock.now()]


async def test_a_ledger_of_the_version_before_is_taken_over_as_it_stood(tmp_path: Path, clock) -> None:
    path, at = tmp_path / "old" / "state.db", micros(clock.now())
    path.parent.mkdir()
    schema = Schema("state", SCHEMA.application_id)
    a, b = "a" * 40, "b" * 40
    rows = [
        ("owed", "push", a, b, ACME, 3, "owed", None, None, None),
        ("unhinted", "push", None, None, ACME, 4, "owed", None, None, None),
        ("renamed", "repository", None, None, ACME, 2, "failed", at, None, "GitHub answered 502"),
        ("done", "push", a, b, BETA, 1, "done", at, bytes.fromhex(COMMIT), None),
        ("noted", "ping", None, None, ACME, None, "noted", None, None, None),
        ("unknown", "push", None, None, None, None, "noted", None, None, None),
        ("ignored", "star", None, None, None, None, "ignored", None, None, None),
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA application_id = {schema.application_id};"
            f"{schema.migrations()[0]} PRAGMA user_version = 1;"
        )
        old.executemany(
            "INSERT INTO deliveries(guid, event, before_id, after_id, marketplace, generation, state, finished_at_us, "
            f"commit_id, error, forced, received_at_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, {at})",
            rows,
        )
        old.execute("INSERT INTO pulls VALUES(?, 4, 1, 'push', 1, NULL, 'GitHub answered 502')", (ACME,))
    state = await StateStore.open(path, clock=clock)
    try:
        owed = await state.owed(ACME)
        assert (owed.want, owed.done, owed.attempts) == (4, 1, 1)
        assert owed.hints == (Hint(a, b, None, False, clock.now()),)
        entries = {entry.delivery.guid: entry for entry in await state.recent_deliveries()}
        assert {guid: entry.state.value for guid, entry in entries.items()} == {
            "owed": "owed",
            "unhinted": "owed",
            "renamed": "failed",
            "done": "done",
            "noted": "noted",
            "unknown": "noted",
            "ignored": "ignored",
        }
        assert entries["done"].settlements[0].commit == COMMIT
        assert (entries["renamed"].error, entries["noted"].marketplaces) == ("GitHub answered 502", (ACME,))
        assert await state.record(DeliveryFacts("renamed", 1, "repository"), PULL) == Recorded(
            Outcome.REVIVED, {ACME: 5}
        )
        assert await state.record(DeliveryFacts("owed", 1, "push"), PULL) == Recorded(Outcome.DUPLICATE, {})
        await state.settle(ACME, 5, COMMIT)
        assert not (await state.owed(ACME)).is_owed
    finally:
        await state.close()


# --- repositories ---------------------------------------------------------------------------------------------------------


async def test_what_is_said_of_a_repository_is_kept_until_something_else_is_said(state: StateStore) -> None:
    assert await state.repository_facts(ACME) == RepositoryFacts()
    await state.note_repository(ACME, RepositoryFacts(renamed_to="acme/new", archived=True))
    await state.note_repository(ACME, RepositoryFacts(archived=False, default_branch="trunk"))
    await state.note_repository(ACME, RepositoryFacts())
    assert await state.repository_facts(ACME) == RepositoryFacts("acme/new", "trunk", False)
    assert await state.repository_facts("acme/tools") == RepositoryFacts()


async def test_nothing_that_a_delivery_carried_is_stored_beyond_its_facts(state: StateStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        columns = {
            name
            for table in ("deliveries", "concerns")
            for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        }
    assert not columns & {"body", "payload", "headers", "signature"}


@dataclass
class Row:
    """What a delivery means to one marketplace in the plain model."""

    state: DeliveryState
    generation: int | None


concerns = st.dictionaries(st.sampled_from([ACME, BETA]), st.booleans(), max_size=2)
"""Whom a delivery concerns, and whether it is owed a pull for it."""


class Ledger(RuleBasedStateMachine):
    """The ledger against a few integers and dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.rows: dict[str, dict[str, Row]] = {}
        self.want = {ACME: 0, BETA: 0}
        self.done = {ACME: 0, BETA: 0}

    @initialize()
    def open(self) -> None:
        self.state = self.runner.run(StateStore.open(Path(self.directory.name) / "state.db", clock=self))

    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0

    @rule(deliveries=st.lists(st.tuples(st.sampled_from("abcdef"), concerns), min_size=1, max_size=8))
    def record(self, deliveries: list[tuple[str, dict[str, bool]]]) -> None:
        async def at_once() -> list[Recorded]:
            return await asyncio.gather(
                *(
                    self.state.record(
                        DeliveryFacts(guid, 1, "push"),
                        [Concern(name, "push" if pulls else None, hinted=pulls) for name, pulls in concerned.items()],
                    )
                    for guid, concerned in deliveries
                )
            )

        assert self.runner.run(at_once()) == [self._record(guid, concerned) for guid, concerned in deliveries]

    def _record(self, guid: str, concerned: dict[str, bool]) -> Recorded:
        is_new = guid not in self.rows
        rows = self.rows.setdefault(guid, {})
        owed = {}
        for name, pulls in concerned.items():
            row = rows.get(name)
            if pulls and (row is None or row.state in (DeliveryState.FAILED, DeliveryState.NOTED)):
                self.want[name] += 1
                owed[name] = self.want[name]
                rows[name] = Row(DeliveryState.OWED, self.want[name])
            elif is_new:
                rows[name] = Row(DeliveryState.NOTED, None)
        outcome = Outcome.NEW if is_new else Outcome.REVIVED if owed else Outcome.DUPLICATE
        return Recorded(outcome, owed)

    @rule(name=st.sampled_from([ACME, BETA]))
    def owe(self, name: str) -> None:
        self.want[name] += 1
        assert self.runner.run(self.state.owe(name, "reconcile")) == self.want[name]

    @rule(name=st.sampled_from([ACME, BETA]), behind=st.integers(0, 4), succeeds=st.booleans())
    def pull(self, name: str, behind: int, succeeds: bool) -> None:
        generation = max(0, self.want[name] - behind)
        if succeeds:
            self.runner.run(self.state.settle(name, generation, COMMIT))
            self.done[name] = max(self.done[name], generation)
        else:
            self.runner.run(self.state.fail(name, generation, "failed"))
        for row in (rows[name] for rows in self.rows.values() if name in rows):
            if row.state in (DeliveryState.OWED, DeliveryState.FAILED) and row.generation <= generation:
                row.state = DeliveryState.DONE if succeeds else DeliveryState.FAILED

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.state.close())
        self.open()

    @invariant()
    def it_says_what_the_model_says(self) -> None:
        for name in (ACME, BETA):
            owed = self.runner.run(self.state.owed(name))
            assert (owed.want, owed.done) == (self.want[name], self.done[name])
            assert len(owed.hints) == sum(
                name in rows and rows[name].state is DeliveryState.OWED for rows in self.rows.values()
            )
        entries = self.runner.run(self.state.recent_deliveries())
        assert {e.delivery.guid: {one.marketplace: one.state for one in e.settlements} for e in entries} == {
            guid: {name: row.state for name, row in rows.items()} for guid, rows in self.rows.items()
        }

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
