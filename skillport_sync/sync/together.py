"""Owns concurrent steps of one pull: started together, ended together, whatever happens to one of them or to their owner.

Not ``asyncio.TaskGroup``: where a step fails while its owner is being cancelled, that raises the step's error and the
cancellation is lost before Python 3.13 (https://github.com/python/cpython/issues/116720). A service that is asked to stop just
when GitHub cuts a connection would go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Steps:
    """Tasks that have one owner."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def begin(self, step: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(step)
        self._tasks.append(task)
        return task

    async def succeeded(self) -> None:
        """Wait until all have; raises the error of the first that fails."""
        if self._tasks:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in self._tasks:
            if task.done():
                task.result()

    async def ended(self) -> None:
        """Cancel what still runs, and wait until nothing does."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for task in self._tasks:
            if not task.cancelled():
                task.exception()  # of several errors one is raised; the others are not "never retrieved"


@asynccontextmanager
async def together() -> AsyncIterator[Steps]:
    """Steps that have all succeeded when the block is left.

    The first error, the block's own too, cancels the others and is raised as itself: callers catch our errors, and one of them
    is all they can act on.
    """
    steps = Steps()
    try:
        yield steps
        await steps.succeeded()
    finally:
        await steps.ended()
