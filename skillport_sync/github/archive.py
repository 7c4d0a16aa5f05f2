"""Owns the download of a repository's archive: streamed, unpacked in a thread, bounded, its address never shown.

The address that GitHub redirects to is a credential in itself, good for five minutes, so it is fetched without any other and
appears in no log and no error. Verifies nothing: what comes out is only a cheap way to bytes that prove themselves elsewhere.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus

import aiohttp
from yarl import URL

from skillport_sync.errors import Broken, RateLimited, Unavailable
from skillport_sync.git.objects import CommitId, is_object_id
from skillport_sync.github.budget import Limits
from skillport_sync.github.refusal import refusal
from skillport_sync.github.tar import TarReader
from skillport_sync.github.transport import why
from skillport_sync.github.wire import TarMember
from skillport_sync.ports import Clock

LIMITED = "archive_rate_limited"
"""The code of a limit that is on archives only."""

_STEP_BYTES = 128 * 1024
"""Unpacked bytes per visit to a thread: some 0.7 ms, of which the event loop may wait for all. zlib lets go of the interpreter
while it inflates, but for too short a time for another thread to wake up in; so the visit itself is kept short."""

_BATCH_BYTES = 1024 * 1024
"""Contents that a batch has, about: what the caller does with a batch should be worth its hops."""

_GZIP = 16 + zlib.MAX_WBITS


class Unpacker:
    """A gzipped tar into members, step by step. One thread at a time uses it."""

    def __init__(self, commit: CommitId, *, max_bytes: int, max_members: int) -> None:
        self._commit = commit
        self._inflater = zlib.decompressobj(_GZIP)
        self._reader = TarReader(max_bytes=max_bytes, max_members=max_members)
        self._packed = b""
        self._received = 0

    @property
    def is_hungry(self) -> bool:
        """Everything that was put in is unpacked."""
        return not self._packed

    def put(self, packed: bytes) -> None:
        """More of the archive; only for one that ``is_hungry``. Raises Broken beyond what the archive may have, packed."""
        self._received += len(packed)
        if self._received > self._reader.bound:
            raise Broken("The repository's archive is larger than it may be, packed.", code="archive_too_large")
        self._packed = b"" if self._inflater.eof else packed

    def step(self) -> list[TarMember]:
        """Unpack a little. The members that are complete with it.

        Raises:
            Broken: this is no archive, or that of another commit, or larger than it may be.
        """
        try:
            inflated = self._inflater.decompress(self._packed, _STEP_BYTES)
        except zlib.error:
            raise Broken("What came as the repository's archive is not gzip.", code="archive_broken") from None
        self._packed = self._inflater.unconsumed_tail
        members = self._reader.feed(inflated)
        # git writes the commit's id into the archive; where something else is, the members still prove themselves.
        stated = (self._reader.comment or b"").decode("ascii", "replace")
        if stated != self._commit and is_object_id(stated):
            raise Broken("What came as the repository's archive is that of another commit.", code="archive_broken")
        return members

    def close(self) -> None:
        """Say that no more comes. Raises Unavailable where some is missing."""
        self._reader.close()
        if not self._inflater.eof:
            raise Unavailable("The repository's archive ended too early: it was cut on its way.", code="archive_cut")


@asynccontextmanager
async def download(
    session: aiohttp.ClientSession,
    location: str,
    *,
    asked: str,
    commit: CommitId,
    user_agent: str,
    max_bytes: int,
    limits: Limits,
    clock: Clock,
) -> AsyncIterator[AsyncIterator[list[TarMember]]]:
    """The archive at ``location`` (checked by the caller), in batches of members. ``asked``: what messages call it.

    Raises, on entry and while iterating:
        Unavailable: it did not come, or not whole. RateLimited (code ``archive_rate_limited``): archives are limited apart
            from the API, which may be asked on.
        Broken: it is no tar, that of another commit, or too large.
    """
    timeout = aiohttp.ClientTimeout(
        total=limits.total_timeout_s + max_bytes / limits.archive_bytes_per_s,
        connect=limits.connect_timeout_s,
        sock_read=limits.read_timeout_s,
    )
    try:
        response = await session.get(
            URL(location, encoded=True),
            headers={"user-agent": user_agent, "accept-encoding": "identity"},
            allow_redirects=False,
            raise_for_status=False,
            auto_decompress=False,
            read_bufsize=_STEP_BYTES,
            timeout=timeout,
        )
    except (aiohttp.ClientError, OSError) as error:
        raise _interrupted(asked, error) from None
    async with response:
        if response.status != HTTPStatus.OK:
            raise _refused(response, asked, clock)
        unpacker = Unpacker(commit, max_bytes=max_bytes, max_members=limits.max_archive_members)
        async with aclosing(_batches(response, unpacker, asked)) as batches, aclosing(_ahead(batches)) as ahead:
            yield ahead


async def _ahead(batches: AsyncGenerator[list[TarMember], None]) -> AsyncGenerator[list[TarMember], None]:
    """The same batches, the next one being unpacked while the caller works on this one. No more than these two are held."""
    upcoming = asyncio.ensure_future(anext(batches, None))
    try:
        while (batch := await upcoming) is not None:
            upcoming = asyncio.ensure_future(anext(batches, None))
            yield batch
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)


async def _batches(
    response: aiohttp.ClientResponse, unpacker: Unpacker, asked: str
) -> AsyncGenerator[list[TarMember], None]:
    loop = asyncio.get_running_loop()
    batch: list[TarMember] = []
    size = 0
    async with aclosing(_pieces(response, asked)) as pieces:
        async for piece in pieces:
            unpacker.put(piece)
            while not unpacker.is_hungry:
                members = await loop.run_in_executor(None, unpacker.step)
                batch += members
                size += sum([len(member.content) for member in members])
                if size >= _BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
    unpacker.close()
    if batch:
        yield batch


async def _pieces(response: aiohttp.ClientResponse, asked: str) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in response.content.iter_any():
            yield piece
    except (aiohttp.ClientError, OSError) as error:
        raise _interrupted(asked, error) from None


def _interrupted(asked: str, error: Exception) -> Unavailable:
    # Never chained: aiohttp's errors show the address, which is a credential.
    return Unavailable(f"The archive for {asked} did not come whole: {why(error)}.", code="archive_cut")


def _refused(response: aiohttp.ClientResponse, asked: str, clock: Clock) -> Unavailable:
    """Whatever the archive host says, it says of a signed link: of the credentials and the repository it means nothing."""
    told = refusal(response.status, response.headers, b"", asked=asked, now=clock.now())
    if isinstance(told, RateLimited):
        return RateLimited(
            f"GitHub limits archives for now ({response.status} for {asked}); single files may still be asked for.",
            code=LIMITED,
            retry_after_s=told.retry_after_s,
        )
    return Unavailable(
        f"GitHub did not give the archive it announced for {asked} ({response.status}). It is asked again later.",
        code="archive_unavailable",
    )
