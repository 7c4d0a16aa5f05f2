"""Owns the commands about API tokens."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from skillport_sync.cli import reports as worded
from skillport_sync.cli.running import finish, print_json, reach_operator, with_settings
from skillport_sync.cli.screen import show
from skillport_sync.reports import NewToken, TokenRequest, TokenRow

if TYPE_CHECKING:
    from skillport_sync.config import Settings

_PRINCIPAL = re.compile(r"[a-z][a-z0-9_-]*:[\x21-\x7e]{1,200}")


@click.group()
def token() -> None:
    """API tokens: those you make, for CI and for Claude Code, and those that people make for themselves."""


def _principal(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _PRINCIPAL.fullmatch(value):
        raise click.BadParameter("write it as in access.json: provider:uid, such as github:583231 or token:ci")
    return value


@token.command()
@click.argument("label")
@click.option(
    "--principal",
    metavar="ID",
    callback=_principal,
    help="Whom it speaks for, as in access.json. Default: token:LABEL.",
)
@click.option("--name", default="", help="That person's name.")
@click.option("--email", help="That person's e-mail address.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="A group that person is in; may be repeated.")
@click.option("--expires-in", "days", type=click.IntRange(1, 3650), metavar="DAYS", help="Default: never.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def create(
    settings: Settings,
    label: str,
    principal: str | None,
    name: str,
    email: str | None,
    groups: tuple[str, ...],
    days: int | None,
    as_json: bool,
) -> None:
    """Make a token, called LABEL. It is shown this once, alone on stdout; only its hash is kept."""
    principal = principal or f"token:{label}"
    if not _PRINCIPAL.fullmatch(principal):
        raise click.BadParameter("a label with spaces or other letters needs --principal ID", param_hint="LABEL")
    made = finish(_create(settings, TokenRequest(principal, label, name, email, groups, days)))
    if as_json:
        print_json(made.to_json())
        return
    until = "until it is revoked" if made.row.expires_at is None else f"until {made.row.expires_at:%Y-%m-%d}"
    click.echo(f"token {made.row.id} speaks for {made.row.principal_id} {until}; it is not shown again:", err=True)
    click.echo(made.token)


async def _create(settings: Settings, request: TokenRequest) -> NewToken:
    async with reach_operator(settings) as operator:
        return await operator.create_token(request)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def list_(settings: Settings, as_json: bool) -> None:
    """Every token with its owner and when it was last used, people's own too; never the token itself."""
    rows = finish(_list(settings))
    if as_json:
        print_json({"tokens": [row.to_json() for row in rows]})
    else:
        show(worded.tokens(rows, datetime.now(UTC)))


async def _list(settings: Settings) -> list[TokenRow]:
    async with reach_operator(settings) as operator:
        return await operator.list_tokens()


@token.command()
@click.argument("token_id", metavar="ID")
@with_settings
def revoke(settings: Settings, token_id: str) -> None:
    """Make a token worthless, at once and everywhere. ID is what `token list` shows."""
    revoked = finish(_revoke(settings, token_id))
    click.echo(f"token {token_id} is revoked" if revoked else f"token {token_id} was revoked or expired already")


async def _revoke(settings: Settings, token_id: str) -> bool:
    async with reach_operator(settings) as operator:
        return await operator.revoke_token(token_id)
