"""How late the event loop is, in a time that the test keeps."""

from __future__ import annotations

import asyncio

import pytest

from skillport_sync.observing.lag import EVERY_S, measuring


class Time:
    """The loop's own time, moved by hand; every timer that is due rings in the loop's next turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = asyncio.get_running_loop()
        self._now_s = self._loop.time()
        monkeypatch.setattr(self._loop, "time", lambda: self._now_s)

    async def pass_by(self, seconds: float) -> None:
        self._now_s += seconds
        for _ in range(3):
            await asyncio.sleep(0)


async def test_what_is_late_is_told_as_long_as_it_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    time, told = Time(monkeypatch), list[float]()
    with measuring(told.append):
        await time.pass_by(EVERY_S / 2)
        assert told == []
        await time.pass_by(EVERY_S / 2 + 1.5)
        assert told == [pytest.approx(1.5)]
        await time.pass_by(EVERY_S)
        assert told == [pytest.approx(1.5), pytest.approx(0.0)]
    await time.pass_by(10)
    assert len(told) == 2


async def test_it_ends_with_whoever_measures_and_leaves_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    time, told = Time(monkeypatch), list[float]()
    with pytest.raises(RuntimeError), measuring(told.append):
        raise RuntimeError
    await time.pass_by(1)
    assert told == []
