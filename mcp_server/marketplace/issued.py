"""Owns the memory of what was offered: which archives the catalogs point to, and for a while those of the catalogs before.

Claude Code keeps the catalog that it read, and asks for an archive in it minutes later: by then something else may be published.
Never decides who may have one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mcp_server.marketplace.plugin_offer import PluginOffer
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.queries.plugins import PluginShelf

MAX_OFFERS: Final = 4096
"""Of one publication."""
MAX_EARLIER: Final = 2
"""Replaced publications of each marketplace; each keeps a whole snapshot in memory."""
KEPT_S: Final = 900.0

OfferKey = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer whose archive was made."""

    published: Published
    shelf: PluginShelf
    offer: PluginOffer
    sha256: str


@dataclass(slots=True)
class _OfPublication:
    published: Published
    offers: OrderedDict[OfferKey, Offered] = field(default_factory=OrderedDict)
    replaced_at_s: float | None = None


class Issued:
    """Lives on the event loop's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[MarketplaceName, list[_OfPublication]] = {}

    def get(self, published: Published, shelf: PluginShelf) -> Offered | None:
        """What this shelf was offered as before."""
        offers = self._of(published).offers
        offered = offers.get(_key(shelf))
        if offered is not None:
            offers.move_to_end(_key(shelf))
        return offered

    def add(self, offered: Offered) -> None:
        offers = self._of(offered.published).offers
        offers[_key(offered.shelf)] = offered
        if len(offers) > MAX_OFFERS:
            offers.popitem(last=False)

    def find(self, plugin: str, sha256: str) -> Iterator[Offered]:
        """The offers of this archive, the latest publications first."""
        for marketplace in self._kept:
            self._forget_old(marketplace)
            for kept in reversed(self._kept[marketplace]):
                for offered in kept.offers.values():
                    if offered.sha256 == sha256 and offered.offer.name == plugin:
                        yield offered

    def _of(self, published: Published) -> _OfPublication:
        """What is kept of this publication, which is in force or was a moment ago."""
        every = self._kept.setdefault(published.snapshot.marketplace, [])
        for kept in every:
            if kept.published is published:
                return kept
        for kept in every:
            if kept.replaced_at_s is None:
                kept.replaced_at_s = self._clock.monotonic_s()
        every.append(_OfPublication(published))
        self._forget_old(published.snapshot.marketplace)
        return every[-1]

    def _forget_old(self, marketplace: MarketplaceName) -> None:
        oldest_s = self._clock.monotonic_s() - KEPT_S
        every = [
            kept for kept in self._kept[marketplace] if kept.replaced_at_s is None or kept.replaced_at_s >= oldest_s
        ]
        self._kept[marketplace] = every[-(MAX_EARLIER + 1) :]


def _key(shelf: PluginShelf) -> OfferKey:
    """The same for everybody who may have the same of a plugin. A publication has its grounds once."""
    if shelf.is_whole:
        return (id(shelf.ground),)
    return (id(shelf.ground), *(path for path, _ in shelf.files))
