"""Owns the command that tells who did what."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from skillport_sync.cli import people_report
from skillport_sync.cli.running import finish, person_id, reach_operator, with_settings
from skillport_sync.cli.screen import show
from skillport_sync.reports import AuditRequest, AuditRow

if TYPE_CHECKING:
    from skillport_sync.config import Settings

SHOWN: Final = 50
_AGO = re.compile(r"(\d{1,6})(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime) -> datetime | None:
    """``2d`` before ``now``, or a time of ISO 8601, by this machine's clock where it names no zone; None for anything else."""
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        return None


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    found = moment(value.strip(), datetime.now().astimezone())
    if found is None:
        raise click.BadParameter("write how long ago, such as 90m, 2d or 4w, or a time such as 2026-11-20T14:00")
    return found


since_option = click.option(
    "--since", metavar="WHEN", callback=_moment, help="From then on: 90m, 2d, 4w ago, or 2026-11-20T14:00."
)


@click.command(short_help="Who did what.")
@since_option
@click.option("--until", metavar="WHEN", callback=_moment, help="Until before then.")
@click.option("--user", metavar="ID", callback=person_id, help="Only what this person did.")
@click.option("--action", metavar="NAME", help="Only this: sign_in, sign_in_refused, read, operator and so on.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), help=f"Only the latest so many. Default: {SHOWN}, with --json all."
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each, on stdout.")
@with_settings
def audit(
    settings: Settings,
    since: datetime | None,
    until: datetime | None,
    user: str | None,
    action: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Who signed in, was refused, read, and what operators did, the latest last. There is never a token in it."""
    limit = SHOWN if limit is None and not as_json else limit
    request = AuditRequest(since, until, user, action, limit)
    if as_json:
        finish(_each(settings, request, _print_lines))
        return
    rows: list[AuditRow] = []
    finish(_each(settings, request, rows.extend))
    show(people_report.audited(rows, limit))


def _print_lines(rows: Sequence[AuditRow]) -> None:
    for row in rows:
        click.echo(json.dumps(row.as_line(), ensure_ascii=False))


async def _each(settings: Settings, request: AuditRequest, tell: Callable[[Sequence[AuditRow]], None]) -> None:
    """Tell them as they come: there may be more than fits in memory."""
    async with reach_operator(settings) as operator:
        events = operator.audit(request)
        try:
            async for rows in events:
                tell(rows)
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
