"""Owns talking with a client that is a process: the lines it says, what it is answered, and its end. Never leaves one behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ENDS_WITHIN_S = 60.0
_LONGEST_LINE = 1 << 20


@dataclass(slots=True)
class Conversation:
    """A process that says lines, on whichever of its two outputs, and can be answered."""

    process: Process
    said: list[str] = field(default_factory=list)

    async def lines(self) -> AsyncIterator[str]:
        """What it says until it ends, without colours. Raises TimeoutError when it does not go on."""
        assert self.process.stdout is not None
        async with asyncio.timeout(ENDS_WITHIN_S):
            while line := await self.process.stdout.readline():
                plain = re.sub(r"\x1b\[[0-9;]*m", "", line.decode(errors="replace")).rstrip()
                self.said.append(plain)
                yield plain

    async def answer(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    @property
    def why(self) -> str:
        """The end of what it said, for a result that failed."""
        return "…" + " ".join(" ".join(self.said).split())[-500:]


@asynccontextmanager
async def conversation(
    command: Sequence[str | Path], folder: Path, environ: Mapping[str, str]
) -> AsyncIterator[Conversation]:
    """Run it until left. What it says on its second output is listened to as well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environ,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        limit=_LONGEST_LINE,
        start_new_session=True,
    )
    try:
        yield Conversation(process)
    finally:
        with suppress(ProcessLookupError):  # it may end just now
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
