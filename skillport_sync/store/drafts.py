"""Owns the values that go into mirror.db and come out of it: drafts of publications, and what was stored. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from skillport_sync.catalog.model import SourceKey
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, Listing
from skillport_sync.git.objects import BlobId, CommitId, TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Publication, PublicationId
from skillport_sync.snapshot import SourceState


@dataclass(frozen=True, slots=True)
class SkillRow:
    """A skill as history keeps it."""

    plugin: str
    directory: str
    name: str
    version: str | None
    revision: TreeId


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """A source and all its verified leaves. ``entries`` must never change afterwards: the store keeps and compares it."""

    state: SourceState
    entries: Mapping[bytes, Entry]


@dataclass(frozen=True, slots=True)
class PublicationDraft:
    """What is to be published. The first source is the marketplace's own repository."""

    marketplace: MarketplaceName
    sources: Sequence[SourceDraft]
    skills: Sequence[SkillRow]
    parser_version: int
    cause: str
    published_at: datetime
    expected_head: PublicationId | None
    """The publication this one follows; None when there is none yet."""
    files: int
    """How many files it publishes; fewer than there are entries when some paths cannot be served."""
    absent: frozenset[BlobId] = field(default_factory=frozenset)
    """Blobs that are left out on purpose, being too large. Every other one must have been put before."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """Not published: the head is not the publication this draft was made to follow. Nothing was written."""

    expected: PublicationId | None
    found: PublicationId | None


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source as it was published, proved again to be its tree."""

    state: SourceState
    listing: Listing


@dataclass(frozen=True, slots=True)
class StoredPublication:
    """A publication with everything needed to make its snapshot but the contents."""

    publication: Publication
    confirmed_at: datetime
    """When GitHub last said that this is the branch's head; of one that is not served, when it was published."""
    sources: tuple[StoredSource, ...]
    """The marketplace's own repository first, the others by key."""
    held: Mapping[BlobId, BlobFact]


@dataclass(frozen=True, slots=True)
class SkillPhase:
    """What a skill was, and under which policy, from one publication until the next phase."""

    publication: PublicationId
    publication_commit: CommitId
    """The first that is kept of those it was so in, and that one's commit."""
    commit: CommitId
    published_at: datetime
    """What brought this about, and when: known even where that publication is not kept any more."""
    row: SkillRow | None
    """None: it was not there."""
    policy: BlobId | None
    """The access.json of that content; None where it had none."""


@dataclass(frozen=True, slots=True)
class Unbumped:
    """A skill whose content changed while its version stayed the same, so that whoever has that version does not hear of it."""

    plugin: str
    directory: str
    name: str
    version: str
    revision: TreeId
    commit: CommitId
    """What brought the content that is served, and since when."""
    since: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """One content of a marketplace. The newest one stays in memory, so that publishing need not read it from its rows."""

    number: int
    entries: Mapping[SourceKey, Mapping[bytes, Entry]]
    skills: Mapping[tuple[str, str], SkillRow]


NO_CONTENT = Content(0, {}, {})
