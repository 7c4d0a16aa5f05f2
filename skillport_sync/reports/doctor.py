"""Owns the words of an examination: what was looked at, what was seen, and what to do about it. Values only, never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports.report import Report

Verdict = Literal["ok", "warning", "failed"]
_WORST: tuple[Verdict, ...] = ("failed", "warning", "ok")


@dataclass(frozen=True, slots=True)
class Check(Report):
    """One thing that was looked at."""

    area: str
    """Checks of one area stand together."""
    what: str
    verdict: Verdict
    seen: str
    to_do: str = ""
    """Empty where there is nothing to do."""


@dataclass(frozen=True, slots=True)
class DoctorReport(Report):
    """Everything that was looked at, in the order in which a client would come by."""

    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of them."""
        seen = {check.verdict for check in self.checks}
        return next((verdict for verdict in _WORST if verdict in seen), "ok")


@dataclass(frozen=True, slots=True)
class GitHubAccess(Report):
    """Whether a marketplace's repository can be read now, with the credentials in use."""

    marketplace: MarketplaceName
    repository: str
    ref: str
    commit: CommitId | None = None
    """The head; None where it cannot be read, and ``error`` says why."""
    error: str | None = None
    private: bool | None = None
    archived: bool | None = None
    rate_limit: int | None = None
    """None where GitHub does not tell."""
    rate_remaining: int | None = None
    rate_reset_at: datetime | None = None
