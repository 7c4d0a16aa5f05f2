"""Owns the words of the audit: which part of it is asked for, and what it says of one thing that happened. Values only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports.report import Report


@dataclass(frozen=True, slots=True)
class AuditRequest(Report):
    """Which events: from ``since`` until before ``until``, of one person, of one kind; of all where it is None."""

    since: datetime | None = None
    until: datetime | None = None
    user: str | None = None
    action: str | None = None
    limit: int | None = None
    """Only the latest so many. None: all of them."""


@dataclass(frozen=True, slots=True)
class AuditRow(Report):
    """One thing that happened. There is never a token in it."""

    at: datetime
    action: str
    outcome: str
    """``ok``, or a code that says why not."""
    principal_id: str | None = None
    """None where nobody had proved who they are, and for what an operator did."""
    client_id: str | None = None
    surface: str | None = None
    marketplace: MarketplaceName | None = None
    publication: int | None = None
    skill: str | None = None
    commit: CommitId | None = None
    detail: str = ""

    def as_line(self) -> dict[str, str | int]:
        """For a line of JSON: the time in UTC and always as long; of the rest only what is said."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        said["at"] = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return {name: value for name, value in said.items() if value not in (None, "")}
