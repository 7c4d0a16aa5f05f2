"""Owns one pull as seen from outside: which deliveries it answers for, what it cost, what came of it, what the ledger is told.

What is owed is read before the pull and told after it, so that a delivery which comes meanwhile stays owed. Never decides when
a pull runs or whether it is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from skillport_sync.errors import Broken, SkillportError
from skillport_sync.git.objects import CommitId
from skillport_sync.github.client import GitHub
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.reports import PullReport
from skillport_sync.store.ledger import Behind, DeliveryState, Owed
from skillport_sync.store.state import StateStore
from skillport_sync.sync.attempt import OnProgress
from skillport_sync.sync.orders import Order
from skillport_sync.sync.outcomes import Outcome, Request, Suspect
from skillport_sync.sync.plan import PushHint
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.report import Effort, describe, describe_failure
from skillport_sync.sync.stages import Stages

log = structlog.get_logger(__name__)

AWAIT_PUSH_FOR_S = 60.0
"""How long a push that GitHub's reads do not show yet is waited for. After that reconcile finds it, if it is there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One pull that has ended, and what it answers for."""

    report: PullReport
    outcome: Outcome | SkillportError
    stages: Stages
    owed: Owed | None
    """None where state.db could not be read."""
    pushes: tuple[PushHint, ...]
    """What the branch was told to be in the minute before the pull."""
    is_rehearsal: bool = False

    @property
    def behind(self) -> Behind | None:
        """The deliveries it answers for. A rehearsal answers for none."""
        return None if self.owed is None or self.is_rehearsal else self.owed.behind


class Answering:
    """The pulls of one marketplace, each with all that is read and written down around it."""

    def __init__(self, pull: Pull, *, github: GitHub, state: StateStore, clock: Clock) -> None:
        self._pull = pull
        self._github = github
        self._state = state
        self._clock = clock

    async def pull(self, cause: str, order: Order, suspect: Suspect | None, on_progress: OnProgress) -> Answer:
        """One pull. Whatever it falls over is an outcome; only cancelling it is raised."""
        marketplace, before = self._marketplace, self._pull.commit
        spent, began_s = self._github.spent, self._clock.monotonic_s()
        stages = Stages(self._clock, on_progress)
        owed: Owed | None = None
        pushes: tuple[PushHint, ...] = ()
        outcome: Outcome | SkillportError
        try:
            owed = await self._state.owed(marketplace)
            pushes = recent_pushes(owed, self._clock.now())
            pin = await self._state.pinned(marketplace)
            request = Request(
                cause,
                pushes,
                suspect,
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
        return Answer(report, outcome, stages, owed, pushes, order.dry_run)

    async def note(self, answer: Answer, became: DeliveryState) -> bool:
        """Tell the ledger what became of the deliveries that the pull answered for; OWED says nothing.

        False where it cannot be written down now: the next pull says it, which finds the same deliveries owed.
        """
        owed, commit = answer.owed, self._pull.commit
        if owed is None or not owed.is_owed:
            return True
        try:
            if became is DeliveryState.FAILED:
                failure = answer.report.reason or answer.report.outcome
                await self._state.fail(self._marketplace, owed.want, failure)
            elif became is DeliveryState.DONE and commit is not None:
                await self._state.settle(self._marketplace, owed.want, commit)
        except SkillportError as error:
            log.warning("ledger_not_written", marketplace=self._marketplace, code=error.code, reason=error.message)
            return False
        except Exception as error:
            log.error("ledger_not_written", marketplace=self._marketplace, exc_info=error)
            return False
        return True

    @property
    def _marketplace(self) -> MarketplaceName:
        return self._pull.source.marketplace


def recent_pushes(owed: Owed, now: datetime) -> tuple[PushHint, ...]:
    """What the branch was told to be moments ago. Older pushes may have been followed by others that never arrived."""
    return tuple(
        PushHint(CommitId(hint.before), CommitId(hint.after))
        for hint in owed.hints
        if hint.before and hint.after and (now - hint.received_at).total_seconds() < AWAIT_PUSH_FOR_S
    )


def _unexpected(error: Exception) -> Broken:
    """A pull that fell over something nobody thought of must not take the service with it: what is published stays served."""
    log.error("pull_crashed", exc_info=error)
    return Broken(f"{type(error).__name__} while pulling: the log has the whole story", code="pull_crashed")
