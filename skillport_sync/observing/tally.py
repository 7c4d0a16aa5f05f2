"""Owns counting by label: plain ints in a dict, a tenth of a microsecond each, read when somebody asks.

Bounded: beyond ``MOST`` different labels everything else is counted as ``other``. Lives on the event loop's thread; may be read
from any other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

MOST: Final = 400
OTHER: Final = "other"

Labels = tuple[str, ...]


class Tally:
    """Counts of things that happened. ``add`` takes one value for each label."""

    __slots__ = ("_counts", "add")

    def __init__(self, labels: int, most: int = MOST) -> None:
        counts: dict[Labels, list[int]] = {}
        others: Labels = (OTHER,) * labels

        # A closure over a dict of one-element lists: half of what a method and plain values would take.
        def add(*values: str) -> None:
            try:
                counts[values][0] += 1
            except KeyError:
                assert len(values) == labels
                counts.setdefault(values if len(counts) < most else others, [0])[0] += 1

        self._counts = counts
        self.add: Callable[..., None] = add

    def read(self) -> Sequence[tuple[Labels, int]]:
        """Every count so far."""
        # Copied in one step of the interpreter: nobody begins another count meanwhile.
        return [(values, count) for values, (count,) in list(self._counts.items())]


class Durations:
    """How long things took, in seconds: how many took at most so long, by the values of their labels."""

    __slots__ = ("_bounds_s", "_seen", "_sums_s")

    def __init__(self, bounds_s: Sequence[float]) -> None:
        """``bounds_s`` ascend."""
        self._bounds_s = tuple(bounds_s)
        self._seen: dict[Labels, list[int]] = {}
        self._sums_s: dict[Labels, float] = {}

    def add(self, duration_s: float, *values: str) -> None:
        seen = self._seen.get(values)
        if seen is None:
            if len(self._seen) >= MOST:
                values = (OTHER,) * len(values)
            seen = self._seen.setdefault(values, [0] * (len(self._bounds_s) + 1))
        seen[bisect_left(self._bounds_s, duration_s)] += 1
        self._sums_s[values] = self._sums_s.get(values, 0.0) + duration_s

    def read(self) -> Sequence[tuple[Labels, Sequence[tuple[str, int]], float]]:
        """For each: the labels, how many took at most each bound (``+Inf`` last), and the sum in seconds."""
        answer = []
        for values, seen in list(self._seen.items()):
            total, upto = 0, []
            for bound, count in zip([*map(repr, self._bounds_s), "+Inf"], tuple(seen), strict=True):
                total += count
                upto.append((bound, total))
            answer.append((values, upto, self._sums_s.get(values, 0.0)))
        return answer
