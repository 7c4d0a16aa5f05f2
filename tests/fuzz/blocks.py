"""Owns the running of blocks of cases, each in a process of its own: one that dies, hangs or grows takes no other with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.target import CaseId, Failure, Verdict

MOST_OF_A_BLOCK: Final = 5_000
STUCK_S: Final = 60.0
"""A process whose cases do not get on for so long is beyond any alarm of its own."""
_LOOK_S: Final = 5.0
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Block:
    """The cases from ``start`` on, before ``stop``."""

    target: str
    seed: int
    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.target}:{self.seed}:{self.start}-{self.stop}"

    @classmethod
    def parse(cls, text: str) -> Block:
        """Also ``tar:42:7``, which is one case. Raises: ValueError."""
        target, seed, numbers = text.split(":")
        start, dash, stop = numbers.partition("-")
        return cls(target, int(seed), int(start), int(stop) if dash else int(start) + 1)


def blocks_of(target: str, seed: int, cases: int) -> Iterator[Block]:
    """All cases of a target, in blocks of about the same size."""
    count = -(-cases // MOST_OF_A_BLOCK)
    for number in range(count):
        yield Block(target, seed, cases * number // count, cases * (number + 1) // count)


async def run(block: Block, folder: Path) -> Verdict:
    """What came of these cases, also where their process did not live to tell."""
    progress, errors = folder / "progress", folder / "errors"
    with _made(errors).open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fuzz", "--block", str(block), "--folder", str(folder)),
            cwd=_ROOT,
            stdout=PIPE,
            stderr=stderr,
        )
        reading = asyncio.create_task(process.communicate())
        try:
            is_stuck = await _watched(reading, progress)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
        out, _ = await reading
    try:
        told = json.loads(out.splitlines()[-1])
        return Verdict(**{**told, "failures": [Failure(**each) for each in told["failures"]]})
    except (IndexError, ValueError):
        number = _number(progress)
        case = str(block) if number is None else str(CaseId(block.target, block.seed, number))
        ended = "did not get on" if is_stuck else _ending(process.returncode)
        why = f"the process {ended}: {errors.read_text(errors='replace')[-1_500:]}"
        return Verdict(block.target, 0 if number is None else number - block.start, failures=[Failure(case, why)])


async def _watched(reading: asyncio.Task[tuple[bytes, bytes]], progress: Path) -> bool:
    """Wait for the process to end; True where it does not get on any more."""
    last: int | None = None
    still_s = 0.0
    while not (await asyncio.wait({reading}, timeout=_LOOK_S))[0]:
        number = _number(progress)
        still_s = 0.0 if number != last else still_s + _LOOK_S
        last = number
        if still_s >= STUCK_S:
            return True
    return False


def _made(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    return file


def _number(progress: Path) -> int | None:
    try:
        return int(progress.read_bytes())
    except (OSError, ValueError):
        return None


def _ending(code: int | None) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"


def told(verdict: Verdict) -> str:
    """One line for whoever started this process."""
    return json.dumps(asdict(verdict))


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
