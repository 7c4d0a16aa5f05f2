"""Owns how long the stages of one pull took, read off what the pull tells of its progress. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from skillport_sync.ports import Clock
from skillport_sync.reports import Progress, Stage


class Stages:
    """Stands where progress is told and passes it on. The time until another stage is told belongs to the one told before."""

    def __init__(self, clock: Clock, on_progress: Callable[[Progress], None]) -> None:
        self._clock = clock
        self._on_progress = on_progress
        self._durations_s: dict[Stage, float] = {}
        self._under_way: Stage | None = None
        self._since_s = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._under_way:
            self._turn(progress.stage)
        self._on_progress(progress)

    def ended(self) -> Mapping[Stage, float]:
        """Seconds by stage; together they are the time from the first word to now."""
        self._turn(None)
        return self._durations_s

    def _turn(self, stage: Stage | None) -> None:
        now_s = self._clock.monotonic_s()
        if self._under_way is not None:
            before_s = self._durations_s.get(self._under_way, 0.0)
            self._durations_s[self._under_way] = before_s + now_s - self._since_s
        self._under_way, self._since_s = stage, now_s
