"""Owns fairness: a burst of deliveries must not keep the people who ask questions waiting.

The work of one delivery is short, but many become ready in the same turn of the event loop (one commit of the ledger answers
hundreds), and a turn ends only when all of it is done. Never drops or reorders anything.
"""

from __future__ import annotations

import asyncio
from collections import deque

RESTING_TURNS = 3
"""Turns of the loop between two pieces of work: a question takes three, to be read, answered and written."""


class Turnstile:
    """Lets work through piece by piece, in the order of asking, with turns of the event loop in between."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_turning = False

    async def turn(self) -> None:
        """Return when it is this one's turn; at once where nobody else is at it."""
        loop = asyncio.get_running_loop()
        if not self._is_turning:
            self._is_turning = True
            loop.call_soon(self._next)
            return
        waiting = loop.create_future()
        self._waiting.append(waiting)
        await waiting

    def _next(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                self._rest(RESTING_TURNS)
                return
        self._is_turning = False

    def _rest(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns:
            loop.call_soon(self._rest, turns - 1)
        else:
            loop.call_soon(self._next)
