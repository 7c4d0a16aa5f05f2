"""Owns the commands that start something: serve, demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skillport_sync.cli.running import leave, with_settings

if TYPE_CHECKING:
    from skillport_sync.config import Settings


@click.command(short_help="Run the service.")
@with_settings
def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or Ctrl-C: mirror, webhooks, and the tool that Claude talks to."""
    from skillport_sync.serve import run

    leave(run(settings))


@click.command(short_help="The whole story, without account and network.")
@click.option("--keep", is_flag=True, help="Go on serving afterwards, and say how to connect Claude Code.")
def demo(keep: bool) -> None:
    """The whole story in twenty seconds, without account and network: push, query, fault, reconcile, each timed."""
    from skillport_sync.demo import run

    leave(run(keep=keep))
