"""Owns the words of status and history: what is served, how old it is, what is wrong with it, what was before. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports.pulling import Outcome
from skillport_sync.reports.report import Report


@dataclass(frozen=True, slots=True)
class ProblemRow(Report):
    path: str
    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    line: int | None = None
    repository: str | None = None
    """``owner/name`` where ``path`` is a path of another repository than the marketplace's own."""


@dataclass(frozen=True, slots=True)
class LastPull(Report):
    outcome: Outcome
    at: datetime
    duration_s: float
    reason: str | None = None
    commit: CommitId | None = None
    """The head that it found."""
    removed: int = 0
    would_remove: tuple[str, ...] = ()
    """Both as in PullReport."""


@dataclass(frozen=True, slots=True)
class RepositoryFacts(Report):
    """What GitHub last said of the repository; None where it has not said it."""

    default_branch: str | None = None
    private: bool | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True)
class SourceStatus(Report):
    """Another repository that plugins of a marketplace come from. Without a commit, nothing of it was ever read."""

    repository: str
    follows: str
    """The branch, tag or commit that marketplace.json names; ``HEAD`` for the default branch."""
    commit: CommitId | None = None
    """What is published of it."""
    trouble: str | None = None
    """Why it could not be read when it was last looked at; ``commit`` is then what was read before."""


@dataclass(frozen=True, slots=True)
class PinStatus(Report):
    """A marketplace that was rolled back and does not follow its branch."""

    commit: CommitId
    reason: str
    since: datetime
    head: CommitId | None = None
    """Where the branch is, as far as known."""
    ahead: int | None = None
    """How many commits had been published after the pinned one; None where the history that is kept does not say."""


@dataclass(frozen=True, slots=True)
class StateRow(Report):
    """Something that is the matter with a repository or its webhook. ``code`` is its stable name."""

    code: str
    said: str
    to_do: str
    severity: Literal["failed", "warning", "info"]
    since: datetime


@dataclass(frozen=True, slots=True)
class LostDelivery(Report):
    """A webhook delivery that went wrong. ``state``: ``lost``, ``asked again``, or ``arrived`` all the same."""

    guid: str
    event: str
    at: datetime
    why: str
    state: str
    action: str | None = None


@dataclass(frozen=True, slots=True)
class NoticedPush(Report):
    """A push that no delivery told of, or that rewrote history. ``commit`` is all zeros where the branch was deleted."""

    at: datetime
    commit: str
    missed: bool
    forced: bool
    by: str | None = None


@dataclass(frozen=True, slots=True)
class HealingStatus(Report):
    """What the last look at GitHub found out about a marketplace's repository and webhook."""

    looked_at: datetime
    states: tuple[StateRow, ...] = ()
    lost_since: datetime | None = None
    """Since when the repository cannot be read; None while it can."""
    lost_count: int = 0
    """Deliveries of the last days that never arrived."""
    deliveries: tuple[LostDelivery, ...] = ()
    """The latest ten that went wrong, newest first."""
    pushes: tuple[NoticedPush, ...] = ()
    """The latest ten, newest first."""


@dataclass(frozen=True, slots=True)
class MarketplaceStatus(Report):
    """One marketplace. Without a publication nothing of it is served, and commit, age and counts are absent or 0."""

    name: MarketplaceName
    repository: str
    branch: str | None = None
    """As configured; None follows the repository's default branch."""
    commit: CommitId | None = None
    published_at: datetime | None = None
    publication: int | None = None
    age_s: int | None = None
    """Seconds since GitHub last confirmed that ``commit`` is the head of the branch."""
    stale: bool = False
    skills: int = 0
    files: int = 0
    problem_count: int = 0
    problems: tuple[ProblemRow, ...] = ()
    """The first 20."""
    last_pull: LastPull | None = None
    pulls_owed: int = 0
    next_reconcile_at: datetime | None = None
    facts: RepositoryFacts = field(default_factory=RepositoryFacts)
    pin: PinStatus | None = None
    sources: tuple[SourceStatus, ...] = ()
    quarantined: int = 0
    """Skills that are kept out of the publication because of what their files hold."""
    unbumped_count: int = 0
    """Skills whose content changed while their version stayed: whoever has that version does not hear of it."""
    unbumped: tuple[str, ...] = ()
    """The labels of the first 20."""
    title: str | None = None
    """What its marketplace.json calls itself, by which Claude Code knows it."""
    healing: HealingStatus | None = None
    """None where nobody has looked yet."""


@dataclass(frozen=True, slots=True)
class DeliveryRow(Report):
    """A webhook delivery in the ledger. ``state``: ``owed``, ``failed``, ``done``, ``noted`` or ``ignored`` (nothing to do).

    Where it concerns several marketplaces, the first of these that is true of any.
    """

    guid: str
    event: str
    received_at: datetime
    state: str
    action: str | None = None
    repository: str | None = None
    note: str | None = None
    """Why a pull for it failed."""
    marketplaces: tuple[MarketplaceName, ...] = ()
    """Whom it concerns."""


@dataclass(frozen=True, slots=True)
class RateStatus(Report):
    limit: int
    remaining: int
    reset_at: datetime | None = None
    resource: str = "core"


@dataclass(frozen=True, slots=True)
class DatabaseSize(Report):
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StatusReport(Report):
    at: datetime
    """When this was true: every age in the report counts from here."""
    version: str
    running: bool
    """Whether the service answered; otherwise the files were read while nobody held them."""
    marketplaces: tuple[MarketplaceStatus, ...]
    deliveries: tuple[DeliveryRow, ...] = ()
    """The latest, newest first."""
    rate: RateStatus | None = None
    databases: tuple[DatabaseSize, ...] = ()
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublicationRow(Report):
    """One line of a marketplace's history."""

    id: int
    marketplace: MarketplaceName
    repository: str
    commit: CommitId
    published_at: datetime
    cause: str
    files: int
    skills: int
    added: int
    changed: int
    removed: int
    current: bool = False
    pinned: bool = False
    """Whether the marketplace was rolled back to this and stays there."""
