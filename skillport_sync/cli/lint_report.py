"""Owns how a lint report reads: file by file what is wrong and how to mend it, then what each surface takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from skillport_sync.cli.screen import Cell, Column, Facts, Gap, Heading, Note, Part, Table, Tone
from skillport_sync.cli.wording import NOTHING, commit, count
from skillport_sync.lint.code import SURFACE_NAMES, Surface
from skillport_sync.lint.codes import CODES
from skillport_sync.reports.lint import FindingRow, LintReport

REFUSED_SHOWN = 3

_TONES: dict[str, Tone] = {"error": "bad", "warning": "warn", "info": ""}
_WORDS = {"error": "error", "warning": "warning", "info": "remark"}


def linted(report: LintReport, surfaces: Sequence[Surface]) -> list[Part]:
    """The findings, a table of what these surfaces take, and one line that says it all."""
    parts: list[Part] = []
    for (repository, path), rows in groupby(report.findings, key=lambda row: (row.repository, row.path)):
        parts += [*_file(path, repository, list(rows)), Gap()]
    if report.more:
        parts += [Note(Cell(f"and {count(report.more)} more, none of them worse", "dim")), Gap()]
    if report.findings:
        parts += [Heading("what to do"), Facts(_mendings(report.findings)), Gap()]
    if report.skills:
        parts += [_acceptance(report, surfaces), Gap()]
    return [*parts, Note(_sum(report))]


def _file(path: str, repository: str | None, rows: Sequence[FindingRow]) -> list[Part]:
    place = path or "the whole"
    facts: list[tuple[str, Cell]] = []
    for row in rows:
        line = "" if row.line is None else str(row.line)
        what = f"{_WORDS[row.severity]}: {row.message} ({row.code})"
        facts.append((line.rjust(5), Cell(what, _TONES[row.severity])))
        if row.breaks:
            facts.append(("", Cell(f"breaks {_surfaces(row.breaks)}", "dim")))
    return [Heading(place if repository is None else f"{place} in {repository}"), Facts(facts)]


def _mendings(rows: Sequence[FindingRow]) -> list[tuple[str, Cell]]:
    return [(name, Cell(CODES[name].mend)) for name in sorted({row.code for row in rows}) if name in CODES]


def _acceptance(report: LintReport, surfaces: Sequence[Surface]) -> Table:
    total = len(report.skills)
    rows = []
    for surface in surfaces:
        refused = [skill.skill for skill in report.skills if surface in skill.refused_by]
        more = len(refused) - REFUSED_SHOWN
        named = ", ".join(refused[:REFUSED_SHOWN]) + (f" and {count(more)} more" if more > 0 else "")
        taken = Cell(f"{count(total - len(refused))} of {count(total)}", "warn" if refused else "good")
        rows.append((Cell(SURFACE_NAMES[surface]), taken, Cell(named or NOTHING)))
    return Table((Column("surface"), Column("takes", "right"), Column("refuses", folds=True)), rows)


def _sum(report: LintReport) -> Cell:
    at = f" at {commit(report.commit)}" if report.commit is not None else ""
    what = f"{report.title}{at}: {count(len(report.skills), 'skill')}"
    if not report.findings:
        return Cell(f"{what}, nothing wrong", "good")
    numbers = {severity: sum(row.severity == severity for row in report.findings) for severity in _WORDS}
    words = [count(number, _WORDS[severity]) for severity, number in numbers.items() if number]
    files = len({(row.repository, row.path) for row in report.findings})
    tone: Tone = "bad" if numbers["error"] else "warn" if numbers["warning"] else "good"
    return Cell(f"{what}, {', '.join(words)} in {count(files, 'file')}", tone)


def _surfaces(names: Sequence[str]) -> str:
    known = {surface.value: shown for surface, shown in SURFACE_NAMES.items()}
    return ", ".join(known.get(name, name) for name in names)
