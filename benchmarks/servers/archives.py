"""Owns a server of one archive, with nothing between a request and the shelf; where it is told a ``path``, the bare one beside,
which sends that file. Real routes ask who wants an archive before; what that costs is measured elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog
from aiohttp import web

from benchmarks.cores import loop_factory
from benchmarks.servers.lines import Told, answer_until_end, say, told_at_start
from mcp_server.archives.layout import Layout, Member, layout
from mcp_server.archives.shelf import Shelf
from skillport_sync.clock import SystemClock
from skillport_sync.git.objects import BlobId

FILES = 50


class Incompressible(dict[BlobId, bytes]):
    """Contents that are as long in an archive as they are outside; made anew at each reading, as a mirror's are read."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self._size_bytes = size_bytes

    @contextmanager
    def reading(self) -> Iterator[Mapping[BlobId, bytes]]:
        yield self

    def __missing__(self, oid: BlobId) -> bytes:
        return random.Random(oid).randbytes(self._size_bytes)


async def main() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )  # answers go to standard output
    told = told_at_start()
    application = web.Application()
    ready = _bare(application, told) if "path" in told else await _shelf(application, told)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say({"port": runner.addresses[0][1], **ready})
    await answer_until_end()
    await runner.cleanup()


def _bare(application: web.Application, told: Told) -> Told:
    async def send(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(told["path"])

    application.router.add_get("/", send)
    return {}


async def _shelf(application: web.Application, told: Told) -> Told:
    shelf = Shelf(Path(told["folder"]), Incompressible(told["size_bytes"] // FILES), SystemClock())
    described = _layout()

    async def send(_request: web.Request) -> web.StreamResponse:
        return shelf.response(await shelf.archive(described), filename="plugin.zip", content_type="application/zip")

    application.router.add_get("/", send)
    archive = await shelf.archive(described)
    return {"path": str(archive.path), "size_bytes": archive.size_bytes}


def _layout() -> Layout:
    return layout("zip", [Member(f"plugin/{at:02}", False, BlobId(f"{at:040x}")) for at in range(FILES)])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as loop:
        loop.run(main())
