"""Owns where in marketplace.json each plugin stands: what the catalog's problems there are about can be told by their line.

Never judges an entry: whatever cannot be read as one is simply not among them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from skillport_sync.catalog.written_json import JsonText, read_json


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    line: int
    name: str
    source: object


@dataclass(frozen=True, slots=True)
class WrittenMarketplace:
    """``entries`` are in the order of the file. A later one of a name that stood before is not what the name means."""

    entries: tuple[WrittenEntry, ...]

    def plugin_at(self, line: int | None) -> str | None:
        """The plugin whose entry a problem of this line is about; None where it is about none, or about a double."""
        if line is None:
            return None
        at = bisect_right(self.entries, line, key=lambda entry: entry.line) - 1
        if at < 0:
            return None
        name = self.entries[at].name
        return None if any(entry.name == name for entry in self.entries[:at]) else name


NOTHING_WRITTEN = WrittenMarketplace(())


def written_marketplace(content: bytes) -> WrittenMarketplace:
    """Where its entries are. Never raises."""
    document = read_json(content)
    if not isinstance(document, JsonText) or not isinstance(document.value, dict):
        return NOTHING_WRITTEN
    plugins = document.value.get("plugins")
    if not isinstance(plugins, list):
        return NOTHING_WRITTEN
    lines = document.lines([("plugins", index) for index in range(len(plugins))])
    return WrittenMarketplace(
        tuple(
            WrittenEntry(line, name, entry.get("source"))
            for entry, line in zip(plugins, lines, strict=True)
            if isinstance(entry, dict) and isinstance(name := entry.get("name"), str)
        )
    )
