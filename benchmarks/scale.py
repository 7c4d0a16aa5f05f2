"""Owns what a large marketplace costs: its first sync, a small push to it, the memory it takes, and the time of its answers.

The stand-in is a process of its own on the other core and has made its large answers before, so that the service's work counts.
"""

from __future__ import annotations

import hashlib
import sqlite3
import statistics
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path

from benchmarks.content import LARGE, SMALL, Size, marketplace, skill_label
from benchmarks.cores import Cores, pin, rss_bytes
from benchmarks.figures import Figure
from benchmarks.load import Expect, once, raw, slice_of
from benchmarks.processes import Child, child
from benchmarks.questions import Arguments, modern
from benchmarks.service import Running, folder, in_this_process, service
from benchmarks.visible import Mirror, mirror, size_json

TITLE = "Scale: 17 500 files and 60 MB; 10 000 skills"
SERVES_HERE = True
HUNDRED = Size(plugins=20, skills=100, files=510, size_bytes=800_000)
TEN_THOUSAND = Size(plugins=2_000, skills=10_000, files=51_000, size_bytes=80_000_000)
FIRST_SYNC, PUSH, RSS_MB, ANSWERS = 4.0, 2.0, 220.0, 1.5
LATENCIES_S = (0.05, 0.0)
DISTINCT = 300
"""So many questions that nobody asked before, a round."""


async def measure(cores: Cores, *, quick: bool) -> list[Figure]:
    """First sync and pushes in this process, on the server's core; memory and answers of the service as operators start it."""
    large, ten_thousand = (SMALL, Size(50, 500, 2_600, 4_000_000)) if quick else (LARGE, TEN_THOUSAND)
    pin(cores.server)
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(child("standin", {"size": size_json(large)}, cores.load))
        figures = [await _first_sync(github, large, 2 if quick else 5)]
        smaller = await stack.enter_async_context(child("standin", {"size": size_json(SMALL)}, cores.load))
        figures += await _pushes(github, smaller, 2 if quick else 9, large)
    pin(cores.load)
    return figures + await _many_skills(cores, ten_thousand, 2 if quick else 7)


async def _first_sync(github: Child, size: Size, rounds: int) -> Figure:
    contents = marketplace(size)
    synced_s: list[float] = []
    least_s: list[float] = []
    for _ in range(rounds):
        with folder() as place:
            least_s.append(_hash_and_insert(place / "least.db", contents))
        with folder() as place:
            began_s = time.perf_counter()
            async with in_this_process(place, github.told["url"]):
                synced_s.append(time.perf_counter() - began_s)
    return Figure(
        f"first sync of {size.files:,} files, {sum(map(len, contents.values())) / 1e6:.0f} MB",
        statistics.median(synced_s),
        "s",
        statistics.median(least_s),
        "SHA-1, SHA-256 and one bulk insert of the same bytes, WAL, FULL",
        FIRST_SYNC,
        "ratio",
        f"{rounds} rounds, {min(synced_s):.2f} to {max(synced_s):.2f} s; from start of the service to settled",
    )


def _hash_and_insert(path: Path, contents: Mapping[str, bytes]) -> float:
    """Seconds of the least that a verified mirror has to do."""
    began_s = time.perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE blobs(id INTEGER PRIMARY KEY, sha1 BLOB UNIQUE, sha256 BLOB, size INTEGER, content BLOB) STRICT"
        )
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO blobs(sha1, sha256, size, content) VALUES(?, ?, ?, ?)",
            (
                (
                    hashlib.sha1(b"blob %d\0%b" % (len(content), content)).digest(),
                    hashlib.sha256(content).digest(),
                    len(content),
                    content,
                )
                for content in contents.values()
            ),
        )
        connection.execute("COMMIT")
    return time.perf_counter() - began_s


