"""Owns what the audit says of one thing that happened. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from skillport_sync.access.model import PrincipalId
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName


class AuditAction(StrEnum):
    """What was done, or tried."""

    CLIENT_REGISTERED = "client_registered"
    CONSENT = "consent"
    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    TOKEN_ISSUED = "token_issued"  # noqa: S105 - a name, not a token
    TOKEN_REFUSED = "token_refused"  # noqa: S105
    SIGN_OUT = "sign_out"
    SESSION_REVOKED = "session_revoked"
    LIST = "list"
    READ = "read"
    INSTALL = "install"
    WRITE = "write"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened. Of a text, the first thousand characters are kept."""

    at: datetime
    action: AuditAction
    outcome: str
    """``ok``, or a code that says why not."""
    principal_id: PrincipalId | None = None
    """None where nobody had proved who they are."""
    client_id: str | None = None
    surface: str | None = None
    """Where it came in: ``mcp``, ``oauth``, ``cli``, …"""
    marketplace: MarketplaceName | None = None
    publication: int | None = None
    skill: str | None = None
    commit: CommitId | None = None
    detail: str = ""
    """In words. Never a token, a code, or an address that carries one."""

    def as_json(self) -> dict[str, str | int]:
        """For a line of JSON: the time in ISO 8601, UTC, always as long; of the rest, only what is said."""
        said: dict[str, str | int | None] = {
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "action": self.action.value,
            "outcome": self.outcome,
            "principal_id": self.principal_id,
            "client_id": self.client_id,
            "surface": self.surface,
            "marketplace": self.marketplace,
            "publication": self.publication,
            "skill": self.skill,
            "commit": self.commit,
            "detail": self.detail or None,
        }
        return {name: value for name, value in said.items() if value is not None}
