"""Owns the one way into the mirror: read the branch's head, prove it, publish it.

A pull is one attempt. It never retries, waits or schedules (``loop`` does), and it may be killed at any step: what it stored
is found again, and nothing is served before the one transaction that publishes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.current import Current
from skillport_sync.errors import Broken, Conflict, Missing, Unavailable
from skillport_sync.git.objects import CommitId
from skillport_sync.github.client import GitHub
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Changes, Published
from skillport_sync.reports import Progress, Stage, Verified
from skillport_sync.snapshot import Refused, SourceState
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.branch import Branch, Source
from skillport_sync.sync.outcomes import Doubtful, InStep, NotPublished, NowPublished, Outcome, Request, WouldPublish
from skillport_sync.sync.plan import Bounds, TooMuch, diff, end_of_pushes, unfulfilled
from skillport_sync.sync.reading import CommitReader, Listed, Read
from skillport_sync.sync.serving import Serving

log = structlog.get_logger(__name__)

OnProgress = Callable[[Progress], None]


class Pull:
    """Brings one marketplace in step with its branch. One at a time: its loop sees to that."""

    def __init__(
        self, source: Source, *, github: GitHub, store: MirrorStore, current: Current, bounds: Bounds, clock: Clock
    ) -> None:
        self._branch = Branch(source, github=github, store=store, clock=clock)
        self._store = store
        self._reader = CommitReader(github, store, bounds)
        self._serving = Serving(source.marketplace, store=store, current=current, bounds=bounds, clock=clock)
        self._refused: NotPublished | None = None
        self._parents: tuple[CommitId, ...] = ()
        """Of what is served, where this process published it: a push to one of them was passed over, not lost."""

    @property
    def source(self) -> Source:
        """The branch it follows, under the repository's present name."""
        return self._branch.source

    @property
    def commit(self) -> CommitId | None:
        """The commit that is served, None before the first publication."""
        return self._serving.commit

    @property
    def refused(self) -> NotPublished | None:
        """The head that was refused, as long as it is the head."""
        return self._refused

    async def restore(self) -> Published | None:
        """Serve what was published when the process last stopped. None where there is nothing, or nothing readable any more."""
        return await self._serving.restore()

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
            await self._mend(request.cause, on_progress)
        on_progress(self._progress("head", 0, 1, "request"))
        followed = await self._follow(request)
        if followed is not None:
            return await self._publish(request, followed, checked, on_progress, from_hint=True)
        commit = await self._branch.head(None if request.full else self._known_head)
        if not request.full:
            if commit == self.commit:
                return await self._in_step(commit, request, checked)
            if self._refused is not None and commit == self._refused.commit:
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
        commit, before = listed.commit.id, self._serving.published
        read = await self._read(listed, request, on_progress)
        if isinstance(read, TooMuch):
            return self._refuse(commit, Refused(read.code, read.message))
        on_progress(self._progress("parse", 0, len(read.listing.entries), "files"))
        state = SourceState(OWN_SOURCE, self._repository, commit, read.listing.root)
        snapshot = await self._serving.assemble(state, read.listing, read.facts)
        if isinstance(snapshot, Refused):
            return self._refuse(commit, snapshot)
        files_changed = len(await asyncio.to_thread(diff, self._serving.entries, read.listing.entries))
        if request.dry_run:
            served = before.snapshot.catalog.skills if before is not None else ()
            changes = Changes.between(served, snapshot.catalog.skills)
            return WouldPublish(self.commit, snapshot, changes, files_changed, read.bytes_fetched, checked)
        if before is not None and before.publication.commit == commit:
            await self._serving.mend(request.cause, snapshot, read.facts)
            return await self._in_step(commit, request, checked)
        on_progress(self._progress("publish", 0, 1, "publication"))
        published = await self._serving.publish(request.cause, snapshot, read.listing, read.facts)
        self._refused, self._parents = None, listed.commit.parents
        return NowPublished(
            published,
            before.publication.commit if before is not None else None,
            files_changed,
            read.bytes_fetched,
            from_hint,
            await self._awaits_more(request, commit),
            rewritten,
            checked,
        )

    async def _awaits_more(self, request: Request, commit: CommitId) -> bool:
        seen = {commit, *self._parents}
        if not unfulfilled(request.hints, seen):
            return False
        return unfulfilled(request.hints, seen | await self._store.published_commits(self._marketplace))

    def _refuse(self, commit: CommitId, refused: Refused) -> NotPublished:
        self._refused = NotPublished(commit, refused)
        return self._refused

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

    async def _mend(self, cause: str, on_progress: OnProgress) -> None:
        """Bring back what mirror.db has lost of what is served, whatever the branch's head is by now.

        GitHub may not have that commit any more; that must not keep us from the head.
        """
        published, listing = self._serving.published, self._serving.listing
        assert published is not None
        assert listing is not None
        state, facts = published.snapshot.sources[0], self._serving.facts
        try:
            read = await self._reader.fill(self._repository, state.commit, listing, facts, self._on_blobs(on_progress))
        except (Missing, Conflict) as error:
            log.warning("mirror_not_mended", marketplace=self._marketplace, commit=state.commit, reason=error.message)
            return
        if isinstance(read, TooMuch):  # the bounds were lowered: the next head is judged by them
            return
        snapshot = await self._serving.assemble(state, listing, read.facts)
        if isinstance(snapshot, Refused):
            return
        await self._serving.mend(cause, snapshot, read.facts)
        log.info("mirror_mended", marketplace=self._marketplace, commit=state.commit, bytes=read.bytes_fetched)

    def _on_blobs(self, on_progress: OnProgress) -> Callable[[int, int | None], None]:
        return lambda done, total: on_progress(self._progress("blobs", done, total, "files"))

    def _progress(self, stage: Stage, done: int, total: int | None, unit: str) -> Progress:
        return Progress(self._marketplace, stage, done, total, unit)
