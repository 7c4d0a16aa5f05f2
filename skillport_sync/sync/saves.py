"""Owns the words of a save: what somebody wants to change, and everything that can come of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.access.model import Principal
from skillport_sync.catalog.change.wishes import ChangeRefused, Done, Planned, Wish
from skillport_sync.catalog.model import Skill
from skillport_sync.git.objects import CommitId, TreeId
from skillport_sync.publication import PublicationId
from skillport_sync.snapshot import Snapshot
from skillport_sync.store.proposals import Proposal


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that somebody asks for."""

    principal: Principal
    wish: Wish
    existing: str | None
    """``plugin/name`` of the skill that is meant; None where one is to be made."""
    base: TreeId | None = None
    """The skill's revision that the change was made from; None: whatever is there."""
    message: str | None = None
    """The first line of the commit's message; None: what the change says of itself."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file of the repository that is another than before."""

    path: str
    """Inside the repository."""
    done: Done


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that may be made: decided, planned, and looked at as if it were published."""

    planned: Planned
    files: tuple[FileDone, ...]
    before: Snapshot
    after: Snapshot
    """As it would be served. Its commit is no real one."""
    skill: Skill | None
    """What the skill is afterwards; None where it is gone."""
    because: str
    """The rule that allows it."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One commit, on the branch."""

    prepared: Prepared
    commit: CommitId
    publication: PublicationId | None
    """What serves it. None: it is on the branch, and why it is not served is said by ``not_served``."""
    not_served: str | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """One commit on a branch of its own, and a pull request that somebody has to merge."""

    prepared: Prepared
    commit: CommitId
    proposal: Proposal
    is_new: bool
    why: str
    """Why it did not go onto the branch: configured so, or the branch is protected."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would be done. Nothing was."""

    prepared: Prepared
    diff: str
    """Unified, of the text files; what is no text, or too long, is only named."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Everything is like that already: no commit was made."""

    commit: CommitId
    """What has it: what is served, or the branch of the proposal."""
    proposal: Proposal | None = None
    """The pull request that has it already."""


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """This person may not do that; which rule says so."""

    because: str


@dataclass(frozen=True, slots=True)
class Theirs:
    """A file that both sides changed, as it is now; ``content`` None where it is gone, is no text, or is long."""

    path: str
    """Relative to the skill."""
    content: str | None


@dataclass(frozen=True, slots=True)
class Clash:
    """The skill is not what the change was made from any more. Nothing was changed."""

    skill: str
    base: TreeId
    current: TreeId | None
    """None: it is gone."""
    commit: CommitId
    """What is served."""
    yours: tuple[str, ...]
    """The files that the change is about, relative to the skill."""
    theirs: tuple[str, ...] | None
    """What changed since ``base``; None where nothing of that time is kept."""
    both: tuple[Theirs, ...] = ()


SaveOutcome = Saved | Proposed | Rehearsed | Unchanged | NotAllowed | ChangeRefused | Clash


@dataclass(frozen=True, slots=True)
class CannotWrite:
    """Why nothing can be changed through this service at all."""

    code: str
    message: str
