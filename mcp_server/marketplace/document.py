"""Owns the marketplace.json that one person is given: what of the author's is kept, and what takes its place. Pure.

Whatever names plugins is kept for those that this person may have; what means nothing to Claude Code stays behind, because nobody
can tell what it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from skillport_sync.queries.plugins import MarketplaceShelf

_KEPT: Final = frozenset(
    {"$schema", "name", "version", "description", "forceRemoveDeletedPlugins", "allowCrossMarketplaceDependenciesOn"}
)
"""Claude Code 2.1.329 validates these, and no others but those below."""
_PLUGIN_ROOT: Final = "pluginRoot"


def document(shelf: MarketplaceShelf, entries: Sequence[Mapping[str, object]]) -> bytes:
    """marketplace.json with these entries."""
    written = shelf.ground.document
    made: dict[str, object] = {}
    for name, value in written.items():
        if name in _KEPT:
            made[name] = value
        elif name == "metadata" and isinstance(value, dict):
            # It says where relative sources lie, and here there are none.
            made[name] = {key: part for key, part in value.items() if key != _PLUGIN_ROOT}
    made["owner"] = _owner(written.get("owner"), shelf)
    made["plugins"] = list(entries)
    if shelf.renames:
        made["renames"] = dict(shelf.renames)
    return orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n"


def _owner(written: object, shelf: MarketplaceShelf) -> object:
    """Without an owner who has a name, Claude Code refuses the whole file (measured, 2.1.329)."""
    if isinstance(written, dict) and isinstance(written.get("name"), str) and written["name"]:
        return written
    return {"name": shelf.published.snapshot.repository}
