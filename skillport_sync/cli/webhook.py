"""Owns the commands about the webhook: look at it, set it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from skillport_sync.cli.failures import ExitCode
from skillport_sync.cli.running import finish, leave, print_json, with_settings
from skillport_sync.cli.screen import Cell, Gap, Heading, Note, Part, show

if TYPE_CHECKING:
    from skillport_sync.config import MarketplaceSettings, Settings
    from skillport_sync.sync.hook_setup import Setup


@click.group()
def webhook() -> None:
    """The webhook by which GitHub tells of a push: look at it, set it up."""


_marketplace = click.option("--marketplace", metavar="NAME", help="Only this one.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@webhook.command(short_help="Look at the webhook; change nothing.")
@_marketplace
@_json
@with_settings
def check(settings: Settings, marketplace: str | None, as_json: bool) -> None:
    """Whether GitHub has a webhook that leads here, is set up as it should be, and arrives. Changes nothing.

    Needs the permission Webhooks: read. Exits with 1 where something is wrong.
    """
    _tell(finish(_each(settings, marketplace, sets_up=False)), as_json=as_json)


@webhook.command(short_help="Set the webhook up, or mend it.")
@_marketplace
@_json
@with_settings
def create(settings: Settings, marketplace: str | None, as_json: bool) -> None:
    """Make the webhook, or mend the one that is there: where it leads, JSON, TLS verified, its events, and the first secret of
    github.webhook_secret_files. Then have it pinged, and say whether that arrived.

    Needs the permission Webhooks: write. May be repeated.
    """
    _tell(finish(_each(settings, marketplace, sets_up=True)), as_json=as_json)


async def _each(settings: Settings, marketplace: str | None, *, sets_up: bool) -> list[Setup]:
    from skillport_sync.clock import SystemClock
    from skillport_sync.config.secret import read_secret
    from skillport_sync.errors import Denied, Invalid, Missing
    from skillport_sync.github.hooks import Wanted
    from skillport_sync.healing import hooks_of, webhook_url
    from skillport_sync.outbound import open_session
    from skillport_sync.sync.conditions import EVENTS
    from skillport_sync.sync.hook_setup import examine, set_up

    if settings.public_url is None:
        raise Invalid("GitHub has to be told where to deliver: set public_url, then try again")
    setups: list[Setup] = []
    async with open_session() as session:
        for configured in _chosen(settings, marketplace):
            repository, github = configured.repository, settings.github_of(configured)
            secrets = github.webhook_secret_files
            if not secrets:
                raise Invalid(
                    f"no webhook is received without a secret: set {github.table}.webhook_secret_files, then try again"
                )
            wanted = Wanted(webhook_url(settings, github), EVENTS, read_secret(secrets[0]).reveal())
            hooks = hooks_of(settings, github, session, SystemClock())
            if hooks is None:
                raise Invalid(
                    f"webhooks are shown to nobody without a credential: set {github.table}.webhook_token_file"
                )
            try:
                setups.append(
                    await set_up(hooks, repository, wanted) if sets_up else await examine(hooks, repository, wanted.url)
                )
            except (Denied, Missing) as error:
                raise Denied(
                    f"the webhook of {repository} cannot be {'set up' if sets_up else 'looked at'}: {error.message} Give the "
                    f"token the repository permission Webhooks: {'write' if sets_up else 'read'}, or name one that has it in "
                    f"{github.table}.webhook_token_file; or do it by hand, in the repository's settings.",
                    code=error.code,
                ) from error
    return setups


def _chosen(settings: Settings, name: str | None) -> Sequence[MarketplaceSettings]:
    from skillport_sync.errors import Invalid

    found = [each for each in settings.marketplaces if name in (None, each.name)]
    if not found:
        known = ", ".join(sorted(each.name for each in settings.marketplaces))
        raise Invalid(f"there is no marketplace named {name}; the configuration has {known}")
    return found


def _tell(setups: Sequence[Setup], *, as_json: bool) -> None:
    if as_json:
        print_json({"webhooks": [_as_json(setup) for setup in setups]})
    else:
        show([part for setup in setups for part in worded(setup)])
    leave(ExitCode.OK if all(_is_well(setup) for setup in setups) else ExitCode.FAILED)


def worded(setup: Setup) -> list[Part]:
    """What a person reads of one webhook."""
    from skillport_sync.github.hook_facts import APP_HOOK
    from skillport_sync.sync.conditions import MEANINGS, said

    well = _is_well(setup)
    state = {"created": "created", "repaired": "set up"}.get(setup.done, "as it should be") if well else "to be mended"
    parts: list[Part] = [
        Heading(setup.repository, Cell(state, "good" if well else "bad")),
        Note(Cell(setup.url), 1),
    ]
    for condition in setup.conditions:
        is_of_app = setup.hook is not None and setup.hook.id == APP_HOOK and condition.code == "hook_events_missing"
        to_do = "add them in the App's settings, under Permissions & events" if is_of_app else None
        parts.append(Note(Cell(f"{said(condition)} ({condition.code})", "bad"), 1))
        parts.append(Note(Cell(f"→ {to_do or MEANINGS[condition.code].remedy}", "strong"), 3))
    if setup.last is not None:
        parts.append(Note(Cell(f"last delivery: {setup.last}", "" if setup.is_proved else "bad"), 1))
    elif setup.hook is not None:
        parts.append(Note(Cell("nothing was delivered yet", "warn"), 1))
    return [*parts, Gap()]


def _is_well(setup: Setup) -> bool:
    return setup.hook is not None and not setup.conditions and setup.is_proved is not False


def _as_json(setup: Setup) -> dict[str, object]:
    from skillport_sync.sync.conditions import MEANINGS, said

    return {
        "repository": setup.repository,
        "url": setup.url,
        "hook_id": None if setup.hook is None else setup.hook.id,
        "done": setup.done,
        "well": _is_well(setup),
        "states": [
            {"code": each.code, "said": said(each), "to_do": MEANINGS[each.code].remedy} for each in setup.conditions
        ],
        "last_delivery": setup.last,
        "arrived": setup.is_proved,
    }
