"""Owns the words of tokens. Values only; ``NewToken`` is the one report that holds a secret, whose purpose it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from skillport_sync.reports.report import Report


@dataclass(frozen=True, slots=True)
class TokenRequest(Report):
    """A token to make: for whom it will speak, and for how long. ``expires_in_days`` None: until it is revoked."""

    principal_id: str
    label: str
    name: str = ""
    email: str | None = None
    groups: tuple[str, ...] = ()
    expires_in_days: int | None = None


@dataclass(frozen=True, slots=True)
class TokenRow(Report):
    """A token as it may be shown at any time: everything but the token."""

    id: str
    principal_id: str
    label: str
    created_at: datetime
    name: str = ""
    email: str | None = None
    groups: tuple[str, ...] = ()
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    purpose: str | None = None
    """What somebody made it for themselves for; None: an operator made it."""
    read_only: bool = False
    client_id: str | None = None
    """Through which client they asked for it."""


@dataclass(frozen=True, slots=True)
class NewToken(Report):
    """A token just made. ``token`` is told this once; only its hash is kept."""

    token: str = field(repr=False)
    row: TokenRow
