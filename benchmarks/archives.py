"""Owns what archives cost: making those of a large marketplace, once per content, and sending one from the shelf.

What is sent is sent beside a bare server's ``FileResponse`` of the same file, in turns; what is made, beside the same zips
of bytes in memory.
"""

from __future__ import annotations

import statistics
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.content import LARGE, SMALL, Size, edits, marketplace
from benchmarks.cores import Cores, pin, rss_bytes
from benchmarks.figures import Figure
from benchmarks.load import Expect, slice_of
from benchmarks.processes import Child, child
from benchmarks.service import folder
from mcp_server.archives.layout import Layout, Member, layout
from mcp_server.archives.shelf import Archive, Shelf
from mcp_server.archives.writing import LEVEL
from mcp_server.install.package import Packaged, SkillFile, package
from skillport_sync.clock import SystemClock
from skillport_sync.git.objects import BlobId, blob_id
from skillport_sync.store.mirror import MirrorStore

TITLE = "Archives: made once per content, sent from disk"
SERVES_HERE = False
MADE, SENT, GROWN_MB = 2.5, 1.25, 4.0
SENT_BYTES = 5_000_000
AT_ONCE = 200
SHELF_BYTES = 8 * 1024 * 1024
CONNECTIONS = 4
"""At the same time. Each takes its next archive when it has the last byte of the one before."""


async def measure(cores: Cores, *, quick: bool) -> list[Figure]:
    """Making in this process, on the server's core; sending by servers of their own."""
    pin(cores.server)
    with folder() as place:
        figures = await _making(place, SMALL if quick else LARGE)
    pin(cores.load)
    return figures + await _sending(cores, *((2, 8, 16) if quick else (25, 20, 400)))


class _Counted:
    """The mirror's contents, and how often they were opened: once for each archive that is made."""

    def __init__(self, store: MirrorStore) -> None:
        self._store = store
        self.opened = 0

    def reading(self) -> AbstractContextManager[Mapping[BlobId, bytes]]:
        self.opened += 1
        return self._store.reading()


async def _making(place: Path, size: Size) -> list[Figure]:
    files = marketplace(size)
    pushed = files | edits(size, 1, 1)
    store = await MirrorStore.open(place / "mirror.db", clock=SystemClock())
    try:
        blobs = [(blob_id(content), content) for content in {*files.values(), *pushed.values()}]
        for at in range(0, len(blobs), AT_ONCE):
            await store.put_blobs(blobs[at : at + AT_ONCE])
        contents = _Counted(store)
        shelf = Shelf(place / "archives", contents, SystemClock())
        layouts = _layouts(files)
        first_s, made = await _timed(shelf, layouts)
        contents.opened = 0
        again_s, found = await _timed(shelf, layouts)
        made_again = contents.opened
        changed = _layouts(pushed)
        await _timed(shelf, changed)
        anew = contents.opened
        little = Shelf(place / "little", contents, SystemClock(), max_bytes=SHELF_BYTES)
        await _timed(little, layouts)
        on_disk = sum(path.stat().st_size for path in (place / "little").iterdir())
    finally:
        await store.close()
    if found != made:
        raise AssertionError("another archive the second time")
    what = f"{size.plugins:,} plugins and {size.skills:,} packages of {size.files:,} files"
    return [
        Figure(
            f"{what}: made",
            first_s,
            "s",
            _zipped_s(place, layouts, files),
            "Python's zipfile, of the same bytes in memory; CPU time, both",
            MADE,
            "ratio",
            f"{sum(archive.size_bytes for archive in made) / 1e6:,.0f} MB; read from the mirror, verified, hashed",
        ),
        Figure("the same again: archives made", made_again, "", len(layouts), "the first time", 0),
        Figure("the same again: an archive", again_s / len(layouts) * 1e6, "µs", first_s / len(layouts) * 1e6, "made"),
        Figure(
            "after a push of one file: archives made",
            anew,
            "",
            len(layouts),
            "all",
            2,
            note="its plugin's and its skill's",
        ),
        Figure(
            f"a shelf of {SHELF_BYTES / 2**20:.0f} MiB: on disk", on_disk / 2**20, "MiB", promise=SHELF_BYTES / 2**20
        ),
    ]


