"""Owns how much may be asked of GitHub, what asking has cost, and when it may go on: Limits, Spent, Gate. Never waits."""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.errors import RateLimited
from skillport_sync.ports import Clock


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much one answer may be. Times are seconds, sizes bytes."""

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    """Between two pieces of an answer."""
    total_timeout_s: float = 60.0
    """For everything but archives."""
    archive_bytes_per_s: int = 256 * 1024
    """An archive of ``max_bytes`` may take ``total_timeout_s`` and as long as it needs at this speed."""
    max_json_bytes: int = 64 * 1024 * 1024
    max_archive_members: int = 250_000
    max_redirects: int = 3


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests made, and how many of them GitHub counts against the primary limit (not a 304, not an archive's download)."""

    requests: int = 0
    primary: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.requests + other.requests, self.primary + other.primary)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.requests - other.requests, self.primary - other.primary)


class Gate:
    """Closed while a limit lasts, for everybody who shares it: asking on while limited can get an integration banned."""

    def __init__(self, clock: Clock, *, code: str = RateLimited.default_code) -> None:
        self._clock = clock
        self._code = code
        self._not_before_s = float("-inf")

    def close_for(self, wait_s: float) -> None:
        """Never opens earlier than an earlier answer asked for."""
        self._not_before_s = max(self._not_before_s, self._clock.monotonic_s() + wait_s)

    def check(self) -> None:
        """Raises RateLimited, with what is left of the wait, while the gate is closed."""
        remaining_s = self._not_before_s - self._clock.monotonic_s()
        if remaining_s > 0:
            raise RateLimited(
                f"GitHub's rate limit is used up; it was not asked again. {remaining_s:.0f} s of the wait are left.",
                code=self._code,
                retry_after_s=remaining_s,
            )
