"""Owns how such a process talks with the one that started it: one JSON object a line, a question in, an answer out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

Told = dict[str, Any]


def told_at_start() -> Told:
    """The first line, on which nobody sends another before he has been told that we are ready."""
    told: Told = orjson.loads(sys.stdin.buffer.readline())
    return told


def say(answer: Told) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


async def answer_until_end(answer: Callable[[Told], Awaitable[Told]] | None = None) -> None:
    """Answer every question, until whoever asks has gone."""
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if answer is not None:
            say(await answer(orjson.loads(line)))
