"""The command line: what an operator types. Reads the environment, asks the parts, and words their answers."""

from __future__ import annotations

from pathlib import Path

import click

from skillport_sync import __version__
from skillport_sync.cli.audit import audit
from skillport_sync.cli.backup import backup, restore
from skillport_sync.cli.claude_code import claude_code
from skillport_sync.cli.configuration import config
from skillport_sync.cli.doctor import doctor
from skillport_sync.cli.explain import explain
from skillport_sync.cli.failures import EXIT_CODES_HELP
from skillport_sync.cli.init_marketplace import init_marketplace
from skillport_sync.cli.lint import lint
from skillport_sync.cli.mirror import publications, reconcile, status
from skillport_sync.cli.rollback import resume, rollback
from skillport_sync.cli.running import Commands, config_option
from skillport_sync.cli.service import demo, serve
from skillport_sync.cli.sessions import sessions
from skillport_sync.cli.tokens import token
from skillport_sync.cli.usage import usage
from skillport_sync.cli.webhook import webhook


@click.group(cls=Commands, epilog=EXIT_CODES_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="skillport-sync", message="%(prog)s %(version)s")
@config_option(from_environment=True)
def main(config_path: Path | None) -> None:
    """Mirrors a private Claude plugin marketplace from GitHub and serves it to every Claude surface."""


for command in (
    serve,
    demo,
    reconcile,
    status,
    publications,
    rollback,
    resume,
    explain,
    init_marketplace,
    lint,
    claude_code,
    token,
    sessions,
    audit,
    usage,
    backup,
    restore,
    doctor,
    webhook,
    config,
):
    main.add_command(command)
