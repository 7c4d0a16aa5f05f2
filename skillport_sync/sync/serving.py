"""Owns what is served of one marketplace: restored at start, replaced by each publication, held against what the disk loses.

What is served is an immutable snapshot in memory; mirror.db holds the same publication for the next start and the contents for
readers. Where the two part (contents damaged, the file made anew, a newer parser), what is served goes on being served, and
``is_damaged`` says that somebody has to fill the gap. Never asks GitHub.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import structlog

from skillport_sync.current import Current
from skillport_sync.errors import Broken, Conflict
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, Listing
from skillport_sync.git.objects import BlobId, CommitId
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import PublicationId, Published
from skillport_sync.reports import Verified
from skillport_sync.snapshot import PARSER_VERSION, Refused, Snapshot, SourceInput, SourceState, assemble
from skillport_sync.store.drafts import Fenced, PublicationDraft, SkillRow, SourceDraft
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.plan import Bounds, is_wanted

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Held:
    """The publication in memory: the base that the next pull is compared with."""

    published: Published
    listing: Listing
    facts: dict[BlobId, BlobFact]
    is_whole: bool = True
    """Every content that is to be held is among ``facts``."""


class Serving:
    """One marketplace's publication in force."""

    def __init__(
        self, marketplace: MarketplaceName, *, store: MirrorStore, current: Current, bounds: Bounds, clock: Clock
    ) -> None:
        self._marketplace = marketplace
        self._store = store
        self._current = current
        self._bounds = bounds
        self._clock = clock
        self._held: _Held | None = None
        self._fence: PublicationId | None = None
        """The head in mirror.db, as far as we know; not always what is served."""

    @property
    def published(self) -> Published | None:
        return self._held.published if self._held is not None else None

    @property
    def commit(self) -> CommitId | None:
        return self._held.published.publication.commit if self._held is not None else None

    @property
    def listing(self) -> Listing | None:
        """The proved listing of what is published."""
        return self._held.listing if self._held is not None else None

    @property
    def entries(self) -> Mapping[bytes, Entry]:
        """The files that are served, by raw path."""
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
        own, facts = stored.sources[0], dict(stored.held)
        try:
            snapshot = await self.assemble(own.state, own.listing, facts)
        except Broken as error:
            if error.code != "content_damaged":
                raise
            snapshot = await self.assemble(own.state, own.listing, facts)
        if isinstance(snapshot, Refused):
            log.error("restore_refused", marketplace=self._marketplace, commit=own.state.commit, reason=str(snapshot))
            return None
        published = Published(stored.publication, snapshot)
        is_whole = await asyncio.to_thread(_is_whole, own.listing, facts, self._bounds)
        self._swap(_Held(published, own.listing, facts, is_whole))
        ago_s = (self._clock.now() - stored.confirmed_at).total_seconds()
        self._current.confirm(self._marketplace, ago_s=max(0.0, ago_s))
        return published

    async def is_damaged(self) -> bool:
        """Whether mirror.db lacks something of what is served, or holds it as an older parser saw it."""
        newest = await self._store.publications(self._marketplace, 1)
        self._fence = newest[0].id if newest else None
        held = self._held
        if held is None:
            return False
        publication = held.published.publication
        if publication.id != self._fence:
            self._forget_facts()
        return not held.is_whole or publication.parser_version != PARSER_VERSION

    async def assemble(self, state: SourceState, listing: Listing, facts: dict[BlobId, BlobFact]) -> Snapshot | Refused:
        """The snapshot of a commit whose contents are in the store.

        Raises:
            Broken (``content_damaged``): the disk changed one of them. It is dropped, from ``facts`` too: the next pull
                fetches it again.
        """
        previous = self._held.published.snapshot if self._held is not None else None

        def parse() -> Snapshot | Refused:
            with self._store.reading() as contents:
                source = SourceInput(state, listing.entries, listing.trees, facts, contents)
                return assemble(self._marketplace, [source], previous)

        try:
            return await asyncio.to_thread(parse)
        except Broken as error:
            if error.code == "content_damaged":
                damaged = await asyncio.to_thread(self._unreadable, list(facts))
                await self._drop(damaged)
                for oid in damaged:
                    del facts[oid]
            raise

    async def publish(
        self, cause: str, snapshot: Snapshot, listing: Listing, facts: dict[BlobId, BlobFact]
    ) -> Published:
        """Make this the publication in force: in mirror.db, then in memory. GitHub has just said that it is the head.

        Raises:
            Conflict: mirror.db moved, or lost a blob, meanwhile: the next pull looks again.
        """
        published = await self._publish(cause, snapshot, listing, facts)
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
            self._swap(_Held(Published(publication, snapshot), held.listing, facts))
        else:
            await self._publish(cause, snapshot, held.listing, facts)

    async def _publish(
        self, cause: str, snapshot: Snapshot, listing: Listing, facts: dict[BlobId, BlobFact]
    ) -> Published:
        draft = PublicationDraft(
            marketplace=self._marketplace,
            sources=(SourceDraft(snapshot.sources[0], listing.entries),),
            skills=tuple(
                SkillRow(skill.plugin.name, skill.directory, skill.name, skill.version, skill.revision)
                for skill in snapshot.catalog.skills
            ),
            parser_version=PARSER_VERSION,
            cause=cause,
            published_at=self._clock.now(),
            expected_head=self._fence,
            files=len(snapshot.files),
            absent=frozenset(
                entry.oid for entry in listing.entries.values() if entry.oid not in facts and entry.mode.has_content
            ),
        )
        try:
            publication = await self._store.publish(draft)
        except Conflict:
            self._forget_facts()
            raise
        if isinstance(publication, Fenced):
            self._forget_facts()
            raise Conflict(
                "mirror.db holds another publication than the one this pull was compared with; the pull starts again",
                code="publication_fenced",
            )
        published = Published(publication, snapshot)
        self._fence = publication.id
        # Nothing between the commit above and the swap below may wait: readers go from the old publication to the new one.
        self._swap(_Held(published, listing, facts))
        return published

    async def confirm(self) -> None:
        """GitHub said just now that what is served is the branch's head."""
        self._current.confirm(self._marketplace)
        await self._store.confirm_head(self._marketplace, self._clock.now())

    async def verify(self, on_progress: Callable[[int, int], None]) -> Verified | None:
        """Hash everything held again. What is corrupt is dropped, so that it is fetched again; where the rows themselves do
        not add up, the whole file is put aside. None before the first publication."""
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


def _is_whole(listing: Listing, facts: Mapping[BlobId, BlobFact], bounds: Bounds) -> bool:
    return all(entry.oid in facts or not is_wanted(entry, bounds) for entry in listing.entries.values())
