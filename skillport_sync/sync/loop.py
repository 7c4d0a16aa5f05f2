"""Owns the running of pulls for one marketplace: when, how often, and what is said of the result.

The only caller of ``pull`` and the only place that retries. Woken by webhooks, reconcile and operators alike; a wake is one
bit, so a burst costs one pull and a push during a pull costs one more. What is owed is kept in state.db: a process that dies
finds it again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from skillport_sync.catalog.model import SourceWish
from skillport_sync.errors import Broken, SkillportError, Unavailable
from skillport_sync.git.objects import CommitId
from skillport_sync.github.client import GitHub
from skillport_sync.ports import Clock, Entropy
from skillport_sync.reports import Progress, PullReport, Stage
from skillport_sync.spans import noted, span
from skillport_sync.store.ledger import Owed
from skillport_sync.store.state import StateStore
from skillport_sync.sync.branch import Source
from skillport_sync.sync.outcomes import (
    Doubtful,
    HeldBack,
    InStep,
    Landed,
    NotPublished,
    NowPublished,
    Outcome,
    Pinned,
    Request,
    Suspect,
)
from skillport_sync.sync.plan import PushHint, unfulfilled
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.report import Effort, describe, describe_failure, say
from skillport_sync.sync.retry import Retry, after
from skillport_sync.sync.sources import Trouble
from skillport_sync.sync.stages import Stages
from skillport_sync.sync.wakeups import Wakeups

log = structlog.get_logger(__name__)

CONFIRM_AFTER_S = 10.0
"""A publication that followed a signed push without reading the branch is confirmed so much later, for a free 304."""
AWAIT_PUSH_FOR_S = 60.0
"""How long a push that GitHub's reads do not show yet is waited for. After that reconcile finds it, if it is there."""
ATTEMPTS_BEFORE_FAILED = 8
"""After so many failed pulls in a row the deliveries behind them are marked failed, so that redelivering one revives it."""

FOLLOWED_UP = frozenset({"start", "reconcile", "operator", "pull_request_closed"})
"""The causes of pulls after which it is asked, too, what became of pull requests that were opened here."""

OnProgress = Callable[[Progress], None]
Afterwards = Callable[[], Awaitable[object]]
OnPull = Callable[[PullReport, Mapping[Stage, float]], None]
"""Told of every pull, rehearsals too: what came of it, and how many seconds each stage took. Returns at once, never raises."""


@dataclass(frozen=True, slots=True)
class Order:
    """A pull that somebody waits for."""

    verify: bool = False
    full: bool = False
    dry_run: bool = False
    confirm: str | None = None
    """The commit that begins like this may remove as many skills as it does."""
    cause: str = "operator"
    landed: Landed | None = None
    """A commit that was just made here."""


@dataclass(frozen=True, slots=True)
class Last:
    """The latest pull, and when it ended. ``code`` is the stable code of why it published nothing; None where all is well."""

    report: PullReport
    at: datetime
    code: str | None


@dataclass(slots=True)
class _Waiting:
    order: Order
    on_progress: OnProgress
    answer: asyncio.Future[PullReport]

    def refuse(self) -> None:
        """The loop ends: whoever waits is told, and not cancelled as if they had wanted that."""
        if not self.answer.done():
            self.answer.set_exception(_stopping())


