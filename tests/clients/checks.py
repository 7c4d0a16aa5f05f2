"""Owns what a check is: who looked, in which era, at what, and how it ended; and the running of a client as a process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.clients.company import Company
from tests.clients.node import Distribution, Node, Package

ENDS_WITHIN_S = 90.0
LEGACY, MODERN = "2025-11-25", "2026-07-28"

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. ``note``: how much was seen, or what was wrong."""

    client: str
    era: str
    check: str
    outcome: Outcome
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended; ``code`` None: it had to be killed because it did not."""

    code: int | None
    out: str
    err: str

    @property
    def why(self) -> str:
        """The end of what it said, and how it ended, for a result that failed."""
        how = f"did not end within {ENDS_WITHIN_S:.0f} s" if self.code is None else f"exit code {self.code}"
        said = " ".join((self.err.strip() or self.out.strip()).split())
        return f"{how}: …{said[-400:]}" if said else how


@dataclass(frozen=True, slots=True)
class Bench:
    """Where one client is checked: its package, the company it talks to, and a folder of its own, which is its HOME too."""

    node: Node
    got: Package | Distribution
    company: Company
    folder: Path

    async def run(self, command: Sequence[str | Path], *, folder: Path | None = None, **environ: str) -> Finished:
        """Run the client with an environment of its own: nothing of the machine's settings reaches it."""
        return await _run(command, folder or self.folder, {**self.environ, **environ})

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": self.node.path, "HOME": str(self.folder), "NO_COLOR": "1"}

    @property
    def package(self) -> Package:
        assert isinstance(self.got, Package)
        return self.got


Checks = Callable[[str, Bench], AsyncIterator[Result]]
"""A client's checks, told the name to report under."""


async def _run(command: Sequence[str | Path], folder: Path, environ: Mapping[str, str]) -> Finished:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            out, err = await process.communicate()
        code = process.returncode
    except TimeoutError:
        out, err, code = b"", b"", None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return Finished(code, _plain(out), _plain(err))


def _plain(said: bytes) -> str:
    """Without the colours that some clients print whatever they are told."""
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode(errors="replace"))
