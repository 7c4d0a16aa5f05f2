"""Owns the processes beside this one: each started on its core, asked over a pipe, and ended with its context."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import orjson

from benchmarks.cores import pin

START_WITHIN_S = 180.0
ANSWER_WITHIN_S = 300.0
END_WITHIN_S = 20.0


@dataclass(slots=True)
class Child:
    """A process of ``benchmarks.servers``. ``told`` is what it said when it was ready."""

    process: Process
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ask(self, do: str, **what: object) -> dict[str, Any]:
        """One question at a time."""
        await self.say({"do": do, **what})
        return await self.hear(ANSWER_WITHIN_S)

    async def say(self, what: dict[str, object]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps(what) + b"\n")
        await self.process.stdin.drain()

    async def hear(self, within_s: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(within_s):
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"process {self.pid} ended; its last words are above")
        heard: dict[str, Any] = orjson.loads(line)
        return heard


@asynccontextmanager
async def child(server: str, told: dict[str, object], cores: frozenset[int]) -> AsyncIterator[Child]:
    """``python -m benchmarks.servers.<server>``, ready."""
    async with running("-m", f"benchmarks.servers.{server}", cores=cores) as process:
        started = Child(process)
        await started.say(told)
        started.told = await started.hear(START_WITHIN_S)
        yield started


@asynccontextmanager
async def running(*arguments: str, cores: frozenset[int], stderr: IO[bytes] | None = None) -> AsyncIterator[Process]:
    """A Python process on these cores, ended in order when left."""
    # An answer of the stand-in may be a long line.
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, stderr=stderr, limit=64 * 1024 * 1024
    )
    pin(cores, process.pid)
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
