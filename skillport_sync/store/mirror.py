"""Owns mirror.db as a whole: the one face that the rest of the house sees of it.

It is a cache of GitHub: a file that cannot be used is put aside, loudly, and one pull fills the next one. Every write is one
transaction on one thread; readers never wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import structlog

from skillport_sync.errors import Broken
from skillport_sync.files import BlobFact
from skillport_sync.git.objects import BlobId, CommitId
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Publication, PublicationId
from skillport_sync.store import history, objects, publications, retention, skill_history, usage_rows, verification
from skillport_sync.store.database import (
    UNUSABLE,
    DatabaseSize,
    Schema,
    database_size,
    micros,
    set_aside,
)
from skillport_sync.store.drafts import Content, Fenced, PublicationDraft, SkillPhase, StoredPublication, Unbumped
from skillport_sync.store.readers import Readers
from skillport_sync.store.retention import GarbageReport
from skillport_sync.store.usage_rows import ServedSkill
from skillport_sync.store.verification import VerifyReport
from skillport_sync.store.writer import Writer

log = structlog.get_logger()

APPLICATION_ID = 0x534B504D  # "SKPM"
DEFAULT_MAX_BYTES = 8 * 1024**3
STAGING_GRACE = timedelta(hours=1)
"""How long a blob may be held without a file that names it: longer than any pull takes between putting and publishing."""

_CONTENTS_AT_ONCE = 100
_RENEWED = "it was damaged, and is being made anew"


class MirrorStore:
    """Contents, publications and the head of every marketplace."""

    def __init__(self, path: Path, clock: Clock, schema: Schema, readers: int) -> None:
        self._path = path
        self._clock = clock
        self._schema = schema
        self._reader_count = readers
        self._newest: dict[MarketplaceName, Content] = {}
        self._writer: Writer
        self._readers: Readers
        self._renewing = asyncio.Lock()
        self._renewed = 0
        self._is_shut = False
        """Put aside, and the disk did not let us open the next one."""
        self.doubts = 0
        """How often something that was read turned out to be damaged."""
        self.rebuilt: str | None = None
        """Why the file was made anew, when it was; what it held has to be pulled again."""

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, max_bytes: int = DEFAULT_MAX_BYTES, readers: int = 2) -> Self:
        """Open or create the file. One that is damaged, not ours or too new is put aside and made anew: see ``rebuilt``.

        Raises: Invalid or Unavailable when the disk does not let us.
        """
        store = cls(path, clock, Schema("mirror", APPLICATION_ID, max_bytes=max_bytes), readers)
        await store._open_usable()
        return store

    async def close(self) -> None:
        """Finish what was asked for and close every connection. May be called twice."""
        await self._readers.close()
        await self._writer.close()

    async def start_anew(self, reason: str) -> None:
        """Put the file aside and begin an empty one: for when what it holds turned out to be damaged.

        Calls that come in meanwhile raise Unavailable; what is being read is read to its end before. Every marketplace has to be
        pulled as if for the first time. Where several find the damage at once, it is done once.

        Raises: Unavailable when the disk does not let us: every call does until ``reopen`` succeeds.
        """
        renewed = self._renewed
        async with self._renewing:
            if self._renewed != renewed:
                return
            self._is_shut = True
            async with asyncio.TaskGroup() as closing:
                closing.create_task(self._readers.close(_RENEWED))
                closing.create_task(self._writer.close(_RENEWED))
            self._put_aside(reason)
            await self._open()
            self._is_shut = False
            self._renewed += 1

    async def reopen(self) -> None:
        """Open the file where ``start_anew`` could not; else nothing. Raises: as ``open``."""
        if not self._is_shut:
            return
        async with self._renewing:
            if self._is_shut:
                await self._open_usable()
                self._is_shut = False
                self._renewed += 1

    async def remember(self, marketplace: MarketplaceName, repository: str, repository_id: int | None = None) -> None:
        """Note what the marketplace's repository is called now."""
        await self._writer.run(publications.remember, marketplace, repository, repository_id)

    async def held(self, oids: Collection[BlobId]) -> dict[BlobId, BlobFact]:
        """What is known of those blobs that are held; the others are not in the answer."""
        return await self._readers.in_thread(objects.held, oids)

    async def put_blobs(self, blobs: Sequence[tuple[BlobId, bytes]]) -> dict[BlobId, BlobFact]:
        """Keep contents whose ids the caller has verified, in one transaction. May be repeated.

        Up to 200 a call keep the WAL small.

        Raises: Unavailable when the disk or the allowed size is full.
        """
        return await self._writer.run(objects.put, blobs, self._now_us())

    async def discard_blobs(self, oids: Collection[BlobId]) -> int:
        """Forget contents that are damaged, so that the next pull fetches them again; how many were held."""
        return await self._writer.run(objects.discard, oids)

    async def publish(self, draft: PublicationDraft) -> Publication | Fenced:
        """Make the draft the head, in one transaction, if the head is still ``draft.expected_head``.

        The cost follows what changed. A draft with the files and skills of the newest content gets its content number.

        Raises: Conflict (``content_not_held``) if a blob was collected since the caller saw it: pull again; Unavailable when the
        disk or the allowed size is full.
        """
        outcome = await self._writer.run(publications.publish, draft, self._newest.get(draft.marketplace))
        if isinstance(outcome, Fenced):
            return outcome
        publication, self._newest[draft.marketplace] = outcome
        return publication

    async def confirm_head(self, marketplace: MarketplaceName, at: datetime) -> None:
        """Note that GitHub said, at that time, that what is served is the branch's head."""
        await self._writer.run(publications.confirm_head, marketplace, micros(at))

    async def republish(
        self,
        marketplace: MarketplaceName,
        publication: PublicationId,
        *,
        cause: str,
        published_at: datetime,
        expected_head: PublicationId | None,
    ) -> Publication | Fenced:
        """Make the content of a publication that is kept the head again, as a publication of its own, in one transaction.

        Nothing is fetched for it, and it says nothing about what the branch's head is.

        Raises: Missing (``publication_not_kept``); Unavailable when the disk or the allowed size is full.
        """
        return await self._writer.run(
            publications.republish, marketplace, publication, cause, micros(published_at), expected_head
        )

    async def load(
        self, marketplace: MarketplaceName, publication: PublicationId | None = None
    ) -> StoredPublication | None:
        """The head, or another publication that is kept, with the files of all its sources, each proved to be the tree of its
        commit; None when nothing was ever published, or this publication is not kept.

        Raises: Broken (``database_damaged``) if it is not: ``start_anew``, then pull.
        """
        loaded = await self._readers.in_thread(history.load, marketplace, publication)
        if loaded is None:
            return None
        stored, content = loaded
        if content is not None:
            self._newest[marketplace] = content
        return stored

    async def publications(
        self, marketplace: MarketplaceName, limit: int = 50, before: PublicationId | None = None
    ) -> list[Publication]:
        """The newest publications that are kept, or the newest before one of them."""
        rows = await self._readers.fetch(history.PUBLICATIONS, (marketplace, before, limit))
        return [history.publication_of(row) for row in rows]

    async def published_commits(self, marketplace: MarketplaceName) -> frozenset[CommitId]:
        """Every commit of which a publication is kept."""
        rows = await self._readers.fetch(history.COMMITS, (marketplace,))
        return frozenset(CommitId(commit.hex()) for (commit,) in rows)

    async def find_publications(self, marketplace: MarketplaceName, commit_prefix: str) -> list[Publication]:
        """The kept publications of commits that begin like this (hex digits), newest first."""
        rows = await self._readers.fetch(history.OF_COMMIT, (marketplace, commit_prefix.lower()))
        return [history.publication_of(row) for row in rows]

    async def skill_history(
        self, marketplace: MarketplaceName, plugin: str, directory: str, until: PublicationId
    ) -> list[SkillPhase]:
        """What a skill has been through the publications that are kept, newest first: one phase for each change of itself or of
        the policy beside it, when it was gone included. What came after ``until`` is left out."""
        rows = await self._readers.fetch(
            skill_history.PHASES, skill_history.asked(marketplace, plugin, directory, until)
        )
        return skill_history.phases_of(rows, plugin, directory)

    async def changed_without_bump(self, marketplace: MarketplaceName) -> list[Unbumped]:
        """The skills that are served with another content than before under the same version, by plugin and directory."""
        return await self._readers.in_thread(skill_history.unbumped, marketplace)

    async def versions_served(self, skills: Collection[ServedSkill]) -> Mapping[ServedSkill, str]:
        """The version that each said, of those that said one at a commit of which a publication is kept."""
        return await self._readers.in_thread(usage_rows.versions, skills)

    async def content(self, oid: BlobId) -> bytes:
        """A blob's content.

        Raises: Missing when it is not held; Broken when the disk changed it.
        """
        contents = await self.contents([oid])
        if oid not in contents:
            raise objects.not_held(oid)
        return contents[oid]

    async def contents(self, oids: Collection[BlobId]) -> dict[BlobId, bytes]:
        """The contents of those that are held.

        Raises: Broken when the disk changed one.
        """
        found: dict[BlobId, bytes] = {}
        with self._noticing():
            for chunk in objects.chunked(oids, _CONTENTS_AT_ONCE):
                rows = await self._readers.fetch(objects.CONTENTS, (objects.packed(chunk),))
                if sum(len(content) for _, _, content in rows) > objects.LARGE_BYTES:
                    found |= await asyncio.to_thread(objects.proven, rows)
                else:
                    found |= objects.proven(rows)
        return found

    @contextmanager
    def reading(self) -> Iterator[Mapping[BlobId, bytes]]:
        """The contents as a mapping for work in a worker thread, which may also open it there. KeyError: not held.

        Raises: Unavailable when the disk does not let us, or the file is being made anew; Broken when the disk changed it.
        """
        with self._noticing(), self._readers.one_off() as connection:
            yield objects.HeldContents(connection)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Whoever asks is told of damage, and cannot mend it: it is counted for whoever can."""
        try:
            yield
        except Broken:
            self.doubts += 1
            raise

    async def collect_garbage(
        self,
        marketplace: MarketplaceName,
        *,
        keep_publications: int,
        keep_younger_than: timedelta,
        pinned: CommitId | None = None,
        budget_s: float = 0.05,
    ) -> GarbageReport:
        """Forget what is not kept, in small transactions, until done or for about ``budget_s``.

        Kept are the newest publications, those younger than that, and always the head, the newest of the commit that is pinned,
        and the newest content.
        """
        now, run = self._clock.now(), self._writer.run
        too_old_us, staged_us = micros(now - keep_younger_than), micros(now - STAGING_GRACE)
        steps: tuple[Callable[[], Awaitable[GarbageReport]], ...] = (
            lambda: run(retention.forget_publications, marketplace, max(1, keep_publications), too_old_us, pinned),
            lambda: run(retention.forget_rows, marketplace, micros(now)),
            lambda: run(retention.forget_blobs, staged_us),
            lambda: self._writer.run_alone(retention.give_back_space),
        )
        deadline_s = self._clock.monotonic_s() + budget_s
        report = GarbageReport()
        for step in steps:
            finished = False
            while not finished:
                report += (taken := await step())
                finished = taken.finished
                if not finished and self._clock.monotonic_s() >= deadline_s:
                    return report
        return report

    async def verify(
        self, marketplace: MarketplaceName, progress: Callable[[int, int], None] | None = None
    ) -> VerifyReport | None:
        """Hash everything held of the head again, up to the root trees of its commits; None when nothing was ever published.

        ``progress(done, total)`` counts blobs and is called on the loop's thread.
        """
        loop = asyncio.get_running_loop()

        def report(done: int, total: int) -> None:
            if progress is not None:
                loop.call_soon_threadsafe(progress, done, total)

        return await self._readers.in_thread(verification.verify, marketplace, report)

    async def size(self) -> DatabaseSize:
        """What the file takes on disk."""
        return await self._readers.in_thread(database_size, self._path)

    async def _open_usable(self) -> None:
        try:
            await self._open()
        except Broken as error:
            if error.code not in UNUSABLE:
                raise
            self._put_aside(error.message)
            await self._open()

    async def _open(self) -> None:
        self._writer = await Writer.open(self._path, self._schema)
        try:
            self._readers = await Readers.open(self._path, size=self._reader_count)
        except BaseException:
            await self._writer.close()
            raise

    def _put_aside(self, reason: str) -> None:
        aside = set_aside(self._path, self._clock.now())
        self._newest.clear()
        self.rebuilt = reason
        log.error("mirror_put_aside", reason=reason, kept_as=str(aside), next="the next pull fetches everything again")

    def _now_us(self) -> int:
        return micros(self._clock.now())
