"""Owns what comes of a commit that was found: published, rehearsed, refused, held back, or what is served already.

Keeps what the next pull has to know of it: the head that was not published, and the parents of the one that was. Never decides
which commit that is.
"""

from __future__ import annotations

import asyncio

from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import BlobId, CommitId
from skillport_sync.publication import Changes, Published
from skillport_sync.snapshot import Refused, SourceState
from skillport_sync.spans import span
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.attempt import Attempt
from skillport_sync.sync.making import Made, Maker
from skillport_sync.sync.outcomes import HeldBack, InStep, Landed, NotPublished, Outcome, WouldPublish
from skillport_sync.sync.plan import TooMuch, diff, unfulfilled
from skillport_sync.sync.reading import Listed, Read
from skillport_sync.sync.serving import Serving
from skillport_sync.sync.upstream import Upstream


class Publishing:
    """The publishing of one marketplace's commits, one at a time."""

    def __init__(self, upstream: Upstream, *, serving: Serving, maker: Maker, store: MirrorStore) -> None:
        self._upstream = upstream
        self._serving = serving
        self._maker = maker
        self._store = store
        self._refused: NotPublished | HeldBack | None = None
        self._parents: tuple[CommitId, ...] = ()
        """Of what is served, where this process published it: a push to one of them was passed over, not lost."""

    @property
    def refused(self) -> NotPublished | HeldBack | None:
        """The head that was not published, as long as it is the head."""
        return self._refused

    async def publish(
        self, attempt: Attempt, listed: Listed, *, from_hint: bool = False, rewritten: bool = False
    ) -> Outcome:
        """Read this commit and publish it. ``from_hint``: a signed push was followed; ``rewritten``: so was history.

        Raises: as ``Upstream.read``, ``Maker.make`` and ``Serving.publish``.
        """
        read = await self._upstream.read(attempt, listed)
        if isinstance(read, TooMuch):
            return self.refuse(listed.commit.id, Refused(read.code, read.message))
        return await self._publish_read(attempt, read, listed.commit.parents, from_hint=from_hint, rewritten=rewritten)

    async def land(self, attempt: Attempt, landed: Landed) -> Outcome:
        """Publish what was just committed here. Nothing is read: the branch is confirmed soon, as after a signed push.

        Raises: as ``publish``.
        """
        read = Read(landed.commit, landed.listing, {**self._serving.facts, **landed.facts}, 0)
        return await self._publish_read(attempt, read, (landed.parent,), from_hint=True)

    async def refresh(self, attempt: Attempt, commit: CommitId) -> Outcome:
        """The head is what is served. The other repositories may have moved meanwhile: then it is published anew with them.

        Raises: as ``publish``.
        """
        before, listing = self._serving.published, self._serving.listing
        assert before is not None
        assert listing is not None
        wishes = await self._serving.wishes(before.snapshot.sources[0], listing)
        if not wishes:
            return await self._in_step(attempt, commit)
        made = await self._make(attempt, commit, listing, dict(self._serving.facts))
        if not isinstance(made, Made):
            return made
        if self._is_served(made):
            return await self._in_step(attempt, commit)
        if attempt.request.dry_run:
            return self._rehearsed(attempt, made)
        published = await self._put_in_force(attempt, made)
        self._refused = None
        awaited = await self._awaits_more(attempt, commit)
        return made.published(published, before, attempt.checked, from_hint=False, awaited=awaited, rewritten=False)

    def refuse(self, commit: CommitId, refused: Refused) -> NotPublished:
        """This head is not published, for this reason."""
        not_published = NotPublished(commit, refused)
        self._refused = not_published
        return not_published

    def start_over(self) -> None:
        """What is served now came from nowhere near the head: nothing that was noted of the head holds any more."""
        self._refused, self._parents = None, ()

    async def _publish_read(
        self, attempt: Attempt, read: Read, parents: tuple[CommitId, ...], *, from_hint: bool, rewritten: bool = False
    ) -> Outcome:
        commit, before = read.commit, self._serving.published
        made = await self._make(attempt, commit, read.listing, read.facts, keep_others=from_hint)
        if not isinstance(made, Made):
            return made
        made.count(await asyncio.to_thread(diff, self._serving.entries, read.listing.entries), read.bytes_fetched)
        if attempt.request.dry_run:
            return self._rehearsed(attempt, made)
        if before is not None and self._is_served(made):
            await self._serving.mend(attempt.request.cause, made.snapshot, made.facts)
            return await self._in_step(attempt, commit)
        published = await self._put_in_force(attempt, made)
        self._refused, self._parents = None, parents
        awaited = await self._awaits_more(attempt, commit)
        return made.published(
            published, before, attempt.checked, from_hint=from_hint, awaited=awaited, rewritten=rewritten
        )

    async def _make(
        self,
        attempt: Attempt,
        commit: CommitId,
        listing: Listing,
        facts: dict[BlobId, BlobFact],
        *,
        keep_others: bool = False,
    ) -> Made | NotPublished | HeldBack:
        """What this commit publishes, or why it does not."""
        attempt.tell("parse", 0, len(listing.entries), "files")
        state = SourceState(OWN_SOURCE, self._upstream.repository, commit, listing.root)
        made = await self._maker.make(attempt.request, state, listing, facts, attempt.on_blobs, keep_others=keep_others)
        if isinstance(made, Refused):
            return self.refuse(commit, made)
        if isinstance(made, HeldBack) and commit != self._serving.commit and not attempt.request.dry_run:
            self._refused = made
        return made

    async def _put_in_force(self, attempt: Attempt, made: Made) -> Published:
        attempt.tell("publish", 0, 1, "publication")
        with span("skillport.publish", marketplace=self._upstream.marketplace, commit=made.snapshot.commit):
            return await self._serving.publish(
                attempt.request.cause, made.snapshot, made.listing, made.others, made.facts
            )

    async def _in_step(self, attempt: Attempt, commit: CommitId) -> InStep:
        self._refused = None
        await self._serving.confirm()
        return InStep(commit, await self._awaits_more(attempt, commit), attempt.checked)

    async def _awaits_more(self, attempt: Attempt, commit: CommitId) -> bool:
        """Whether a push names a commit that is neither this one nor any that was served before."""
        hints, seen = attempt.request.hints, {commit, *self._parents}
        if not unfulfilled(hints, seen):
            return False
        return unfulfilled(hints, seen | await self._store.published_commits(self._upstream.marketplace))

    def _is_served(self, made: Made) -> bool:
        """Whether this is what is served: the same commits, and the same of what is wanted of other repositories."""
        served = self._serving.published
        return (
            served is not None
            and served.snapshot.sources == made.snapshot.sources
            and {key: other.wish.directories for key, other in self._serving.others.items()}
            == {key: other.wish.directories for key, other in made.others.items()}
        )

    def _rehearsed(self, attempt: Attempt, made: Made) -> WouldPublish:
        before = self._serving.published
        served = before.snapshot.catalog.skills if before is not None else ()
        changes = Changes.between(served, made.snapshot.catalog.skills)
        return WouldPublish(
            self._serving.commit, made.snapshot, changes, made.files_changed, made.bytes_fetched, attempt.checked
        )
