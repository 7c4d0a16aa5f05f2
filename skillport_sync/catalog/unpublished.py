"""Owns plugins that no marketplace entry names: directories beside the published ones that look like plugins.

Their skills are found by name and not listed, as the seed connector keeps them: a draft that its author can fetch. A directory
that any entry names, or names a part of, is that entry's business, also where the entry is left out; and so is every name that
an entry has, because rules of access go by names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from skillport_sync.catalog.declared import Declared
from skillport_sync.catalog.entry_source import RelativeSource
from skillport_sync.catalog.links import Followed
from skillport_sync.catalog.look import Ground
from skillport_sync.catalog.manifest import MarketplaceEntry
from skillport_sync.catalog.model import PluginName
from skillport_sync.catalog.names import is_plugin_name
from skillport_sync.catalog.plugin_skills import join
from skillport_sync.catalog.skill_files import is_in


def unclaimed(
    ground: Ground, root: str, *, claimed: Collection[str], names: Collection[str]
) -> Iterator[tuple[MarketplaceEntry, str]]:
    """An entry, which nobody wrote, for each directory directly below ``root`` that may be a plugin, sorted by name.

    ``claimed`` are the directories of the marketplace's own entries and of their skills, as reached and as they really are.
    """
    found = ground.links.follow(root)
    if not isinstance(found, Followed) or found.real not in ground.trees:
        return
    taken = {
        directory[len(root) + 1 if root else 0 :].partition("/")[0] for directory in claimed if is_in(directory, root)
    }
    exactly = frozenset(claimed)
    for name in sorted(set(_names_in(ground, found.real))):
        directory = join(root, name)
        real = ground.links.follow(directory)
        if name in taken or name in names or not is_plugin_name(name):
            continue
        if isinstance(real, Followed) and real.real in ground.trees and real.real not in exactly:
            yield _entry(name, directory), directory


def _names_in(ground: Ground, directory: str) -> Iterator[str]:
    skipped = len(directory) + 1 if directory else 0
    prefix = directory + "/" if directory else ""
    for path in ground.trees:
        if path.startswith(prefix) and "/" not in path[skipped:]:
            yield path[skipped:]
    for link in ground.index.links_below(directory):
        yield link[skipped:]


def _entry(name: str, directory: str) -> MarketplaceEntry:
    return MarketplaceEntry(
        name=PluginName(name),
        source=RelativeSource(directory),
        declared=Declared(),
        category=None,
        tags=(),
        surfaces=frozenset(),
        strict=True,
    )
