"""Owns the one mutable cell of the read side: what is published right now, and when GitHub last confirmed it.

Readers take ``get()`` once per question and keep it: an immutable mapping that is replaced as a whole, by one reference, so
that no reader can see half of a change. Lives on the event loop's thread. Never does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Published


class Current:
    """The publications in force, and their freshness."""

    def __init__(self, clock: Clock, stale_after_s: float) -> None:
        self._clock = clock
        self._stale_after_s = stale_after_s
        self._published: Mapping[MarketplaceName, Published] = MappingProxyType({})
        self._confirmed_s: dict[MarketplaceName, float] = {}
        self._listeners: list[Callable[[Published], None]] = []

    def get(self) -> Mapping[MarketplaceName, Published]:
        """What is served, by marketplace, in the order in which marketplaces were first published. Never changes once taken."""
        return self._published

    def swap(self, published: Published) -> None:
        """Serve this from now on."""
        self._published = MappingProxyType({**self._published, published.snapshot.marketplace: published})
        for listener in self._listeners:
            listener(published)

    def withdraw(self, marketplace: MarketplaceName) -> None:
        """Serve nothing of it from now on, until the next ``swap``."""
        self._published = MappingProxyType(
            {name: each for name, each in self._published.items() if name != marketplace}
        )

    def on_swap(self, listener: Callable[[Published], None]) -> None:
        """Have ``listener`` called after each swap, on the loop's thread; it must return at once and not raise."""
        self._listeners.append(listener)

    def confirm(self, marketplace: MarketplaceName, *, ago_s: float = 0.0) -> None:
        """GitHub said, ``ago_s`` seconds ago, that what is served is the branch's head."""
        self._confirmed_s[marketplace] = self._clock.monotonic_s() - ago_s

    def age_s(self, marketplace: MarketplaceName) -> int:
        """Whole seconds since the last confirmation."""
        confirmed = self._confirmed_s.get(marketplace)
        return 0 if confirmed is None else max(0, int(self._clock.monotonic_s() - confirmed))

    def is_stale(self, marketplace: MarketplaceName) -> bool:
        """True when the last confirmation is older than two reconcile intervals: GitHub has not been reached for that long."""
        return self.age_s(marketplace) > self._stale_after_s
