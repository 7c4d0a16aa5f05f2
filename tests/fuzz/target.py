"""Owns the words of fuzzing: what is tried, how one case is named, and what came of many. Values only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

Attempt = Callable[[Random], Awaitable[None]]
"""One case, all of it decided by the dice. Raises whatever it should not: ``WrongError``, or what was never to get out."""

MOST_SHOWN = 2_000


class WrongError(Exception):
    """Something was answered that must not be. The message says what was asked and what came."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes bytes from outside. ``open`` makes it ready, in a folder of its own."""

    name: str
    cases: int
    """So many of all cases, where all are ``ALL``."""
    limit_s: float
    """A case that takes longer hangs."""
    open: Callable[[Path], AbstractAsyncContextManager[Attempt]]


@dataclass(frozen=True, slots=True)
class CaseId:
    """``tar:42:1007``: the target, the seed of the run, and which one. Its dice are made of these three and of nothing else."""

    target: str
    seed: int
    number: int

    def dice(self) -> Random:
        return Random(str(self))

    def __str__(self) -> str:
        return f"{self.target}:{self.seed}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> CaseId:
        """Raises: ValueError."""
        target, seed, number = text.split(":")
        return cls(target, int(seed), int(number))


@dataclass(frozen=True, slots=True)
class Failure:
    """``case`` repeats it."""

    case: str
    why: str


@dataclass(slots=True)
class Verdict:
    """What came of a block of cases, or of several."""

    target: str
    cases: int = 0
    took_s: float = 0.0
    growth_mb: float = 0.0
    """By which the process grew once it was warm; the most of any block."""
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        self.cases += other.cases
        self.took_s += other.took_s
        self.growth_mb = max(self.growth_mb, other.growth_mb)
        self.failures += other.failures


@contextmanager
def showing(*sent: object) -> Iterator[None]:
    """Whatever goes wrong inside says what was sent."""
    try:
        yield
    except Exception as error:
        error.add_note("sent: " + "\n      ".join(shown(each) for each in sent))
        raise


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}… ({len(text):,} characters)"
