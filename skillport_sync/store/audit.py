"""Owns the audit: who did what, to what, through which client, and what came of it.

Rows are added, never changed; they go when they are older than they are kept for, and by no other way. What must not be slowed
is not waited for: it is written in groups, a moment later. Never holds a token.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog

from skillport_sync.access.model import PrincipalId
from skillport_sync.errors import SkillportError
from skillport_sync.store import audit_rows, usage_rows
from skillport_sync.store.audit_events import AuditAction, AuditEvent
from skillport_sync.store.audit_rows import Wanted
from skillport_sync.store.database import micros
from skillport_sync.store.readers import Readers
from skillport_sync.store.usage_rows import Used
from skillport_sync.store.writer import Writer

__all__ = ["Audit", "AuditAction", "AuditEvent"]

log = structlog.get_logger()

GATHER_S: Final = 0.1
"""How long the first of a group waits for others: what is lost at most when power fails."""
RETRY_S: Final = 1.0
MAX_WAITING: Final = 10_000
_WRITE_AT_ONCE: Final = 1000
_FORGET_AT_ONCE: Final = 500


class Audit:
    """The audit of one service."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        *,
        gather_s: float = GATHER_S,
        retry_s: float = RETRY_S,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._gather_s = gather_s
        self._retry_s = retry_s
        self._max_waiting = max_waiting
        self._waiting: deque[AuditEvent] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[SkillportError | None] | None = None
        self._closed = False
        self._on_event: Callable[[AuditEvent], None] | None = None

    def listen(self, on_event: Callable[[AuditEvent], None]) -> None:
        """Have every event told from now on, whether it can be stored or not. ``on_event`` returns at once and never raises."""
        self._on_event = on_event

    async def append(self, event: AuditEvent) -> None:
        """Write it down: once this returns, power may fail.

        Raises: Unavailable when it cannot be stored.
        """
        await self._writer.run(audit_rows.insert, [event])
        self._tell(event)

    def append_soon(self, event: AuditEvent) -> None:
        """Have it written within a moment, without waiting: for what must not be slowed. Never raises.

        What cannot be stored, because the disk is full and very many wait already, goes to the log as a whole.
        """
        self._tell(event)
        if self._closed or len(self._waiting) >= self._max_waiting:
            _to_log([event])
            return
        self._waiting.append(event)
        if self._timer is None and self._writing is None:
            self._put_off(self._gather_s)

    async def read(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: PrincipalId | None = None,
        action: AuditAction | None = None,
        limit: int = 100,
    ) -> list[AuditEvent]:
        """What happened from ``since`` until before ``until``, newest first. What waits is written before, where it can be."""
        await self._flush_if_possible()
        # On a connection of its own: a long search must not keep anybody's token from being looked up.
        return await self._readers.in_thread(audit_rows.newest, Wanted.of(since, until, actor, action), limit)

    async def export(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: PrincipalId | None = None,
        action: AuditAction | None = None,
    ) -> AsyncIterator[list[AuditEvent]]:
        """All of that in the order in which it was written, some at a time."""
        await self._flush_if_possible()
        wanted, after = Wanted.of(since, until, actor, action), 0
        while True:
            events, after = await self._readers.in_thread(audit_rows.page, wanted, after)
            if not events:
                return
            yield events

    async def usage(self, *, since: datetime | None = None, by_person: bool = False) -> list[Used]:
        """How often what was read and installed from ``since`` on; counted by person too where that is asked for."""
        await self._flush_if_possible()
        return await self._readers.in_thread(usage_rows.counted, since, by_person)

    async def forget_older_than(self, keep: timedelta, now: datetime) -> int:
        """Forget what is older, in small steps; returns how many. Nothing else can take a row away."""
        before_us, forgotten, step = micros(now - keep), 0, _FORGET_AT_ONCE
        while step == _FORGET_AT_ONCE:
            step = await self._writer.run(audit_rows.forget, before_us, _FORGET_AT_ONCE)
            forgotten += step
        return forgotten

    async def flush(self) -> None:
        """Write what waits. What cannot be stored goes on waiting.

        Raises: Unavailable when it cannot be stored.
        """
        while self._waiting:
            # Shielded: what is written is everybody's, whoever is cancelled.
            error = await asyncio.shield(self._writing or self._write())
            if error is not None:
                raise error

    async def close(self) -> None:
        """Write what waits; what cannot be stored goes to the log, as does what is appended afterwards."""
        self._closed = True
        await self._flush_if_possible()
        self._put_off(None)
        _to_log(self._waiting)
        self._waiting.clear()

    def _tell(self, event: AuditEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)

    async def _flush_if_possible(self) -> None:
        with suppress(SkillportError):  # said in the log when it happened
            await self.flush()

    def _put_off(self, delay_s: float | None) -> None:
        """Write what waits that much later; None: not before somebody asks for it."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if delay_s is None else asyncio.get_running_loop().call_later(delay_s, self._write)

    def _write(self) -> asyncio.Task[SkillportError | None]:
        """Begin to write what waits. One task at a time, which ends by itself; ``close`` waits for it."""
        self._put_off(None)
        self._writing = asyncio.create_task(self._write_waiting())
        return self._writing

    async def _write_waiting(self) -> SkillportError | None:
        """Write group by group until nothing waits; returns why it stopped before. A group goes when it is stored."""
        try:
            while self._waiting:
                group = list(islice(self._waiting, _WRITE_AT_ONCE))
                await self._store(group)
                for _ in group:
                    self._waiting.popleft()
        except SkillportError as error:
            log.warning("audit_not_written", waiting=len(self._waiting), error=error.message)
            self._put_off(self._retry_s)
            return error
        finally:
            self._writing = None
        return None

    async def _store(self, group: Sequence[AuditEvent]) -> None:
        try:
            await self._writer.run(audit_rows.insert, group)
        except SkillportError:
            raise
        except Exception:  # one of them can never be stored: no other may wait for it for ever
            log.exception("audit_group_refused", events=len(group))
            _to_log(group)


def _to_log(events: Iterable[AuditEvent]) -> None:
    for event in events:
        log.error("audit_event_not_stored", **event.as_json())
