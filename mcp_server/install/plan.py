"""Owns the plan: what install.sh is told before it downloads anything, in lines that any shell can read. Pure.

``key value`` on each line, printable ASCII only, so that nothing in it means anything to a terminal. ``note`` may stand several
times. ``FORMAT`` is raised before what a line means is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FORMAT = 1
MOST_NOTES = 20
_MOST_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an install link gives, for one target."""

    name: str
    """The folder that the archive holds, and that is installed."""
    plugin: str
    marketplace: str
    version: str | None
    revision: str
    commit: str
    source: str
    """Where this service is reached."""
    target: str
    files: int
    """How many the archive holds."""
    size_bytes: int
    """Of the archive."""
    sha256: str
    """Of the archive, in hexadecimal."""
    notes: tuple[str, ...]
    """What should be known of how it was put together."""

    def as_text(self) -> str:
        """The lines. A key without a value has none."""
        return "".join(f"{key} {_plain(value)}\n" for key, value in self._lines() if value)

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield "format", str(FORMAT)
        yield "name", self.name
        yield "plugin", self.plugin
        yield "marketplace", self.marketplace
        yield "version", self.version or ""
        yield "revision", self.revision
        yield "commit", self.commit
        yield "source", self.source
        yield "target", self.target
        yield "files", str(self.files)
        yield "size", str(self.size_bytes)
        yield "sha256", self.sha256
        for note in self.notes[:MOST_NOTES]:
            yield "note", note


def _plain(text: str) -> str:
    kept = "".join(char if " " <= char <= "~" else "?" for char in text)
    return kept if len(kept) <= _MOST_CHARACTERS else kept[: _MOST_CHARACTERS - 3] + "..."
