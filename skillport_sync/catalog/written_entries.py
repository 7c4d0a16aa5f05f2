"""Owns the entries of marketplace.json as they are written: the JSON of each one that counts, beside what it was read as.

Whoever hands a marketplace on hands on the fields that mean nothing here, too. Never judges them: see ``manifest``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.catalog.entry_source import read_source
from skillport_sync.catalog.json_fields import JsonFields
from skillport_sync.catalog.manifest import MarketplaceEntry, Unreadable, read_marketplace
from skillport_sync.catalog.sources import distinct
from skillport_sync.catalog.written_json import JsonText, read_json


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    read: MarketplaceEntry
    written: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WrittenMarketplace:
    """``entries`` are those that count, in the order of the file."""

    document: Mapping[str, object]
    entries: tuple[WrittenEntry, ...]


def written_marketplace(content: bytes) -> WrittenMarketplace | Unreadable:
    """marketplace.json as it is written. Never raises."""
    marketplace = read_marketplace(content)
    if isinstance(marketplace, Unreadable):
        return marketplace
    document = read_json(content)
    assert isinstance(document, JsonText)
    assert isinstance(document.value, dict)
    counting = {str(entry.name): entry for entry, _ in distinct(marketplace.entries)}
    entries: list[WrittenEntry] = []
    for value in document.value["plugins"]:
        entry = counting.get(value["name"]) if isinstance(value, dict) and isinstance(value.get("name"), str) else None
        if entry is None:
            continue
        # Of several with one name the first that could be read counts.
        source = read_source(JsonFields(value), entry.name, value.get("source"), marketplace.plugin_root)
        if source == entry.source:
            entries.append(WrittenEntry(counting.pop(entry.name), value))
    return WrittenMarketplace(document.value, tuple(entries))
