"""Owns the command that says how Claude Code is connected: what goes into its settings, and what to run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from skillport_sync.cli.failures import ExitCode
from skillport_sync.cli.running import finish, leave, print_json, reach_operator, with_settings
from skillport_sync.cli.wording import printable

if TYPE_CHECKING:
    from mcp_server.marketplace.settings_snippet import Connection
    from skillport_sync.config import Settings
    from skillport_sync.reports import StatusReport

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@click.command("claude-code", short_help="How to connect Claude Code: settings and commands.")
@click.option("--marketplace", metavar="NAME", help="Only this one, as the configuration names it.")
@click.option(
    "--helper/--no-helper",
    default=True,
    help="Keep the token in a file that only its owner reads (default), or write it into the settings.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def claude_code(settings: Settings, marketplace: str | None, helper: bool, as_json: bool) -> None:
    """Say what a person puts into ~/.claude/settings.json so that Claude Code installs plugins from this service, and what they
    run. The token is their own: they ask the tool for it (operation auth, purpose claude-code), or an operator makes one with
    `token create`.
    """
    from mcp_server.marketplace.settings_snippet import connect

    status = finish(_status(settings))
    titles = _titles(status, marketplace)
    several = len(status.marketplaces) > 1
    connections = [
        connect(base_url=settings.base_url, title=title, marketplace=name if several else None, helper=helper)
        for name, title in titles.items()
    ]
    _warn(settings.base_url)
    if as_json:
        print_json(
            {
                "marketplaces": [
                    {"name": title, "settings": one.settings, "commands": list(one.commands)}
                    for title, one in zip(titles.values(), connections, strict=True)
                ]
            }
        )
    else:
        click.echo("\n\n".join(map(_worded, connections)))


async def _status(settings: Settings) -> StatusReport:
    async with reach_operator(settings) as operator:
        return await operator.status()


def _titles(status: StatusReport, marketplace: str | None) -> dict[str, str]:
    """What Claude Code calls each marketplace, by what the configuration does. Leaves where there is none to be told of."""
    if marketplace is not None and all(one.name != marketplace for one in status.marketplaces):
        known = ", ".join(one.name for one in status.marketplaces)
        raise click.UsageError(f"there is no marketplace named {marketplace}; the configuration has {known}")
    titles = {
        str(one.name): one.title
        for one in status.marketplaces
        if one.title is not None and marketplace in (None, one.name)
    }
    if not titles:
        click.echo(
            "Nothing is published yet, so nobody knows what the marketplace calls itself: see `status`.", err=True
        )
        leave(ExitCode.FAILED)
    return titles


def _warn(base_url: str) -> None:
    """Claude Code 2.1.329 takes archives over https only, and from no address of loopback (measured); the catalog it takes."""
    address = urlsplit(base_url)
    if address.scheme != "https" or address.hostname in _LOOPBACK:
        click.echo(
            f"Claude Code will not install from {base_url}: it takes plugins over https only, and not from localhost. "
            "Set public_url to the address that people reach this service at.",
            err=True,
        )


def _worded(connection: Connection) -> str:
    *keep, update, install = connection.commands
    lines = [
        "# Merge into ~/.claude/settings.json:",
        *connection.settings_text.splitlines(),
        "",
        *(["# Keep the token where only you read it:", *keep, ""] if keep else []),
        "# Start Claude Code once, so that it reads the settings. Then, with the name of a plugin:",
        update,
        install,
    ]
    return "\n".join(map(printable, lines))
