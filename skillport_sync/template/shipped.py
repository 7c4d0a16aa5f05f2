"""Owns reading what is shipped with the package: whole files, by their path below a folder of it. Never writes anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files as resources_of
from importlib.resources.abc import Traversable

_NOT_OURS = frozenset({"__pycache__", ".DS_Store"})


@dataclass(frozen=True, slots=True)
class TemplateFile:
    content: bytes
    executable: bool


def shipped(folder: str) -> dict[str, bytes]:
    """Every file below ``folder`` of this package, by its path relative to it."""
    return dict(_below(resources_of(__package__) / folder, ""))


def _below(directory: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in directory.iterdir():
        if entry.name in _NOT_OURS:
            continue
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
