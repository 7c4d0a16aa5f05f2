"""Owns how late the event loop is: what is due now and runs later is what everybody waits for.

One timer and no task: it cannot fail, and there is nothing to stop in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

EVERY_S: Final = 0.25
"""Four times a second: what blocks the loop for longer than this is always seen, what is shorter as often as it matters."""


@contextmanager
def measuring(tell: Callable[[float], None], every_s: float = EVERY_S) -> Iterator[None]:
    """Tell, every so often until left, how many seconds late the running loop was."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look(due_s: float) -> None:
        nonlocal timer
        now_s = loop.time()
        tell(max(0.0, now_s - due_s))
        timer = loop.call_at(now_s + every_s, look, now_s + every_s)

    first_s = loop.time() + every_s
    timer = loop.call_at(first_s, look, first_s)
    try:
        yield
    finally:
        timer.cancel()
