"""Owns the pulls that somebody waits for: asked for, taken one after the other, and every asker answered whatever happens.

An operator's wish is more than a wake: it says what the pull is to do, watches it, and wants to know what came of it. Never
pulls, and never waits for one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from skillport_sync.errors import Unavailable
from skillport_sync.reports import PullReport
from skillport_sync.sync.attempt import OnProgress
from skillport_sync.sync.outcomes import Landed


@dataclass(frozen=True, slots=True)
class Order:
    """A pull that somebody waits for."""

    verify: bool = False
    full: bool = False
    dry_run: bool = False
    confirm: str | None = None
    """The commit that begins like this may remove as many skills as it does."""
    cause: str = "operator"
    landed: Landed | None = None
    """A commit that was just made here."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order, and who is told."""

    order: Order
    on_progress: OnProgress
    answer: asyncio.Future[PullReport]

    @property
    def has_gone(self) -> bool:
        """Whoever asked does not wait any more."""
        return self.answer.done()

    def tell(self, report: PullReport) -> None:
        """What came of it."""
        if not self.answer.done():
            self.answer.set_result(report)

    def refuse(self) -> None:
        """The loop ends: whoever waits is told, and not cancelled as if they had wanted that."""
        if not self.answer.done():
            self.answer.set_exception(_stopping())


class Orders:
    """The orders of one marketplace that are not begun, oldest first."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._are_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def place(self, order: Order, on_progress: OnProgress) -> asyncio.Future[PullReport]:
        """Have it taken in its turn; the answer is for its asker to wait for, and to cancel.

        Raises: Unavailable (``stopping``): nobody takes orders any more.
        """
        if self._are_closed:
            raise _stopping()
        waiting = Waiting(order, on_progress, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        return waiting.answer

    def take(self) -> Waiting:
        """The oldest. There is one."""
        return self._waiting.popleft()

    def close(self) -> None:
        """Refuse all that wait, and whoever comes later."""
        self._are_closed = True
        for waiting in self._waiting:
            waiting.refuse()


def _stopping() -> Unavailable:
    return Unavailable("the service is stopping: start it again, then repeat the command", code="stopping")
