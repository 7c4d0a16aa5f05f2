"""Owns the words of linting: what is wrong with a marketplace, and which of its skills each surface takes. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from skillport_sync.git.objects import CommitId
from skillport_sync.reports.report import Report


@dataclass(frozen=True, slots=True)
class FindingRow(Report):
    """One problem. ``breaks`` are surfaces by their stable names: ``claude_code``, ``claude_ai_upload``, ``skills_api``,
    ``sep_2640``, ``this_service``; none where it is wrong by itself."""

    code: str
    severity: Literal["error", "warning", "info"]
    path: str
    line: int | None
    message: str
    breaks: tuple[str, ...] = ()
    skill: str | None = None
    """``plugin/name`` where it concerns exactly one skill."""
    repository: str | None = None
    """``owner/name`` where ``path`` is a path of another repository than the marketplace's own."""


@dataclass(frozen=True, slots=True)
class LintedSkill(Report):
    """A skill, and the surfaces that refuse it as it is."""

    skill: str
    """``plugin/name``."""
    directory: str
    refused_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LintReport(Report):
    """All that is wrong with one marketplace, or with a plugin or skill that was linted alone."""

    title: str
    """The marketplace's name, or the directory as it was asked for."""
    commit: CommitId | None
    """What was linted of a marketplace that is published; None for a directory."""
    skills: tuple[LintedSkill, ...]
    findings: tuple[FindingRow, ...]
    """Sorted by repository, path and line."""
    more: int = 0
    """How many there are beyond these, none of them worse."""

    def accepted_by(self, surface: str) -> int:
        """How many of the skills this surface takes as they are."""
        return sum(surface not in skill.refused_by for skill in self.skills)
