"""Owns a shelf over contents in memory, of which a test says what is held and when it may be read."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcp_server.archives.layout import Format, Layout, Member, layout
from mcp_server.archives.shelf import Shelf
from skillport_sync.errors import SkillportError
from skillport_sync.git.objects import BlobId, blob_id

WITHIN_S = 30.0


class Contents(Mapping[BlobId, bytes]):
    """What the mirror holds, read in worker threads. ``asked`` counts the reads; while it is ``shut`` nobody gets past the first,
    of which ``begun`` tells.
    """

    def __init__(self) -> None:
        self.held: dict[BlobId, bytes] = {}
        self.asked = 0
        self.fails: SkillportError | None = None
        self.begun = asyncio.Event()
        self._open = threading.Event()
        self._open.set()
        self._loop = asyncio.get_running_loop()

    def put(self, content: bytes) -> BlobId:
        oid = blob_id(content)
        self.held[oid] = content
        return oid

    @contextmanager
    def shut(self) -> Iterator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    @contextmanager
    def reading(self) -> Iterator[Mapping[BlobId, bytes]]:
        yield self

    def __getitem__(self, oid: BlobId) -> bytes:
        self.asked += 1
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self._open.wait(WITHIN_S)
        if self.fails is not None:
            raise self.fails
        return self.held[oid]

    def __iter__(self) -> Iterator[BlobId]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def layout(self, name: str, size_bytes: int = 10_000, files: int = 1, kind: Format = "zip") -> Layout:
        """An archive of about this size: what is in it cannot be compressed, and is another for every name."""
        chance = random.Random(name)
        each = size_bytes // files
        return layout(
            kind,
            [Member(f"{name}/file-{at}", at % 2 == 1, self.put(chance.randbytes(each))) for at in range(files)],
        )


ShelfOf = Callable[..., Shelf]


@pytest.fixture
async def contents() -> Contents:
    return Contents()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


@pytest.fixture
async def shelf_of(folder: Path, contents: Contents, clock) -> ShelfOf:
    """``shelf_of(max_bytes=…)``: a shelf that stands in ``folder``."""
    return lambda **how: Shelf(folder, contents, clock, **how)


@pytest.fixture
async def shelf(shelf_of: ShelfOf) -> Shelf:
    return shelf_of()
