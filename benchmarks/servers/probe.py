"""Owns one client that asks now and then and looks at the clock, in a process of its own: the load is not to delay its look."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os

from benchmarks.cores import loop_factory
from benchmarks.load import Connection, Expect, connect, repeated
from benchmarks.servers.lines import Told, answer_until_end, say, told_at_start

PAUSE_S = 0.002


async def main() -> None:
    with contextlib.suppress(OSError, AttributeError):
        # Where we may (as root): it shares its core with the load, and is not to wait until that has used up its slice.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    told = told_at_start()
    request = base64.b64decode(told["request"])
    expect = Expect()
    (connection,) = await connect(told["port"], 1, lambda: None, expect, lambda _t, _s: None)
    asking: asyncio.Task[list[float]] | None = None
    enough = asyncio.Event()

    async def answer(told: Told) -> Told:
        nonlocal asking
        if told["do"] == "begin":
            enough.clear()
            asking = asyncio.create_task(_ask(connection, request, enough))
            return {}
        enough.set()
        assert asking is not None
        return {"answered_s": await asking}

    say({})
    await answer_until_end(answer)
    connection.close()


async def _ask(connection: Connection, request: bytes, enough: asyncio.Event) -> list[float]:
    """How long each answer took, until it is enough."""
    answered_s: list[float] = []
    connection.on_answer = lambda took_s, _status: answered_s.append(took_s)
    while not enough.is_set():
        connection.source = repeated(request, 1)
        connection.done = asyncio.get_running_loop().create_future()
        connection.send()
        await connection.done
        await asyncio.sleep(PAUSE_S)
    return answered_s


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as loop:
        loop.run(main())
