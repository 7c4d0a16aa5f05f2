"""Owns the noticing that the machine's clock was set back, so that nothing that was to end lives on for it.

The wall clock says until when a token is good, because that has to survive a restart; the monotonic one says how long ago
something was. Where the first falls behind the second, deadlines are moved before anybody is let in. A clock that is put forward
needs nothing: tokens end early, and clients renew them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from skillport_sync.ports import Clock

log = structlog.get_logger(__name__)

TOLERATED_S: Final = 30.0
"""So little is set right all the time, and nobody gains by it."""

Mend = Callable[[timedelta], Awaitable[None]]
"""Has every deadline come so much earlier. Raises: Unavailable if that cannot be written down now."""


class SetBack:
    """Watches the distance between the two clocks, for as long as the process lives."""

    def __init__(self, clock: Clock, mend: Mend) -> None:
        self._clock = clock
        self._mend = mend
        self._mending = asyncio.Lock()
        self._furthest_s = self._distance_s

    @property
    def _distance_s(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic_s()

    async def check(self) -> None:
        """Returns once every deadline is right. Costs nothing where the clock was left alone.

        Raises: Unavailable if deadlines had to be moved and could not be.
        """
        if self._behind_s <= TOLERATED_S:
            return
        async with self._mending:
            behind_s = self._behind_s
            if behind_s > TOLERATED_S:
                await self._mend(timedelta(seconds=behind_s))
                self._furthest_s -= behind_s
                log.warning("clock_set_back", by_s=round(behind_s))

    @property
    def _behind_s(self) -> float:
        """How far the wall clock is behind where it would be. Small steps add up; put forward, it counts from there."""
        distance_s = self._distance_s
        self._furthest_s = max(self._furthest_s, distance_s)
        return self._furthest_s - distance_s
