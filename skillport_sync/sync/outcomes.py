"""Owns the words of a pull: what it is asked to do and what can come of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import BlobId, CommitId
from skillport_sync.publication import Changes, Published
from skillport_sync.reports import Verified
from skillport_sync.snapshot import Refused, Snapshot, SourceState
from skillport_sync.sync.plan import PushHint


@dataclass(frozen=True, slots=True)
class Suspect:
    """A head that would move backwards, and when it, or a commit that it descends from, was first seen."""

    commit: CommitId
    first_seen_s: float


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit that this service made: what it consists of is known before GitHub shows it, and every content is held."""

    commit: CommitId
    parent: CommitId
    listing: Listing
    """Of its tree, whose id GitHub told when it made the commit."""
    facts: Mapping[BlobId, BlobFact]
    """The contents that its parent did not have."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one pull is asked to do. ``hints`` are the pushes of the last minute that it answers for."""

    cause: str
    hints: tuple[PushHint, ...] = ()
    suspect: Suspect | None = None
    verify: bool = False
    full: bool = False
    dry_run: bool = False
    pin: CommitId | None = None
    """Serve this commit and stay there: an operator rolled back to it."""
    confirm: str | None = None
    """The commit that begins like this may remove as many skills as it does."""
    landed: Landed | None = None
    """Publish this commit without reading it, if it follows what is served."""

    def confirms(self, commit: CommitId) -> bool:
        """Whether this commit was let pass: by an operator, or because it is a change that was just decided on."""
        if self.landed is not None and self.landed.commit == commit:
            return True
        return bool(self.confirm) and commit.startswith(self.confirm or commit)


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
    from_hint: bool = False
    """The head itself was not read, a signed push was followed: to be confirmed soon."""
    awaited: bool = False
    """A push names a newer commit that GitHub's reads do not show yet."""
    rewritten: bool = False
    verified: Verified | None = None
    sources_moved: tuple[SourceState, ...] = ()
    """Other repositories whose state is another than before, as they are now."""


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
class HeldBack:
    """The head would remove more skills than may go unasked; what was served before is still served."""

    commit: CommitId
    removed: tuple[str, ...]
    """Their labels."""
    served: int
    """How many skills there are now."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """An operator rolled back to what is served: the branch is not followed."""

    commit: CommitId
    head: CommitId | None
    """Where the branch is; None where GitHub does not say now, which matters to nobody who stays."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """The head would move backwards or sideways: look again before believing it."""

    suspect: Suspect
    again_in_s: float


Outcome = InStep | NowPublished | WouldPublish | NotPublished | HeldBack | Pinned | Doubtful
