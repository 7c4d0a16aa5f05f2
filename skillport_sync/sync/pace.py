"""Owns what the end of one pull means for the next: when it may run, for what cause, and what its deliveries are told.

``wakeups`` counts the seconds and ``retry`` judges failures; here the outcomes of pulls are put into their words. Pure: every
method returns a new value. Times are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from skillport_sync.errors import SkillportError
from skillport_sync.store.ledger import DeliveryState
from skillport_sync.sync.outcomes import Doubtful, InStep, NowPublished, Outcome, Pinned, Suspect
from skillport_sync.sync.retry import Retry, after
from skillport_sync.sync.wakeups import Wakeups

CONFIRM_AFTER_S = 10.0
"""A publication that followed a signed push without reading the branch is confirmed so much later, for a free 304."""
ATTEMPTS_BEFORE_FAILED = 8
"""After so many failed pulls in a row the deliveries behind them are marked failed, so that redelivering one revives it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What one marketplace's loop keeps from pull to pull."""

    wakeups: Wakeups = field(default_factory=Wakeups)
    cause: str = "start"
    """What the pull under way, or the latest, was for."""
    suspect: Suspect | None = None
    """A head that is looked at again before it is believed."""
    source_looks: int = 0
    """How often in a row the other repositories were to be looked at again."""

    @property
    def is_quiet(self) -> bool:
        """Nothing is owed, nothing has failed and nothing is doubted. A confirmation may still be promised."""
        return self.wakeups.is_quiet and self.suspect is None

    def woken(self, cause: str) -> Pace:
        """Somebody wants a pull."""
        return replace(self, wakeups=self.wakeups.woken(cause))

    def started(self, cause: str | None) -> Pace:
        """A pull begins, which answers for every wake so far. ``cause`` None: whatever woke the loop first, or what the pull
        before was for."""
        wakeups, causes = self.wakeups.started()
        return replace(self, wakeups=wakeups, cause=cause or (causes[0] if causes else self.cause))

    def ended(self, outcome: Outcome, now_s: float) -> tuple[Pace, DeliveryState]:
        """The pull came to an outcome. Beside it, what becomes of the deliveries it answered for; OWED: they wait for more."""
        pace = replace(self, suspect=outcome.suspect if isinstance(outcome, Doubtful) else None)
        wakeups = self.wakeups
        match outcome:
            case Doubtful(_, again_in_s):
                found = wakeups.found_nothing(now_s).promised(now_s + again_in_s)
                return replace(pace, wakeups=found), DeliveryState.OWED
            case InStep(awaited=True) | NowPublished(awaited=True):
                return replace(pace, wakeups=wakeups.awaiting(now_s)), DeliveryState.OWED
            case NowPublished(from_hint=True):
                published = wakeups.published().promised(now_s + CONFIRM_AFTER_S)
                return replace(pace, wakeups=published), DeliveryState.DONE
            case NowPublished():
                return replace(pace, wakeups=wakeups.published()), DeliveryState.DONE
            case InStep() | Pinned():
                return replace(pace, wakeups=wakeups.found_nothing(now_s)), DeliveryState.DONE
            case _:
                return replace(pace, wakeups=wakeups.found_nothing(now_s)), DeliveryState.FAILED

    def failed(
        self, error: SkillportError, now_s: float, *, awaits_push: bool, jitter: float, interval_s: float
    ) -> tuple[Pace, DeliveryState]:
        """The pull came to nothing. ``awaits_push``: a push moments ago says that there is a commit; ``jitter`` is a number from
        0.5 to 1; ``interval_s`` lies between two reconciles. Beside it, what becomes of the deliveries, as of ``ended``."""
        attempts = self.wakeups.attempts + 1
        retry = after(error, attempts=attempts, awaits_push=awaits_push)
        has_failed = retry.is_hopeless or attempts >= ATTEMPTS_BEFORE_FAILED
        pace = self.backed_off(retry, now_s, jitter=jitter, interval_s=interval_s)
        return pace, DeliveryState.FAILED if has_failed else DeliveryState.OWED

    def backed_off(self, retry: Retry, now_s: float, *, jitter: float, interval_s: float) -> Pace:
        """Wait longer each time; where trying again soon cannot help, leave it to whoever wakes us, or the next interval."""
        wakeups = self.wakeups.failed(
            now_s,
            jitter=jitter,
            retry_after_s=retry.not_before_s,
            again_in_s=interval_s if retry.is_hopeless else 0.0,
        )
        return replace(self, wakeups=wakeups)

    def looking_after_sources(self, now_s: float, *, has_slow: bool, interval_s: float) -> Pace:
        """Another repository that was slow (``has_slow``), or that a push told of and reads may not show yet, is looked at again:
        less and less often, as long as nothing else is the matter."""
        if not has_slow and self.cause != "source_push":
            return replace(self, source_looks=0)
        again_in_s = CONFIRM_AFTER_S * 2**self.source_looks
        if again_in_s >= interval_s:
            return self
        wakeups = self.wakeups.promised(now_s + again_in_s)
        return replace(self, wakeups=wakeups, cause="source_look", source_looks=self.source_looks + 1)
