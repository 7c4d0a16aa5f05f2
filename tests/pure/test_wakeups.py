"""When the next pull may run: no wake is lost, no limit is overrun, no burst is many pulls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from skillport_sync.sync.wakeups import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, REST_S, Wakeups

seconds = st.floats(0, 200, allow_nan=False)
jitters = st.floats(0.5, 1.0)


class AnyLoop(RuleBasedStateMachine):
    """A loop that is woken at any time and whose pulls end in any way. Beside it, the promises in plain words."""

    def __init__(self) -> None:
        super().__init__()
        self.wakeups = Wakeups()
        self.now_s = 1_000.0
        self.is_pulling = False
        self.unanswered: set[str] = set()
        """Wakes since the latest pull began."""
        self.asked_not_before_s = 0.0
        """What GitHub asked for."""
        self.promises: list[float] = []
        """Looks promised since the latest pull began."""
        self.pulls_since_wake = 0

    @rule(cause=st.sampled_from(["push", "reconcile", "start", "repository"]), times=st.integers(1, 1_000))
    def wake(self, cause: str, times: int) -> None:
        for _ in range(min(times, 20)):
            self.wakeups = self.wakeups.woken(cause)
        self.unanswered.add(cause)
        self.pulls_since_wake = 0

    @rule(after_s=seconds)
    def promise(self, after_s: float) -> None:
        self.wakeups = self.wakeups.promised(self.now_s + after_s)
        self.promises.append(self.now_s + after_s)

    @rule(passed_s=seconds)
    def time_passes(self, passed_s: float) -> None:
        self.now_s += passed_s

    @precondition(lambda self: not self.is_pulling and self.wakeups.wait_s(self.now_s) == 0)
    @rule()
    def a_pull_begins(self) -> None:
        assert self.now_s >= self.asked_not_before_s, "GitHub asked us to wait"
        assert self.unanswered or self.promises, "nobody wanted this pull"
        self.wakeups, causes = self.wakeups.started()
        assert set(causes) == self.unanswered, "a pull answers for every wake so far"
        self.unanswered, self.promises = set(), []
        self.is_pulling = True
        self.pulls_since_wake += 1

    @precondition(lambda self: self.is_pulling)
    @rule()
    def it_publishes(self) -> None:
        self.wakeups = self.wakeups.published()
        self.asked_not_before_s = 0.0
        self.is_pulling = False

    @precondition(lambda self: self.is_pulling)
    @rule()
    def it_finds_nothing(self) -> None:
        self.wakeups = self.wakeups.found_nothing(self.now_s)
        self.asked_not_before_s = self.now_s + REST_S
        self.is_pulling = False

    @precondition(lambda self: self.is_pulling)
    @rule()
    def it_awaits_more(self) -> None:
        attempts = self.wakeups.attempts
        self.wakeups = self.wakeups.awaiting(self.now_s)
        self.promises.append(self.now_s + min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0**attempts))
        self.asked_not_before_s = self.now_s + REST_S
        self.is_pulling = False

    @precondition(lambda self: self.is_pulling)
    @rule(jitter=jitters, retry_after_s=st.just(0.0) | st.floats(1, 3_600), again_in_s=st.just(0.0) | st.just(300.0))
    def it_fails(self, jitter: float, retry_after_s: float, again_in_s: float) -> None:
        self.wakeups = self.wakeups.failed(
            self.now_s, jitter=jitter, retry_after_s=retry_after_s, again_in_s=again_in_s
        )
        self.asked_not_before_s = self.now_s + retry_after_s
        longest_s = max(LONGEST_BACKOFF_S, retry_after_s, again_in_s)
        self.promises.append(self.now_s + longest_s)
        self.is_pulling = False

    @invariant()
    def no_wake_is_lost(self) -> None:
        assert set(self.wakeups.causes) == self.unanswered
        if self.unanswered:
            wait_s = self.wakeups.wait_s(self.now_s)
            assert wait_s is not None, "somebody woke us: sleeping for ever would lose it"
            assert wait_s <= max(LONGEST_BACKOFF_S, self.asked_not_before_s - self.now_s) + 1e-6

    @invariant()
    def no_promise_is_forgotten(self) -> None:
        if self.promises:
            wait_s = self.wakeups.wait_s(self.now_s)
            assert wait_s is not None
            earliest_s = max(min(self.promises), self.asked_not_before_s, self.wakeups.not_before_s)
            assert self.now_s + wait_s <= max(self.now_s, earliest_s) + 1e-6

    @invariant()
    def a_wait_is_never_negative(self) -> None:
        wait_s = self.wakeups.wait_s(self.now_s)
        assert wait_s is None or wait_s >= 0

    @invariant()
    def a_burst_is_one_pull(self) -> None:
        if self.pulls_since_wake and not self.promises and not self.unanswered:
            assert self.wakeups.wait_s(self.now_s) is None, "the pull answered for the whole burst"


TestAnyLoop = AnyLoop.TestCase


def test_nothing_is_owed_at_first():
    assert Wakeups().wait_s(0.0) is None
    assert Wakeups().is_quiet


def test_ten_thousand_wakes_are_one_pull():
    wakeups = Wakeups()
    for _ in range(10_000):
        wakeups = wakeups.woken("push")
    wakeups, causes = wakeups.started()
    assert causes == ("push",)
    assert wakeups.wait_s(0.0) is None


def test_a_wake_during_a_pull_causes_another():
    wakeups, _ = Wakeups().woken("push").started()
    wakeups = wakeups.woken("push").published()
    assert wakeups.wait_s(0.0) == 0


def test_after_a_pull_that_found_nothing_the_next_one_rests():
    wakeups, _ = Wakeups().woken("push").started()
    wakeups = wakeups.woken("push").found_nothing(100.0)
    assert wakeups.wait_s(100.0) == REST_S
    assert wakeups.wait_s(100.0 + REST_S) == 0


def test_causes_are_kept_in_order_of_arrival():
    _, causes = Wakeups().woken("start").woken("push").woken("start").started()
    assert causes == ("start", "push")


def test_a_failed_pull_is_tried_again_without_being_woken():
    wakeups, _ = Wakeups().woken("push").started()
    wakeups = wakeups.failed(100.0, jitter=1.0)
    assert wakeups.wait_s(100.0) == FIRST_BACKOFF_S
    assert not wakeups.is_quiet


def test_where_trying_again_is_hopeless_only_a_wake_comes_before_the_next_interval():
    wakeups, _ = Wakeups().woken("push").started()
    wakeups = wakeups.failed(100.0, jitter=1.0, again_in_s=300.0)
    assert wakeups.wait_s(100.0) == 300.0
    assert wakeups.woken("push").wait_s(100.0) == FIRST_BACKOFF_S


def test_waiting_for_a_push_does_not_hold_up_the_next_one():
    wakeups = Wakeups()
    for _ in range(8):
        wakeups = wakeups.started()[0].awaiting(100.0)
    assert wakeups.wait_s(100.0) == LONGEST_BACKOFF_S
    assert wakeups.woken("push").wait_s(100.0) == REST_S


def test_a_success_forgets_earlier_failures():
    wakeups = Wakeups()
    for _ in range(20):
        wakeups = wakeups.failed(100.0, jitter=1.0)
    wakeups = wakeups.started()[0].published().failed(200.0, jitter=1.0)
    assert wakeups.wait_s(200.0) == FIRST_BACKOFF_S


@given(st.integers(0, 5_000), jitters)
def test_backoff_grows_and_is_bounded(failures, jitter):
    waited = [
        wait_s
        for attempts in range(failures, failures + 3)
        if (wait_s := Wakeups(attempts=attempts).failed(0.0, jitter=jitter).wait_s(0.0)) is not None
    ]
    assert len(waited) == 3
    assert waited == sorted(waited)
    assert FIRST_BACKOFF_S / 2 <= waited[0] <= waited[-1] <= LONGEST_BACKOFF_S


@given(st.integers(0, 30), jitters, st.floats(0, 3_600))
def test_what_github_asked_for_wins_over_our_own_backoff(attempts, jitter, retry_after_s):
    wakeups = Wakeups(attempts=attempts).failed(0.0, jitter=jitter, retry_after_s=retry_after_s)
    wait_s = wakeups.woken("push").wait_s(0.0)
    assert wait_s is not None
    assert wait_s >= retry_after_s


def test_wakes_that_keep_pouring_in_for_nothing_rest_longer_until_it_is_quiet_or_something_is_found():
    wakeups, at_s, rests = Wakeups(), 1000.0, []
    for _ in range(5):
        wakeups = wakeups.found_nothing(at_s).woken("push")
        rests.append(wakeups.wait_s(at_s))
        at_s += rests[-1]
    assert rests == [0.5, 1.0, 2.0, 2.0, 2.0]
    assert wakeups.found_nothing(at_s + 60.0).woken("push").wait_s(at_s + 60.0) == 0.5
    assert wakeups.published().found_nothing(at_s).woken("push").wait_s(at_s) == 0.5
