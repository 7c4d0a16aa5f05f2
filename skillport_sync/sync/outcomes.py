"""Owns the words of a pull: what it is asked to do and what can come of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.git.objects import CommitId
from skillport_sync.publication import Changes, Published
from skillport_sync.reports import Verified
from skillport_sync.snapshot import Refused, Snapshot
from skillport_sync.sync.plan import PushHint


@dataclass(frozen=True, slots=True)
class Suspect:
    """A head that would move backwards, and when it, or a commit that it descends from, was first seen."""

    commit: CommitId
    first_seen_s: float


@dataclass(frozen=True, slots=True)
class Request:
    """What one pull is asked to do. ``hints`` are the pushes of the last minute that it answers for."""

    cause: str
    hints: tuple[PushHint, ...] = ()
    suspect: Suspect | None = None
    verify: bool = False
    full: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class InStep:
    """What is served is the branch's head. ``awaited``: a push names a commit that GitHub does not show yet."""

    commit: CommitId
    awaited: bool = False
    verified: Verified | None = None


@dataclass(frozen=True, slots=True)
class NowPublished:
    published: Published
    before: CommitId | None
    files_changed: int
    bytes_fetched: int
    from_hint: bool
    """The head itself was not read, a signed push was followed: to be confirmed soon."""
    awaited: bool
    """A push names a newer commit that GitHub's reads do not show yet."""
    rewritten: bool
    verified: Verified | None = None


@dataclass(frozen=True, slots=True)
class WouldPublish:
    before: CommitId | None
    snapshot: Snapshot
    changes: Changes
    files_changed: int
    bytes_fetched: int
    verified: Verified | None = None


@dataclass(frozen=True, slots=True)
class NotPublished:
    """The head was read and refused; what was served before is still served."""

    commit: CommitId
    refused: Refused


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The head would move backwards or sideways: look again before believing it."""

    suspect: Suspect
    again_in_s: float


Outcome = InStep | NowPublished | WouldPublish | NotPublished | Doubtful
