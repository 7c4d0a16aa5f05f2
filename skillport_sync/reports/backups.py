"""Owns the words of backups: what was saved, and what was put back. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from skillport_sync.reports.report import Report


@dataclass(frozen=True, slots=True)
class BackupReport(Report):
    """A backup that was made and proved."""

    file: str
    size_bytes: int
    schema: int
    """How many migrations the database had seen."""
    taken_at: datetime
    duration_s: float


@dataclass(frozen=True, slots=True)
class RestoreReport(Report):
    """A backup that is state.db from now on."""

    file: str
    restored: str
    size_bytes: int
    schema: int
    set_aside: str | None
    """Where the database that was there before is now; None where there was none."""
