"""Owns the command that says what somebody sees and may do, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skillport_sync.cli import access_report
from skillport_sync.cli.running import finish, person_id, print_json, reach_operator, with_settings
from skillport_sync.cli.screen import show
from skillport_sync.reports import ExplainReport, ExplainRequest

if TYPE_CHECKING:
    from skillport_sync.config import Settings


def _claims(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in values:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"write NAME=VALUE, such as department=sales, not {text!r}")
        pairs.append((name, value))
    return tuple(pairs)


@click.command(short_help="What somebody sees and may do, and why.")
@click.option("--user", required=True, metavar="ID", callback=person_id, help="Who: provider:uid, as in access.json.")
@click.option("--email", help="Their verified e-mail address.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="A group they are in; may be repeated.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_claims,
    help="What else their identity provider says of them; may be repeated.",
)
@click.option("--skill", metavar="NAME", help="Only this skill: NAME, PLUGIN/NAME, either with @MARKETPLACE.")
@click.option("--marketplace", metavar="NAME", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@with_settings
def explain(
    settings: Settings,
    user: str,
    email: str | None,
    groups: tuple[str, ...],
    claims: tuple[tuple[str, str], ...],
    skill: str | None,
    marketplace: str | None,
    as_json: bool,
) -> None:
    """What somebody sees and may do, as the access.json that is served now says it, and which of its lines says so.

    Name, e-mail address, groups and claims are as the person's provider said them when they signed in last; of somebody who never
    did, as in the API token that was made for the same id. What is given here goes before.
    """
    request = ExplainRequest(user, email, groups or None, claims, skill, marketplace)
    report = finish(_explain(settings, request))
    if as_json:
        print_json(report.to_json())
    else:
        show(access_report.explained(report))


async def _explain(settings: Settings, request: ExplainRequest) -> ExplainReport:
    async with reach_operator(settings) as operator:
        return await operator.explain(request)
