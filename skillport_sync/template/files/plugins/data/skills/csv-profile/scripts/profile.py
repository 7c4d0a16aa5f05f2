#!/usr/bin/env python3
"""Print one line about each column of a CSV file. Needs nothing but Python."""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

MISSING = {"", "-", "n/a", "na", "nan", "none", "null"}
MAX_DISTINCT = 10_000


class Column:
    def __init__(self, name: str) -> None:
        self.name = name
        self.values = self.missing = self.numbers = self.dates = 0
        self.distinct: set[str] = set()
        self.number_range = (math.inf, -math.inf)
        self.text_range: tuple[str, str] | None = None

    def add(self, text: str) -> None:
        text = text.strip()
        if text.lower() in MISSING:
            self.missing += 1
            return
        self.values += 1
        if len(self.distinct) < MAX_DISTINCT:
            self.distinct.add(text)
        try:
            number = float(text)
        except ValueError:
            low, high = self.text_range or (text, text)
            self.text_range = (min(low, text), max(high, text))
            self.dates += is_date(text)
        else:
            self.numbers += 1
            self.number_range = (min(self.number_range[0], number), max(self.number_range[1], number))

    def kind(self) -> str:
        if not self.values:
            return "empty"
        if self.numbers == self.values:
            return "number"
        if self.dates == self.values:
            return "date"
        return "mixed" if self.numbers else "text"

    def line(self) -> list[str]:
        edges = ["", ""]
        if self.kind() == "number":
            edges = [f"{edge:g}" for edge in self.number_range]
        elif self.kind() in ("date", "text") and self.text_range:
            edges = list(self.text_range)
        more = "+" if len(self.distinct) == MAX_DISTINCT else ""
        return [self.name, self.kind(), str(self.values), str(self.missing), f"{len(self.distinct)}{more}", *edges]


def is_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def profile(rows: Iterable[list[str]]) -> tuple[int, list[Column]]:
    remaining = iter(rows)
    columns = [Column(name.strip() or f"column {number}") for number, name in enumerate(next(remaining, []), 1)]
    count = 0
    for row in remaining:
        count += 1
        for number, column in enumerate(columns):
            column.add(row[number] if number < len(row) else "")
    return count, columns


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--delimiter", default=",")
    parser.add_argument("--encoding", default="utf-8-sig")
    options = parser.parse_args()
    with options.file.open(encoding=options.encoding, newline="") as file:
        count, columns = profile(csv.reader(file, delimiter=options.delimiter))
    table = [["column", "type", "values", "missing", "different", "smallest", "largest"], *(c.line() for c in columns)]
    widths = [max(len(row[at][:40]) for row in table) for at in range(len(table[0]))]
    for row in table:
        sys.stdout.write(
            "  ".join(cell[:40].ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        )
    sys.stdout.write(f"{count} rows, {len(columns)} columns\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