async def _timed(shelf: Shelf, layouts: Sequence[Layout]) -> tuple[float, list[Archive]]:
    began_s = time.process_time()
    archives = [await shelf.archive(described) for described in layouts]
    return time.process_time() - began_s, archives


def _layouts(files: Mapping[str, bytes]) -> list[Layout]:
    """Every plugin as an archive and every skill as a package."""
    by_plugin: dict[str, list[Member]] = {}
    by_skill: dict[str, list[SkillFile]] = {}
    for path, content in files.items():
        if not path.startswith("plugins/"):
            continue
        _, plugin, inside = path.split("/", 2)
        by_plugin.setdefault(plugin, []).append(Member(inside, False, blob_id(content)))
        if inside.startswith("skills/"):
            _, skill, below = inside.split("/", 2)
            file = SkillFile(below, blob_id(content), len(content), False)
            by_skill.setdefault(f"plugins/{plugin}/skills/{skill}", []).append(file)
    return [layout("zip", members) for members in by_plugin.values()] + [
        layout("zip", _packaged(skill, its, files[f"{skill}/SKILL.md"]).members) for skill, its in by_skill.items()
    ]


def _packaged(skill: str, files: Sequence[SkillFile], skill_md: bytes) -> Packaged:
    made = package(skill.rpartition("/")[2], files, skill_md)
    assert isinstance(made, Packaged), made
    return made


def _zipped_s(place: Path, layouts: Sequence[Layout], files: Mapping[str, bytes]) -> float:
    """CPU seconds of the least that whoever makes these archives has to do."""
    by_id = {blob_id(content): content for content in files.values()}
    began_s = time.process_time()
    for described in layouts:
        with zipfile.ZipFile(place / "least.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as zipped:
            for member in described.members:
                content = member.content if isinstance(member.content, bytes) else by_id[member.content]
                zipped.writestr(member.path, content)
    return time.process_time() - began_s


@dataclass(slots=True)
class _Server:
    process: Child
    answered_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    grown_bytes: int = 0

    async def send(self, count: int, length: int) -> None:
        """``count`` downloads, all connections together."""
        port = self.process.told["port"]
        request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        cost = await slice_of(port, request, count, self.process.pid, Expect(length=length, slack=0), CONNECTIONS)
        self.answered_s.append(statistics.mean(cost.answered_s))
        self.cpu_s.append(cost.cpu_s)

    async def grow(self, count: int, length: int) -> None:
        """The same, and what it leaves in memory."""
        before = rss_bytes(self.process.pid)
        await self.send(count, length)
        self.grown_bytes = rss_bytes(self.process.pid) - before


async def _sending(cores: Cores, rounds: int, count: int, many: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        place = stack.enter_context(folder())
        described: dict[str, object] = {"folder": str(place / "archives"), "size_bytes": SENT_BYTES}
        shelf = _Server(await stack.enter_async_context(child("archives", described, cores.server)))
        length = shelf.process.told["size_bytes"]
        path = shelf.process.told["path"]
        bare = _Server(await stack.enter_async_context(child("archives", {"path": path}, cores.server)))
        for at in range(rounds):
            for server in (shelf, bare) if at % 2 else (bare, shelf):
                await server.send(count, length)
        for server in (bare, shelf):
            await server.grow(many, length)
    size = f"{length / 1e6:.0f} MB"
    seconds = statistics.median(shelf.answered_s[:rounds])
    return [
        Figure(
            f"{size} from the shelf, {CONNECTIONS} at a time",
            seconds * 1000,
            "ms",
            statistics.median(bare.answered_s[:rounds]) * 1000,
            "FileResponse of the same file in a bare server",
            SENT,
            "ratio",
            f"{length * CONNECTIONS / seconds / 1e6:,.0f} MB a second; 80 % of the throughput is promised",
        ),
        Figure(
            "the same: server CPU each",
            statistics.median(shelf.cpu_s[:rounds]) * 1000,
            "ms",
            statistics.median(bare.cpu_s[:rounds]) * 1000,
            "the same of the bare server",
        ),
        Figure(
            f"RSS after {many:,} more of them, grown by",
            shelf.grown_bytes / 1e6,
            "MB",
            promise=GROWN_MB,
            note=f"less than one archive; the bare server by {bare.grown_bytes / 1e6:.1f} MB",
        ),
    ]
