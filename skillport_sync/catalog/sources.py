"""Owns the question which repositories a marketplace takes its plugins from, and which of them are within reach.

Within reach are the repositories of one host, the configured one: they are read with the service's own credentials. Packages,
archives, commands and foreign hosts are never fetched. A marketplace that names its own repository is not a second source. The
marketplace.json of another repository means nothing here: one level is followed, so that sources cannot go round in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from skillport_sync.catalog.entry_source import ExternalSource, RelativeSource
from skillport_sync.catalog.manifest import Marketplace, MarketplaceEntry, Unreadable, read_marketplace
from skillport_sync.catalog.model import OWN_SOURCE, SourceKey, SourceWish

DEFAULT_REF = "HEAD"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a plugin's files are: in which source, and in which directory of it."""

    key: SourceKey
    directory: str
    wish: SourceWish | None = None
    """None for the marketplace's own repository."""


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """Nothing that is fetched. ``why`` is the end of a sentence that begins with the source."""

    why: str


def wanted_sources(content: bytes, *, host: str, repository: str) -> tuple[SourceWish, ...]:
    """Every other repository that the plugins of this marketplace.json come from, each once, sorted by key.

    ``repository`` is the marketplace's own on ``host``. Empty where marketplace.json cannot be read. Never raises.
    """
    marketplace = read_marketplace(content)
    return () if isinstance(marketplace, Unreadable) else wishes_of(marketplace, host=host, repository=repository)


def wishes_of(marketplace: Marketplace, *, host: str, repository: str) -> tuple[SourceWish, ...]:
    """The same of a marketplace.json that was read."""
    wishes: dict[SourceKey, list[SourceWish]] = {}
    for entry, _ in distinct(marketplace.entries):
        found = whereabouts(entry.source, host=host, repository=repository)
        if isinstance(found, Whereabouts) and found.wish is not None:
            wishes.setdefault(found.key, []).append(found.wish)
    return tuple(_together(wishes[key]) for key in sorted(wishes))


def whereabouts(source: RelativeSource | ExternalSource, *, host: str, repository: str) -> Whereabouts | OutOfReach:
    """Where the plugin of this source is to be found."""
    if isinstance(source, RelativeSource):
        return Whereabouts(OWN_SOURCE, source.directory)
    if source.host is None or source.repository is None:
        return OutOfReach("is not a git repository on the host of this marketplace, and nothing else is fetched")
    if source.host != host.lower():
        return OutOfReach(f"is not on {host}, and nothing is fetched from anywhere else")
    ref = None if source.sha is not None or source.ref == DEFAULT_REF else source.ref
    if source.sha is None and ref is None and source.repository.lower() == repository.lower():
        return Whereabouts(OWN_SOURCE, source.directory)
    key = SourceKey(f"{source.repository.lower()}@{source.sha or ref or DEFAULT_REF}")
    wish = SourceWish(key, source.repository, ref, source.sha, (source.directory,))
    return Whereabouts(key, source.directory, wish)


def distinct(
    entries: Iterable[tuple[MarketplaceEntry, int]],
) -> list[tuple[MarketplaceEntry, int]]:
    """The entries that count: of several plugins of one name the first."""
    first: dict[str, tuple[MarketplaceEntry, int]] = {}
    for entry, line in entries:
        first.setdefault(entry.name, (entry, line))
    return list(first.values())


def _together(wishes: list[SourceWish]) -> SourceWish:
    """One wish for what all of these, which have one key, want. The same whichever comes first."""
    # A branch whose name is 40 hex digits has the key of a commit; the commit is meant where anybody says so.
    best = min(wishes, key=lambda wish: (wish.sha is None, wish.repository))
    return replace(best, directories=_outermost({directory for wish in wishes for directory in wish.directories}))


def _outermost(directories: Iterable[str]) -> tuple[str, ...]:
    """The directories that lie in no other, sorted."""
    kept: list[str] = []
    for directory in sorted(
        directories, key=lambda directory: directory.split("/")
    ):  # a directory before what is in it
        if not kept or not (kept[-1] == "" or directory.startswith(f"{kept[-1]}/")):
            kept.append(directory)
    return tuple(sorted(kept))
