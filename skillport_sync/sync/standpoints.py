"""Owns the commits that a change can be made from: the one that is served, and any other, read for the purpose.

Says, too, what a changed listing would be served as. Publishes nothing, writes nothing to GitHub.
"""

from __future__ import annotations

from collections.abc import Mapping

from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.errors import Conflict
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import ZERO_ID, BlobId, CommitId
from skillport_sync.snapshot import Refused, Snapshot, SourceState
from skillport_sync.sync.attempt import Attempt
from skillport_sync.sync.outcomes import Request
from skillport_sync.sync.plan import TooMuch
from skillport_sync.sync.preparing import Standpoint
from skillport_sync.sync.serving import Serving
from skillport_sync.sync.upstream import Upstream


class Standpoints:
    """The commits of one marketplace, as changes see them."""

    def __init__(self, upstream: Upstream, serving: Serving) -> None:
        self._upstream = upstream
        self._serving = serving

    @property
    def here(self) -> Standpoint | None:
        """What is served; None before the first publication."""
        published, listing = self._serving.published, self._serving.listing
        if published is None or listing is None:
            return None
        publication = published.publication
        return Standpoint(publication.commit, published.snapshot, listing, self._serving.facts, publication.id)

    async def would_be(self, listing: Listing, facts: Mapping[BlobId, BlobFact]) -> Snapshot | Refused:
        """What this listing of the repository would be served as; ``facts`` are those of its contents."""
        state = SourceState(OWN_SOURCE, self._upstream.repository, CommitId(ZERO_ID), listing.root)
        return await self._serving.assemble(
            state, listing, self._serving.others.values(), {**self._serving.facts, **facts}
        )

    async def read(self, commit: CommitId) -> Standpoint:
        """Another commit of the repository. Nothing of it is published.

        Raises: as ``Upstream.listed`` and ``Upstream.read``; Conflict (``commit_refused``) where it could not be published.
        """
        attempt = Attempt(self._upstream.marketplace, Request("save"))
        listed = await self._upstream.listed(commit)
        read = listed if isinstance(listed, TooMuch) else await self._upstream.read(attempt, listed)
        if isinstance(read, TooMuch):
            raise Conflict(read.message, code=read.code)
        snapshot = await self.would_be(read.listing, read.facts)
        if isinstance(snapshot, Refused):
            raise Conflict(f"{commit} could not be published: {snapshot}", code="commit_refused")
        return Standpoint(commit, snapshot, read.listing, read.facts)
