"""Owns what is served of one marketplace: restored at start, replaced by each publication, held against what the disk loses.

A publication has one or more sources: the marketplace's own repository, and those that it takes plugins from.

What is served is an immutable snapshot in memory; mirror.db holds the same publication for the next start and the contents for
readers. Where the two part (contents damaged, the file made anew, a newer parser), what is served goes on being served, and
``is_damaged`` says that somebody has to fill the gap. Never asks GitHub.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import structlog

from skillport_sync.catalog.model import SourceKey, SourceWish
from skillport_sync.current import Current
from skillport_sync.errors import Broken, Conflict
from skillport_sync.files import BlobFact, within
from skillport_sync.git.listing import Entry, Listing
from skillport_sync.git.objects import BlobId, CommitId
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import PublicationId, Published
from skillport_sync.reports import Verified
from skillport_sync.restoring import Part, Restoring
from skillport_sync.snapshot import PARSER_VERSION, Refused, Snapshot, SourceState
from skillport_sync.store.drafts import Fenced, PublicationDraft, SkillRow, SourceDraft, StoredPublication
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.plan import Bounds, is_wanted
from skillport_sync.sync.sources import Resolved

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Held:
    """The publication in memory: the base that the next pull is compared with."""

    published: Published
    listing: Listing
    others: Mapping[SourceKey, Resolved]
    facts: dict[BlobId, BlobFact]
    is_whole: bool = True
    """Every content that is to be held is among ``facts``."""


class Serving:
    """One marketplace's publication in force."""

    def __init__(
        self,
        marketplace: MarketplaceName,
        *,
        store: MirrorStore,
        current: Current,
        bounds: Bounds,
        clock: Clock,
        restoring: Restoring,
    ) -> None:
        self._marketplace = marketplace
        self._store = store
        self._current = current
        self._bounds = bounds
        self._clock = clock
        self._restoring = restoring
        self._held: _Held | None = None
        self._fence: PublicationId | None = None
        """The head in mirror.db, as far as we know; not always what is served."""
        self._doubts = store.doubts

    @property
    def published(self) -> Published | None:
        return self._held.published if self._held is not None else None

    @property
    def commit(self) -> CommitId | None:
        return self._held.published.publication.commit if self._held is not None else None

    @property
    def listing(self) -> Listing | None:
        """The proved listing of the marketplace's own repository as it is published."""
        return self._held.listing if self._held is not None else None

    @property
    def others(self) -> Mapping[SourceKey, Resolved]:
        """The other repositories as they are published."""
        return self._held.others if self._held is not None else {}

    @property
    def entries(self) -> Mapping[bytes, Entry]:
        """The files of its own repository that are served, by raw path."""
        return self._held.listing.entries if self._held is not None else {}

    @property
    def facts(self) -> Mapping[BlobId, BlobFact]:
        """Blobs of what is served that are surely held."""
        return self._held.facts if self._held is not None else {}

    async def restore(self) -> Published | None:
        """Serve what was published when the process last stopped. None where there is nothing, or nothing readable any more.

        A file that is damaged is put aside, loudly: the next pull fills a new one.
        """
        try:
            return await self._restore()
        except Broken as error:
            await self.start_anew(error.message)
            return None

    async def start_anew(self, reason: str) -> None:
        """Put mirror.db aside. What is served stays in memory until a pull has brought it back, or something newer."""
        await self._store.start_anew(reason)
        self._forget_facts()

    async def _restore(self) -> Published | None:
        stored = await self._store.load(self._marketplace)
        if stored is None:
            return None
        self._fence = stored.publication.id
        held = await self._taken_up(stored)
        if isinstance(held, Refused):
            commit = stored.publication.commit
            log.error("restore_refused", marketplace=self._marketplace, commit=commit, reason=str(held))
            return None
        self._swap(held)
        ago_s = (self._clock.now() - stored.confirmed_at).total_seconds()
        self._current.confirm(self._marketplace, ago_s=max(0.0, ago_s))
        return held.published

    async def _taken_up(self, stored: StoredPublication) -> _Held | Refused:
        """A stored publication as it is served."""
        facts = dict(stored.held)
        previous = self._held.published.snapshot if self._held is not None else None
        try:
            restored = await self._restoring.restore(stored, facts, previous)
        except Broken as error:
            if error.code != "content_damaged":
                raise
            await self._drop_damaged(facts)
            restored = await self._restoring.restore(stored, facts, previous)
        if isinstance(restored, Refused):
            return restored
        own, *rest = restored.sources
        others = {
            source.state.key: Resolved(restored.wishes[source.state.key], source.state, source.listing, facts, 0, 0)
            for source in rest
        }
        is_whole = await asyncio.to_thread(_is_whole, own.listing, others.values(), facts, self._bounds)
        return _Held(Published(stored.publication, restored.snapshot), own.listing, others, facts, is_whole)

    async def wishes(self, state: SourceState, listing: Listing) -> tuple[SourceWish, ...]:
        """The other repositories that this commit takes plugins from. Its marketplace.json is held, or there are none."""
        return await self._restoring.wishes(state, listing)

    async def serve_again(self, commit: CommitId, cause: str) -> Published | None:
        """Publish once more what was published of this commit before, out of mirror.db alone. None where it is not kept, or
        cannot be served as it is held: then it has to be read from GitHub.

        Raises: as ``publish``.
        """
        for publication in await self._store.find_publications(self._marketplace, commit):
            stored = await self._store.load(self._marketplace, publication.id)
            held = None if stored is None else await self._taken_up(stored)
            if not isinstance(held, _Held) or not held.is_whole:
                continue
            if publication.parser_version != PARSER_VERSION or self._fence is None:
                snapshot = held.published.snapshot
                return await self._publish(cause, snapshot, held.listing, held.others, held.facts)
            outcome = await self._store.republish(
                self._marketplace,
                publication.id,
                cause=cause,
                published_at=self._clock.now(),
                expected_head=self._fence,
            )
            if isinstance(outcome, Fenced):
                raise self._fenced()
            published = Published(outcome, held.published.snapshot)
            self._fence = outcome.id
            self._swap(replace(held, published=published))
            return published
        return None

    async def is_damaged(self) -> bool:
        """Whether mirror.db lacks something of what is served, or holds it as an older parser saw it.

        Where something that was read since the last time was damaged, all that is held is looked through first.
        """
        await self._store.reopen()
        if self._doubts != self._store.doubts:
            await self.verify(_unheard)
        newest = await self._store.publications(self._marketplace, 1)
        self._fence = newest[0].id if newest else None
        held = self._held
        if held is None:
            return False
        publication = held.published.publication
        if publication.id != self._fence:
            self._forget_facts()
        return not held.is_whole or publication.parser_version != PARSER_VERSION

    async def assemble(
        self, state: SourceState, listing: Listing, others: Iterable[Resolved], facts: dict[BlobId, BlobFact]
    ) -> Snapshot | Refused:
        """The snapshot of a commit, with what it takes from other repositories. All contents are in the store.

        Raises:
            Broken (``content_damaged``): the disk changed one of them. It is dropped, from ``facts`` too: the next pull
                fetches it again.
            Conflict (``content_not_held``): one of them is gone since. The next pull looks what is there.
        """
        previous = self._held.published.snapshot if self._held is not None else None
        parts = [Part(state, listing), *(Part(other.state, other.listing, other.wish.directories) for other in others)]
        try:
            return await self._restoring.assemble(parts, facts, previous)
        except Broken as error:
            if error.code == "content_damaged":
                await self._drop_damaged(facts)
            raise
        except Conflict:
            self._forget_facts()
            raise

    async def publish(
        self,
        cause: str,
        snapshot: Snapshot,
        listing: Listing,
        others: Mapping[SourceKey, Resolved],
        facts: dict[BlobId, BlobFact],
    ) -> Published:
        """Make this the publication in force: in mirror.db, then in memory. GitHub has just said that it is the head.

        Raises:
            Conflict: mirror.db moved, or lost a blob, meanwhile: the next pull looks again.
        """
        published = await self._publish(cause, snapshot, listing, others, facts)
        self._current.confirm(self._marketplace)
        return published

    async def mend(self, cause: str, snapshot: Snapshot, facts: dict[BlobId, BlobFact]) -> None:
        """Serve the same commit with contents that were missing.

        Published anew where mirror.db has lost the publication, or has it from an older parser. Raises: as ``publish``.
        """
        held = self._held
        assert held is not None
        publication = held.published.publication
        if publication.id == self._fence and publication.parser_version == PARSER_VERSION:
            self._swap(_Held(Published(publication, snapshot), held.listing, held.others, facts))
        else:
            await self._publish(cause, snapshot, held.listing, held.others, facts)

    async def _publish(
        self,
        cause: str,
        snapshot: Snapshot,
        listing: Listing,
        others: Mapping[SourceKey, Resolved],
        facts: dict[BlobId, BlobFact],
    ) -> Published:
        listings = [listing, *(other.listing for other in others.values())]
        draft = PublicationDraft(
            marketplace=self._marketplace,
            sources=tuple(
                SourceDraft(state, each.entries) for state, each in zip(snapshot.sources, listings, strict=True)
            ),
            skills=tuple(
                SkillRow(skill.plugin.name, skill.directory, skill.name, skill.version, skill.revision)
                for skill in snapshot.catalog.skills
            ),
            parser_version=PARSER_VERSION,
            cause=cause,
            published_at=self._clock.now(),
            expected_head=self._fence,
            files=snapshot.file_count,
            absent=frozenset(
                entry.oid
                for each in listings
                for entry in each.entries.values()
                if entry.oid not in facts and entry.mode.has_content
            ),
        )
        try:
            publication = await self._store.publish(draft)
        except Conflict:
            self._forget_facts()
            raise
        if isinstance(publication, Fenced):
            raise self._fenced()
        published = Published(publication, snapshot)
        self._fence = publication.id
        # Nothing between the commit above and the swap below may wait: readers go from the old publication to the new one.
        self._swap(_Held(published, listing, others, facts))
        return published

    def _fenced(self) -> Conflict:
        self._forget_facts()
        return Conflict(
            "mirror.db holds another publication than the one this pull was compared with; the pull starts again",
            code="publication_fenced",
        )

    async def confirm(self) -> None:
        """GitHub said just now that what is served is the branch's head."""
        self._current.confirm(self._marketplace)
        await self._store.confirm_head(self._marketplace, self._clock.now())

    async def verify(self, on_progress: Callable[[int, int], None]) -> Verified | None:
        """Hash everything held again. What is corrupt is dropped, so that it is fetched again; where the rows themselves do
        not add up, the whole file is put aside. None before the first publication."""
        await self._store.reopen()
        self._doubts = self._store.doubts
        report = await self._store.verify(self._marketplace, on_progress)
        if report is None:
            return None
        if not report.root_matches:
            await self.start_anew(
                f"the rows of {self._marketplace} do not add up to the tree of the commit they stand for"
            )
        else:
            await self._drop(report.corrupt)
            self._miss(report.absent)
        return Verified(report.files, report.blobs, report.size_bytes, len(report.corrupt), report.root_matches)

    async def _drop_damaged(self, facts: dict[BlobId, BlobFact]) -> None:
        """Find out which contents the disk has changed, and forget them."""
        damaged = await asyncio.to_thread(self._unreadable, list(facts))
        self._doubts = self._store.doubts
        await self._drop(damaged)
        for oid in damaged:
            facts.pop(oid, None)

    async def _drop(self, corrupt: Collection[BlobId]) -> None:
        """Forget contents that are not what their ids say."""
        if corrupt:
            log.error("content_corrupt", marketplace=self._marketplace, blobs=len(corrupt))
            await self._store.discard_blobs(corrupt)
            self._miss(corrupt)

    def _miss(self, oids: Collection[BlobId]) -> None:
        """These are not held (any more)."""
        if self._held is not None:
            lost = [oid for oid in oids if self._held.facts.pop(oid, None) is not None]
            self._held.is_whole = self._held.is_whole and not lost

    def _unreadable(self, oids: Collection[BlobId]) -> list[BlobId]:
        """Which of these contents the disk has changed."""
        damaged = []
        with self._store.reading() as contents:
            for oid in oids:
                try:
                    contents.get(oid)
                except Broken:
                    damaged.append(oid)
        return damaged

    def _forget_facts(self) -> None:
        if self._held is not None:
            self._held.facts.clear()
            self._held.is_whole = False

    def _swap(self, held: _Held) -> None:
        self._held = held
        self._current.swap(held.published)


def _unheard(_done: int, _total: int) -> None:
    """The progress that nobody waits for."""


def _is_whole(listing: Listing, others: Iterable[Resolved], facts: Mapping[BlobId, BlobFact], bounds: Bounds) -> bool:
    entries = chain(
        listing.entries.values(),
        *(within(other.listing.entries, other.wish.directories).values() for other in others),
    )
    return all(entry.oid in facts or not is_wanted(entry, bounds) for entry in entries)
