"""Owns the commands that leave the branch and follow it again: rollback, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skillport_sync.cli import reports as worded
from skillport_sync.cli.failures import ExitCode
from skillport_sync.cli.mirror import exit_code_of, pulled
from skillport_sync.cli.progress import progress_bar
from skillport_sync.cli.running import commit_prefix, finish, leave, print_json, reach_operator, with_settings
from skillport_sync.cli.screen import show
from skillport_sync.reports import PullReport, RollbackRequest

if TYPE_CHECKING:
    from skillport_sync.config import Settings


@click.command(short_help="Serve an earlier publication, and stay there.")
@click.argument("commit", callback=commit_prefix)
@click.option("--marketplace", metavar="NAME", help="Of this one. Default: the one that published COMMIT.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever looks at `status` next.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def rollback(settings: Settings, commit: str, marketplace: str | None, reason: str, as_json: bool) -> None:
    """Serve COMMIT again, content and access.json together, and stay there until `resume`.

    COMMIT is one that `publications` lists, or the beginning of its id. Nothing is fetched. Pushes and reconciles publish
    nothing meanwhile; `status` says so loudly.
    """
    report = finish(_rollback(settings, RollbackRequest(commit, marketplace, reason.strip())))
    if as_json:
        print_json(report.to_json())
    else:
        show(worded.rolled_back(report))
    # To be held is what was asked for: whoever rolls back to what is served already stays there from now on.
    leave(ExitCode.OK if report.outcome == "held" else exit_code_of([report]))


async def _rollback(settings: Settings, request: RollbackRequest) -> PullReport:
    async with reach_operator(settings) as operator:
        return await operator.rollback(request)


@click.command(short_help="Follow the branch again.")
@click.option("--marketplace", metavar="NAME", help="Only this one. Default: all that were rolled back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def resume(settings: Settings, marketplace: str | None, as_json: bool) -> None:
    """Follow the branch again after a `rollback`, and pull now.

    Exits as `reconcile` does; with 0 where nothing had been rolled back.
    """
    with progress_bar(wanted=not as_json) as tell:
        reports = finish(pulled(settings, lambda operator: operator.resume(marketplace), tell))
    if as_json:
        print_json({"marketplaces": [report.to_json() for report in reports]})
    elif reports:
        show(worded.reconciled(reports))
    else:
        whole = "every marketplace follows its branch" if marketplace is None else f"{marketplace} follows its branch"
        click.echo(f"nothing to resume: {whole}")
    leave(exit_code_of(reports))
