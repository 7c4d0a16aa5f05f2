"""Owns the words of installing: a skill that can be installed, whether it is published or comes with the service. Values only.

Never reads a content: a piece says what it is known by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from skillport_sync.files import HeldFile
from skillport_sync.git.objects import BlobId, CommitId, TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries.answers import ContentsAnswer
from skillport_sync.template.own_skill import OWN_MARKETPLACE, OwnSkill


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a skill, by its path inside the skill."""

    path: str
    content: BlobId | bytes
    size_bytes: int
    sha256: bytes
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Installable:
    """One skill, as one person may have it."""

    name: str
    plugin: str
    marketplace: MarketplaceName
    directory: str
    version: str | None
    revision: TreeId
    commit: CommitId
    repository: str
    pieces: tuple[Piece, ...]
    """By path."""
    absent: tuple[str, ...] = ()
    """The files of it that the mirror does not hold."""

    @property
    def label(self) -> str:
        return f"{self.plugin}/{self.name}"


def published(answer: ContentsAnswer) -> Installable:
    """A published skill."""
    (snapshot,) = answer.snapshots
    return Installable(
        name=answer.skill.name,
        plugin=answer.skill.plugin,
        marketplace=answer.skill.marketplace,
        directory=answer.found.directory,
        version=answer.skill.version,
        revision=answer.skill.revision,
        commit=snapshot.commit,
        repository=snapshot.repository,
        pieces=tuple(_held(answer.files)),
        absent=tuple(path for path, file in answer.files if file.sha256 is None),
    )


def own(skill: OwnSkill) -> Installable:
    """The service's own skill. No commit made it: its revision stands for one."""
    return Installable(
        name=skill.name,
        plugin=skill.plugin,
        marketplace=OWN_MARKETPLACE,
        directory="",
        version=skill.version,
        revision=skill.revision,
        commit=CommitId(skill.revision),
        repository=OWN_MARKETPLACE,
        pieces=tuple(
            Piece(path, file.content, len(file.content), hashlib.sha256(file.content).digest(), file.executable)
            for path, file in skill.files.items()
        ),
    )


def _held(files: tuple[tuple[str, HeldFile], ...]) -> Iterator[Piece]:
    for path, file in files:
        if file.sha256 is not None:
            yield Piece(path, file.oid, file.size_bytes, file.sha256, file.mode.is_executable)
