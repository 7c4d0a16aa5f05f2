"""Owns the commands that save what cannot be rebuilt, and put it back: backup, restore."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skillport_sync.cli.running import print_json, with_settings
from skillport_sync.cli.wording import duration, size

if TYPE_CHECKING:
    from skillport_sync.config import Settings

_FILE = click.Path(path_type=Path)


@click.command(short_help="Save state.db, while the service runs.")
@click.argument("file", type=_FILE, metavar="FILE")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def backup(settings: Settings, file: Path, force: bool, as_json: bool) -> None:
    """Save state.db in FILE: people, sign-ins, tokens, deliveries, audit.

    Works beside a running service and without one. FILE is whole, proved, and readable by you alone, or it is not there at all;
    keep it as you keep passwords. mirror.db needs no backup: one pull rebuilds it.
    """
    from skillport_sync.operations.backups import back_up

    report = back_up(settings.data_dir, file.absolute(), overwrite=force, now=datetime.now(UTC))
    if as_json:
        print_json(report.to_json())
        return
    click.echo(f"saved {size(report.size_bytes)} in {report.file}, proved, in {duration(report.duration_s)}")


@click.command(short_help="Put a backup in the place of state.db.")
@click.argument("file", type=_FILE, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def restore(settings: Settings, file: Path, as_json: bool) -> None:
    """Make FILE, which `backup` wrote, the state.db of the service. The service must not run.

    FILE is proved first and stays where it is; the database that was there is renamed, not removed.
    """
    from skillport_sync.operations.backups import restore as put_back

    report = put_back(settings.data_dir, file.absolute(), now=datetime.now(UTC))
    if as_json:
        print_json(report.to_json())
        return
    click.echo(f"restored {report.restored} from {report.file} ({size(report.size_bytes)})")
    if report.set_aside is not None:
        click.echo(f"what was there before is {report.set_aside}; remove it once all is well")
    click.echo("")
    click.echo(
        "next: start the service, `skillport-sync serve`; pushes since the backup are found by its first look at GitHub"
    )
    click.echo(
        "whatever was revoked since the backup is valid again: look at `skillport-sync token list`, `sessions list`"
    )
    click.echo("and `status`, where a rollback may have come back; whoever signed in since then has to do so again")
