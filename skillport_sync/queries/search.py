"""Owns the indexes in memory: when one is made, who waits for it, and how long it is kept.

Never looks into one, and never decides what may be read: an index is made of what a view lists.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from skillport_sync.errors import SkillportError
from skillport_sync.git.objects import BlobId
from skillport_sync.ports import Clock
from skillport_sync.queries.answers import Basis
from skillport_sync.queries.skill_index import SkillIndex, index_of
from skillport_sync.queries.views import View

log = structlog.get_logger()

MAX_INDEXES = 16
MAX_INDEX_BYTES = 64 * 1024 * 1024
"""Of all together; a single one may be larger. That of 10,000 skills takes about 10 MB."""
AGAIN_AFTER_S = 60.0
"""How long an index that lacks bodies is good enough."""


class BodyReader(Protocol):
    """Where bodies come from."""

    def reading(self) -> AbstractContextManager[Mapping[BlobId, bytes]]:
        """Contents by id, in a worker thread. KeyError: not held. Raises: Broken, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    index: SkillIndex
    since_s: float


class Search:
    """The indexes, each made when a view is searched for the first time.

    They are kept for as long as what they were made of is in force; the least recently asked is given up where there are too many
    or they are too large together.
    """

    def __init__(
        self,
        bodies: BodyReader,
        clock: Clock,
        *,
        max_indexes: int = MAX_INDEXES,
        max_bytes: int = MAX_INDEX_BYTES,
    ) -> None:
        self._bodies = bodies
        self._clock = clock
        self._max_indexes = max_indexes
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Basis, _Kept] = OrderedDict()
        self._being_made: dict[Basis, asyncio.Future[SkillIndex]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._generation = 0

    @property
    def size_bytes(self) -> int:
        """What the indexes take together."""
        return sum(kept.index.rows.size_bytes for kept in self._kept.values())

    async def index(self, view: View) -> SkillIndex:
        """The index of this view. Whoever asks while it is made waits for the same one.

        One that lacks bodies is made again after a minute: what was damaged or away is fetched again by then.
        """
        kept = self._recall(view.basis)
        if kept is None:
            async with self._one_at_a_time:
                kept = self._recall(view.basis)
                if kept is None:
                    # Who asked first may go away: the thread goes on, and the next one finds what it has made.
                    kept = await asyncio.shield(self._being_made.get(view.basis) or self._begin(view))
        return kept

    def forget(self) -> None:
        """Something was published: no view is what it was."""
        self._generation += 1
        self._kept.clear()

    def _recall(self, basis: Basis) -> SkillIndex | None:
        kept = self._kept.get(basis)
        if kept is None or (kept.index.lacking and self._clock.monotonic_s() - kept.since_s > AGAIN_AFTER_S):
            return None
        self._kept.move_to_end(basis)
        return kept.index

    def _begin(self, view: View) -> asyncio.Future[SkillIndex]:
        making = asyncio.get_running_loop().run_in_executor(None, _made, view, self._bodies, self._clock)
        making.add_done_callback(partial(self._keep, view.basis, self._generation))
        self._being_made[view.basis] = making
        return making

    def _keep(self, basis: Basis, generation: int, made: asyncio.Future[SkillIndex]) -> None:
        if self._being_made.get(basis) is made:
            del self._being_made[basis]
        if made.cancelled() or made.exception() is not None or generation != self._generation:
            return
        self._kept[basis] = _Kept(made.result(), self._clock.monotonic_s())
        self._kept.move_to_end(basis)
        while len(self._kept) > 1 and (len(self._kept) > self._max_indexes or self.size_bytes > self._max_bytes):
            self._kept.popitem(last=False)


def _made(view: View, bodies: BodyReader, clock: Clock) -> SkillIndex:
    """The index of a view, from scratch; without bodies where they cannot be read now. Runs in a worker thread."""
    began_s = clock.monotonic_s()
    try:
        with bodies.reading() as contents:
            index = index_of(view, contents)
    except SkillportError as error:
        log.warning("search_bodies_unread", code=error.code, message=error.message)
        index = index_of(view, {})
    log.info(
        "search_indexed",
        skills=view.size,
        lacking=index.lacking,
        size_bytes=index.rows.size_bytes,
        duration_ms=round((clock.monotonic_s() - began_s) * 1000),
    )
    return index
