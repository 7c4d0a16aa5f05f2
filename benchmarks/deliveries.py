"""Owns what a burst of webhooks does: is one lost, how long does GitHub wait, how many pulls follow, do queries wait.

Every connection sends its next delivery as soon as the last one is answered, so the receiver has as much to do as it can take.
Each delivery has a GUID and a signature of its own; all are of the tracked branch, at the commit that is published.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import sqlite3
import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass

import orjson

from benchmarks.content import Size
from benchmarks.cores import Cores, cpu_s
from benchmarks.figures import Figure
from benchmarks.load import Expect, connect, finish, raw
from benchmarks.processes import Child, child
from benchmarks.questions import QUESTIONS, Call, modern
from benchmarks.servers.standin import SECRET
from benchmarks.service import Running, folder, service
from benchmarks.visible import size_json

TITLE = "Receiver: a burst of signed deliveries"
SERVES_HERE = False
SIZE = Size(plugins=50, skills=100, files=500, size_bytes=1_700_000)
LONGEST_S, HANDFUL, SLOWER = 2.0, 10, 3.0
IDLE_S, QUIET_S = 2.0, 1.5


@dataclass(frozen=True, slots=True)
class _Burst:
    """What one burst did."""

    took_s: float
    cpu_s: float
    answered_s: list[float]


async def measure(cores: Cores, *, quick: bool) -> list[Figure]:
    """Two bursts, of few connections and of many."""
    count, shapes = (500, (16,)) if quick else (10_000, (64, 512))
    figures: list[Figure] = []
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(child("standin", {"size": size_json(SIZE)}, cores.load))
        place = stack.enter_context(folder())
        mirror = await stack.enter_async_context(service(place, github.told["url"], cores.server))
        bare = await stack.enter_async_context(child("bare", {"answers": {"d": _text(b"{}")}}, cores.server))
        await github.ask("hook", url=f"{mirror.url}/webhooks/github")
        await github.ask("push", files=3)
        sample = await github.ask("delivered")
        asked = {"request": _text(raw(modern(QUESTIONS["list"](SIZE)), mirror.port)), "port": mirror.port}
        probe = await stack.enter_async_context(child("probe", asked, cores.load))
        for connections in shapes:
            figures += await _figures(github, mirror, bare, probe, list(_signed(sample, count)), connections)
    return figures


async def _figures(
    github: Child, mirror: Running, bare: Child, probe: Child, deliveries: list[Call], connections: int
) -> list[Figure]:
    count, label = len(deliveries), f"{connections} connections"
    least = await _send(bare.told["port"], bare.pid, "/d", deliveries, connections, b"200")
    await asyncio.sleep(QUIET_S)
    await probe.ask("begin")
    await asyncio.sleep(IDLE_S)
    idle_s = statistics.median((await probe.ask("end"))["answered_s"])
    known = _ledger(mirror)
    await github.ask("journal")
    await probe.ask("begin")
    burst = await _send(mirror.port, mirror.pid, "/webhooks/github", deliveries, connections, b"202")
    asked_s = (await probe.ask("end"))["answered_s"]
    await asyncio.sleep(QUIET_S)  # the last pull rests first
    spent, added = await github.ask("journal"), _ledger(mirror) - known
    rates = f"{count / burst.took_s:,.0f} a second, median {statistics.median(burst.answered_s) * 1000:.1f} ms"
    note = f"median of {len(asked_s)} queries; slowest {max(asked_s) * 1000:.1f} ms"
    against = "bare handler, 200 and nothing else"
    return [
        Figure(f"{label}: lost of {count:,}", count - added, "", promise=0, note="counted in the ledger"),
        Figure(
            f"{label}: slowest answer",
            max(burst.answered_s) * 1000,
            "ms",
            max(least.answered_s) * 1000,
            against,
            LONGEST_S * 1000,
            note=rates,
        ),
        Figure(f"{label}: CPU a delivery", burst.cpu_s / count * 1e6, "µs", least.cpu_s / count * 1e6, against),
        Figure(
            f"{label}: pulls in all",
            _pulls(spent["lines"]),
            "",
            promise=HANDFUL,
            note=f"{spent['requests']} requests to GitHub, primary cost {spent['primary']}",
        ),
        Figure(
            f"{label}: a query meanwhile",
            statistics.median(asked_s) * 1000,
            "ms",
            idle_s * 1000,
            "the same when idle",
            SLOWER,
            "ratio",
            note,
        ),
    ]


async def _send(port: int, pid: int, path: str, deliveries: list[Call], connections: int, status: bytes) -> _Burst:
    requests = iter([raw(delivery, port, path) for delivery in deliveries])
    answered_s: list[float] = []
    expect = Expect(status=status, slack=64)
    opened = await connect(
        port, connections, lambda: next(requests, None), expect, lambda took_s, _status: answered_s.append(took_s)
    )
    before_s, began_s = cpu_s(pid), time.perf_counter()
    try:
        await finish(opened)
    finally:
        for connection in opened:
            connection.close()
    return _Burst(time.perf_counter() - began_s, cpu_s(pid) - before_s, answered_s)


def _signed(sample: dict[str, object], count: int) -> Iterator[Call]:
    """As many deliveries of the push that the sample is of, each with other bytes."""
    headers, body = sample["headers"], sample["body"]
    assert isinstance(headers, dict)
    assert isinstance(body, str)
    payload = orjson.loads(base64.b64decode(body))
    for at in range(count):
        content = orjson.dumps({**payload, "benchmark": at})
        signature = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
        guid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{count} {at} {time.monotonic_ns()}"))
        own = {"X-GitHub-Delivery": guid, "X-Hub-Signature-256": f"sha256={signature}"}
        yield {**headers, **own}, content


def _ledger(mirror: Running) -> int:
    state = mirror.config.parent / "data" / "state.db"
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM deliveries").fetchone()[0])


def _pulls(lines: Sequence[str]) -> int:
    """How many pulls these requests are: each begins with the branch's head, or with the commit that a push named."""
    return sum("/commits/" in line for line in lines)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
