"""Owns patterns of names: ``*`` stands for any letters, or none; every other letter stands for itself.

There may be thousands of each, names and patterns: a pattern is looked up by its beginning or its end and only then compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from skillport_sync.access.model import Grant


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A rule for every name that fits."""

    grant: Grant
    parts: tuple[str, ...]
    """What stands between the stars: at least two parts, any of them may be empty."""
    letters: int
    """How many letters are fixed: the more, the more specific."""

    @classmethod
    def of(cls, grant: Grant) -> NamePattern:
        parts = tuple(grant.name.split("*"))
        return cls(grant, parts, sum(map(len, parts)))

    def fits(self, name: str) -> bool:
        """In one pass: the leftmost place for each part is as good as any other."""
        first, last = self.parts[0], self.parts[-1]
        if not name.startswith(first) or not name.endswith(last):
            return False
        at, end = len(first), len(name) - len(last)
        for part in self.parts[1:-1]:
            at = name.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return at <= end


_Index = Mapping[int, Mapping[str, Sequence[NamePattern]]]
"""By length and then by what begins, or ends, a name."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """All patterns of one section."""

    every: frozenset[NamePattern] = frozenset()
    _by_first: _Index = field(init=False, compare=False, repr=False)
    _by_last: _Index = field(init=False, compare=False, repr=False)
    _others: Sequence[NamePattern] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        by_first: dict[int, dict[str, list[NamePattern]]] = {}
        by_last: dict[int, dict[str, list[NamePattern]]] = {}
        others: list[NamePattern] = []
        for pattern in self.every:
            first, last = pattern.parts[0], pattern.parts[-1]
            if first:
                by_first.setdefault(len(first), {}).setdefault(first, []).append(pattern)
            elif last:
                by_last.setdefault(len(last), {}).setdefault(last, []).append(pattern)
            else:
                others.append(pattern)
        object.__setattr__(self, "_by_first", by_first)
        object.__setattr__(self, "_by_last", by_last)
        object.__setattr__(self, "_others", others)

    def fitting(self, name: str) -> list[NamePattern]:
        """The patterns that this name fits, in no order."""
        likely = list(self._others)
        for length, begun in self._by_first.items():
            likely += begun.get(name[:length], ())
        for length, ended in self._by_last.items():
            likely += ended.get(name[-length:], ())
        return [pattern for pattern in likely if pattern.fits(name)] if likely else likely
