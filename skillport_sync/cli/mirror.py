"""Owns the commands about the mirror: reconcile, status, publications."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

import click

from skillport_sync.cli import reports as worded
from skillport_sync.cli import status_report
from skillport_sync.cli.failures import ExitCode
from skillport_sync.cli.progress import progress_bar
from skillport_sync.cli.running import commit_prefix, finish, leave, print_json, reach_operator, with_settings
from skillport_sync.cli.screen import show
from skillport_sync.reports import Progress, PublicationRow, PullReport, ReconcileOptions, StatusReport

if TYPE_CHECKING:
    from skillport_sync.config import Settings
    from skillport_sync.control import Operator


@click.command(short_help="Pull now.")
@click.option("--marketplace", metavar="NAME", help="Only this one.")
@click.option(
    "--verify", is_flag=True, help="Hash everything held again, up to the commit's root tree; mend what is corrupt."
)
@click.option("--full", is_flag=True, help="Fetch everything, as if nothing were held.")
@click.option("--dry-run", is_flag=True, help="Read and check, publish nothing.")
@click.option(
    "--confirm",
    metavar="COMMIT",
    callback=commit_prefix,
    help="Publish this commit although it removes very many skills at once.",
)
@click.option("--redeliver", is_flag=True, help="Have GitHub deliver again what never arrived.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def reconcile(
    settings: Settings,
    marketplace: str | None,
    verify: bool,
    full: bool,
    dry_run: bool,
    confirm: str | None,
    redeliver: bool,
    as_json: bool,
) -> None:
    """Pull now: bring every marketplace in step with its branch.

    Asks the running service, or does it itself where none runs. Exits with 1 where a pull failed or --verify found damage (which
    it mends), with 3 where a commit was refused or is held.
    """
    options = ReconcileOptions(marketplace, verify, full, dry_run, confirm, redeliver)
    with progress_bar(wanted=not as_json) as tell:
        reports = finish(pulled(settings, lambda operator: operator.reconcile(options), tell))
    if as_json:
        print_json({"marketplaces": [report.to_json() for report in reports]})
    else:
        show(worded.reconciled(reports))
    leave(exit_code_of(reports))


async def pulled(
    settings: Settings,
    pulls: Callable[[Operator], AsyncIterator[Progress | PullReport]],
    tell: Callable[[Progress], None],
) -> list[PullReport]:
    """Have the operator pull, tell the progress, and give the reports."""
    reports: list[PullReport] = []
    async with reach_operator(settings) as operator:
        events = pulls(operator)
        try:
            async for event in events:
                if isinstance(event, PullReport):
                    reports.append(event)
                else:
                    tell(event)
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
    return reports


def exit_code_of(reports: Sequence[PullReport]) -> ExitCode:
    """The worst of them: a failure before a refusal."""
    if any(
        report.outcome == "failed" or (report.verified is not None and report.verified.corrupt) for report in reports
    ):
        return ExitCode.FAILED
    return ExitCode.OK if all(report.is_in_step for report in reports) else ExitCode.REFUSED


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def status(settings: Settings, as_json: bool) -> None:
    """What is served, how old it is, what is wrong with it.

    Exits with 0 whatever the state is, as long as it can be told; `--json` has it for scripts, /readyz for supervisors.
    """
    report = finish(_status(settings))
    if as_json:
        print_json(report.to_json())
    else:
        show(status_report.status(report))


async def _status(settings: Settings) -> StatusReport:
    async with reach_operator(settings) as operator:
        return await operator.status()


@click.command(short_help="The history of what was published.")
@click.option("--marketplace", metavar="NAME", help="Only this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def publications(settings: Settings, marketplace: str | None, limit: int, as_json: bool) -> None:
    """The history: when which commit was published, why, and what changed (+added ~changed -removed skills)."""
    rows = finish(_publications(settings, marketplace, limit))
    if as_json:
        print_json({"publications": [row.to_json() for row in rows]})
    else:
        show(worded.publications(rows))


async def _publications(settings: Settings, marketplace: str | None, limit: int) -> list[PublicationRow]:
    async with reach_operator(settings) as operator:
        return await operator.publications(marketplace, limit)
