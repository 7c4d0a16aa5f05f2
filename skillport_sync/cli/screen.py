"""Owns how an answer looks: rich on a terminal, aligned plain text in a pipe. Says nothing of its own.

An answer is a list of parts: headings, facts, tables, lines. rich is imported only where there is a terminal to draw on.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from skillport_sync.cli.wording import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

Tone = Literal["", "good", "warn", "bad", "dim", "strong"]
_STYLES = {"": "", "good": "green", "warn": "yellow", "bad": "red", "dim": "dim", "strong": "bold"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text. ``tone`` only helps the eye: what matters is in the words."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    state: Cell = Cell("")


@dataclass(frozen=True, slots=True)
class Facts:
    """Labelled values, one below the other."""

    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    align: Literal["left", "right"] = "left"
    folds: bool = False
    """Whether its text may go over several lines where the terminal is narrow; the others are always shown whole."""


@dataclass(frozen=True, slots=True)
class Table:
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, indented by ``depth`` steps, continued below its own beginning where it is long."""

    cell: Cell
    depth: int = 0
    mark: str = ""
    """Stands before the sentence, in its tone."""


@dataclass(frozen=True, slots=True)
class Gap:
    """An empty line."""


Part = Heading | Facts | Table | Note | Gap


def show(parts: Sequence[Part]) -> None:
    """Print an answer to stdout."""
    if sys.stdout.isatty():
        from rich.console import Console

        _draw(parts, Console(highlight=False))
    else:
        click.echo(plain(parts), nl=False)


def drawn(parts: Sequence[Part], width: int) -> str:
    """What a terminal of this width shows, without its colours."""
    from rich.console import Console

    screen = io.StringIO()
    _draw(parts, Console(file=screen, width=width, highlight=False, color_system=None))
    return "\n".join(line.rstrip() for line in screen.getvalue().split("\n"))


def plain(parts: Iterable[Part]) -> str:
    """What a pipe gets: the same words, nothing cut, nothing folded."""
    lines: list[str] = []
    for part in parts:
        match part:
            case Heading(text, state):
                lines.append(printable(f"{text}: {state.text}" if state.text else text))
            case Facts(rows):
                lines += _aligned([(f"  {label}", cell.text) for label, cell in rows], ("left", "left"))
            case Table(columns, rows):
                texts = [tuple(column.name for column in columns), *(tuple(cell.text for cell in row) for row in rows)]
                lines += _aligned(texts, [column.align for column in columns])
            case Note(cell, depth, mark):
                lines.append("  " * depth + printable(mark + cell.text))
            case Gap():
                lines.append("")
    return "".join(f"{line}\n" for line in lines)


def _aligned(rows: Iterable[Sequence[str]], align: Sequence[Literal["left", "right"]]) -> list[str]:
    clean = [[printable(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if side == "right" else text.ljust(width)
            for text, width, side in zip(row, widths, align, strict=True)
        ).rstrip()
        for row in clean
    ]


def _draw(parts: Sequence[Part], console: Console) -> None:
    for part in parts:
        console.print(_drawable(part))


def _drawable(part: Part) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    match part:
        case Heading(text, state):
            return Text.assemble((printable(text), "bold"), "  ", (printable(state.text), _STYLES[state.tone]))
        case Facts(rows):
            return _facts(rows)
        case Table():
            return _table(part)
        case Note(cell, depth, mark):
            return Padding(_marked(cell, printable(mark)) if mark else _text(cell), (0, 0, 0, 2 * depth))
        case Gap():
            return ""


def _facts(rows: Sequence[tuple[str, Cell]]) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, cell in rows:
        grid.add_row(Text(f"  {label}", "dim"), _text(cell))
    return grid


def _marked(cell: Cell, mark: str) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, _STYLES[cell.tone]), _text(cell))
    return grid


def _table(table: Table) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in table.columns:
        drawn.add_column(column.name, justify=column.align, no_wrap=not column.folds, overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(_text, row))
    return drawn


def _text(cell: Cell) -> RenderableType:
    from rich.text import Text

    return Text(printable(cell.text), _STYLES[cell.tone])
