"""Owns the command that tells which skills are used."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from skillport_sync.cli.audit import since_option
from skillport_sync.cli.running import finish, reach_operator, with_settings
from skillport_sync.cli.screen import Cell, Column, Note, Part, Table, show
from skillport_sync.cli.wording import NOTHING, ago
from skillport_sync.reports import UsageRequest, UsageRow

if TYPE_CHECKING:
    from skillport_sync.config import Settings


@click.command(short_help="Which skills are used.")
@since_option
@click.option("--by-person", is_flag=True, help="Who, too. Otherwise nobody is named.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each, on stdout.")
@with_settings
def usage(settings: Settings, since: datetime | None, by_person: bool, as_json: bool) -> None:
    """How often which version of a skill was read and installed, the most used first. Out of the audit, and as far back as that
    is kept; never content."""
    request = UsageRequest(since, by_person)
    if as_json:
        finish(_each(settings, request, _print_lines))
        return
    rows: list[UsageRow] = []
    finish(_each(settings, request, rows.extend))
    show(used(rows, by_person, datetime.now(UTC)))


def used(rows: Sequence[UsageRow], by_person: bool, now: datetime) -> list[Part]:
    """How it reads."""
    if not rows:
        return [Note(Cell("nothing was read or installed in that time"))]
    several = len({row.marketplace for row in rows}) > 1
    columns = [Column("skill", folds=True), Column("version"), Column("reads", "right"), Column("installs", "right")]
    columns += [Column("last")] + ([Column("who", folds=True)] if by_person else [])
    return [
        Table(
            columns,
            [
                (
                    Cell(f"{row.skill}@{row.marketplace}" if several else row.skill),
                    Cell(row.version or NOTHING),
                    Cell(f"{row.reads}"),
                    Cell(f"{row.installs}"),
                    Cell(ago(row.last_at, now), "dim"),
                    *([Cell(row.principal_id or NOTHING)] if by_person else []),
                )
                for row in rows
            ],
        )
    ]


def _print_lines(rows: Sequence[UsageRow]) -> None:
    for row in rows:
        said = {name: value for name, value in row.to_json().items() if value is not None}
        click.echo(json.dumps(said, ensure_ascii=False))


async def _each(settings: Settings, request: UsageRequest, tell: Callable[[Sequence[UsageRow]], None]) -> None:
    async with reach_operator(settings) as operator:
        parts = operator.usage(request)
        try:
            async for rows in parts:
                tell(rows)
        finally:
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()