class Loop:
    """One marketplace's loop. ``run`` is its only task; ``wake`` and ``order`` may be called from any other."""

    def __init__(
        self, pull: Pull, *, github: GitHub, state: StateStore, clock: Clock, entropy: Entropy, interval_s: float
    ) -> None:
        self._pull = pull
        self._github = github
        self._state = state
        self._clock = clock
        self._entropy = entropy
        self._interval_s = interval_s
        self._wakeups = Wakeups()
        self._woken = asyncio.Event()
        self._quiet = asyncio.Event()
        self._waiting: deque[_Waiting] = deque()
        self._has_ended = False
        self._suspect: Suspect | None = None
        self._cause = "start"
        self._source_looks = 0
        self._last: Last | None = None
        self._afterwards: list[Afterwards] = []
        self._on_pull: OnPull | None = None

    @property
    def source(self) -> Source:
        """The branch it follows, under the repository's present name."""
        return self._pull.source

    @property
    def source_wishes(self) -> tuple[SourceWish, ...]:
        """The other repositories that plugins are taken from."""
        return self._pull.sources

    @property
    def followed_repositories(self) -> frozenset[tuple[str, str | None]]:
        """Those of them that may move, by each name they go by, with the branch or tag that is followed."""
        return self._pull.followed_repositories

    @property
    def source_troubles(self) -> tuple[Trouble, ...]:
        """Which of them could not be looked at the last time."""
        return self._pull.troubles

    def follow_up(self, afterwards: Afterwards) -> None:
        """Have this done after each pull that a look at pull requests may follow from."""
        self._afterwards.append(afterwards)

    def listen(self, on_pull: OnPull) -> None:
        """Have every pull told from now on."""
        self._on_pull = on_pull

    @property
    def last(self) -> Last | None:
        """What came of the latest pull, rehearsals aside."""
        return self._last

    @property
    def last_failure(self) -> str | None:
        """The stable code of why the latest pull published nothing; None where all is well."""
        return self._last.code if self._last is not None else None

    def wake(self, cause: str) -> None:
        """A pull is owed. Returns at once."""
        self._wakeups = self._wakeups.woken(cause)
        self._quiet.clear()
        self._woken.set()

    async def order(self, order: Order, on_progress: OnProgress) -> PullReport:
        """Run a pull now, ahead of any backoff, and report. Cancelling the caller does not cancel a pull that has begun.

        Raises:
            Unavailable: the loop ended before the pull did.
        """
        if self._has_ended:
            raise _stopping()
        waiting = _Waiting(order, on_progress, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._quiet.clear()
        self._woken.set()
        return await waiting.answer

    async def rollback(self, commit_prefix: str, reason: str, on_progress: OnProgress | None = None) -> PullReport:
        """Serve a commit that was published before, and stay there until ``resume``, through restarts too.

        Raises:
            Missing: no kept publication has such a commit. Invalid: several have.
            Unavailable: the loop ended before it was done; it will be at the next start.
        """
        commit = await self._pull.commit_published(commit_prefix)
        await self._state.pin(self._pull.source.marketplace, commit, reason)
        log.warning("branch_left", marketplace=self._pull.source.marketplace, commit=commit, reason=reason)
        return await self.order(Order(cause="rollback"), on_progress or _ignore)

    async def resume(self, on_progress: OnProgress | None = None) -> PullReport:
        """Follow the branch again. Raises: as ``order``."""
        if await self._state.unpin(self._pull.source.marketplace):
            log.info("branch_followed", marketplace=self._pull.source.marketplace)
        return await self.order(Order(cause="resume"), on_progress or _ignore)

    async def settled(self) -> None:
        """Wait until nothing is owed, nothing runs and nothing has failed; a confirmation may still be promised."""
        await self._quiet.wait()

    async def run(self) -> None:
        """Pull whenever one is owed, until cancelled. Never ends by itself."""
        try:
            while True:
                await self._sleep()
                self._quiet.clear()
                if self._waiting:
                    await self._serve(self._waiting.popleft())
                else:
                    await self._attempt(None, Order(), _ignore)
        finally:
            self._has_ended = True
            for waiting in self._waiting:
                waiting.refuse()

    async def _sleep(self) -> None:
        """Until a pull may start: woken and not backing off, promised and due, or ordered."""
        while not self._waiting:
            self._woken.clear()
            wait_s = self._wakeups.wait_s(self._clock.monotonic_s())
            if wait_s == 0:
                return
            if self._wakeups.is_quiet and self._suspect is None:
                self._quiet.set()
            # The watchdog: schedulers go silent when the wall clock jumps back, this one looks at least every other interval.
            limit_s = 2 * self._interval_s
            try:
                async with asyncio.timeout(min(wait_s, limit_s) if wait_s is not None else limit_s):
                    await self._woken.wait()
            except TimeoutError:
                if wait_s is None:
                    self.wake("watchdog")

    async def _serve(self, waiting: _Waiting) -> None:
        if waiting.answer.done():  # whoever asked has gone
            return
        try:
            report = await self._attempt(waiting.order.cause, waiting.order, waiting.on_progress)
        except BaseException:
            waiting.refuse()
            raise
        if not waiting.answer.done():
            waiting.answer.set_result(report)

    # --- one pull --------------------------------------------------------------------------------------------------------

    async def _attempt(self, cause: str | None, order: Order, on_progress: OnProgress) -> PullReport:
        """One pull and what follows from it. ``cause`` None: whatever woke the loop, or what the pull before was for."""
        with span("skillport.pull", marketplace=self._pull.source.marketplace, rehearsal=order.dry_run):
            report = await self._pulled(cause, order, on_progress)
            noted(outcome=report.outcome, cause=report.cause, commit=report.after, requests=report.requests)
            return report

    async def _pulled(self, cause: str | None, order: Order, on_progress: OnProgress) -> PullReport:
        if not order.dry_run:
            self._wakeups, causes = self._wakeups.started()
            self._cause = cause or (causes[0] if causes else self._cause)
        cause = cause or self._cause
        marketplace, before = self._pull.source.marketplace, self._pull.commit
        spent, began_s = self._github.spent, self._clock.monotonic_s()
        stages = Stages(self._clock, on_progress)
        owed: Owed | None = None
        pushes: tuple[PushHint, ...] = ()
        outcome: Outcome | SkillportError
        try:
            owed = await self._state.owed(marketplace)
            pushes = self._recent_pushes(owed)
            pin = await self._state.pinned(marketplace)
            request = Request(
                cause,
                pushes,
                self._suspect,
                order.verify,
                order.full,
                order.dry_run,
                None if pin is None else pin.commit,
                order.confirm,
                order.landed,
            )
            outcome = await self._pull.run(request, stages)
        except Exception as error:
            outcome = error if isinstance(error, SkillportError) else _unexpected(error)
        effort = Effort.since(self._github, spent, self._clock.monotonic_s() - began_s)
        if isinstance(outcome, SkillportError):
            report = describe_failure(marketplace, cause, outcome, before, effort)
        else:
            report = describe(marketplace, cause, outcome, before, effort)
        if not order.dry_run:
            await self._conclude(owed, pushes, outcome, report)
            self._last = Last(report, self._clock.now(), _code_of(outcome))
        say(report)
        if self._on_pull is not None:
            self._on_pull(report, stages.ended())
        if not order.dry_run and cause in FOLLOWED_UP:
            for afterwards in self._afterwards:
                await self._look_afterwards(afterwards)
        return report

    async def _look_afterwards(self, afterwards: Afterwards) -> None:
        """What cannot be found out now is found out after the next pull."""
        try:
            await afterwards()
        except SkillportError as error:
            log.info("follow_up_failed", marketplace=self._pull.source.marketplace, code=error.code)
        except Exception as error:
            log.error("follow_up_crashed", marketplace=self._pull.source.marketplace, exc_info=error)

    async def _conclude(
        self,
        owed: Owed | None,
        pushes: tuple[PushHint, ...],
        outcome: Outcome | SkillportError,
        report: PullReport,
    ) -> None:
        """What a pull's end means for the next one, and for the deliveries that it answered for."""
        now_s = self._clock.monotonic_s()
        if not isinstance(outcome, SkillportError):
            self._suspect = outcome.suspect if isinstance(outcome, Doubtful) else None
        match outcome:
            case SkillportError():
                attempts = self._wakeups.attempts + 1
                retry = after(outcome, attempts=attempts, awaits_push=unfulfilled(pushes, ()))
                self._back_off(now_s, retry)
                if retry.is_hopeless or attempts >= ATTEMPTS_BEFORE_FAILED:
                    await self._note(owed, outcome.message)
            case Doubtful(_, again_in_s):
                self._wakeups = self._wakeups.found_nothing(now_s).promised(now_s + again_in_s)
            case InStep(awaited=True) | NowPublished(awaited=True):
                self._wakeups = self._wakeups.awaiting(now_s)
            case NowPublished():
                self._wakeups = self._wakeups.published()
                if outcome.from_hint:
                    self._wakeups = self._wakeups.promised(now_s + CONFIRM_AFTER_S)
                await self._note(owed, None)
            case InStep() | Pinned():
                self._wakeups = self._wakeups.found_nothing(now_s)
                await self._note(owed, None)
            case _:
                self._wakeups = self._wakeups.found_nothing(now_s)
                await self._note(owed, report.reason or report.outcome)
        self._look_after_sources(now_s)

    def _look_after_sources(self, now_s: float) -> None:
        """Another repository that was slow, or that a push told of and reads may not show yet, is looked at again: less and less
        often, as long as nothing else is the matter."""
        is_due = self._cause == "source_push" or any(trouble.is_passing for trouble in self._pull.troubles)
        if not is_due:
            self._source_looks = 0
        elif (again_in_s := CONFIRM_AFTER_S * 2**self._source_looks) < self._interval_s:
            self._source_looks += 1
            self._cause = "source_look"
            self._wakeups = self._wakeups.promised(now_s + again_in_s)

    def _back_off(self, now_s: float, retry: Retry) -> None:
        """Wait longer each time; where trying again soon cannot help, leave it to whoever wakes us, or the next interval."""
        self._wakeups = self._wakeups.failed(
            now_s,
            jitter=self._entropy.uniform(0.5, 1.0),
            retry_after_s=retry.not_before_s,
            again_in_s=self._interval_s if retry.is_hopeless else 0.0,
        )

    async def _note(self, owed: Owed | None, failure: str | None) -> None:
        """Tell the ledger. What cannot be written down now is said by the next pull, which finds the same deliveries owed."""
        if owed is None or not owed.is_owed:
            return
        marketplace, commit = self._pull.source.marketplace, self._pull.commit
        try:
            if failure is not None:
                await self._state.fail(marketplace, owed.want, failure)
            elif commit is not None:
                await self._state.settle(marketplace, owed.want, commit)
        except Exception as error:
            log.error("ledger_not_written", marketplace=marketplace, exc_info=error)
            self._back_off(self._clock.monotonic_s(), Retry())

    def _recent_pushes(self, owed: Owed) -> tuple[PushHint, ...]:
        """What the branch was told to be moments ago. Older pushes may have been followed by others that never arrived."""
        now = self._clock.now()
        return tuple(
            PushHint(CommitId(hint.before), CommitId(hint.after))
            for hint in owed.hints
            if hint.before and hint.after and (now - hint.received_at).total_seconds() < AWAIT_PUSH_FOR_S
        )


def _code_of(outcome: Outcome | SkillportError) -> str | None:
    match outcome:
        case SkillportError(code=code):
            return code
        case NotPublished(_, refused):
            return refused.code
        case HeldBack():
            return "mass_removal_held"
        case Pinned():
            return "rolled_back"
        case Doubtful():
            return "head_doubted"
        case _:
            return None


def _stopping() -> Unavailable:
    return Unavailable("the service is stopping: start it again, then repeat the command", code="stopping")


def _unexpected(error: Exception) -> Broken:
    """A pull that fell over something nobody thought of must not take the service with it: what is published stays served."""
    log.error("pull_crashed", exc_info=error)
    return Broken(f"{type(error).__name__} while pulling: the log has the whole story", code="pull_crashed")


def _ignore(_progress: Progress) -> None:
    pass
