"""Owns the words of access: what one person sees and may do in each marketplace, and which rule says so. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports.report import Report

SkillState = Literal["published", "unpublished", "quarantined"]
"""``unpublished``: found by name, never listed. ``quarantined``: kept out of the publication, nobody's to read."""


@dataclass(frozen=True, slots=True)
class ExplainRequest(Report):
    """Whose access is asked for. What is None is as this person's provider said it when they signed in last, else as in the API
    token that was made for them, where there is one."""

    principal_id: str
    email: str | None = None
    groups: tuple[str, ...] | None = None
    claims: tuple[tuple[str, str], ...] = ()
    """``(claim, value)``; a claim with several values has several pairs."""
    skill: str | None = None
    """A name, ``plugin/name`` or directory, each also with ``@marketplace``. None: all of them."""
    marketplace: str | None = None


@dataclass(frozen=True, slots=True)
class PersonRow(Report):
    """Who the question was about, as the rules see them."""

    principal_id: str
    name: str = ""
    email: str | None = None
    groups: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    token: str | None = None
    """The label of the API token that said the rest of it. None where they signed in, which goes before, or there is none."""
    provider: str | None = None
    """Where they signed in, which said the rest of it."""
    signed_in_at: datetime | None = None
    """When they did so last."""
    kept_out_at: datetime | None = None
    """Since when an operator keeps them out: nothing of theirs opens anything, whatever the rules say."""


@dataclass(frozen=True, slots=True)
class Decision(Report):
    """Whether something is allowed, and the rule that says so, with its line in access.json where it has one."""

    allowed: bool
    because: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class SkillAccess(Report):
    """What the person may do with one skill."""

    label: str
    """``plugin/name``."""
    directory: str
    """Where it is in the plugin's source: what tells two skills of one plugin and name apart."""
    state: SkillState
    read: Decision
    write: Decision


@dataclass(frozen=True, slots=True)
class MarketplaceAccess(Report):
    """What the person may do in one marketplace. Without a commit nothing of it is published, and there is nothing to say."""

    name: MarketplaceName
    commit: CommitId | None = None
    policy: str | None = None
    """The version of its access.json; None where it has none."""
    editor: bool = False
    groups: tuple[str, ...] = ()
    """The groups of access.json the person is in, and why."""
    skills: tuple[SkillAccess, ...] = ()
    """Those that were asked for, in the catalog's order."""


@dataclass(frozen=True, slots=True)
class ExplainReport(Report):
    person: PersonRow
    marketplaces: tuple[MarketplaceAccess, ...]
    skill: str | None = None
    """As it was asked for."""