async def _pushes(large: Child, small: Child, rounds: int, size: Size) -> list[Figure]:
    """Push → visible of three files, in turns."""
    async with mirror(large) as large_mirror, mirror(small) as small_mirror:
        mirrors: dict[str, Mirror] = {"large": large_mirror, "small": small_mirror}
        taken: dict[tuple[str, float], list[float]] = {}
        for _ in range(rounds):
            for latency_s in LATENCIES_S:
                for name, github in (("large", large), ("small", small)):
                    await github.ask("latency", seconds=latency_s)
                    taken.setdefault((name, latency_s), []).append(await mirrors[name].push(3))
    return [
        Figure(
            f"3-file push to {size.files:,} files, GitHub {latency_s * 1000:.0f} ms away",
            statistics.median(taken["large", latency_s]) * 1000,
            "ms",
            statistics.median(taken["small", latency_s]) * 1000,
            f"the same to {SMALL.files} files",
            PUSH if latency_s else None,
            "ratio",
            "" if latency_s else "nothing promised: GitHub is not 0 ms away, and its listing is 35 times as long",
        )
        for latency_s in LATENCIES_S
    ]


async def _many_skills(cores: Cores, size: Size, rounds: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        large = await stack.enter_async_context(child("standin", {"size": size_json(size)}, cores.load))
        small = await stack.enter_async_context(child("standin", {"size": size_json(HUNDRED)}, cores.load))
        place = stack.enter_context(folder())
        label = f"{size.skills:,} skills"
        async with service(place, large.told["url"], cores.server) as first:
            figures = [
                Figure(
                    f"{label}: RSS after the first sync",
                    rss_bytes(first.pid) / 1e6,
                    "MB",
                    promise=RSS_MB,
                    note=f"{size.files:,} files; published {first.ready_s:.1f} s after its start",
                )
            ]
        many = await stack.enter_async_context(service(place, large.told["url"], cores.server))
        few = await stack.enter_async_context(service(stack.enter_context(folder()), small.told["url"], cores.server))
        figures.append(
            Figure(
                f"{label}: RSS after a restart",
                rss_bytes(many.pid) / 1e6,
                "MB",
                rss_bytes(few.pid) / 1e6,
                f"{HUNDRED.skills} skills",
                RSS_MB,
                note=f"answers {many.ready_s:.1f} s after its start",
            )
        )
        figures += await _answers(many, size, few, rounds)
        figures.append(Figure(f"{label}: RSS after these answers", rss_bytes(many.pid) / 1e6, "MB", promise=RSS_MB))
    return figures


async def _answers(many: Running, size: Size, few: Running, rounds: int) -> list[Figure]:
    """Medians over HTTP, one question after the other: asked again and again, and asked for the first time."""
    taken: dict[tuple[str, bool], list[float]] = {}
    for at in range(rounds):
        for running, its_size, is_many in ((many, size, True), (few, HUNDRED, False)):
            for what, arguments in _again(its_size).items():
                request = raw(modern(arguments), running.port)
                cost = await slice_of(running.port, request, DISTINCT, running.pid, Expect(), 1)
                taken.setdefault((what, is_many), []).extend(cost.answered_s)
            for what, several in _anew(its_size, at).items():
                for arguments in several:
                    began_s = time.perf_counter()
                    await once(running.port, raw(modern(arguments), running.port))
                    taken.setdefault((what, is_many), []).append(time.perf_counter() - began_s)
    return [
        Figure(
            f"{size.skills:,} skills: {what}",
            statistics.median(found) * 1e6,
            "µs",
            statistics.median(taken[what, False]) * 1e6,
            f"{HUNDRED.skills} skills",
            None if what.endswith("anew") else ANSWERS,
            "ratio",
            "a new connection and a question that nobody asked before" if what.endswith("anew") else "",
        )
        for (what, is_many), found in taken.items()
        if is_many
    ]


def _again(size: Size) -> dict[str, Arguments]:
    return {
        "list": {"operation": "list"},
        "fetch": {"operation": "fetch", "skill": skill_label(size, 7)},
    }


def _anew(size: Size, at: int) -> dict[str, list[Arguments]]:
    """Questions that differ from all before: by their limit, by their skill."""
    numbers = range(at * 12, at * 12 + 12)
    return {
        "list anew": [{"operation": "list", "limit": 100 - number} for number in numbers],
        "list with a query anew": [
            {"operation": "list", "query": f"report {number}", "limit": 20} for number in numbers
        ],
        "fetch anew": [{"operation": "fetch", "skill": skill_label(size, number % size.skills)} for number in numbers],
    }
