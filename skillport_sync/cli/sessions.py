"""Owns the commands about who is connected: list them, end that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from skillport_sync.cli import people_report
from skillport_sync.cli.running import finish, person_id, print_json, reach_operator, with_settings
from skillport_sync.cli.screen import show
from skillport_sync.reports import RevokedSessions, RevokeRequest, SessionRow

if TYPE_CHECKING:
    from skillport_sync.config import Settings


@click.group()
def sessions() -> None:
    """Who is connected through which client, and how to end it."""


@sessions.command("list")
@click.option("--user", metavar="ID", callback=person_id, help="Only this person's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def list_(settings: Settings, user: str | None, as_json: bool) -> None:
    """Every client that somebody signed in through and that is still connected, the last used first."""
    rows = finish(_list(settings, user))
    if as_json:
        print_json({"sessions": [row.to_json() for row in rows]})
    else:
        show(people_report.sessions(rows, user, datetime.now(UTC)))


async def _list(settings: Settings, user: str | None) -> list[SessionRow]:
    async with reach_operator(settings) as operator:
        return await operator.sessions(user)


@sessions.command()
@click.option("--user", required=True, metavar="ID", callback=person_id, help="Whose: provider:uid.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever reads the audit.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def revoke(settings: Settings, user: str, reason: str, as_json: bool) -> None:
    """End all that somebody has open, at once and everywhere: sessions, tokens they made for themselves, links they asked for.
    Whoever their identity provider lets in may sign in again.

    API tokens that an operator made for them are named and stay: each is revoked by its own id.
    """
    ended = finish(_revoke(settings, RevokeRequest(user, reason.strip())))
    if as_json:
        print_json(ended.to_json())
    else:
        show(people_report.revoked(ended))


async def _revoke(settings: Settings, request: RevokeRequest) -> RevokedSessions:
    async with reach_operator(settings) as operator:
        return await operator.revoke_sessions(request)
