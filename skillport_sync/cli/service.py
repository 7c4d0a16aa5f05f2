"""Owns the commands that start something: serve, demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skillport_sync.cli.running import leave, with_settings

if TYPE_CHECKING:
    from skillport_sync.config import Settings


@click.command(short_help="Run the service.")
@click.option(
    "--dev", is_flag=True, help="Try out signing in: a stand-in provider where anybody may be anybody. Loopback only."
)
@with_settings
def serve(settings: Settings, dev: bool) -> None:
    """Run the service until SIGTERM or Ctrl-C: mirror, webhooks, sign-in, and the tool that Claude talks to."""
    from skillport_sync.serve import run

    leave(run(settings, dev=dev))


@click.command(short_help="The whole story, without account and network.")
@click.option("--keep", is_flag=True, help="Go on serving afterwards, and say how to connect Claude Code.")
def demo(keep: bool) -> None:
    """The whole story in twenty seconds, without account and network: push, sign-in, query, fault, reconcile, each timed."""
    from skillport_sync.demo import run

    leave(run(keep=keep))
