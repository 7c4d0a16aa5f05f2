"""Owns the way from contents in mirror.db to a Snapshot: of a commit just read, and of a publication that is kept.

Where a marketplace takes plugins from other repositories, which part of each is published is said by the marketplace.json of the
same commit. Parses in a worker thread. Never fetches, never publishes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.catalog.discover import MANIFEST_PATH, Undiscoverable, marketplace_path
from skillport_sync.catalog.model import SourceFiles, SourceKey, SourceWish
from skillport_sync.catalog.sources import wanted_sources
from skillport_sync.errors import Broken, Missing
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, Listing
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import RepoPath
from skillport_sync.ports import MarketplaceName
from skillport_sync.quarantine import Scan
from skillport_sync.snapshot import Refused, Snapshot, SourceInput, SourceState, assemble
from skillport_sync.store.drafts import StoredPublication, StoredSource
from skillport_sync.store.mirror import MirrorStore

WHOLE = ("",)


@dataclass(frozen=True, slots=True)
class Part:
    """A source of a snapshot: one commit, all its files, and the directories of which something is published."""

    state: SourceState
    listing: Listing
    directories: tuple[str, ...] = WHOLE


@dataclass(frozen=True, slots=True)
class Restored:
    """A kept publication, readable again."""

    snapshot: Snapshot
    wishes: Mapping[SourceKey, SourceWish]
    sources: tuple[StoredSource, ...]
    """Those that its snapshot was made of, in its order."""


class Restoring:
    """Snapshots of one marketplace, out of what is held."""

    def __init__(
        self, marketplace: MarketplaceName, store: MirrorStore, host: str, quarantine: frozenset[Scan]
    ) -> None:
        self._marketplace = marketplace
        self._store = store
        self._host = host
        self._quarantine = quarantine

    async def wishes(self, state: SourceState, listing: Listing) -> tuple[SourceWish, ...]:
        """The other repositories that this commit's marketplace.json takes plugins from; none where that is not held."""
        manifest = listing.entries.get(MANIFEST_PATH.encode())
        if manifest is None or manifest.mode is Mode.SYMLINK:
            manifest = await asyncio.to_thread(self._linked_manifest, listing)
        if manifest is None or not manifest.mode.has_content:
            return ()
        try:
            content = await self._store.content(manifest.oid)
        except (Missing, Broken):
            return ()
        return await asyncio.to_thread(wanted_sources, content, host=self._host, repository=state.repository)

    def _linked_manifest(self, listing: Listing) -> Entry | None:
        """marketplace.json where it, or its directory, is a symbolic link."""
        files = {RepoPath(raw.decode()): entry for raw, entry in listing.entries.items() if _is_text(raw)}
        trees = {raw.decode(): tree for raw, tree in listing.trees.items() if _is_text(raw)}
        with self._store.reading() as contents:
            path = marketplace_path(SourceFiles(files, trees, contents))
        return None if isinstance(path, Undiscoverable) else files.get(path)

    async def assemble(
        self, parts: Sequence[Part], facts: Mapping[BlobId, BlobFact], previous: Snapshot | None
    ) -> Snapshot | Refused:
        """The snapshot of these sources, the marketplace's own first. ``previous`` only saves work.

        Raises:
            Broken (``content_damaged``): the disk changed a content.
        """

        def parse() -> Snapshot | Refused:
            with self._store.reading() as contents:
                sources = [
                    SourceInput(part.state, part.listing.entries, part.listing.trees, facts, contents, part.directories)
                    for part in parts
                ]
                return assemble(self._marketplace, sources, previous, host=self._host, quarantine=self._quarantine)

        return await asyncio.to_thread(parse)

    async def restore(
        self, stored: StoredPublication, facts: Mapping[BlobId, BlobFact], previous: Snapshot | None
    ) -> Restored | Refused:
        """A kept publication as it is read today. Raises: as ``assemble``."""
        own = stored.sources[0]
        wishes = {wish.key: wish for wish in await self.wishes(own.state, own.listing)}
        sources = (own, *(source for source in stored.sources[1:] if source.state.key in wishes))
        parts = [Part(own.state, own.listing)]
        parts += [Part(source.state, source.listing, wishes[source.state.key].directories) for source in sources[1:]]
        snapshot = await self.assemble(parts, facts, previous)
        return snapshot if isinstance(snapshot, Refused) else Restored(snapshot, wishes, sources)


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
