"""Owns how often somebody may ask: a bucket for each, which fills up again with time. Never blocks, and never knows for what."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from mcp_server.peers import Network, sender
from skillport_sync.ports import Clock

_MAX_KEYS: Final = 10_000
_EVERYBODY: Final = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and then so many a second."""

    burst: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What people who have not signed in may ask for. All of Claude's hosted clients share a few addresses, so it is generous."""

    registrations_of_one: Rate = Rate(burst=100, per_s=1.0)
    registrations: Rate = Rate(burst=300, per_s=4.0)
    """Of everybody together: the newest thousand clients that nobody signed in through are then some minutes' worth."""
    sign_ins_of_one: Rate = Rate(burst=200, per_s=5.0)
    sign_ins: Rate = Rate(burst=1000, per_s=20.0)
    documents_of_one_host: Rate = Rate(burst=5, per_s=0.1)
    """Fetches of addresses that were no client before."""
    unapproved_clients: int = 1000


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


class Buckets:
    """One bucket a key. The keys that asked longest ago are forgotten, which is to say full again."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str = _EVERYBODY) -> float:
        """0 when this key may go ahead, and is one poorer; otherwise how many seconds it should wait."""
        now_s = self._clock.monotonic_s()
        bucket = self._buckets.setdefault(key, _Bucket(self._rate.burst, now_s))
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MAX_KEYS:
            self._buckets.popitem(last=False)
        bucket.left = min(self._rate.burst, bucket.left + (now_s - bucket.at_s) * self._rate.per_s)
        bucket.at_s = now_s
        if bucket.left < 1:
            return (1 - bucket.left) / self._rate.per_s
        bucket.left -= 1
        return 0.0


class Turns:
    """Whether the sender of a request may have one more of something: by what came from there, and by what came at all."""

    def __init__(self, of_one: Rate, of_all: Rate, clock: Clock, trusted_proxies: Sequence[Network]) -> None:
        self._trusted_proxies = trusted_proxies
        self._of_one = Buckets(of_one, clock)
        self._of_all = Buckets(of_all, clock)

    def wait_s(self, request: web.Request) -> float:
        """0, or how long to wait. Whoever is refused for his own number takes nothing from the others'."""
        return self._of_one.take(sender(request, self._trusted_proxies)) or self._of_all.take()
