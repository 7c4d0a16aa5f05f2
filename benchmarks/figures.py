"""Owns what a figure is, and how figures are shown and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
from rich.table import Table

_TIMES, _NOTHING = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured. ``promise`` is the most that is promised, of ``measured`` or of its ratio to ``baseline``."""

    what: str
    measured: float | None
    """None: not measured, ``note`` says why."""
    unit: str
    baseline: float | None = None
    against: str = ""
    """What the baseline is."""
    promise: float | None = None
    of: Literal["measured", "ratio"] = "measured"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        if self.measured is None or not self.baseline:
            return None
        return self.measured / self.baseline

    @property
    def is_kept(self) -> bool | None:
        """None where nothing is promised, or nothing was measured."""
        value = self.ratio if self.of == "ratio" else self.measured
        return None if self.promise is None or value is None else value <= self.promise


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    title: str
    figures: Sequence[Figure]
    failed: bool = False


def table(group: Group) -> Table:
    """The figures as a terminal shows them."""
    shown = Table(title=group.title, title_justify="left", title_style="bold", caption_justify="left")
    shown.add_column("what", min_width=34)
    for heading in ("measured", "baseline", "ratio"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("promise", no_wrap=True)
    shown.add_column("", no_wrap=True)
    shown.add_column("baseline is · note", style="dim", ratio=1)
    for figure in group.figures:
        shown.add_row(
            figure.what,
            _NOTHING if figure.measured is None else _number(figure.measured, figure.unit),
            "" if figure.baseline is None else _number(figure.baseline, figure.unit),
            "" if figure.ratio is None else f"{figure.ratio:.2f} {_TIMES}",
            _promise(figure),
            {True: "[green]✓[/green]", False: "[red]✗[/red]", None: ""}[figure.is_kept],
            " · ".join(part for part in (figure.against, figure.note) if part),
        )
    return shown


def as_json(groups: Sequence[Group], conditions: dict[str, object]) -> bytes:
    """The same for a machine."""
    described = [
        {
            "name": group.name,
            "failed": group.failed,
            "figures": [
                {
                    "what": figure.what,
                    "measured": figure.measured,
                    "unit": figure.unit,
                    "baseline": figure.baseline,
                    "against": figure.against,
                    "ratio": figure.ratio,
                    "promise": figure.promise,
                    "promise_of": figure.of,
                    "kept": figure.is_kept,
                    "note": figure.note,
                }
                for figure in group.figures
            ],
        }
        for group in groups
    ]
    return orjson.dumps({"conditions": conditions, "groups": described}, option=orjson.OPT_INDENT_2)


def _promise(figure: Figure) -> str:
    if figure.promise is None:
        return ""
    return f"≤ {figure.promise:g} {_TIMES}" if figure.of == "ratio" else f"≤ {_number(figure.promise, figure.unit)}"


def _number(value: float, unit: str) -> str:
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{value:,.0f} {unit}".rstrip()
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
