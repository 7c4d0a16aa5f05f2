"""Owns what a fault is: what goes wrong, how it is brought about, and which tests show that it is survived."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the catalogue. ``tests`` are node ids below ``tests/``, without parameters: every case of each counts."""

    number: str
    what: str
    injected: str
    tests: tuple[str, ...]

    @property
    def node_ids(self) -> tuple[str, ...]:
        return tuple(f"tests/{test}" for test in self.tests)


def below(file: str, *names: str) -> tuple[str, ...]:
    """These tests of one file."""
    return tuple(f"{file}::{name}" for name in names)
