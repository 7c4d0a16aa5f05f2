"""Owns the connection of what is counted with those who know it: every seam that the parts have for being watched.

Watching never changes what is watched: the callbacks count and return.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from skillport_sync.config import Settings
from skillport_sync.current import Current
from skillport_sync.github.host import Hosts
from skillport_sync.observing.counts import Counts
from skillport_sync.observing.lag import measuring
from skillport_sync.observing.metrics import Metrics, Sources
from skillport_sync.observing.route import metrics_route
from skillport_sync.operations.mirrored import Mirrored
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore


class Observable(Protocol):
    """What is watched: ``compose.Parts``."""

    @property
    def settings(self) -> Settings: ...
    @property
    def current(self) -> Current: ...
    @property
    def marketplaces(self) -> Mapping[MarketplaceName, Mirrored]: ...
    @property
    def hosts(self) -> Hosts: ...
    @property
    def mirror(self) -> MirrorStore: ...
    @property
    def state(self) -> StateStore: ...


@dataclass(frozen=True, slots=True)
class Observed:
    """A service that is watched. ``counts`` has the callbacks for the surfaces that are made after this."""

    counts: Counts
    metrics: Metrics

    @property
    def private_routes(self) -> Sequence[web.RouteDef]:
        """For a listener that strangers do not reach."""
        return [metrics_route(self.metrics.scrape)]


@contextmanager
def observe(parts: Observable) -> Iterator[Observed]:
    """Count, and measure the running loop, until left."""
    counts = Counts()
    for mirrored in parts.marketplaces.values():
        mirrored.loop.listen(counts.on_pull)
    parts.hosts.listen(counts.on_request)
    parts.state.audit.listen(counts.on_event)
    sources = Sources(
        counts, parts.current, parts.marketplaces, {"mirror.db": parts.mirror.size, "state.db": parts.state.size}
    )
    with measuring(counts.loop_lag.add):
        yield Observed(counts, Metrics(sources))


def may_share(settings: Settings, *, is_loopback: bool) -> bool:
    """Whether the metrics may stand on the listener that people reach, where there is no private one: only this machine connects
    to it, and no proxy passes others on to it, for whom there would be a ``public_url``."""
    return is_loopback and settings.public_url is None
