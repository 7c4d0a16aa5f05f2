"""Owns rate limits: each identity's primary bucket, and secondary limits on command (github.md §4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WINDOW = timedelta(hours=1)
ANONYMOUS_LIMIT = 60


@dataclass(slots=True)
class Bucket:
    limit: int
    used: int
    reset_at: datetime

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Secondary:
    """One answer that says "too fast". ``retry_after_s`` None leaves the header out, as GitHub sometimes does."""

    status: int
    retry_after_s: int | None


@dataclass(slots=True)
class Limits:
    """``off`` sends no rate-limit headers at all, as a GitHub Enterprise Server does by default."""

    now: Callable[[], datetime]
    limit: int = 5000
    off: bool = False
    exhausted_status: int = 403
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _secondary: list[Secondary] = field(default_factory=list)

    def bucket(self, identity: str) -> Bucket:
        """The bucket as it is now; a window that has passed is a fresh one."""
        found = self._buckets.get(identity)
        if found is None or found.reset_at <= self.now():
            limit = ANONYMOUS_LIMIT if identity == "anonymous" else self.limit
            found = self._buckets[identity] = Bucket(limit, 0, self.now() + WINDOW)
        return found

    def exhaust(self, *, status: int = 403, reset_in_s: float = 3600.0) -> None:
        """Everybody known has nothing left until then; answered with 403 or 429."""
        self.exhausted_status = status
        reset_at = self.now() + timedelta(seconds=reset_in_s)
        for identity in self._buckets:
            self._buckets[identity] = Bucket(self.limit, self.limit, reset_at)

    def leave(self, remaining: int) -> None:
        """Everybody known has this much left in the present window."""
        for bucket in self._buckets.values():
            bucket.used = bucket.limit - remaining

    def refill(self) -> None:
        for bucket in self._buckets.values():
            bucket.used = 0

    def secondary_next(self, *, times: int = 1, status: int = 403, retry_after_s: int | None = 60) -> None:
        self._secondary += [Secondary(status, retry_after_s)] * times

    def take_secondary(self) -> Secondary | None:
        return self._secondary.pop(0) if self._secondary else None

    def know(self, identity: str) -> None:
        """Open the bucket before the first request, so that it can be exhausted."""
        self.bucket(identity)
