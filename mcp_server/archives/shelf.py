"""Owns the finished archives: which are on disk, which make room for others, who waits for one that is made, how one is sent.

An archive is made once, however many ask for it. Never decides who may have one, and keeps nothing over a restart: a file that
nobody watched over is not trusted.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from mcp_server.archives.layout import Layout
from mcp_server.archives.making import UNFINISHED, Archive, make, unwritable
from skillport_sync.errors import Unavailable
from skillport_sync.ports import Clock
from skillport_sync.queries.search import BodyReader

__all__ = ["MAX_BYTES", "Archive", "Shelf"]

log = structlog.get_logger()

MAX_BYTES: Final = 512 * 1024 * 1024
AT_ONCE: Final = 2
"""So many are made at the same time; what waits costs nothing. Making one takes a whole core."""

_OURS: Final = ("*.zip", "*.tar.gz", f"*{UNFINISHED}")
_PLAIN_FILENAME: Final = re.compile(r"[A-Za-z0-9 ._()-]+")


class Shelf:
    """Archives of at most ``max_bytes`` together, besides those being made and sent; the least recently asked make room."""

    def __init__(self, folder: Path, contents: BodyReader, clock: Clock, *, max_bytes: int = MAX_BYTES) -> None:
        """``folder`` is the shelf's alone: the archives that a former process left there are removed.

        Raises: Unavailable where it cannot be made or emptied.
        """
        self._folder = folder
        self._contents = contents
        self._clock = clock
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Path, Archive] = OrderedDict()
        self._size_bytes = 0
        self._being_made: dict[Path, asyncio.Future[Archive]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._being_sent: Counter[Path] = Counter()
        self._empty()

    @property
    def size_bytes(self) -> int:
        """What the finished archives take together."""
        return self._size_bytes

    async def archive(self, layout: Layout) -> Archive:
        """The archive of this layout: at once where there is one, else as soon as it is made, for all who wait for it.

        Raises: Unavailable (a content is not held, the disk is full or cannot be written), Broken (a content is damaged), Invalid
        (it is larger than the whole shelf).
        """
        path = self._folder / f"{layout.key}.{layout.format}"
        while True:
            kept = self._recall(path)
            if kept is not None:
                return kept
            under_way = self._being_made.get(path)
            if under_way is not None:
                return await asyncio.shield(under_way)
            async with self._turns:
                if path not in self._being_made and self._recall(path) is None:
                    # Who asked first may go away: the thread goes on, and the next one finds what it has made.
                    return await asyncio.shield(self._begin(path, layout))

    def response(
        self,
        archive: Archive,
        *,
        filename: str,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> web.FileResponse:
        """An answer that sends this archive as a download; once it has begun, making room does not disturb it.

        Who has to know whether it was sent awaits its ``prepare(request)`` and then its ``write_eof()`` before returning it: the
        first sends everything, and raises OSError where the connection breaks (what the kernel has taken by then counts as sent;
        a server that cancels its handlers cancels). Whoever need not know returns it like any other answer.

        Raises: Unavailable where the archive has made room since it was asked for: ask for it again.
        """
        self._must_have(archive.path)
        told = {
            **(headers or {}),
            hdrs.CONTENT_TYPE: content_type,
            hdrs.CONTENT_DISPOSITION: _as_download(filename),
            "X-Content-Type-Options": "nosniff",
        }
        return _Sent(self, archive.path, told)

    @contextmanager
    def sending(self, path: Path) -> Iterator[None]:
        """Keeps the file at ``path`` until left, even if it makes room. Raises: Unavailable where it has already."""
        self._must_have(path)
        self._being_sent[path] += 1
        try:
            yield
        finally:
            self._being_sent[path] -= 1
            if not self._being_sent[path]:
                del self._being_sent[path]
                self._tidy(path)

    def _begin(self, path: Path, layout: Layout) -> asyncio.Future[Archive]:
        making = asyncio.get_running_loop().run_in_executor(None, self._make, path, layout)
        making.add_done_callback(partial(self._made, path))
        self._being_made[path] = making
        return making

    def _make(self, path: Path, layout: Layout) -> Archive:
        """Runs in a worker thread."""
        began_s = self._clock.monotonic_s()
        with self._contents.reading() as contents:
            archive = make(layout, contents, path, max_bytes=self._max_bytes)
        log.info(
            "archive_made",
            format=layout.format,
            members=len(layout.members),
            size_bytes=archive.size_bytes,
            duration_ms=round((self._clock.monotonic_s() - began_s) * 1000),
        )
        return archive

    def _made(self, path: Path, making: asyncio.Future[Archive]) -> None:
        del self._being_made[path]
        if not making.cancelled() and making.exception() is None:
            self._keep(making.result())
        self._tidy(path)

    def _must_have(self, path: Path) -> None:
        if path not in self._kept:
            message = "The archive was removed to make room for others. Ask for it again."
            raise Unavailable(message, code="archive_gone", retry_after_s=0.0)

    def _recall(self, path: Path) -> Archive | None:
        archive = self._kept.get(path)
        if archive is None:
            return None
        try:
            is_whole = path.stat().st_size == archive.size_bytes
        except OSError:
            is_whole = False
        if not is_whole:  # somebody tidied up
            self._forget(path)
            return None
        self._kept.move_to_end(path)
        return archive

    def _keep(self, archive: Archive) -> None:
        self._kept[archive.path] = archive
        self._size_bytes += archive.size_bytes
        while self._size_bytes > self._max_bytes:
            oldest = next(iter(self._kept))
            self._forget(oldest)
            self._tidy(oldest)

    def _forget(self, path: Path) -> None:
        self._size_bytes -= self._kept.pop(path).size_bytes

    def _tidy(self, path: Path) -> None:
        """Remove this file, unless somebody still needs it."""
        if path not in self._kept and path not in self._being_made and path not in self._being_sent:
            path.unlink(missing_ok=True)

    def _empty(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for pattern in _OURS:
                for path in self._folder.glob(pattern):
                    path.unlink()
        except OSError as error:
            raise unwritable(error) from error


class _Sent(web.FileResponse):
    """A file that stays where it is until it was sent."""

    def __init__(self, shelf: Shelf, path: Path, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers=headers)
        self._shelf = shelf
        self._file = path

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        if self.prepared:
            # The handler awaited it, and the server does so once more: FileResponse would send the file a second time.
            return await web.StreamResponse.prepare(self, request)
        with self._shelf.sending(self._file):
            return await super().prepare(request)


def _as_download(filename: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc6266: any other letter than these is written as a header can carry it."""
    if _PLAIN_FILENAME.fullmatch(filename):
        return f'attachment; filename="{filename}"'
    return f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
