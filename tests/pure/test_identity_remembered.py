"""How long a document is believed, as a model says it: whatever happens in whatever order, and however often somebody asks."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mcp_server.identity.remembered import FAILURE_PAUSE_S, REFETCH_PAUSE_S, Remembered
from skillport_sync.errors import Unavailable

FRESH_S, STALE_S = 3600.0, 24 * 3600.0


class HandClock:
    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self):
        raise AssertionError("nobody needs to know the time of day")

    def monotonic_s(self) -> float:
        return self.at_s


class Believing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.is_up = True
        self.fetched: list[float] = []
        self.failed: list[float] = []
        self.forced: list[float] = []
        self.remembered = Remembered(self.fetch, self.clock, what="a test", fresh_s=FRESH_S, stale_s=STALE_S)

    async def fetch(self) -> object:
        if not self.is_up:
            self.failed.append(self.clock.at_s)
            raise Unavailable("It is down.")
        self.fetched.append(self.clock.at_s)
        return object()

    @rule(seconds=st.sampled_from([0.5, 9, 10, 59, 60, 3599, 3600, 86_399, 86_400]))
    def time_passes(self, seconds: float) -> None:
        self.clock.at_s += seconds

    @rule(is_up=st.booleans())
    def it_goes_or_comes_back(self, is_up: bool) -> None:
        self.is_up = is_up

    @rule()
    def somebody_asks(self) -> None:
        before = list(self.fetched)
        try:
            asyncio.run(self.remembered.get())
        except Unavailable:
            assert not before or self.clock.at_s - before[-1] >= STALE_S
        else:
            assert self.clock.at_s - self.fetched[-1] < STALE_S
        if before and self.clock.at_s - before[-1] < FRESH_S:
            assert self.fetched == before

    @rule()
    def somebody_doubts(self) -> None:
        try:
            known = asyncio.run(self.remembered.get())
            before = len(self.fetched) + len(self.failed)
            newer = asyncio.run(self.remembered.newer(known))
        except Unavailable:
            newer = None
            before = len(self.fetched) + len(self.failed)
        else:
            assert newer is not known
        if len(self.fetched) + len(self.failed) > before:
            self.forced.append(self.clock.at_s)

    @invariant()
    def nothing_is_asked_too_often(self) -> None:
        for earlier, later in zip(self.forced, self.forced[1:], strict=False):
            assert later - earlier >= REFETCH_PAUSE_S
        for earlier, later in zip(self.failed, self.failed[1:], strict=False):
            came_back = any(earlier <= at <= later for at in self.fetched)
            assert later - earlier >= FAILURE_PAUSE_S or came_back


TestBelieving = Believing.TestCase
