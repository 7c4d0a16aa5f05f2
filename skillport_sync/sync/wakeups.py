"""Owns when the next pull may run: wakes, backoff, and the promise that no wake is lost.

Level-triggered: a wake says "look again", never what to do, so any number of them before a pull cost one pull, and one that
comes during a pull costs one more. Pure: every method takes the time and returns a new value. Times are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 60.0
REST_S = 0.5
LONGEST_REST_S = 2.0
"""After a pull that found nothing new the next one waits ``REST_S``, and longer each time while wakes keep pouring in for
nothing: ten thousand deliveries of one push are a handful of pulls."""


@dataclass(frozen=True, slots=True)
class Wakeups:
    """The state of one marketplace's loop. ``causes`` are the distinct reasons since the last pull began, oldest first."""

    causes: tuple[str, ...] = ()
    due_s: float | None = None
    """A look that was promised for later (a retry, a second look, a confirmation); None when nothing is promised."""
    not_before_s: float = 0.0
    """Nothing starts earlier than this: GitHub asked for it, or the last pull failed or found nothing."""
    attempts: int = 0
    """Pulls in a row that did not settle what they were asked for."""
    rest_s: float = 0.0
    """How long the rest after the last pull was; 0 when there was none."""

    @property
    def is_quiet(self) -> bool:
        """Nothing is owed and nothing has failed. A confirmation may still be promised."""
        return not self.causes and not self.attempts

    def woken(self, cause: str) -> Wakeups:
        """Somebody wants a pull."""
        return self if cause in self.causes else replace(self, causes=(*self.causes, cause))

    def promised(self, at_s: float) -> Wakeups:
        """Look again at ``at_s`` even if nobody wakes us. The earliest promise holds."""
        return replace(self, due_s=at_s if self.due_s is None else min(self.due_s, at_s))

    def wait_s(self, now_s: float) -> float | None:
        """How long to sleep: 0 when a pull may start now, None when only a wake can end the sleep."""
        if self.causes:
            return max(0.0, self.not_before_s - now_s)
        if self.due_s is None:
            return None
        return max(0.0, max(self.due_s, self.not_before_s) - now_s)

    def started(self) -> tuple[Wakeups, tuple[str, ...]]:
        """A pull begins now: it answers for every wake so far. Later ones stay owed. Returns the causes it answers for."""
        return replace(self, causes=(), due_s=None), self.causes

    def published(self) -> Wakeups:
        """The pull settled what it answered for, and there may be more to come: the next one may start at once."""
        return replace(self, attempts=0, not_before_s=0.0, rest_s=0.0)

    def found_nothing(self, now_s: float) -> Wakeups:
        """Nothing was published. Whoever wakes us now waits a moment."""
        came_at_once = self.rest_s > 0.0 and now_s - self.not_before_s < REST_S
        rest_s = min(LONGEST_REST_S, 2.0 * self.rest_s) if came_at_once else REST_S
        return replace(self, attempts=0, not_before_s=now_s + rest_s, rest_s=rest_s)

    def awaiting(self, now_s: float) -> Wakeups:
        """The pull went well, but GitHub does not show yet what it was asked for: look again, less and less often."""
        awaiting = replace(self, attempts=self.attempts + 1, not_before_s=now_s + REST_S)
        return awaiting.promised(now_s + self._backoff_s())

    def failed(self, now_s: float, *, jitter: float, retry_after_s: float = 0.0, again_in_s: float = 0.0) -> Wakeups:
        """The pull did not settle. ``jitter`` is a number from 0.5 to 1.

        Nothing starts before the backoff, nor before ``retry_after_s`` when GitHub asked for that. Unless somebody wakes us,
        it is tried again then, or after ``again_in_s`` where trying sooner would not help.
        """
        not_before_s = now_s + max(jitter * self._backoff_s(), retry_after_s)
        failed = replace(self, attempts=self.attempts + 1, not_before_s=not_before_s)
        return failed.promised(max(not_before_s, now_s + again_in_s))

    def _backoff_s(self) -> float:
        return min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(self.attempts, 16))
