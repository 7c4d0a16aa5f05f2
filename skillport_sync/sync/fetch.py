"""Owns the fetching of contents: blobs one by one or out of an archive, each proved by its id before it is stored.

An archive is only a cheap way to get bytes (``.gitattributes`` can alter or omit files in it): what hashes to a wanted id is
kept, everything else is fetched by blob. Never decides what to fetch; that is ``plan``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence

import structlog

from skillport_sync.errors import Broken, Denied, Missing, RateLimited, Unavailable
from skillport_sync.files import BlobFact
from skillport_sync.git.names import is_lossy
from skillport_sync.git.objects import BlobId, CommitId, blob_id
from skillport_sync.github.archive import LIMITED
from skillport_sync.github.client import GitHub
from skillport_sync.github.wire import TarMember
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.plan import Bounds, Transfer
from skillport_sync.sync.together import together

log = structlog.get_logger(__name__)

AT_ONCE = 8
BATCH_BLOBS = 200
BATCH_BYTES = 4_000_000
HASH_IN_LOOP_BYTES = 256_000  # a fifth of a millisecond of SHA-1; anything larger is hashed in a thread

ARCHIVE_TRIES = 3
"""After so many archives in a row that did not come (a proxy between, a repository too heavy to pack), blobs are asked for."""
BLOBS_WHILE_LIMITED = 1_000
"""Up to so many blobs, a fifth of an hour's requests, are asked for at once while only archives are limited."""

LossyNames = list[tuple[bytes, BlobId]]
OnFetched = Callable[[int, int], None]
"""Called with the blobs and bytes that were fetched since the last call."""


class Fetcher:
    """Brings contents of one repository into the store."""

    def __init__(self, github: GitHub, store: MirrorStore, bounds: Bounds) -> None:
        self._github = github
        self._store = store
        self._bounds = bounds
        self._archives_failed = 0

    async def fetch(
        self, repository: str, commit: CommitId, transfer: Transfer, on_fetched: OnFetched
    ) -> dict[BlobId, BlobFact]:
        """Fetch, verify and store every blob of ``transfer``.

        Raises:
            Broken: a blob's bytes are not what its id says; nothing of it was stored.
            Unavailable, Missing, Denied, Unauthenticated: from GitHub; what was fetched so far is stored and will be found.
        """
        facts: dict[BlobId, BlobFact] = {}
        if transfer.by_tarball and self._archives_failed < ARCHIVE_TRIES:
            facts = await self._fetch_most(repository, commit, transfer.blobs, on_fetched)
        rest = [oid for oid in transfer.blobs if oid not in facts]
        facts |= await self._fetch_blobs(repository, rest, on_fetched)
        self._archives_failed = 0
        return facts

    async def _fetch_most(
        self, repository: str, commit: CommitId, wanted: Sequence[BlobId], on_fetched: OnFetched
    ) -> dict[BlobId, BlobFact]:
        """What the archive has, or what is held of it once archives have failed for good.

        The listing was read a moment ago, so an archive that fails is the archive's own trouble and not GitHub's; only a limit
        on everything is not.
        """
        try:
            facts, _ = await self.fetch_archive(repository, commit, wanted, on_fetched)
        except asyncio.CancelledError:
            self._archives_failed += 1  # whoever set a time limit will come back, and one that never fits has to end
            raise
        except (Unavailable, Missing, Denied, Broken) as error:
            if isinstance(error, RateLimited):
                if error.code != LIMITED or len(wanted) > BLOBS_WHILE_LIMITED:
                    raise
            else:
                self._archives_failed += 1
                if self._archives_failed < ARCHIVE_TRIES:
                    raise
            log.warning("archive_given_up", repository=repository, blobs=len(wanted), reason=error.message)
            return await self._store.held(wanted)
        return facts

    async def fetch_archive(
        self, repository: str, commit: CommitId, wanted: Collection[BlobId], on_fetched: OnFetched
    ) -> tuple[dict[BlobId, BlobFact], LossyNames]:
        """Store what the commit's archive holds of ``wanted``; also every file whose name JSON could not carry, in order.

        Storing one batch overlaps with receiving and hashing the next.
        """
        facts: dict[BlobId, BlobFact] = {}
        names: LossyNames = []
        remaining = set(wanted)
        storing: asyncio.Task[dict[BlobId, BlobFact]] | None = None
        async with (
            together() as steps,
            self._github.tarball(repository, commit, max_bytes=self._bounds.tarball_max_bytes) as batches,
        ):
            async for batch in batches:
                ids, lossy = await asyncio.to_thread(_identified, batch)
                names += lossy
                found = {}
                for member, oid in zip(batch, ids, strict=True):
                    if oid in remaining:
                        remaining.discard(oid)
                        found[oid] = member.content
                if storing is not None:
                    facts |= await storing
                    storing = None
                if found:
                    storing = steps.begin(self._store.put_blobs(list(found.items())))
                    on_fetched(len(found), sum(map(len, found.values())))
        if storing is not None:
            facts |= storing.result()
        return facts, names

    async def _fetch_blobs(
        self, repository: str, wanted: Sequence[BlobId], on_fetched: OnFetched
    ) -> dict[BlobId, BlobFact]:
        facts: dict[BlobId, BlobFact] = {}
        batch: list[tuple[BlobId, bytes]] = []
        remaining = iter(wanted)

        async def store() -> None:
            taken = batch.copy()
            batch.clear()
            facts.update(await self._store.put_blobs(taken))
            on_fetched(len(taken), sum(len(content) for _, content in taken))

        async def work(oids: Iterator[BlobId]) -> None:
            for oid in oids:
                content = await self._github.blob(repository, oid, max_bytes=self._bounds.max_file_bytes)
                computed = (
                    blob_id(content) if len(content) < HASH_IN_LOOP_BYTES else await asyncio.to_thread(blob_id, content)
                )
                if computed != oid:
                    raise Broken(
                        f"{repository}: blob {oid} arrived with bytes whose id is {computed}", code="wrong_bytes"
                    )
                batch.append((oid, content))
                if len(batch) >= BATCH_BLOBS or sum(len(content) for _, content in batch) >= BATCH_BYTES:
                    await store()

        try:
            async with together() as steps:
                for _ in range(min(AT_ONCE, len(wanted))):
                    steps.begin(work(remaining))
        except BaseException:
            if batch:  # what did arrive need not be fetched again, not even where there was no time for the rest
                await store()
            raise
        if batch:
            await store()
        return facts


def _identified(members: Sequence[TarMember]) -> tuple[list[BlobId], LossyNames]:
    """Every member's blob id; and those whose names JSON could not carry."""
    ids = [blob_id(member.content) for member in members]
    return ids, [(member.path, oid) for member, oid in zip(members, ids, strict=True) if is_lossy(member.path)]
