"""Owns the words of usage: from when on it is asked for, and how often one version of a skill was used. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from skillport_sync.ports import MarketplaceName
from skillport_sync.reports.report import Report


@dataclass(frozen=True, slots=True)
class UsageRequest(Report):
    """``since`` None: as long as the audit is kept. ``by_person``: who, too; otherwise nobody is named."""

    since: datetime | None = None
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class UsageRow(Report):
    """How often one version of a skill was read and installed."""

    marketplace: MarketplaceName
    skill: str
    """``plugin/name``; a plugin's name where a whole one was installed."""
    version: str | None
    """None where the skill says none, or no publication is kept any more that would say."""
    reads: int
    """The same person reading the same again within a minute is one."""
    installs: int
    last_at: datetime
    principal_id: str | None = None
    """None where it was not asked for, or is not known."""
