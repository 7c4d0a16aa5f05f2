"""Owns what the audit is told of an operator, and what it tells one. Never a token, and never who typed: the control socket's
file mode says who may, not who did.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

import structlog

from skillport_sync.access.model import PrincipalId
from skillport_sync.errors import Invalid, SkillportError
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.reports import AuditRequest, AuditRow
from skillport_sync.store.audit import Audit, AuditAction, AuditEvent

log = structlog.get_logger(__name__)

SURFACE: Final = "cli"
ROWS_AT_ONCE: Final = 100


class OperatorTrail:
    """The audit, from here."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def note(
        self,
        command: str,
        outcome: str = "ok",
        *,
        marketplace: MarketplaceName | None = None,
        commit: CommitId | None = None,
        detail: str = "",
    ) -> None:
        """Write down what an operator did, ``detail`` behind the command. Never fails what was done already."""
        words = f"{command}: {detail}" if detail else command
        await self._write(
            AuditEvent(
                self._clock.now(),
                AuditAction.OPERATOR,
                outcome,
                surface=SURFACE,
                marketplace=marketplace,
                commit=commit,
                detail=words,
            )
        )

    async def note_ended(self, person: PrincipalId, client_id: str, reason: str) -> None:
        """Write down, where it is found by the person, that an operator ended a session."""
        await self._write(
            AuditEvent(
                self._clock.now(),
                AuditAction.SESSION_REVOKED,
                "operator",
                person,
                client_id,
                surface=SURFACE,
                detail=reason,
            )
        )

    async def _write(self, event: AuditEvent) -> None:
        try:
            await self._audit.append(event)
        except SkillportError as error:
            log.warning("operator_event_put_off", error=error.message)
            self._audit.append_soon(event)


async def told(audit: Audit, request: AuditRequest) -> AsyncGenerator[Sequence[AuditRow], None]:
    """The events that were asked for in the order in which they happened, some at a time.

    Raises:
        Invalid: there is no such action.
    """
    action = None if request.action is None else _action(request.action)
    actor = None if request.user is None else PrincipalId(request.user)
    if request.limit is not None:
        latest = await audit.read(
            since=request.since, until=request.until, actor=actor, action=action, limit=request.limit
        )
        for rows in _some(latest[::-1]):
            yield rows
        return
    async for events in audit.export(since=request.since, until=request.until, actor=actor, action=action):
        for rows in _some(events):
            yield rows


def _some(events: Sequence[AuditEvent]) -> list[list[AuditRow]]:
    rows = [_row(event) for event in events]
    return [rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE)]


def _row(event: AuditEvent) -> AuditRow:
    return AuditRow(
        at=event.at,
        action=event.action.value,
        outcome=event.outcome,
        principal_id=event.principal_id,
        client_id=event.client_id,
        surface=event.surface,
        marketplace=event.marketplace,
        publication=event.publication,
        skill=event.skill,
        commit=event.commit,
        detail=event.detail,
    )


def _action(name: str) -> AuditAction:
    try:
        return AuditAction(name)
    except ValueError:
        known = ", ".join(sorted(AuditAction))
        raise Invalid(f"there is no action {name!r} in the audit; there are {known}", code="unknown_action") from None
