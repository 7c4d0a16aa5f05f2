"""Owns what happens by the clock: reconcile at an interval with jitter, and housekeeping.

APScheduler only says "now"; the loops do the work and decide. Its measured habits (storage-and-reliability.md §4): an interval
job does not run at start, a missed run is dropped unless the grace time is None, and it goes silent after the wall clock jumps
back, which is why each loop has a watchdog of its own on the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger


@contextmanager
def schedule(
    *,
    reconcile: Callable[[], None],
    every_s: float,
    jitter_s: float,
    tidy: Callable[[], Awaitable[None]],
    tidy_every_s: float,
) -> Iterator[Callable[[], datetime | None]]:
    """Call ``reconcile`` every ``every_s`` seconds (later by up to ``jitter_s``) and ``tidy`` every ``tidy_every_s``.

    Neither is called at once: the start of the service is a wake of its own. Gives a function that says when the next
    reconcile is due.
    """
    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True})

    async def wake() -> None:
        reconcile()

    trigger = IntervalTrigger(seconds=every_s, jitter=jitter_s or None, timezone="UTC")
    job = scheduler.add_job(wake, trigger, id="reconcile")
    scheduler.add_job(tidy, IntervalTrigger(seconds=tidy_every_s, timezone="UTC"), id="tidy")
    scheduler.start()
    try:
        yield lambda: job.next_run_time
    finally:
        scheduler.shutdown(wait=False)
