"""Owns the command that looks at everything and says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import groupby
from typing import TYPE_CHECKING

import click

from skillport_sync.cli.failures import ExitCode
from skillport_sync.cli.running import finish, leave, print_json, reach_operator, with_settings
from skillport_sync.cli.screen import Cell, Gap, Heading, Note, Part, Tone, show
from skillport_sync.cli.wording import count
from skillport_sync.errors import SkillportError
from skillport_sync.reports import Check, DoctorReport, Verdict

if TYPE_CHECKING:
    from skillport_sync.config import Settings
    from skillport_sync.control import Operator

_TONES: dict[Verdict, Tone] = {"ok": "good", "warning": "warn", "failed": "bad"}
_WIDTH = max(map(len, _TONES))


@click.command(short_help="Look at everything, and say what to do.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def doctor(settings: Settings, as_json: bool) -> None:
    """Look at the service from inside and, at its public address, from outside; say what was seen and what to do about it.

    Takes every step of signing in that needs no person, with a client of its own. Exits with 1 where something failed.
    """
    report = finish(_examine(settings))
    if as_json:
        print_json({"verdict": report.verdict, **report.to_json()})
    else:
        show(examined(report))
    leave(ExitCode.FAILED if report.verdict == "failed" else ExitCode.OK)


async def _examine(settings: Settings) -> DoctorReport:
    from skillport_sync.clock import SystemClock
    from skillport_sync.operations.doctor import examine

    async with AsyncExitStack() as stack:
        operator: Operator | SkillportError
        try:
            operator = await stack.enter_async_context(reach_operator(settings))
        except SkillportError as error:
            operator = error
        return await examine(settings, operator, SystemClock())


def examined(report: DoctorReport) -> list[Part]:
    """Every check on a line, what to do about it below, and at last how many of each there are."""
    parts: list[Part] = []
    for area, checks in groupby(report.checks, key=lambda check: check.area):
        parts += [Heading(area), *(part for check in checks for part in _check(check)), Gap()]
    return [*parts, Note(Cell(_summary(report.checks), _TONES[report.verdict]))]


def _check(check: Check) -> list[Part]:
    tone: Tone = _TONES[check.verdict] if check.verdict != "ok" else ""
    parts: list[Part] = [Note(Cell(f"{check.what}: {check.seen}", tone), 1, f"{check.verdict.ljust(_WIDTH)}  ")]
    return [*parts, Note(Cell(check.to_do, "strong"), 3, "→ ")] if check.to_do else parts


def _summary(checks: Sequence[Check]) -> str:
    failed, warnings = (sum(check.verdict == verdict for check in checks) for verdict in ("failed", "warning"))
    if not failed and not warnings:
        return f"all {count(len(checks), 'check')} are well"
    return f"{count(len(checks), 'check')}: {failed} failed, {count(warnings, 'warning')}"
