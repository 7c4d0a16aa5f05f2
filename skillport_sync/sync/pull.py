"""Owns the one way into the mirror: read the branch's head, and what it takes from other repositories; prove it; publish it.

A pull is one attempt. It never retries, waits or schedules (``loop`` does), and it may be killed at any step: what it stored
is found again, and nothing is served before the one transaction that publishes it. Here stands which way an attempt goes; the
steps are ``upstream`` (what GitHub has), ``publishing`` (what comes of it) and ``staying`` (of a marketplace rolled back).
"""

from __future__ import annotations

from collections.abc import Mapping

from skillport_sync.catalog.model import SourceWish
from skillport_sync.current import Current
from skillport_sync.errors import Broken
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import BlobId, CommitId
from skillport_sync.github.client import GitHub
from skillport_sync.ports import Clock
from skillport_sync.publication import Published
from skillport_sync.restoring import Restoring
from skillport_sync.snapshot import Refused, Snapshot
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.attempt import Attempt, OnProgress
from skillport_sync.sync.branch import Branch, Source
from skillport_sync.sync.identity import Identity
from skillport_sync.sync.making import Maker
from skillport_sync.sync.mending import Mender
from skillport_sync.sync.outcomes import Doubtful, HeldBack, NotPublished, Outcome, Request
from skillport_sync.sync.plan import Bounds, TooMuch
from skillport_sync.sync.preparing import Standpoint
from skillport_sync.sync.publishing import Publishing
from skillport_sync.sync.reading import CommitReader
from skillport_sync.sync.serving import Serving
from skillport_sync.sync.sources import Sources, Trouble
from skillport_sync.sync.standpoints import Standpoints
from skillport_sync.sync.staying import Staying
from skillport_sync.sync.upstream import Upstream


