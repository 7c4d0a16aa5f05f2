"""Owns the question where a value was set: which line of which file, which environment variable, or nowhere."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

KeyPath = tuple[str | int, ...]
"""``("marketplaces", 0, "branch")``: a key as TOML nests it."""


def dotted(key: KeyPath) -> str:
    """``marketplaces[0].branch``: a key as people read it."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Origins:
    """Where values came from. ``text`` is the file's, of which nothing but line numbers is ever shown."""

    file: Path | None = None
    text: str = field(default="", repr=False)
    variables: Mapping[KeyPath, str] = field(default_factory=dict)
    """The environment variable that set a key."""
    values: Mapping[KeyPath, object] = field(default_factory=dict)
    """Every key with its value in force, in the order of the file."""

    def of(self, key: KeyPath) -> str | None:
        """``environment NAME`` or ``file:line``; None where the default holds."""
        if key in self.variables:
            return f"environment {self.variables[key]}"
        line = lines(self.text).get(key)
        return f"{self.file}:{line}" if line is not None else None

    def nearest(self, key: KeyPath) -> str:
        """Where to look for ``key``: itself, else the table around it, else the file as a whole."""
        for length in range(len(key), 0, -1):
            found = self.of(key[:length])
            if found is not None:
                return found
        return str(self.file) if self.file is not None else "configuration"


@lru_cache(maxsize=1)
def lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, on which each key, table and list item of a TOML text begins.

    tomllib tells no positions, so it is asked again after each line: what a longer beginning of the text holds and a shorter
    one did not, began there. A text of some hundred lines takes some milliseconds.
    """
    found: dict[KeyPath, int] = {}
    rows = text.split("\n")
    begun: int | None = None
    for number, row in enumerate(rows, 1):
        if begun is None:
            if not row.strip() or row.lstrip().startswith("#"):
                continue
            begun = number
        try:
            tree = tomllib.loads("\n".join(rows[:number]))
        except tomllib.TOMLDecodeError:
            continue  # inside a value of several lines
        for key in _keys(tree):
            found.setdefault(key, begun)
        begun = None
    return found


def _keys(value: object, prefix: KeyPath = ()) -> Iterator[KeyPath]:
    items: Iterator[tuple[str | int, object]]
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    else:
        return
    for part, inner in items:
        yield (*prefix, part)
        yield from _keys(inner, (*prefix, part))
