"""Owns the turning of counts and of what is there into samples, when somebody scrapes. Nothing is computed before, nothing kept.

The registry is this service's own: the library's global one belongs to whatever else runs in the process.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from skillport_sync import __version__
from skillport_sync.current import Current
from skillport_sync.errors import SkillportError
from skillport_sync.observing import families as f
from skillport_sync.observing.counts import Counts
from skillport_sync.observing.families import Family
from skillport_sync.observing.tally import Durations, Labels
from skillport_sync.operations.mirrored import Mirrored
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.database import DatabaseSize

log = structlog.get_logger(__name__)

Value = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to look at. ``databases`` by name: what gives their sizes."""

    counts: Counts
    current: Current
    marketplaces: Mapping[MarketplaceName, Mirrored]
    databases: Mapping[str, Callable[[], Awaitable[DatabaseSize]]]


class Metrics:
    """The metrics of one service."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._samples = _Samples(sources)
        self._registry = CollectorRegistry()
        self._registry.register(self._samples)
        ProcessCollector(registry=self._registry)

    async def scrape(self) -> bytes:
        """All of them in Prometheus' text format. A database that does not answer is left out."""
        self._samples.sizes = await self._sizes()
        # A few milliseconds, and /proc is read: nobody's answer waits for that.
        return await asyncio.to_thread(generate_latest, self._registry)

    async def _sizes(self) -> dict[str, DatabaseSize]:
        sizes = {}
        for name, size in self._sources.databases.items():
            try:
                sizes[name] = await size()
            except (SkillportError, OSError, sqlite3.Error) as error:
                log.warning("database_not_measured", database=name, error=str(error))
        return sizes


class _Samples(Collector):
    """What prometheus_client asks when it is asked. Called on another thread: it only reads what is replaced as a whole, and
    lists that are copied in one step."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.sizes: Mapping[str, DatabaseSize] = {}

    def collect(self) -> Iterator[Metric]:
        counts = self._sources.counts
        yield _gauge(f.BUILD_INFO, [((__version__,), 1)])
        yield from self._served()
        yield from self._pulling()
        for family, tally in (
            (f.PUBLICATIONS, counts.publications),
            (f.PULLS, counts.pulls),
            (f.REQUESTS, counts.requests),
            (f.DELIVERIES, counts.deliveries),
            (f.QUERIES, counts.queries),
            (f.HTTP_REFUSALS, counts.http_refusals),
            (f.TOKENS_ISSUED, counts.tokens_issued),
            (f.TOKENS_REFUSED, counts.tokens_refused),
            (f.SIGN_INS, counts.sign_ins),
            (f.SAVES, counts.saves),
            (f.INSTALLS, counts.installs),
        ):
            yield _counter(family, tally.read())
        yield _counter(f.HOT_HITS, [((), counts.hot.hits)])
        yield _counter(f.HOT_MISSES, [((), counts.hot.misses)])
        yield _gauge(f.HOT_BYTES, [((), counts.hot.size_bytes)])
        yield _histogram(f.PULL_DURATION, counts.pull_durations)
        yield _histogram(f.STAGE_DURATION, counts.stage_durations)
        yield _histogram(f.LOOP_LAG, counts.loop_lag)
        yield _gauge(
            f.DATABASE_BYTES,
            [
                ((name, part), value)
                for name, size in self.sizes.items()
                for part, value in (("file", size.file_bytes), ("wal", size.wal_bytes), ("free", size.free_bytes))
            ],
        )

    def _served(self) -> Iterator[Metric]:
        current = self._sources.current
        served = current.get()
        yield _gauge(f.PUBLISHED, [((name,), int(name in served)) for name in self._sources.marketplaces])
        yield _gauge(f.HEAD_AGE, [((name,), current.age_s(name)) for name in served])
        yield _gauge(f.STALE, [((name,), int(current.is_stale(name))) for name in served])
        yield _gauge(
            f.PUBLISHED_AT, [((name,), each.publication.published_at.timestamp()) for name, each in served.items()]
        )
        yield _gauge(f.SKILLS, [((name,), len(each.snapshot.catalog.skills)) for name, each in served.items()])
        yield _gauge(f.PROBLEMS, [((name,), len(each.snapshot.problems)) for name, each in served.items()])

    def _pulling(self) -> Iterator[Metric]:
        lasts = [
            (name, last) for name, each in self._sources.marketplaces.items() if (last := each.loop.last) is not None
        ]
        yield _gauge(f.IN_STEP, [((name,), int(last.report.is_in_step)) for name, last in lasts])
        yield _gauge(f.NOT_IN_STEP, [((name, last.code), 1) for name, last in lasts if last.code is not None])
        rates = [
            (name, rate) for name, each in self._sources.marketplaces.items() if (rate := each.github.rate) is not None
        ]
        yield _gauge(f.RATE_REMAINING, [((name,), rate.remaining) for name, rate in rates])
        yield _gauge(f.RATE_LIMIT, [((name,), rate.limit) for name, rate in rates])
        yield _gauge(f.RATE_RESET, [((name,), rate.reset_at.timestamp()) for name, rate in rates])


def _gauge(family: Family, values: Iterable[Value]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def _counter(family: Family, values: Iterable[Value]) -> Metric:
    metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def _histogram(family: Family, durations: Durations) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, upto, sum_s in durations.read():
        metric.add_metric(labels, upto, sum_s)
    return metric