class Pull:
    """Brings one marketplace in step with its branch. One at a time: its loop sees to that."""

    def __init__(
        self,
        source: Source,
        *,
        github: GitHub,
        store: MirrorStore,
        current: Current,
        bounds: Bounds,
        clock: Clock,
        restoring: Restoring,
        max_removed_share: float | None,
        identity: Identity | None = None,
    ) -> None:
        """A commit that removes more than ``max_removed_share`` of the skills is held; None: no commit is. ``identity``: what
        proves that it is still the same repository; None: whichever has the name."""
        marketplace = source.marketplace
        reader = CommitReader(github, store, bounds)
        sources = Sources(marketplace, github=github, store=store, bounds=bounds)
        self._serving = Serving(
            marketplace, store=store, current=current, bounds=bounds, clock=clock, restoring=restoring
        )
        self._upstream = Upstream(
            Branch(source, github=github, store=store, clock=clock, identity=identity), reader, self._serving
        )
        self._mender = Mender(marketplace, serving=self._serving, reader=reader)
        self._maker = Maker(self._serving, sources, max_removed_share)
        self._publishing = Publishing(self._upstream, serving=self._serving, maker=self._maker, store=store)
        self._staying = Staying(self._upstream, serving=self._serving, publishing=self._publishing, store=store)
        self._standpoints = Standpoints(self._upstream, self._serving)

    # --- what is known of the marketplace ---------------------------------------------------------------------------------

    @property
    def source(self) -> Source:
        """The branch it follows, under the repository's present name."""
        return self._upstream.source

    @property
    def identity(self) -> Identity | None:
        """What proves that it is still the same repository."""
        return self._upstream.identity

    @property
    def repository_id(self) -> int | None:
        """GitHub's number of the repository, as far as known."""
        return None if self.identity is None else self.identity.known

    @property
    def commit(self) -> CommitId | None:
        """The commit that is served, None before the first publication."""
        return self._serving.commit

    @property
    def published(self) -> Published | None:
        """What is served; None before the first publication."""
        return self._serving.published

    @property
    def refused(self) -> NotPublished | HeldBack | None:
        """The head that was not published, as long as it is the head."""
        return self._publishing.refused

    @property
    def sources(self) -> tuple[SourceWish, ...]:
        """The other repositories that what was read last takes plugins from: whose pushes matter here."""
        return self._maker.wishes

    @property
    def followed_repositories(self) -> frozenset[tuple[str, str | None]]:
        """The other repositories by each name they go by, with the branch or tag that is followed; pinned commits never move."""
        return self._maker.followed_repositories

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Which of them could not be looked at the last time, and what is served of them instead."""
        return self._maker.troubles

    # --- what changes are made from ---------------------------------------------------------------------------------------

    @property
    def standpoint(self) -> Standpoint | None:
        """What is served, for a change to be made from; None before the first publication."""
        return self._standpoints.here

    async def would_be(self, listing: Listing, facts: Mapping[BlobId, BlobFact]) -> Snapshot | Refused:
        """What this listing of the repository would be served as; ``facts`` are those of its contents. Publishes nothing."""
        return await self._standpoints.would_be(listing, facts)

    async def read_standpoint(self, commit: CommitId) -> Standpoint:
        """Another commit of the repository, read for a change to be made from. Nothing of it is published.

        Raises: as ``run``; Conflict (``commit_refused``) where it could not be published.
        """
        return await self._standpoints.read(commit)

    async def commit_published(self, prefix: str) -> CommitId:
        """The commit of a kept publication that begins like this.

        Raises:
            Missing: there is none. Invalid: there are several.
        """
        return await self._staying.commit_published(prefix)

    # --- one attempt ------------------------------------------------------------------------------------------------------

    async def restore(self) -> Published | None:
        """Serve what was published when the process last stopped. None where there is nothing, or nothing readable any more."""
        published = await self._serving.restore()
        self._maker.recall()
        return published

    async def run(self, request: Request, on_progress: OnProgress) -> Outcome:
        """One attempt.

        Raises:
            Unavailable, Unauthenticated, Denied, Missing, Conflict: GitHub could not be read; nothing changed.
            Broken: GitHub's answers do not add up, or the store does not; nothing of them was published.
        """
        try:
            return await self._run(request, on_progress)
        except Broken as error:
            if error.code == "database_damaged":
                await self._serving.start_anew(error.message)
            raise

    async def _run(self, request: Request, on_progress: OnProgress) -> Outcome:
        attempt = Attempt(self._upstream.marketplace, request, on_progress)
        if request.verify or request.full:
            attempt = attempt.having(await self._serving.verify(attempt.on_verified))
        if await self._serving.is_damaged() and not request.dry_run:
            await self._mender.mend(self._upstream.repository, request.cause, attempt.on_blobs)
        attempt.tell("head", 0, 1, "request")
        if request.pin is not None:
            return await self._staying.stay(attempt, request.pin)
        if request.landed is not None and request.landed.parent == self.commit:
            return await self._publishing.land(attempt, request.landed)
        followed = await self._upstream.followed(request, self._known_head)
        if followed is not None:
            return await self._publishing.publish(attempt, followed, from_hint=True)
        return await self._to_the_head(attempt)

    async def _to_the_head(self, attempt: Attempt) -> Outcome:
        """Ask where the branch is, and go there if that is to be believed."""
        request = attempt.request
        commit = await self._upstream.head(None if request.full else self._known_head)
        if not request.full:
            if commit == self.commit:
                return await self._publishing.refresh(attempt, commit)
            refused = self.refused
            if refused is not None and commit == refused.commit and not request.confirms(commit):
                return refused
        listed = await self._upstream.listed(commit)
        if isinstance(listed, TooMuch):
            return self._publishing.refuse(commit, Refused(listed.code, listed.message))
        judged = await self._upstream.judge(listed.commit, request, self.commit, self._known_head)
        if isinstance(judged, Doubtful):
            return judged
        return await self._publishing.publish(attempt, listed, rewritten=judged.rewritten)

    @property
    def _known_head(self) -> CommitId | None:
        """The head as it was last read, published or refused."""
        return self.refused.commit if self.refused is not None else self.commit
