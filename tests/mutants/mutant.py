"""Owns what a mutant is: a guard taken out of one file, by exact text, and the tests that have to notice. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard, and the code without it. ``killed_by``: node ids below ``tests/``, the quickest that should fail."""

    name: str
    """The guard, in plain words."""
    file: str
    """Below the root of the repository."""
    original: str
    """Stands exactly once in the file."""
    mutated: str
    killed_by: tuple[str, ...]

    @property
    def node_ids(self) -> list[str]:
        return [f"tests/{each}" for each in self.killed_by]

    def applied(self, source: str) -> str | None:
        """The file without the guard; None where the guard is not in it, or is in it more than once."""
        return source.replace(self.original, self.mutated) if source.count(self.original) == 1 else None
