"""Owns the places where a unit of work is traced: nothing at all until somebody who traces is named, and then a span for each.

``observing.traces`` names OpenTelemetry where an operator asks for it. Facts are plain values: never a person, a token, a path.
Each span costs a fraction of a microsecond while nobody traces; the short way of remembered answers has none even so.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

Fact = str | int | float | bool
Begin = Callable[[str, dict[str, Fact]], AbstractContextManager[object]]
"""A span of this name with these facts, below the one under way, until it is left. An error on its way out is noted on it."""
Note = Callable[[dict[str, Fact]], None]
"""Adds facts to the span under way."""

_UNTRACED: Final = nullcontext()


class _Tracer:
    """Who traces in this process. One, as there is one log."""

    begin: Begin | None = None
    note: Note | None = None


def trace_with(begin: Begin | None, note: Note | None) -> None:
    """Have spans made by these from now on; None: by nobody."""
    _Tracer.begin, _Tracer.note = begin, note


def span(name: str, **facts: Fact | None) -> AbstractContextManager[object]:
    """A span around what is done inside ``with``. Facts that are None are left out."""
    begin = _Tracer.begin
    return _UNTRACED if begin is None else begin(name, _said(facts))


def noted(**facts: Fact | None) -> None:
    """Add what is known by now to the span under way."""
    if _Tracer.note is not None:
        _Tracer.note(_said(facts))


def _said(facts: dict[str, Fact | None]) -> dict[str, Fact]:
    return {f"skillport.{name}": fact for name, fact in facts.items() if fact is not None}
