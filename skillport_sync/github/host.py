"""Owns what all clients of one GitHub share, whoever they ask as: how many read at once, the pace of the secondary limits, the
wait that they end in, and the part of the primary limit that is kept for whoever waits for an answer.

Never decides what is asked. A client that is given no host has one of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from yarl import URL

from skillport_sync.errors import RateLimited
from skillport_sync.github.budget import Gate
from skillport_sync.github.locations import web_host
from skillport_sync.github.wire import RateFact
from skillport_sync.ports import Clock

AT_ONCE: Final = 8
POINTS_PER_MINUTE: Final = 900
"""https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"""
RESERVED: Final = "rate_limit_reserved"
OnRequest = Callable[[str, str], None]
"""Told of every request that was sent: its kind, as ``request_kind`` has it, and what came of it: the status, ``cut`` where not
all of an answer came, ``no_answer``. Returns at once, never raises."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_POINTS_OF_A_WRITE: Final = 5
_WINDOW_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.5
_RESERVED_SHARE: Final = 0.1


def unheard(kind: str, outcome: str) -> None:
    """The ``OnRequest`` of a host that nobody counts for."""


def pace_of(api_url: str) -> int | None:
    """Points a minute. None where GitHub has no such limit by default: an Enterprise Server, or a stand-in on this machine.

    https://docs.github.com/enterprise-server/admin/configuration/configuring-rate-limits
    """
    on_github = api_url.startswith("https://") and (
        web_host(api_url) == "github.com" or web_host(api_url).endswith(".ghe.com")
    )
    return POINTS_PER_MINUTE if on_github else None


class Host:
    """One GitHub. ``points_per_minute`` None: no pace is kept."""

    def __init__(self, clock: Clock, *, at_once: int = AT_ONCE, points_per_minute: int | None = None) -> None:
        self.on_request: OnRequest = unheard
        self._clock = clock
        self._slots = asyncio.Semaphore(at_once)
        self._points = points_per_minute
        self._spent: deque[tuple[float, int]] = deque()
        self._gate = Gate(clock)
        self._rates: dict[tuple[str, int], RateFact] = {}

    @asynccontextmanager
    async def turn(self, method: str, *, background: bool = False) -> AsyncIterator[None]:
        """One request's. Reading waits for a slot, everything for the pace; nothing waits out a limit, it is told instead.

        Raises: RateLimited, while GitHub has asked everybody to wait; with the code ``rate_limit_reserved`` where ``background``
            is to leave the last tenth of a primary limit to others.
        """
        async with AsyncExitStack() as stack:
            if method in _READING:
                await stack.enter_async_context(self._slots)
            await self._keep_pace(1 if method in _READING else _POINTS_OF_A_WRITE)
            self._gate.check()
            if background:
                self._check_reserve()
            yield

    def close_for(self, wait_s: float) -> None:
        """Nobody asks for so long."""
        self._gate.close_for(wait_s)

    def told(self, rate: RateFact) -> None:
        """What an answer said of the primary limit. Limits are told apart by what they are for and how large they are:
        that is all that an answer says of whose they are."""
        self._rates[rate.resource, rate.limit] = rate

    def _check_reserve(self) -> None:
        now = self._clock.now()
        low = [
            rate.reset_at
            for rate in self._rates.values()
            if rate.reset_at > now and rate.remaining < _RESERVED_SHARE * rate.limit
        ]
        if low:
            wait_s = (max(low) - now).total_seconds()
            raise RateLimited(
                f"Less than a tenth of GitHub's rate limit is left. It is kept for what somebody waits for; "
                f"{wait_s:.0f} s until it is renewed.",
                code=RESERVED,
                retry_after_s=wait_s,
            )

    async def _keep_pace(self, points: int) -> None:
        if self._points is None:
            return
        while True:
            now_s = self._clock.monotonic_s()
            while self._spent and self._spent[0][0] <= now_s - _WINDOW_S:
                self._spent.popleft()
            if sum(spent for _, spent in self._spent) + points <= self._points:
                self._spent.append((now_s, points))
                return
            await asyncio.sleep(min(self._spent[0][0] + _WINDOW_S - now_s, _LOOK_AGAIN_S))


class Hosts:
    """Every GitHub of one service. Whoever asks the same one shares its ``Host``, with however many credentials."""

    def __init__(self, clock: Clock, *, at_once: int = AT_ONCE) -> None:
        """``at_once``: of each."""
        self._clock = clock
        self._at_once = at_once
        self._hosts: dict[str, Host] = {}

    def of(self, api_url: str) -> Host:
        """The one at an address; told apart as credentials are, by scheme, host and port."""
        origin = str(URL(api_url).origin())
        if origin not in self._hosts:
            self._hosts[origin] = Host(self._clock, at_once=self._at_once, points_per_minute=pace_of(api_url))
        return self._hosts[origin]

    def listen(self, on_request: OnRequest) -> None:
        """Have ``on_request`` told of every request to those that are known by now."""
        for host in self._hosts.values():
            host.on_request = on_request
