"""Owns what the audit is told of sign-in. Only what somebody did who proved something: anybody can cause a refusal, and a flood
of them must not fill the disk. Never a token, a code or an address that carries one.
"""

from __future__ import annotations

from typing import Final

from skillport_sync.access.model import PrincipalId
from skillport_sync.ports import Clock
from skillport_sync.store.audit import Audit, AuditAction, AuditEvent

SURFACE: Final = "oauth"


class Trail:
    """The audit, from here."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    def note(
        self,
        action: AuditAction,
        outcome: str = "ok",
        *,
        person: PrincipalId | None = None,
        client_id: str | None = None,
        detail: str = "",
    ) -> None:
        """Have it written within a moment."""
        self._audit.append_soon(
            AuditEvent(self._clock.now(), action, outcome, person, client_id, surface=SURFACE, detail=detail)
        )
