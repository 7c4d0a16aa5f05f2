"""Owns the telling of what a pull did: one ``PullReport`` and one log line, whatever the outcome. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from skillport_sync.errors import SkillportError
from skillport_sync.git.objects import CommitId
from skillport_sync.github.budget import Spent
from skillport_sync.github.client import GitHub
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Changes
from skillport_sync.reports import Outcome as Verdict
from skillport_sync.reports import PullReport, Verified
from skillport_sync.snapshot import SourceState
from skillport_sync.store.ledger import Behind
from skillport_sync.sync.outcomes import (
    Doubtful,
    HeldBack,
    InStep,
    NotPublished,
    NowPublished,
    Outcome,
    Pinned,
    WouldPublish,
)

log = structlog.get_logger(__name__)


NO_CHANGES = Changes(0, 0, 0)
SHOWN = 20
"""How many of the skills that a commit would remove are named."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a pull cost, measured around it."""

    spent: Spent
    duration_s: float
    rate_remaining: int | None
    rate_limit: int | None

    @classmethod
    def since(cls, github: GitHub, before: Spent, duration_s: float) -> Effort:
        rate = github.rate
        return cls(
            github.spent - before,
            duration_s,
            None if rate is None else rate.remaining,
            None if rate is None else rate.limit,
        )


@dataclass(frozen=True, slots=True)
class Last:
    """The latest pull, and when it ended. ``code`` is the stable code of why it published nothing; None where all is well."""

    report: PullReport
    at: datetime
    code: str | None


def describe(
    marketplace: MarketplaceName, cause: str, outcome: Outcome, before: CommitId | None, effort: Effort
) -> PullReport:
    """The report of a pull that came to an outcome. ``before`` is the commit that was served when it began."""
    match outcome:
        case InStep(commit, awaited, verified):
            reason = "a push names a commit that GitHub does not show yet" if awaited else None
            return _report(marketplace, cause, effort, "unchanged", before, commit, reason=reason, verified=verified)
        case NowPublished(published, was, files_changed, bytes_fetched, _, awaited, rewritten, verified, moved):
            publication = published.publication
            return _report(
                marketplace,
                cause,
                effort,
                "published",
                was,
                publication.commit,
                changes=publication.changes,
                files_changed=files_changed,
                bytes_fetched=bytes_fetched,
                reason=_remarkable(rewritten, moved),
                problems=len(published.snapshot.problems),
                verified=verified,
            )
        case WouldPublish(was, snapshot, changes, files_changed, bytes_fetched, verified):
            return _report(
                marketplace,
                cause,
                effort,
                "would_publish",
                was,
                snapshot.commit,
                changes=changes,
                files_changed=files_changed,
                bytes_fetched=bytes_fetched,
                problems=len(snapshot.problems),
                verified=verified,
            )
        case NotPublished(commit, refused):
            return _report(marketplace, cause, effort, "refused", before, commit, reason=str(refused))
        case HeldBack(commit, removed, served):
            reason = (
                f"it would remove {len(removed)} of {served} skills; if that is meant: "
                f"skillport-sync reconcile --confirm {commit[:12]}"
            )
            return _report(
                marketplace,
                cause,
                effort,
                "held",
                before,
                commit,
                changes=Changes(0, 0, len(removed)),
                reason=reason,
                would_remove=removed[:SHOWN],
            )
        case Pinned(commit, head):
            branch = f"the branch is at {head[:10]}; " if head is not None else ""
            reason = f"rolled back to {commit[:10]}; {branch}skillport-sync resume follows it again"
            return _report(marketplace, cause, effort, "held", before, head, reason=reason)
        case Doubtful(suspect, again_in_s):
            reason = (
                f"the branch seems to have moved back to {suspect.commit[:10]}: looking again in {again_in_s:.0f} s"
            )
            return _report(marketplace, cause, effort, "held", before, suspect.commit, reason=reason)


def _remarkable(rewritten: bool, moved: Sequence[SourceState]) -> str | None:
    """What is to be said of a publication besides its commit."""
    others = ", ".join(f"{state.repository} is at {state.commit[:10]}" for state in moved)
    said = [*(["history was rewritten"] if rewritten else []), *([others] if others else [])]
    return "; ".join(said) or None


def describe_failure(
    marketplace: MarketplaceName, cause: str, error: SkillportError, before: CommitId | None, effort: Effort
) -> PullReport:
    """The report of a pull that could not come to an outcome."""
    return _report(marketplace, cause, effort, "failed", before, before, reason=error.message)


def code_of(outcome: Outcome | SkillportError) -> str | None:
    """The stable code of why a pull published nothing; None where all is well."""
    match outcome:
        case SkillportError(code=code):
            return code
        case NotPublished(_, refused):
            return refused.code
        case HeldBack():
            return "mass_removal_held"
        case Pinned():
            return "rolled_back"
        case Doubtful():
            return "head_doubted"
        case _:
            return None


def say(report: PullReport, behind: Behind | None = None) -> None:
    """The one canonical line of a pull. ``behind``: the deliveries that it answers for; the last is named as in its own line."""
    facts = {
        "marketplace": report.marketplace,
        "cause": report.cause,
        **({} if behind is None else {"guid": behind.guid, "deliveries": behind.count}),
        "commit": report.after,
        "requests": report.requests,
        "duration_ms": round(report.duration_s * 1000),
    }
    match report.outcome:
        case "published":
            log.info(
                "snapshot_published",
                **facts,
                before=report.before,
                files_changed=report.files_changed,
                added=report.added,
                changed=report.changed,
                removed=report.removed,
                problems=report.problems,
            )
        case "unchanged":
            log.info("head_confirmed", **facts)
        case "would_publish":
            log.info("pull_rehearsed", **facts)
        case "refused":
            log.error("commit_refused", **facts, reason=report.reason)
        case "held":
            log.warning("head_held", **facts, reason=report.reason)
        case _:
            log.warning("pull_failed", **facts, reason=report.reason)


def _report(
    marketplace: MarketplaceName,
    cause: str,
    effort: Effort,
    outcome: Verdict,
    before: CommitId | None,
    after: CommitId | None,
    *,
    changes: Changes = NO_CHANGES,
    files_changed: int = 0,
    bytes_fetched: int = 0,
    problems: int = 0,
    reason: str | None = None,
    verified: Verified | None = None,
    would_remove: tuple[str, ...] = (),
) -> PullReport:
    return PullReport(
        marketplace=marketplace,
        outcome=outcome,
        before=before,
        after=after,
        cause=cause,
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
        files_changed=files_changed,
        requests=effort.spent.requests,
        primary_cost=effort.spent.primary,
        rate_remaining=effort.rate_remaining,
        rate_limit=effort.rate_limit,
        duration_s=effort.duration_s,
        bytes_fetched=bytes_fetched,
        verified=verified,
        reason=reason,
        problems=problems,
        would_remove=would_remove,
    )
