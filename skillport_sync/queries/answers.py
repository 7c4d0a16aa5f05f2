"""Owns what an answer is made of, before any surface has put it into words. Values only.

Every answer names the snapshots it was read from. ``basis`` says what else it depends on besides its arguments: two
questions with equal arguments and the same basis have the same answer, freshness aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from skillport_sync.access.model import Principal
from skillport_sync.catalog.model import Skill
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import CommitId, TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import PublicationId
from skillport_sync.queries.cursors import PublicationKey


class Basis:
    """An opaque token, compared by identity. It ends with the publication or the right to read that it stands for."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long ago GitHub confirmed that what is served is the branch's head, and whether that is too long."""

    age_s: int
    stale: bool


@dataclass(frozen=True, slots=True)
class SnapshotFact:
    """The source of an answer."""

    marketplace: MarketplaceName
    repository: str
    publication: PublicationId
    commit: CommitId
    published_at: datetime
    freshness: Freshness
    """Of what is served of the marketplace."""
    is_served: bool
    """False: something else is served by now, and this was asked for by its version, its commit or a cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    snapshots: tuple[SnapshotFact, ...]
    """By marketplace name; only the skill's own where the question was about one skill. Never empty."""
    basis: Basis | None
    """None: this answer must not be reused, not even for the same question."""
    several: bool
    """True where this service has more than one marketplace, so that a name alone does not say whose it is."""


@dataclass(frozen=True, slots=True)
class SkillLine:
    """A skill in one line. ``description`` is cut to what a list can afford."""

    marketplace: MarketplaceName
    plugin: str
    name: str
    version: str | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnswer(Answer):
    skills: tuple[SkillLine, ...]
    total: int
    """How many match on all pages together."""
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SkillFact:
    """A skill as it is published: who it is, and which content."""

    marketplace: MarketplaceName
    plugin: str
    name: str
    version: str | None
    revision: TreeId
    incomplete: bool = False
    """Something in it cannot be served."""


@dataclass(frozen=True, slots=True)
class PluginFact:
    """A plugin as it is published, of which the asker may read at least one skill."""

    marketplace: MarketplaceName
    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file of a skill. ``sha256`` is None where the content is not held; ``path`` is relative to the skill."""

    path: str
    size_bytes: int
    sha256: bytes | None
    executable: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A file's content from ``offset`` on, in bytes; the whole of it unless the file is longer than an answer may be.

    ``is_text`` is said of the whole file: it is valid UTF-8, and ``content`` is cut between two characters.
    """

    path: str
    size_bytes: int
    offset: int
    content: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class NotHeld:
    """A file whose content the mirror does not keep, and why."""

    path: str
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAnswer(Answer):
    skill: SkillFact
    files: tuple[FileFact, ...] | None
    """What the skill consists of; None where the question named the files it wanted."""
    contents: tuple[Part | NotHeld, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentsAnswer(Answer):
    """Everything that one skill consists of, by what the mirror knows it by; the bytes are read elsewhere."""

    found: Skill
    """As its publication has it: plugin, tags, frontmatter."""
    skill: SkillFact
    files: tuple[tuple[str, HeldFile], ...]
    """``(path relative to the skill, file)`` by path, all that the asker may see. Those without ``sha256`` are not held."""
    editable: bool
    """Whether they may change it, which only what is served can be."""
    publication: PublicationKey
    """What it was read from."""


@dataclass(frozen=True, slots=True)
class BrowsedSkill:
    """A skill as the catalog has it, to somebody who may read it."""

    marketplace: MarketplaceName
    skill: Skill
    editable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowseAnswer(Answer):
    skills: tuple[BrowsedSkill, ...]
    """All that fit, those that the marketplace does not publish among them; by marketplace, plugin and directory, or best first
    where there was a query."""


@dataclass(frozen=True, slots=True)
class HistoryFact:
    """What a skill was from one commit on, as far as the asker may know: a time when they might not read it is one when it was
    not there."""

    publication: PublicationKey
    """Of those that are kept, the first it was so in."""
    commit: CommitId
    published_at: datetime
    version: str | None
    revision: TreeId | None
    """None: it was gone."""
    changed_without_bump: bool = False
    """Its content is not that of the entry before, and its version is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionAnswer(Answer):
    skill: SkillFact
    history: tuple[HistoryFact, ...]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What somebody says they have: a skill or a plugin."""

    name: str
    version: str | None = None
    revision: str | None = None
    plugin: str | None = None
    """Where it is from, if they know: names alone collide."""
    marketplace: str | None = None


class InstalledStatus(StrEnum):
    UP_TO_DATE = "up_to_date"
    UPDATE_AVAILABLE = "update_available"
    CONTENT_CHANGED = "content_changed"  # the same version, other content
    AHEAD = "ahead"  # newer than what is published, after a rollback for example: no update
    RENAMED = "renamed"  # it is called otherwise now, as ``current`` says
    GONE = "gone"  # removed, or not readable: the two are never told apart
    AMBIGUOUS = "ambiguous"  # several have this name
    UNKNOWN = "unknown"  # nothing was sent that could be compared


@dataclass(frozen=True, slots=True)
class InstalledFact:
    """``name`` as it was asked. ``current`` is None where nothing, or nothing single, has that name."""

    name: str
    status: InstalledStatus
    current: SkillFact | PluginFact | None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledAnswer(Answer):
    installed: tuple[InstalledFact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoamiAnswer(Answer):
    principal: Principal
    editor: Mapping[MarketplaceName, bool]
