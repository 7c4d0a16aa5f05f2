"""Owns the comparison of what somebody has with what is published, and of a wanted version with the one served. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from skillport_sync.errors import Missing
from skillport_sync.queries.answers import Installed, InstalledFact, InstalledStatus, SkillFact
from skillport_sync.queries.naming import Found, labels

_SHORTEST_COMMIT = 7


def fact_of(found: Found) -> SkillFact:
    skill = found.skill
    return SkillFact(found.published.snapshot.marketplace, skill.plugin.name, skill.name, skill.version, skill.revision)


def compare(asked: Installed, candidates: Sequence[Found], several: bool) -> InstalledFact:
    """What has become of something installed, given the readable skills that its name may mean.

    The revision decides where one was sent, because content can change without its version.
    """
    if not candidates:
        return InstalledFact(asked.name, InstalledStatus.GONE, None)
    same = [one for one in candidates if asked.revision == one.skill.revision]
    if len(candidates) > 1 and len(same) != 1:
        return InstalledFact(asked.name, InstalledStatus.AMBIGUOUS, None, labels(candidates, several))
    current = fact_of(same[0] if same else candidates[0])
    return InstalledFact(asked.name, _status(asked, current), current)


def _status(asked: Installed, current: SkillFact) -> InstalledStatus:
    if asked.revision is None and asked.version is None:
        return InstalledStatus.UNKNOWN
    if asked.revision == current.revision:
        return InstalledStatus.UP_TO_DATE
    if asked.version is not None and asked.version != current.version:
        return InstalledStatus.UPDATE_AVAILABLE
    return InstalledStatus.UP_TO_DATE if asked.revision is None else InstalledStatus.CONTENT_CHANGED


def require_current(found: Found, version: str | None, commit: str | None) -> None:
    """Only what is published now is served.

    Raises: Missing, naming what is, where another version or commit was asked for.
    """
    served = found.published.snapshot.commit
    right_version = version is None or version == found.skill.version
    right_commit = commit is None or (len(commit) >= _SHORTEST_COMMIT and served.startswith(commit.lower()))
    if right_version and right_commit:
        return
    wanted = (
        f"version {version[:60]!r}" if version is not None and not right_version else f"commit {str(commit)[:60]!r}"
    )
    has = f"version {found.skill.version}" if found.skill.version else "no version"
    raise Missing(
        f"{found.skill.label} is not served as {wanted}; the current one has {has}, commit {served}. "
        "Leave version and commit out to fetch that.",
        code="version_not_served",
    )
