"""Owns what is measured of the running service, and whether it is flat: a straight line through the second half."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
LEAST_SAMPLES: Final = 10
PAGE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the service. ``written`` is how many deliveries and questions it had to write down until then."""

    at_s: float
    memory_bytes: int
    descriptors: int
    mirror_bytes: int
    state_bytes: int
    written: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One measure over the second half: where it began and ended on the line, and how far it may rise."""

    name: str
    begins: float
    rises: float
    may_rise: float
    unit: str

    @property
    def is_flat(self) -> bool:
        return self.rises <= self.may_rise


def look(pid: int, data: Path, at_s: float, written: int) -> Sample:
    """Raises: OSError where the process has gone."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return Sample(
        at_s,
        pages * os.sysconf("SC_PAGE_SIZE"),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        _size(data / "mirror.db"),
        _size(data / "state.db"),
        written,
    )


def _size(path: Path) -> int:
    """What is in it, wherever it lies: the file grows only when the WAL is written back. 0 where it cannot be read now."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            return int(pages) * PAGE_BYTES
    except sqlite3.Error:
        return 0


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The straight line with the least squares through them: its value at the first, and how much it rises a step of x."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    return mean_y + rise * (points[0][0] - mean_x), rise


def judge(samples: Sequence[Sample]) -> list[Verdict]:
    """What the second half says. Raises: ValueError where there is too little of it."""
    if len(samples) < LEAST_SAMPLES:
        raise ValueError(f"only {len(samples)} looks at the service: soak for longer")
    lasted_s = samples[-1].at_s - samples[0].at_s
    rows = samples[-1].written - samples[0].written

    def verdict(name: str, value: Callable[[Sample], float], may_rise: float, unit: str) -> Verdict:
        begins, rise = slope([(sample.at_s, value(sample)) for sample in samples])
        return Verdict(name, begins, rise * lasted_s, may_rise, unit)

    first = samples[0]
    return [
        verdict("memory", lambda s: s.memory_bytes / MIB, max(24.0, 0.12 * first.memory_bytes / MIB), "MiB"),
        verdict("file descriptors", lambda s: s.descriptors, 8, ""),
        verdict("mirror.db", lambda s: s.mirror_bytes / MIB, max(4.0, 0.25 * first.mirror_bytes / MIB), "MiB"),
        # It keeps deliveries for a month and the audit for a year: it may grow with what was written down, and no faster.
        verdict("state.db", lambda s: s.state_bytes / MIB, 1.0 + rows * 1_500 / MIB, "MiB"),
    ]
