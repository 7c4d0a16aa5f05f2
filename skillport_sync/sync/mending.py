"""Owns bringing back what mirror.db has lost of what is served: contents that the disk changed, a file that was made anew.

Whatever the branch's head is by now, and without touching what readers hold. Never decides what is published.
"""

from __future__ import annotations

import structlog

from skillport_sync.errors import Conflict, Missing
from skillport_sync.ports import MarketplaceName
from skillport_sync.snapshot import Refused
from skillport_sync.sync.plan import TooMuch
from skillport_sync.sync.reading import CommitReader, OnBlobs
from skillport_sync.sync.serving import Serving

log = structlog.get_logger(__name__)


class Mender:
    """Fills the gaps of one marketplace's publication in force."""

    def __init__(self, marketplace: MarketplaceName, *, serving: Serving, reader: CommitReader) -> None:
        self._marketplace = marketplace
        self._serving = serving
        self._reader = reader

    async def mend(self, repository: str, cause: str, on_blobs: OnBlobs) -> None:
        """Fetch what is missing of every source, and publish it again where that is needed.

        GitHub may not have those commits any more; that must not keep us from the head. ``repository`` is the marketplace's own
        under its present name. Raises: as ``CommitReader.fill`` but for what is gone, and as ``Serving.mend``.
        """
        published, listing = self._serving.published, self._serving.listing
        assert published is not None
        assert listing is not None
        state, facts, others = published.snapshot.sources[0], self._serving.facts, self._serving.others.values()
        try:
            reads = [await self._reader.fill(repository, state.commit, listing, facts, on_blobs)]
            for other in others:
                there, directories = other.state, other.wish.directories
                reads.append(
                    await self._reader.fill(there.repository, there.commit, other.listing, facts, on_blobs, directories)
                )
        except (Missing, Conflict) as error:
            log.warning("mirror_not_mended", marketplace=self._marketplace, commit=state.commit, reason=error.message)
            return
        filled = [read for read in reads if not isinstance(read, TooMuch)]
        if len(filled) < len(reads):  # the bounds were lowered: the next head is judged by them
            return
        own, *rest = filled
        for read in rest:
            own.facts.update(read.facts)
        snapshot = await self._serving.assemble(state, listing, others, own.facts)
        if isinstance(snapshot, Refused):
            return
        await self._serving.mend(cause, snapshot, own.facts)
        fetched = sum(read.bytes_fetched for read in filled)
        log.info("mirror_mended", marketplace=self._marketplace, commit=state.commit, bytes=fetched)
