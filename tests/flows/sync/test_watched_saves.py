"""A save is watched: a span around it with the pull that serves it inside, and every request to GitHub told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from skillport_sync.catalog.change.wishes import Bump, Part
from skillport_sync.spans import Fact, trace_with
from skillport_sync.sync.saves import Saved

Editing = Any
Begun = list[tuple[str, dict[str, Fact]]]


@pytest.fixture
def begun() -> Iterator[Begun]:
    """The spans that were begun, with the facts that were noted while they were the latest."""
    spans: Begun = []

    @contextmanager
    def begin(name: str, facts: dict[str, Fact]) -> Iterator[None]:
        spans.append((name, facts))
        yield

    trace_with(begin, lambda facts: spans[-1][1].update(facts))
    yield spans
    trace_with(None, None)


async def test_a_save_is_a_span_before_the_pull_that_serves_it(editing: Editing, begun: Begun) -> None:
    outcome = await editing.save(Bump("s00001", Part.MINOR))
    assert isinstance(outcome, Saved)
    assert [name for name, _ in begun] == ["skillport.save", "skillport.pull", "skillport.publish"]
    assert begun[0][1] == {"skillport.marketplace": "acme", "skillport.rehearsal": False}
    assert begun[2][1]["skillport.outcome"] == "saved"


async def test_every_request_of_a_save_is_told(editing: Editing) -> None:
    told: Counter[tuple[str, str]] = Counter()
    editing.host.on_request = lambda kind, outcome: told.update([(kind, outcome)])
    assert isinstance(await editing.save(Bump("s00001", Part.MINOR)), Saved)
    assert told["graphql", "200"] == 1
    assert {outcome for _, outcome in told} <= {"200", "201"}
