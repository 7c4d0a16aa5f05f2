"""Owns how long a provider's documents are believed: for an hour, longer while it is down, and fetched once for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from skillport_sync.errors import Unavailable
from skillport_sync.ports import Clock

log = structlog.get_logger(__name__)

FRESH_S: Final = 3600.0
REFETCH_PAUSE_S: Final = 60.0
"""So long after ``newer`` fetched, it does not again: what a token says must not make anybody send requests."""
FAILURE_PAUSE_S: Final = 10.0
"""So long a failure is given to everybody who asks: a provider that is down is not asked once for every person waiting."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    value: T
    at_s: float


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Unavailable
    at_s: float


class Remembered(Generic[T]):
    """One document, from ``fetch``. With ``stale_s`` it is believed that long when a newer one cannot be had."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[T]],
        clock: Clock,
        *,
        what: str,
        fresh_s: float = FRESH_S,
        stale_s: float = 0.0,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._what = what
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._held: _Held[T] | None = None
        self._failed: _Failed | None = None
        self._newer_asked_s = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def get(self) -> T:
        """The document. Raises: Unavailable, as ``fetch`` does, where none is held that may still be believed."""
        held = self._fresh()
        if held is not None:
            return held.value
        async with self._one_at_a_time:
            held = self._fresh()
            if held is not None:
                return held.value
            try:
                return await self._fetched()
            except Unavailable as error:
                if self._held is None or self._age_s(self._held) >= self._stale_s:
                    raise
                log.warning("provider_document_stale", what=self._what, code=error.code, age_s=self._age_s(self._held))
                return self._held.value

    async def newer(self, than: T) -> T | None:
        """Another one than this, because this seems to be out of date. None: there is none now. Raises: Unavailable."""
        async with self._one_at_a_time:
            if self._held is not None and self._held.value is not than:
                return self._held.value
            now_s = self._clock.monotonic_s()
            if now_s - self._newer_asked_s < REFETCH_PAUSE_S:
                return None
            self._newer_asked_s = now_s
            return await self._fetched()

    async def _fetched(self) -> T:
        if self._failed is not None and self._clock.monotonic_s() - self._failed.at_s < FAILURE_PAUSE_S:
            raise Unavailable(self._failed.error.message, code=self._failed.error.code)
        try:
            value = await self._fetch()
        except Unavailable as error:
            self._failed = _Failed(error, self._clock.monotonic_s())
            raise
        self._held, self._failed = _Held(value, self._clock.monotonic_s()), None
        return value

    def _fresh(self) -> _Held[T] | None:
        return self._held if self._held is not None and self._age_s(self._held) < self._fresh_s else None

    def _age_s(self, held: _Held[T]) -> float:
        return self._clock.monotonic_s() - held.at_s
