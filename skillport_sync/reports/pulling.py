"""Owns the words of pulling: what a pull is asked to do, how far it is, what came of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports.report import Report

Outcome = Literal["published", "unchanged", "refused", "held", "failed", "would_publish"]
"""``refused``: the head cannot be published as it is. ``held``: it could be, but somebody, or time, has to confirm it first."""
Stage = Literal["head", "listing", "blobs", "tarball", "verify", "parse", "publish"]


@dataclass(frozen=True, slots=True)
class ReconcileOptions(Report):
    """What a reconcile is asked to do. ``marketplace`` None means all of them, one after the other."""

    marketplace: str | None = None
    verify: bool = False
    full: bool = False
    dry_run: bool = False
    confirm: str | None = None
    """The commit that begins like this may remove as many skills as it does."""
    redeliver: bool = False
    """Whether GitHub is asked for the deliveries that never arrived."""


@dataclass(frozen=True, slots=True)
class RollbackRequest(Report):
    """An earlier publication to serve, and to stay with. ``marketplace`` None: the only one that published ``commit``."""

    commit: str
    """Its id, or at least seven digits of its beginning."""
    marketplace: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress(Report):
    """How far a pull is. ``total`` is None until it is known; ``unit`` names what is counted: files, bytes, request …"""

    marketplace: MarketplaceName
    stage: Stage
    done: int
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class Verified(Report):
    """What re-hashing everything held has shown. Corrupt blobs are dropped and fetched again by the same pull."""

    files: int
    blobs: int
    bytes: int
    corrupt: int
    root_matches: bool = True


@dataclass(frozen=True, slots=True)
class PullReport(Report):
    """What came of one pull of one marketplace."""

    marketplace: MarketplaceName
    outcome: Outcome
    before: CommitId | None
    """What was served when the pull began; None before the first publication."""
    after: CommitId | None
    """The head that was found; None where it could not be read."""
    cause: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    """Skills, as the two before it."""
    files_changed: int = 0
    requests: int = 0
    primary_cost: int = 0
    """What the pull took from GitHub's rate limit: at most ``requests``."""
    rate_remaining: int | None = None
    rate_limit: int | None = None
    duration_s: float = 0.0
    bytes_fetched: int = 0
    verified: Verified | None = None
    reason: str | None = None
    """Why nothing was published, with where and what to do; or what is remarkable about what was."""
    problems: int = 0
    redelivered: int | None = None
    """How many deliveries GitHub was asked for again; None where nobody wanted that."""
    would_remove: tuple[str, ...] = ()
    """The labels, ``plugin/name``, of the first of the skills that ``after`` would remove, where it is held because they are so
    many; ``removed`` says how many."""

    @property
    def is_in_step(self) -> bool:
        return self.outcome in ("published", "unchanged", "would_publish")
