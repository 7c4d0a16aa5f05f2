"""Owns what the tests of the store stand on: a clock they wind, real databases in temporary directories, commits of dicts."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from skillport_sync.catalog.model import OWN_SOURCE, SourceKey
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId, blob_id
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Publication, PublicationId
from skillport_sync.snapshot import SourceState
from skillport_sync.store.drafts import Fenced, PublicationDraft, SkillRow, SourceDraft
from skillport_sync.store.ledger import DeliveryFacts
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore

ACME = MarketplaceName("acme/skills")


class ManualClock:
    """Both clocks, moved by hand only."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return (self.at - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()

    def advance(self, **units: float) -> None:
        self.at += timedelta(**units)


@dataclass(frozen=True)
class Commit:
    """A commit made of ``{path: content}``; a path in ``modes`` has another mode than a plain file."""

    id: CommitId
    tree: TreeId
    entries: Mapping[bytes, Entry]
    blobs: Sequence[tuple[BlobId, bytes]]
    skills: Sequence[SkillRow]

    @classmethod
    def of(cls, files: Mapping[bytes, bytes], modes: Mapping[bytes, Mode] | None = None) -> Commit:
        modes = modes or {}
        entries = {path: Entry(modes.get(path, Mode.FILE), blob_id(data), len(data)) for path, data in files.items()}
        leaves = {path: (entry.mode, str(entry.oid)) for path, entry in entries.items()}
        trees = tree_ids(leaves)
        directories = [path.removesuffix(b"/SKILL.md") for path in sorted(files) if path.endswith(b"/SKILL.md")]
        skills = [SkillRow("tools", d.decode(), d.decode().split("/")[-1], "1.0", trees[d]) for d in directories]
        blobs = list({blob_id(data): data for path, data in files.items() if entries[path].mode.has_content}.items())
        identity = CommitId(hashlib.sha1(b"commit %b" % trees[b""].encode()).hexdigest())
        return cls(identity, trees[b""], entries, blobs, skills)

    def state(self, key: str = OWN_SOURCE, repository: str = "acme/skills") -> SourceState:
        return SourceState(SourceKey(key), repository, self.id, self.tree)


class Publisher:
    """Publishes commits the way a pull does: put what is missing, then publish after the present head."""

    def __init__(self, mirror: MirrorStore, clock: ManualClock, marketplace: MarketplaceName = ACME) -> None:
        self.mirror = mirror
        self.clock = clock
        self.marketplace = marketplace
        self.head: PublicationId | None = None

    def draft(self, commit: Commit, *others: tuple[str, Commit], **changed: object) -> PublicationDraft:
        fields = {
            "marketplace": self.marketplace,
            "sources": [
                SourceDraft(commit.state(), commit.entries),
                *(SourceDraft(other.state(key, f"other/{key}"), other.entries) for key, other in others),
            ],
            "skills": commit.skills,
            "parser_version": 1,
            "cause": "push",
            "published_at": self.clock.now(),
            "expected_head": self.head,
            "files": len(commit.entries),
        }
        return PublicationDraft(**{**fields, **changed})

    async def publish(self, commit: Commit, *others: tuple[str, Commit], **changed: object) -> Publication:
        for part in (commit, *(other for _, other in others)):
            await self.mirror.put_blobs(part.blobs)
        outcome = await self.mirror.publish(self.draft(commit, *others, **changed))
        assert not isinstance(outcome, Fenced), outcome
        self.head = outcome.id
        return outcome


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def commit_of() -> type[Commit]:
    """``commit_of.of({path: content})``."""
    return Commit


@pytest.fixture
async def mirror(tmp_path: Path, clock: ManualClock) -> AsyncIterator[MirrorStore]:
    store = await MirrorStore.open(tmp_path / "mirror.db", clock=clock)
    yield store
    await store.close()


@pytest.fixture
def publisher(mirror: MirrorStore, clock: ManualClock) -> Publisher:
    return Publisher(mirror, clock)


@pytest.fixture
def publisher_of(clock: ManualClock):
    """Another marketplace's publisher, or one over another store."""
    return lambda store, marketplace=ACME: Publisher(store, clock, MarketplaceName(marketplace))


@pytest.fixture
async def state(tmp_path: Path, clock: ManualClock) -> AsyncIterator[StateStore]:
    store = await StateStore.open(tmp_path / "state.db", clock=clock)
    yield store
    await store.close()


@pytest.fixture
def push():
    """``push("guid", before, after)``: what a push event says."""

    def facts(guid: str, before: str = "0" * 40, after: str = "1" * 40, **changed: object) -> DeliveryFacts:
        fields = {
            "event": "push",
            "hook_id": 7,
            "repository_id": 42,
            "repository": "acme/skills",
            "ref": "refs/heads/main",
        }
        return DeliveryFacts(guid, **{**fields, "before": before, "after": after, **changed})

    return facts
