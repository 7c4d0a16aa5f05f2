"""A pin is remembered, until it is taken away, whatever happens to the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillport_sync.errors import Invalid
from skillport_sync.store.pins import Pin
from skillport_sync.store.state import StateStore

ONE, TWO = "1" * 40, "2" * 40


async def test_a_marketplace_that_nobody_pinned_follows_its_branch(state: StateStore) -> None:
    assert await state.pinned("acme/skills") is None
    assert await state.unpin("acme/skills") is False


async def test_a_pin_says_what_why_and_since_when_and_the_last_one_counts(state: StateStore, clock) -> None:
    first = await state.pin("acme/skills", ONE, "the pdf skill is broken")
    assert first == Pin(ONE, "the pdf skill is broken", clock.now())
    assert await state.pinned("acme/skills") == first
    clock.advance(hours=1)
    second = await state.pin("acme/skills", TWO, "")
    assert await state.pinned("acme/skills") == second == Pin(TWO, "", clock.now())
    assert await state.pinned("acme/tools") is None


async def test_what_is_unpinned_is_followed_again_and_others_stay(state: StateStore) -> None:
    await state.pin("acme/skills", ONE, "")
    await state.pin("acme/tools", TWO, "")
    assert await state.unpin("acme/skills") is True
    assert await state.unpin("acme/skills") is False
    assert await state.pinned("acme/skills") is None
    assert (await state.pinned("acme/tools")).commit == TWO


async def test_a_pin_outlives_the_process(state: StateStore, clock, tmp_path: Path) -> None:
    pin = await state.pin("acme/skills", ONE, "späße ☃")
    await state.close()
    again = await StateStore.open(tmp_path / "state.db", clock=clock)
    try:
        assert await again.pinned("acme/skills") == pin
    finally:
        await again.close()


async def test_a_reason_that_is_no_text_is_refused_and_nothing_is_pinned(state: StateStore) -> None:
    with pytest.raises(Invalid, match="reason"):
        await state.pin("acme/skills", ONE, "half a pair: \ud800")
    assert await state.pinned("acme/skills") is None
