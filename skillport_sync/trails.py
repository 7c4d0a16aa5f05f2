"""Owns what the audit is told of people at work: what they read, install and change, on which surface.

Each is called while somebody waits for an answer: nothing here waits, and nothing raises.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from mcp_server.authentication import Caller
from mcp_server.install.installs import Install
from mcp_server.reads import Read
from mcp_server.rest.writes import Write
from skillport_sync.access.model import PrincipalId
from skillport_sync.ports import Clock
from skillport_sync.store.audit import Audit, AuditAction, AuditEvent

AGAIN_S: Final = 60.0
"""The same person reading the same through the same client is noted once in so long: clients ask again and again."""
_MOST_REMEMBERED: Final = 10_000


class ReadTrail:
    """Told of every read on one surface: an ``OnRead``. What is read again soon is noted once."""

    def __init__(self, audit: Audit, clock: Clock, surface: str = "mcp") -> None:
        self._audit = audit
        self._clock = clock
        self._surface = surface
        self._noted: OrderedDict[tuple[PrincipalId, str | None, Read], float] = OrderedDict()

    def __call__(self, caller: Caller, read: Read) -> None:
        key, now_s = (caller.principal.id, caller.client_id, read), self._clock.monotonic_s()
        noted_s = self._noted.get(key)
        if noted_s is not None and now_s - noted_s < AGAIN_S:
            return
        self._noted[key] = now_s
        self._noted.move_to_end(key)
        self._forget(now_s)
        self._audit.append_soon(
            AuditEvent(
                self._clock.now(),
                AuditAction.READ,
                read.outcome,
                caller.principal.id,
                caller.client_id,
                surface=self._surface,
                marketplace=read.marketplace,
                publication=read.publication,
                skill=read.skill,
                commit=read.commit,
                detail=", ".join(read.paths),
            )
        )

    def _forget(self, now_s: float) -> None:
        """What is long enough ago, and the oldest where there are too many. The newest is always kept."""
        while len(self._noted) > _MOST_REMEMBERED or now_s - next(iter(self._noted.values())) >= AGAIN_S:
            self._noted.popitem(last=False)


class InstallTrail:
    """Told of everything that is handed out to be installed: an ``OnInstall``."""

    def __init__(self, audit: Audit, clock: Clock, surface: str) -> None:
        self._audit = audit
        self._clock = clock
        self._surface = surface

    def __call__(self, caller: Caller | None, install: Install) -> None:
        self._audit.append_soon(
            AuditEvent(
                self._clock.now(),
                AuditAction.INSTALL,
                install.outcome,
                None if caller is None else caller.principal.id,
                None if caller is None else caller.client_id,
                surface=self._surface,
                marketplace=install.marketplace,
                skill=install.skill,
                commit=install.commit,
                detail=install.target or "",
            )
        )


class WriteTrail:
    """Told of every change, and of every one that was refused: an ``OnWrite``."""

    def __init__(self, audit: Audit, clock: Clock, surface: str = "rest") -> None:
        self._audit = audit
        self._clock = clock
        self._surface = surface

    def __call__(self, caller: Caller, write: Write) -> None:
        self._audit.append_soon(
            AuditEvent(
                self._clock.now(),
                AuditAction.WRITE,
                write.outcome,
                caller.principal.id,
                caller.client_id,
                surface=self._surface,
                marketplace=write.marketplace,
                publication=write.publication,
                skill=write.skill,
                commit=write.commit,
                detail=": ".join(part for part in (write.operation, write.detail) if part),
            )
        )
