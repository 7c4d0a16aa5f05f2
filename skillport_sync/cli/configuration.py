"""Owns the commands about the configuration: check it, show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skillport_sync.cli.running import print_json, with_settings
from skillport_sync.cli.screen import Cell, Column, Part, Table, show
from skillport_sync.cli.wording import NOTHING, count

if TYPE_CHECKING:
    from skillport_sync.config import Explained, Settings


@click.group()
def config() -> None:
    """Check the configuration, or show what is in force."""


@config.command()
@with_settings
def check(settings: Settings) -> None:
    """Read the configuration and every secret file it names. Says all that is wrong; exits with 2 where something is."""
    from skillport_sync.config import Complaint, ConfigInvalid, read_secret
    from skillport_sync.errors import Invalid

    complaints = []
    for path in _secret_files(settings):
        where = f"secret file {path}"
        try:
            read_secret(path)
        except Invalid as error:
            complaints.append(Complaint(where, error.message.removeprefix(f"{where} ")))
    if complaints:
        raise ConfigInvalid(complaints)
    source = settings.origins.file or "the environment"
    marketplaces = count(len(settings.marketplaces), "marketplace")
    click.echo(f"{source} is in order: {marketplaces}, auth.mode {settings.auth.mode}, data in {settings.data_dir}")
    for remark in _remarks(settings):
        click.echo(f"note: {remark}", err=True)


def _secret_files(settings: Settings) -> list[Path]:
    from skillport_sync.config import AppKey, TokenFile

    files = []
    for github in (settings.github, *settings.githubs):
        if isinstance(github.writing, TokenFile):
            files.append(github.writing.path)
        match github.credentials:
            case TokenFile(path) | AppKey(private_key_file=path):
                files.append(path)
        if github.webhook_token is not None:
            files.append(github.webhook_token.path)
        files += github.webhook_secret_files
    return files + [each.client_secret_file for each in settings.auth.providers if each.client_secret_file is not None]


def _remarks(settings: Settings) -> list[str]:
    """What is allowed and yet seldom meant."""
    remarks = []
    every = f"{settings.sync.reconcile_interval_s:g} s"
    for github in settings.githubs_in_use:
        its = github.table
        if github.credentials is None:
            remarks.append(
                f"{its} has neither token_file nor app_id: only public repositories can be read, 60 requests an hour"
            )
        if github.writing is None:
            remarks.append(
                f"skills are changed in the repository only: {its} has neither write_token_file nor write = true"
            )
        if not github.webhook_secret_files:
            remarks.append(
                f"{its}.webhook_secret_files is empty: no webhook is received, pushes are found every {every}"
            )
    remarks += [
        f"{each.table}: no marketplace is at it" for each in settings.githubs if each not in settings.githubs_in_use
    ]
    return remarks


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def show_(settings: Settings, as_json: bool) -> None:
    """Every key with its value in force and where that was set. There are no secrets among them, only their files' paths."""
    from skillport_sync.config import explain

    rows = explain(settings)
    if as_json:
        print_json({"settings": [{"key": row.key, "value": row.value, "source": row.source} for row in rows]})
    else:
        show(_table(rows))


def _table(rows: list[Explained]) -> list[Part]:
    from skillport_sync.config import toml

    columns = (Column("key"), Column("value", folds=True), Column("source", folds=True))
    return [
        Table(
            columns,
            [
                (
                    Cell(row.key),
                    Cell(NOTHING if row.value is None else toml(row.value)),
                    Cell(row.source, "dim" if row.source == "default" else ""),
                )
                for row in rows
            ],
        )
    ]
