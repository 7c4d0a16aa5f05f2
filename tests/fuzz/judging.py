"""Owns the trying of many cases in one process: that each ends in time, that nothing gets out which should not, and that the
process does not grow.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from tests.fuzz.target import CaseId, Failure, Target, Verdict

WARM: Final = 0.3
"""The part of the cases after which everything that is kept, caches above all, has been filled."""
ENOUGH_TO_MEASURE: Final = 600
MAX_GROWTH_MB: Final = 48.0
MOST_FAILURES: Final = 5
"""Of one block: more of the same say no more."""
_MB: Final = 1024 * 1024


class HungError(Exception):
    """A case did not end in time, and something was computing all the while."""


async def judge(
    target: Target, seed: int, numbers: Iterable[int], folder: Path, progress: Path | None = None
) -> Verdict:
    """Try these cases. ``progress`` is where the number of the one under way stands, in case the process dies of it."""
    cases = list(numbers)
    verdict = Verdict(target.name)
    warm_after, warm_mb = int(len(cases) * WARM), 0.0
    began_s = time.monotonic()
    async with target.open(folder) as attempt:
        with _noting(progress) as note, _alarm() as set_alarm:
            for at, number in enumerate(cases):
                if at == warm_after:
                    warm_mb = resident_mb()
                case = CaseId(target.name, seed, number)
                note(number)
                # Who only waits too long is told so by asyncio; who computes too long, by the signal.
                set_alarm(target.limit_s * 2)
                try:
                    async with asyncio.timeout(target.limit_s):
                        await attempt(case.dice())
                except TimeoutError as error:
                    verdict.failures.append(Failure(str(case), f"no answer within {target.limit_s:g} s{_notes(error)}"))
                except Exception as error:
                    verdict.failures.append(Failure(str(case), _story(error)))
                finally:
                    set_alarm(0)
                verdict.cases += 1
                if len(verdict.failures) >= MOST_FAILURES:
                    break
        if verdict.cases >= ENOUGH_TO_MEASURE:
            verdict.growth_mb = max(0.0, resident_mb() - warm_mb)
    if verdict.growth_mb > MAX_GROWTH_MB:
        why = f"grew by {verdict.growth_mb:.0f} MB in {verdict.cases - warm_after:,} cases; {MAX_GROWTH_MB:.0f} MB are allowed"
        verdict.failures.append(Failure(f"{target.name}:{seed}:{cases[0]}-{cases[-1]}", why))
    verdict.took_s = time.monotonic() - began_s
    return verdict


def resident_mb() -> float:
    """What the process takes now. Where the system does not tell, what it took at most."""
    gc.collect()
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / _MB
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MB


@contextmanager
def _noting(progress: Path | None) -> Iterator[Callable[[int], object]]:
    if progress is None:
        yield lambda number: None
        return
    file = os.open(progress, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        yield lambda number: os.pwrite(file, b"%-12d" % number, 0)
    finally:
        os.close(file)


@contextmanager
def _alarm() -> Iterator[Callable[[float], object]]:
    """Set, or with 0 unset, the time after which whatever computes is broken off. Leaves another's alarm as it was."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise HungError("it went on computing")

    theirs_s = signal.setitimer(signal.ITIMER_REAL, 0)[0]
    before = signal.signal(signal.SIGALRM, ring)
    began_s = time.monotonic()
    try:
        yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if theirs_s:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, theirs_s - (time.monotonic() - began_s)))


def _story(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/asyncio/" not in frame.filename]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-4:]))
    return f"{type(error).__name__}: {str(error)[:1_500]} ({where}){_notes(error)}"


def _notes(error: BaseException) -> str:
    return "".join(f"\n  {note}" for note in getattr(error, "__notes__", ()))
