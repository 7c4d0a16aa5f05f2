"""Owns the words of publishing: Publication, and Published, which is what readers hold. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from skillport_sync.catalog.model import Skill
from skillport_sync.git.objects import CommitId, TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.snapshot import Snapshot

PublicationId = NewType("PublicationId", int)


@dataclass(frozen=True, slots=True)
class Changes:
    """How one publication differs from the one before, in skills."""

    added: int
    changed: int
    removed: int

    def __str__(self) -> str:
        return f"+{self.added} ~{self.changed} -{self.removed}"

    @classmethod
    def between(cls, before: Iterable[Skill], after: Iterable[Skill]) -> Changes:
        """A skill is what (plugin, directory) names; it changed when its content, name or version did."""
        old, new = _identities(before), _identities(after)
        common = old.keys() & new.keys()
        return cls(len(new) - len(common), sum(old[key] != new[key] for key in common), len(old) - len(common))


def _identities(skills: Iterable[Skill]) -> dict[tuple[str, str], tuple[str, str, str | None]]:
    return {(skill.plugin.name, skill.directory): (skill.name, skill.revision, skill.version) for skill in skills}


@dataclass(frozen=True, slots=True)
class Publication:
    """One line of a marketplace's history: which commit was served from when on, and why it came."""

    id: PublicationId
    marketplace: MarketplaceName
    repository: str
    commit: CommitId
    tree: TreeId
    content_number: int
    """Which content it points to; two publications share one where a commit changed no file, or after a rollback."""
    parser_version: int
    published_at: datetime
    cause: str
    """``push``, ``reconcile``, ``start``, ``operator``: what woke the pull that found it."""
    files: int
    skills: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class Published:
    """What is served: a publication and the snapshot it names. Taken once per question."""

    publication: Publication
    snapshot: Snapshot
