"""Owns the words of sessions: through which clients people are connected, and what came of ending that. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from skillport_sync.reports.report import Report
from skillport_sync.reports.tokens import TokenRow


@dataclass(frozen=True, slots=True)
class SessionRow(Report):
    """One client that somebody signed in through, and that can go on by itself until ``expires_at``."""

    principal_id: str
    client_id: str
    created_at: datetime
    last_used_at: datetime
    """When it was last handed tokens: within the life of an access token."""
    expires_at: datetime
    name: str = ""
    email: str | None = None
    client_name: str = ""
    """As the client calls itself, and nobody checked."""
    return_host: str = ""
    """Where its sign-in was sent back to."""


@dataclass(frozen=True, slots=True)
class RevokeRequest(Report):
    """Whose sessions to end."""

    principal_id: str
    reason: str = ""
    """For whoever reads the audit."""


@dataclass(frozen=True, slots=True)
class RevokedSessions(Report):
    """What came of it: nothing of ``ended`` opens anything any more, on any surface."""

    principal_id: str
    ended: tuple[SessionRow, ...] = ()
    access_tokens: int = 0
    """How many access tokens opened something until now."""
    api_tokens: tuple[TokenRow, ...] = ()
    """Those that an operator made for the same person and that still speak for them: each is revoked by its own id."""
    minted_tokens: tuple[TokenRow, ...] = ()
    """Those that the person made for themselves: revoked with the sessions."""
