"""Owns the running of pulls for one marketplace: waits until one may start, runs it, sees to what follows.

The only caller of ``pull`` and the only place that retries. Woken by webhooks, reconcile and operators alike; a wake is one
bit, so a burst costs one pull and a push during a pull costs one more. What is owed is kept in state.db: a process that dies
finds it again. When the next pull may run is ``pace``'s to decide; what surrounds one pull is ``answering``'s to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from skillport_sync.catalog.model import SourceWish
from skillport_sync.errors import SkillportError
from skillport_sync.github.client import GitHub
from skillport_sync.ports import Clock, Entropy
from skillport_sync.reports import PullReport, Stage
from skillport_sync.spans import noted, span
from skillport_sync.store.state import StateStore
from skillport_sync.sync.answering import Answer, Answering
from skillport_sync.sync.attempt import OnProgress, unheard
from skillport_sync.sync.branch import Source
from skillport_sync.sync.orders import Order, Orders, Waiting
from skillport_sync.sync.pace import Pace
from skillport_sync.sync.plan import unfulfilled
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.report import Last, code_of, say
from skillport_sync.sync.retry import Retry
from skillport_sync.sync.sources import Trouble

__all__ = ["Last", "Loop", "OnPull", "Order"]

log = structlog.get_logger(__name__)

FOLLOWED_UP = frozenset({"start", "reconcile", "operator", "pull_request_closed"})
"""The causes of pulls after which it is asked, too, what became of pull requests that were opened here."""

Afterwards = Callable[[], Awaitable[object]]
OnPull = Callable[[PullReport, Mapping[Stage, float]], None]
"""Told of every pull, rehearsals too: what came of it, and how many seconds each stage took. Returns at once, never raises."""


class Loop:
    """One marketplace's loop. ``run`` is its only task; ``wake`` and ``order`` may be called from any other."""

    def __init__(
        self, pull: Pull, *, github: GitHub, state: StateStore, clock: Clock, entropy: Entropy, interval_s: float
    ) -> None:
        self._pull = pull
        self._answering = Answering(pull, github=github, state=state, clock=clock)
        self._state = state
        self._clock = clock
        self._entropy = entropy
        self._interval_s = interval_s
        self._pace = Pace()
        self._orders = Orders()
        self._woken = asyncio.Event()
        self._quiet = asyncio.Event()
        self._last: Last | None = None
        self._afterwards: list[Afterwards] = []
        self._on_pull: OnPull | None = None

    # --- what is known of it ----------------------------------------------------------------------------------------------

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

    @property
    def last(self) -> Last | None:
        """What came of the latest pull, rehearsals aside."""
        return self._last

    @property
    def last_failure(self) -> str | None:
        """The stable code of why the latest pull published nothing; None where all is well."""
        return self._last.code if self._last is not None else None

    def follow_up(self, afterwards: Afterwards) -> None:
        """Have this done after each pull that a look at pull requests may follow from."""
        self._afterwards.append(afterwards)

    def listen(self, on_pull: OnPull) -> None:
        """Have every pull told from now on."""
        self._on_pull = on_pull

    # --- who wants a pull -------------------------------------------------------------------------------------------------

    def wake(self, cause: str) -> None:
        """A pull is owed. Returns at once."""
        self._pace = self._pace.woken(cause)
        self._quiet.clear()
        self._woken.set()

    async def order(self, order: Order, on_progress: OnProgress) -> PullReport:
        """Run a pull now, ahead of any backoff, and report. Cancelling the caller does not cancel a pull that has begun.

        Raises:
            Unavailable: the loop ended before the pull did.
        """
        answer = self._orders.place(order, on_progress)
        self._quiet.clear()
        self._woken.set()
        return await answer

    async def rollback(self, commit_prefix: str, reason: str, on_progress: OnProgress | None = None) -> PullReport:
        """Serve a commit that was published before, and stay there until ``resume``, through restarts too.

        Raises:
            Missing: no kept publication has such a commit. Invalid: several have.
            Unavailable: the loop ended before it was done; it will be at the next start.
        """
        commit = await self._pull.commit_published(commit_prefix)
        await self._state.pin(self._pull.source.marketplace, commit, reason)
        log.warning("branch_left", marketplace=self._pull.source.marketplace, commit=commit, reason=reason)
        return await self.order(Order(cause="rollback"), on_progress or unheard)

    async def resume(self, on_progress: OnProgress | None = None) -> PullReport:
        """Follow the branch again. Raises: as ``order``."""
        if await self._state.unpin(self._pull.source.marketplace):
            log.info("branch_followed", marketplace=self._pull.source.marketplace)
        return await self.order(Order(cause="resume"), on_progress or unheard)

    async def settled(self) -> None:
        """Wait until nothing is owed, nothing runs and nothing has failed; a confirmation may still be promised."""
        await self._quiet.wait()

    # --- the one task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Pull whenever one is owed, until cancelled. Never ends by itself."""
        try:
            while True:
                await self._sleep()
                self._quiet.clear()
                if self._orders:
                    await self._serve(self._orders.take())
                else:
                    await self._attempt(None, Order(), unheard)
        finally:
            self._orders.close()

    async def _sleep(self) -> None:
        """Until a pull may start: woken and not backing off, promised and due, or ordered."""
        while not self._orders:
            self._woken.clear()
            wait_s = self._pace.wakeups.wait_s(self._clock.monotonic_s())
            if wait_s == 0:
                return
            if self._pace.is_quiet:
                self._quiet.set()
            # The watchdog: schedulers go silent when the wall clock jumps back, this one looks at least every other interval.
            limit_s = 2 * self._interval_s
            try:
                async with asyncio.timeout(min(wait_s, limit_s) if wait_s is not None else limit_s):
                    await self._woken.wait()
            except TimeoutError:
                if wait_s is None:
                    self.wake("watchdog")

    async def _serve(self, waiting: Waiting) -> None:
        if waiting.has_gone:
            return
        try:
            report = await self._attempt(waiting.order.cause, waiting.order, waiting.on_progress)
        except BaseException:
            waiting.refuse()
            raise
        waiting.tell(report)

    # --- one pull ---------------------------------------------------------------------------------------------------------

    async def _attempt(self, cause: str | None, order: Order, on_progress: OnProgress) -> PullReport:
        """One pull and what follows from it. ``cause`` None: whatever woke the loop, or what the pull before was for."""
        with span("skillport.pull", marketplace=self._pull.source.marketplace, rehearsal=order.dry_run):
            report = await self._pulled(cause, order, on_progress)
            noted(outcome=report.outcome, cause=report.cause, commit=report.after, requests=report.requests)
            return report

    async def _pulled(self, cause: str | None, order: Order, on_progress: OnProgress) -> PullReport:
        if not order.dry_run:
            self._pace = self._pace.started(cause)
        cause = cause or self._pace.cause
        answer = await self._answering.pull(cause, order, self._pace.suspect, on_progress)
        if not order.dry_run:
            await self._conclude(answer)
            self._last = Last(answer.report, self._clock.now(), code_of(answer.outcome))
        say(answer.report, answer.behind)
        if self._on_pull is not None:
            self._on_pull(answer.report, answer.stages.ended())
        if not order.dry_run and cause in FOLLOWED_UP:
            for afterwards in self._afterwards:
                await self._look_afterwards(afterwards)
        return answer.report

    async def _conclude(self, answer: Answer) -> None:
        """What a pull's end means for the next one, and for the deliveries that it answered for."""
        now_s, outcome = self._clock.monotonic_s(), answer.outcome
        if isinstance(outcome, SkillportError):
            pace, became = self._pace.failed(
                outcome,
                now_s,
                awaits_push=unfulfilled(answer.pushes, ()),
                jitter=self._jitter(),
                interval_s=self._interval_s,
            )
        else:
            pace, became = self._pace.ended(outcome, now_s)
        has_slow = any(trouble.is_passing for trouble in self._pull.troubles)
        # Before anything is waited for: a wake that comes meanwhile must find this pace, not be overwritten by it.
        self._pace = pace.looking_after_sources(now_s, has_slow=has_slow, interval_s=self._interval_s)
        if not await self._answering.note(answer, became):
            now_s = self._clock.monotonic_s()
            self._pace = self._pace.backed_off(Retry(), now_s, jitter=self._jitter(), interval_s=self._interval_s)

    def _jitter(self) -> float:
        return self._entropy.uniform(0.5, 1.0)

    async def _look_afterwards(self, afterwards: Afterwards) -> None:
        """What cannot be found out now is found out after the next pull."""
        try:
            await afterwards()
        except SkillportError as error:
            log.info("follow_up_failed", marketplace=self._pull.source.marketplace, code=error.code)
        except Exception as error:
            log.error("follow_up_crashed", marketplace=self._pull.source.marketplace, exc_info=error)
