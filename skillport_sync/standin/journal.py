"""Owns the record of every request that arrived, and what it cost: how tests and benchmarks count GitHub requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

RequestKind = Literal["api", "graphql", "codeload"]


@dataclass(slots=True)
class JournalEntry:
    """One request. ``status`` is 0 until it is answered, and stays 0 when the connection was cut before.

    ``primary`` is what it took from the hourly limit: 0 for a 304, for ``/rate_limit`` and for codeload.
    """

    method: str
    path: str
    query: Mapping[str, str]
    kind: RequestKind
    accept: str
    authorized: bool
    started_s: float
    body: bytes = b""
    status: int = 0
    primary: int = 0
    ended_s: float | None = None


def matches(pattern: str, method: str, path: str) -> bool:
    """``"GET /repos/*/git/blobs/*"``: a method (or ``*``) and a path.

    With ``*`` the whole path must match, and a star crosses slashes. Without, the words may stand anywhere in the path:
    ``"GET /git/blobs"`` is every blob. Paths of codeload start with ``codeload:/``.
    """
    wanted_method, _, wanted = pattern.partition(" ")
    if wanted_method not in ("*", method):
        return False
    return fnmatchcase(path, wanted) if "*" in wanted else f"{wanted.rstrip('/')}/" in f"{path}/"


@dataclass(slots=True)
class Journal:
    """Requests in order of arrival. Deliveries are not requests to GitHub and are not here: see ``Hook.deliveries``."""

    entries: list[JournalEntry] = field(default_factory=list)

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def count(self, pattern: str | None = None) -> int:
        """How many requests, or how many that match a pattern like ``"GET /git/blobs"``."""
        return len(self.matching(pattern or "* *"))

    def matching(self, pattern: str) -> list[JournalEntry]:
        return [entry for entry in self.entries if matches(pattern, entry.method, entry.path)]

    def primary_cost(self) -> int:
        return sum(entry.primary for entry in self.entries)

    def round_trips(self) -> int:
        """The longest chain of requests that each began after the one before had ended."""
        finished = sorted((e for e in self.entries if e.ended_s is not None), key=_end)
        chain, free_from = 0, float("-inf")
        for entry in finished:
            if entry.started_s >= free_from:
                chain, free_from = chain + 1, _end(entry)
        return chain

    def most_at_once(self) -> int:
        """How many requests were under way at the same time, at most."""
        steps = [(entry.started_s, 1) for entry in self.entries]
        steps += [(_end(entry), -1) for entry in self.entries if entry.ended_s is not None]
        running = most = 0
        for _, step in sorted(steps):
            running += step
            most = max(most, running)
        return most

    def lines(self, keep: Callable[[JournalEntry], bool] = lambda _: True) -> list[str]:
        """``"GET /repos/acme/skills 200"``, for messages of failing tests."""
        return [f"{entry.method} {entry.path} {entry.status}" for entry in self.entries if keep(entry)]

    def reset(self) -> None:
        self.entries.clear()


def _end(entry: JournalEntry) -> float:
    return entry.ended_s if entry.ended_s is not None else float("inf")
