"""Owns the one way into the mirror: read the branch's head, and what it takes from other repositories; prove it; publish it.

A pull is one attempt. It never retries, waits or schedules (``loop`` does), and it may be killed at any step: what it stored
is found again, and nothing is served before the one transaction that publishes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from skillport_sync.catalog.model import OWN_SOURCE, SourceWish
from skillport_sync.current import Current
from skillport_sync.errors import Broken, Conflict, Invalid, Missing, Unavailable
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import ZERO_ID, BlobId, CommitId
from skillport_sync.github.client import GitHub
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Changes, Published
from skillport_sync.reports import Progress, Stage, Verified
from skillport_sync.restoring import Restoring
from skillport_sync.snapshot import Refused, Snapshot, SourceState
from skillport_sync.spans import span
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.branch import Branch, Source
from skillport_sync.sync.identity import Identity
from skillport_sync.sync.making import Made, Maker
from skillport_sync.sync.mending import Mender
from skillport_sync.sync.outcomes import (
    Doubtful,
    HeldBack,
    InStep,
    Landed,
    NotPublished,
    NowPublished,
    Outcome,
    Pinned,
    Request,
    WouldPublish,
)
from skillport_sync.sync.plan import Bounds, TooMuch, diff, end_of_pushes, unfulfilled
from skillport_sync.sync.preparing import Standpoint
from skillport_sync.sync.reading import CommitReader, Listed, Read
from skillport_sync.sync.serving import Serving
from skillport_sync.sync.sources import Sources, Trouble

log = structlog.get_logger(__name__)

OnProgress = Callable[[Progress], None]


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
        self._branch = Branch(source, github=github, store=store, clock=clock, identity=identity)
        self._store = store
        self._reader = CommitReader(github, store, bounds)
        self._serving = Serving(
            source.marketplace, store=store, current=current, bounds=bounds, clock=clock, restoring=restoring
        )
        sources = Sources(source.marketplace, github=github, store=store, bounds=bounds)
        self._mender = Mender(source.marketplace, serving=self._serving, reader=self._reader)
        self._maker = Maker(self._serving, sources, max_removed_share)
        self._refused: NotPublished | HeldBack | None = None
        self._passed_by: CommitId | None = None
        self._parents: tuple[CommitId, ...] = ()
        """Of what is served, where this process published it: a push to one of them was passed over, not lost."""

    @property
    def source(self) -> Source:
        """The branch it follows, under the repository's present name."""
        return self._branch.source

    @property
    def identity(self) -> Identity | None:
        """What proves that it is still the same repository."""
        return self._branch.identity

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
    def standpoint(self) -> Standpoint | None:
        """What is served, for a change to be made from; None before the first publication."""
        published, listing = self._serving.published, self._serving.listing
        if published is None or listing is None:
            return None
        publication = published.publication
        return Standpoint(publication.commit, published.snapshot, listing, self._serving.facts, publication.id)

    async def would_be(self, listing: Listing, facts: Mapping[BlobId, BlobFact]) -> Snapshot | Refused:
        """What this listing of the repository would be served as; ``facts`` are those of its contents. Publishes nothing."""
        state = SourceState(OWN_SOURCE, self._repository, CommitId(ZERO_ID), listing.root)
        return await self._serving.assemble(
            state, listing, self._serving.others.values(), {**self._serving.facts, **facts}
        )

    async def read_standpoint(self, commit: CommitId) -> Standpoint:
        """Another commit of the repository, read for a change to be made from. Nothing of it is published.

        Raises: as ``run``; Conflict (``commit_refused``) where it could not be published.
        """
        listed = await self._list_head(commit)
        read = listed if isinstance(listed, TooMuch) else await self._read(listed, Request("save"), lambda _told: None)
        if isinstance(read, TooMuch):
            raise Conflict(read.message, code=read.code)
        snapshot = await self.would_be(read.listing, read.facts)
        if isinstance(snapshot, Refused):
            raise Conflict(f"{commit} could not be published: {snapshot}", code="commit_refused")
        return Standpoint(commit, snapshot, read.listing, read.facts)

    @property
    def refused(self) -> NotPublished | HeldBack | None:
        """The head that was not published, as long as it is the head."""
        return self._refused

    @property
    def sources(self) -> tuple[SourceWish, ...]:
        """The other repositories that what was read last takes plugins from: whose pushes matter here."""
        return self._maker.wishes

    @property
    def followed_repositories(self) -> frozenset[tuple[str, str | None]]:
        """The other repositories by each name they go by, with the branch or tag that is followed; pinned commits never move."""
        served = self._serving.others
        return frozenset(
            (repository, wish.ref)
            for wish in self._maker.wishes
            if wish.sha is None
            for repository in (wish.repository, *([served[wish.key].state.repository] if wish.key in served else []))
        )

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Which of them could not be looked at the last time, and what is served of them instead."""
        return self._maker.troubles

    async def restore(self) -> Published | None:
        """Serve what was published when the process last stopped. None where there is nothing, or nothing readable any more."""
        published = await self._serving.restore()
        self._maker.wishes = tuple(other.wish for other in self._serving.others.values())
        return published

    async def commit_published(self, prefix: str) -> CommitId:
        """The commit of a kept publication that begins like this.

        Raises:
            Missing: there is none. Invalid: there are several.
        """
        commits = sorted({kept.commit for kept in await self._store.find_publications(self._marketplace, prefix)})
        if len(commits) == 1:
            return commits[0]
        if commits:
            shown = ", ".join(commit[:12] for commit in commits[:5])
            raise Invalid(
                f"{prefix} begins several published commits ({shown}): write more of it", code="commit_ambiguous"
            )
        raise Missing(
            f"no publication of {self._marketplace} with commit {prefix} is kept; "
            "`skillport-sync publications` lists those that are",
            code="publication_missing",
        )

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
        checked = await self._verify(on_progress) if request.verify or request.full else None
        if await self._serving.is_damaged() and not request.dry_run:
            await self._mender.mend(self._repository, request.cause, self._on_blobs(on_progress))
        on_progress(self._progress("head", 0, 1, "request"))
        if request.pin is not None:
            return await self._stay(request, request.pin, checked, on_progress)
        if request.landed is not None and request.landed.parent == self.commit:
            return await self._land(request, request.landed, checked, on_progress)
        followed = await self._follow(request)
        if followed is not None:
            return await self._publish(request, followed, checked, on_progress, from_hint=True)
        commit = await self._branch.head(None if request.full else self._known_head)
        if not request.full:
            if commit == self.commit:
                return await self._refresh(request, commit, checked, on_progress)
            if self._refused is not None and commit == self._refused.commit and not request.confirms(commit):
                return self._refused
        listed = await self._list_head(commit)
        if isinstance(listed, TooMuch):
            return self._refuse(commit, Refused(listed.code, listed.message))
        judged = await self._branch.judge(listed.commit, request, self.commit, self._known_head)
        if isinstance(judged, Doubtful):
            return judged
        return await self._publish(request, listed, checked, on_progress, rewritten=judged.rewritten)

    # --- which commit ----------------------------------------------------------------------------------------------------

    @property
    def _marketplace(self) -> MarketplaceName:
        return self._branch.source.marketplace

    @property
    def _repository(self) -> str:
        return self._branch.source.repository

    @property
    def _known_head(self) -> CommitId | None:
        """The head as it was last read, published or refused."""
        return self._refused.commit if self._refused is not None else self.commit

    async def _follow(self, request: Request) -> Listed | None:
        """The commit that the pushes lead to, without asking for the head first. None where they do not say, or GitHub's reads
        do not know it yet, or it is too large: then the head is read, and says so again."""
        pushed = None if request.full else end_of_pushes(self._known_head, request.hints)
        if pushed is None:
            return None
        try:
            listed = await self._reader.look_up(self._repository, pushed)
        except (Missing, Conflict):
            return None
        return None if isinstance(listed, TooMuch) else listed

    async def _list_head(self, commit: CommitId) -> Listed | TooMuch:
        try:
            return await self._reader.look_up(self._repository, commit)
        except (Missing, Conflict) as error:
            raise Unavailable(
                f"{self._repository} is at {commit}, and GitHub does not show that commit yet: {error.message}",
                code="commit_not_visible",
            ) from error

    # --- what comes of it ------------------------------------------------------------------------------------------------

    async def _in_step(self, commit: CommitId, request: Request, checked: Verified | None) -> InStep:
        self._refused = None
        await self._serving.confirm()
        return InStep(commit, await self._awaits_more(request, commit), checked)

    async def _publish(
        self,
        request: Request,
        listed: Listed,
        checked: Verified | None,
        on_progress: OnProgress,
        *,
        from_hint: bool = False,
        rewritten: bool = False,
    ) -> Outcome:
        read = await self._read(listed, request, on_progress)
        if isinstance(read, TooMuch):
            return self._refuse(listed.commit.id, Refused(read.code, read.message))
        return await self._publish_read(
            request, read, listed.commit.parents, checked, on_progress, from_hint=from_hint, rewritten=rewritten
        )

    async def _land(
        self, request: Request, landed: Landed, checked: Verified | None, on_progress: OnProgress
    ) -> Outcome:
        """Publish what was just committed here. Nothing is read: the branch is confirmed soon, as after a signed push."""
        facts = {**self._serving.facts, **landed.facts}
        read = Read(landed.commit, landed.listing, facts, 0)
        return await self._publish_read(request, read, (landed.parent,), checked, on_progress, from_hint=True)

    async def _publish_read(
        self,
        request: Request,
        read: Read,
        parents: tuple[CommitId, ...],
        checked: Verified | None,
        on_progress: OnProgress,
        *,
        from_hint: bool,
        rewritten: bool = False,
    ) -> Outcome:
        commit, before = read.commit, self._serving.published
        made = await self._make(request, commit, read.listing, read.facts, on_progress, keep_others=from_hint)
        if not isinstance(made, Made):
            return made
        made.count(await asyncio.to_thread(diff, self._serving.entries, read.listing.entries), read.bytes_fetched)
        if request.dry_run:
            return self._rehearsed(made, checked)
        if before is not None and self._is_served(made):
            await self._serving.mend(request.cause, made.snapshot, made.facts)
            return await self._in_step(commit, request, checked)
        on_progress(self._progress("publish", 0, 1, "publication"))
        with span("skillport.publish", marketplace=self._marketplace, commit=commit):
            published = await self._serving.publish(request.cause, made.snapshot, made.listing, made.others, made.facts)
        self._refused, self._parents = None, parents
        awaited = await self._awaits_more(request, commit)
        return made.published(published, before, checked, from_hint=from_hint, awaited=awaited, rewritten=rewritten)

    async def _refresh(
        self, request: Request, commit: CommitId, checked: Verified | None, on_progress: OnProgress
    ) -> Outcome:
        """The head is what is served. The other repositories may have moved meanwhile: then it is published anew with them."""
        before, listing = self._serving.published, self._serving.listing
        assert before is not None
        assert listing is not None
        wishes = await self._serving.wishes(before.snapshot.sources[0], listing)
        if not wishes:
            return await self._in_step(commit, request, checked)
        made = await self._make(request, commit, listing, dict(self._serving.facts), on_progress)
        if not isinstance(made, Made):
            return made
        if self._is_served(made):
            return await self._in_step(commit, request, checked)
        if request.dry_run:
            return self._rehearsed(made, checked)
        on_progress(self._progress("publish", 0, 1, "publication"))
        with span("skillport.publish", marketplace=self._marketplace, commit=commit):
            published = await self._serving.publish(request.cause, made.snapshot, made.listing, made.others, made.facts)
        self._refused = None
        awaited = await self._awaits_more(request, commit)
        return made.published(published, before, checked, from_hint=False, awaited=awaited, rewritten=False)

    async def _make(
        self,
        request: Request,
        commit: CommitId,
        listing: Listing,
        facts: dict[BlobId, BlobFact],
        on_progress: OnProgress,
        *,
        keep_others: bool = False,
    ) -> Made | NotPublished | HeldBack:
        """What this commit publishes, or why it does not."""
        on_progress(self._progress("parse", 0, len(listing.entries), "files"))
        state = SourceState(OWN_SOURCE, self._repository, commit, listing.root)
        on_blobs = self._on_blobs(on_progress)
        made = await self._maker.make(request, state, listing, facts, on_blobs, keep_others=keep_others)
        if isinstance(made, Refused):
            return self._refuse(commit, made)
        if isinstance(made, HeldBack) and commit != self.commit and not request.dry_run:
            self._refused = made
        return made

    async def _head_passed_by(self) -> CommitId | None:
        """Where the branch is that is not followed."""
        try:
            self._passed_by = await self._branch.head(self._passed_by)
        except Unavailable:
            return None
        return self._passed_by

    def _is_served(self, made: Made) -> bool:
        """Whether this is what is served: the same commits, and the same of what is wanted of other repositories."""
        served = self._serving.published
        return (
            served is not None
            and served.snapshot.sources == made.snapshot.sources
            and {key: other.wish.directories for key, other in self._serving.others.items()}
            == {key: other.wish.directories for key, other in made.others.items()}
        )

    def _rehearsed(self, made: Made, checked: Verified | None) -> WouldPublish:
        before = self._serving.published
        served = before.snapshot.catalog.skills if before is not None else ()
        changes = Changes.between(served, made.snapshot.catalog.skills)
        return WouldPublish(self.commit, made.snapshot, changes, made.files_changed, made.bytes_fetched, checked)

    async def _stay(
        self, request: Request, pin: CommitId, checked: Verified | None, on_progress: OnProgress
    ) -> Outcome:
        """An operator rolled back to ``pin``: serve that and nothing newer. GitHub is needed only where mirror.db lost it."""
        before = self._serving.published
        if before is not None and before.publication.commit == pin:
            return Pinned(pin, await self._head_passed_by())
        if not request.dry_run:
            entries = self._serving.entries
            published = await self._serving.serve_again(pin, request.cause)
            if published is not None:
                self._refused, self._parents = None, ()
                changed = await asyncio.to_thread(diff, entries, self._serving.entries)
                return NowPublished(published, None if before is None else before.publication.commit, len(changed), 0)
        listed = await self._list_head(pin)
        if isinstance(listed, TooMuch):
            return self._refuse(pin, Refused(listed.code, listed.message))
        return await self._publish(request, listed, checked, on_progress)

    async def _awaits_more(self, request: Request, commit: CommitId) -> bool:
        seen = {commit, *self._parents}
        if not unfulfilled(request.hints, seen):
            return False
        return unfulfilled(request.hints, seen | await self._store.published_commits(self._marketplace))

    def _refuse(self, commit: CommitId, refused: Refused) -> NotPublished:
        not_published = NotPublished(commit, refused)
        self._refused = not_published
        return not_published

    async def _read(self, listed: Listed, request: Request, on_progress: OnProgress) -> Read | TooMuch:
        repository, on_blobs = self._repository, self._on_blobs(on_progress)
        listing = await self._reader.prove(repository, listed, self._serving.listing, on_blobs)
        if isinstance(listing, TooMuch):
            return listing
        known = None if request.full else self._serving.facts
        return await self._reader.fill(repository, listed.commit.id, listing, known, on_blobs)

    # --- what is served already ------------------------------------------------------------------------------------------

    async def _verify(self, on_progress: OnProgress) -> Verified | None:
        return await self._serving.verify(
            lambda done, total: on_progress(self._progress("verify", done, total, "files"))
        )

    def _on_blobs(self, on_progress: OnProgress) -> Callable[[int, int | None], None]:
        return lambda done, total: on_progress(self._progress("blobs", done, total, "files"))

    def _progress(self, stage: Stage, done: int, total: int | None, unit: str) -> Progress:
        return Progress(self._marketplace, stage, done, total, unit)
