"""What the end of one pull means for the next: when, for what, and what the deliveries behind it are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.access.model import Absent
from skillport_sync.catalog.discover import Memo
from skillport_sync.catalog.model import OWN_SOURCE, Catalog
from skillport_sync.catalog.owners import Owners
from skillport_sync.errors import Denied, SkillportError, Unavailable
from skillport_sync.git.objects import CommitId, TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Changes, Publication, PublicationId, Published
from skillport_sync.snapshot import Refused, Snapshot, SourceState
from skillport_sync.store.ledger import DeliveryState
from skillport_sync.sync.outcomes import (
    Doubtful,
    HeldBack,
    InStep,
    NotPublished,
    NowPublished,
    Outcome,
    Pinned,
    Suspect,
)
from skillport_sync.sync.pace import ATTEMPTS_BEFORE_FAILED, CONFIRM_AFTER_S, Pace
from skillport_sync.sync.retry import Retry
from skillport_sync.sync.wakeups import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, REST_S, Wakeups

NOW_S = 1_000.0
INTERVAL_S = 300.0
HEAD, OLD = CommitId("a" * 40), CommitId("b" * 40)
SUSPECT = Suspect(OLD, NOW_S - 1.0)


def published() -> Published:
    """As little as can be published."""
    acme, tree = MarketplaceName("acme"), TreeId("c" * 40)
    state = SourceState(OWN_SOURCE, "acme/skills", HEAD, tree)
    catalog = Catalog("acme", (), (), ())
    snapshot = Snapshot(acme, (state,), {}, catalog, Absent(), (), Memo(), Owners.of(catalog), {})
    at, changes = datetime(2026, 11, 21, tzinfo=UTC), Changes(0, 0, 0)
    publication = Publication(
        PublicationId(1), acme, "acme/skills", HEAD, tree, 1, 3, at, "push", files=0, skills=0, changes=changes
    )
    return Published(publication, snapshot)


def now_published(*, from_hint: bool = False, awaited: bool = False) -> NowPublished:
    return NowPublished(published(), OLD, 1, 1, from_hint=from_hint, awaited=awaited)


def failed(pace: Pace, error: SkillportError, *, awaits_push: bool = False) -> tuple[Pace, DeliveryState]:
    return pace.failed(error, NOW_S, awaits_push=awaits_push, jitter=1.0, interval_s=INTERVAL_S)


def looking(pace: Pace, *, has_slow: bool) -> Pace:
    return pace.looking_after_sources(NOW_S, has_slow=has_slow, interval_s=INTERVAL_S)


# --- for what -------------------------------------------------------------------------------------------------------------


def test_a_pull_is_for_whoever_woke_the_loop_first():
    assert Pace().woken("push").woken("reconcile").started(None).cause == "push"


def test_a_pull_that_nobody_woke_is_for_what_the_pull_before_was_for():
    assert Pace().cause == "start"
    assert Pace().woken("push").started(None).started(None).cause == "push"


def test_an_order_is_for_itself_and_answers_for_every_wake():
    pace = Pace().woken("push").started("operator")
    assert pace.cause == "operator"
    assert pace.wakeups.wait_s(NOW_S) is None


# --- after an outcome -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "became", "wait_s"),
    [
        (now_published(), DeliveryState.DONE, None),
        (now_published(from_hint=True), DeliveryState.DONE, CONFIRM_AFTER_S),
        (now_published(awaited=True), DeliveryState.OWED, REST_S),
        (now_published(from_hint=True, awaited=True), DeliveryState.OWED, REST_S),
        (InStep(HEAD), DeliveryState.DONE, None),
        (InStep(HEAD, awaited=True), DeliveryState.OWED, REST_S),
        (Pinned(HEAD, None), DeliveryState.DONE, None),
        (Doubtful(SUSPECT, 5.0), DeliveryState.OWED, 5.0),
        (NotPublished(HEAD, Refused("policy_malformed", "no JSON")), DeliveryState.FAILED, None),
        (HeldBack(HEAD, ("docs/a",), 1), DeliveryState.FAILED, None),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | float | None) else str(value),
)
def test_each_outcome_says_when_to_look_again_and_what_becomes_of_its_deliveries(
    outcome: Outcome, became: DeliveryState, wait_s: float | None
) -> None:
    pace, told = Pace().woken("push").started(None).ended(outcome, NOW_S)
    assert told is became
    assert pace.wakeups.wait_s(NOW_S) == wait_s
    assert pace.cause == "push"


def test_a_head_is_suspected_until_a_pull_comes_to_another_outcome():
    pace, _ = Pace().ended(Doubtful(SUSPECT, 5.0), NOW_S)
    assert pace.suspect == SUSPECT
    assert not pace.is_quiet
    assert failed(pace, Unavailable("down"))[0].suspect == SUSPECT, "a pull that came to nothing has not looked again"
    assert pace.ended(InStep(OLD), NOW_S)[0].suspect is None


@given(st.sampled_from([now_published(), InStep(HEAD), Pinned(HEAD, None), HeldBack(HEAD, (), 1)]))
def test_nothing_is_left_to_wait_for_once_a_pull_has_an_answer(outcome):
    pace, _ = Pace(Wakeups(attempts=3)).ended(outcome, NOW_S)
    assert pace.is_quiet


# --- after a failure ------------------------------------------------------------------------------------------------------


def test_deliveries_stay_owed_until_so_many_pulls_have_failed():
    pace, told = Pace(), []
    for _ in range(ATTEMPTS_BEFORE_FAILED):
        pace, became = failed(pace, Unavailable("down"))
        told.append(became)
    assert told == [DeliveryState.OWED] * (ATTEMPTS_BEFORE_FAILED - 1) + [DeliveryState.FAILED]
    assert not pace.is_quiet


def test_what_only_people_can_mend_fails_the_deliveries_at_once_and_waits_for_the_interval():
    pace, became = failed(Pace(), Denied("not yours"))
    assert became is DeliveryState.FAILED
    assert pace.wakeups.wait_s(NOW_S) == INTERVAL_S
    assert pace.woken("push").wakeups.wait_s(NOW_S) == LONGEST_BACKOFF_S


def test_a_ledger_that_cannot_be_written_is_tried_again_soon():
    pace = Pace().backed_off(Retry(), NOW_S, jitter=1.0, interval_s=INTERVAL_S)
    assert pace.wakeups.wait_s(NOW_S) == FIRST_BACKOFF_S


# --- other repositories ---------------------------------------------------------------------------------------------------


def test_other_repositories_that_are_well_are_not_looked_at_again():
    pace = Pace(source_looks=3).woken("push").started(None)
    assert looking(pace, has_slow=False).source_looks == 0
    assert looking(pace, has_slow=False).wakeups == pace.wakeups


@pytest.mark.parametrize(("cause", "has_slow"), [("source_push", False), ("push", True)])
def test_one_that_was_slow_or_pushed_to_is_looked_at_less_and_less_often(cause: str, has_slow: bool) -> None:
    pace, waits = Pace().woken(cause).started(None), []
    for _ in range(5):
        pace = looking(pace, has_slow=has_slow)
        waits.append(pace.wakeups.wait_s(NOW_S))
        # The look that was promised is for the same: another pull that finds it slow promises the next one.
        has_slow, pace = True, pace.started(None)
        assert pace.cause == "source_look"
    assert waits == [10.0, 20.0, 40.0, 80.0, 160.0]
    given_up = looking(pace, has_slow=True)
    assert given_up == pace, "the next reconcile comes before that"


@given(st.text(max_size=8), st.integers(0, 12), st.booleans(), st.floats(1.0, 10_000.0))
def test_looking_after_sources_never_takes_a_promise_away(cause, looks, has_slow, interval_s):
    pace = Pace(Wakeups().promised(NOW_S + 1.0), cause, source_looks=looks)
    after = pace.looking_after_sources(NOW_S, has_slow=has_slow, interval_s=interval_s)
    wait_s = after.wakeups.wait_s(NOW_S)
    assert wait_s is not None
    assert wait_s <= 1.0
    assert after.source_looks in (0, looks, looks + 1)
