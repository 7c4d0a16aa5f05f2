"""Owns what every command does alike: find the configuration, reach the operator, say what went wrong.

What takes long to import is imported where it is used: ``--help`` is answered at once.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from skillport_sync.cli.failures import ExitCode, failures_of

if TYPE_CHECKING:
    from skillport_sync.config import Settings
    from skillport_sync.control import Operator

P = ParamSpec("P")
T = TypeVar("T")

_HELP = "The configuration file. Default: ./config.toml, then the user's and /etc's skillport-sync/config.toml."


def config_option(*, from_environment: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--config``, for the group and for each command: both places are where people type it."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        envvar="SKILLPORT_CONFIG" if from_environment else None,
        metavar="PATH",
        help=_HELP,
    )


def with_settings(command: Callable[Concatenate[Settings, P], None]) -> Callable[..., None]:
    """Give ``command`` the settings as its first argument."""

    def run(context: click.Context, config_path: Path | None, *args: P.args, **kwargs: P.kwargs) -> None:
        from skillport_sync.config import load
        from skillport_sync.log import configure_warnings

        configure_warnings()
        command(load(config_path or context.find_root().params.get("config_path"), os.environ), *args, **kwargs)

    functools.update_wrapper(run, command)
    return config_option(from_environment=False)(click.pass_context(run))


@asynccontextmanager
async def reach_operator(settings: Settings) -> AsyncIterator[Operator]:
    """The operator of the service that runs, else one of our own that holds the files until left.

    Raises:
        Conflict: another process holds the data directory and no service answers for it.
    """
    from skillport_sync.control import connect

    remote = await connect(settings.data_dir)
    if remote is not None:
        yield remote
        return
    from skillport_sync.compose import open_operator

    async with open_operator(settings) as local:
        yield local


_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*:\S(?:.*\S)?")


def person_id(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A person as access.json names them."""
    if value is not None and not _PERSON.fullmatch(value):
        raise click.BadParameter("write it as in access.json: provider:uid, such as github:583231")
    return value


def commit_prefix(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A commit as people write it: its id, or enough of its beginning."""
    text = value.lower() if value is not None else None
    if text is not None and not _COMMIT.fullmatch(text):
        raise click.BadParameter("write a commit's id, or at least its first 7 digits")
    return text


def finish(work: Coroutine[object, object, T]) -> T:
    """Run a command's work to its end, in an event loop of its own."""
    import asyncio

    return asyncio.run(work)


def print_json(value: object) -> None:
    """The answer as one JSON document on stdout, and nothing else there."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


class Commands(click.Group):
    """A group whose commands fail in sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            failures = failures_of(error)
            if failures is None:
                raise
            for failure in failures:
                click.echo(f"{click.style('error:', fg='red', bold=True)} {failure.what}", err=True)
                for detail in failure.details:
                    click.echo(f"  {detail}", err=True)
            ctx.exit(failures[0].code)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        # A name in a file may hold letters that the terminal's encoding lacks: show their codes rather than fail.
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return super().main(*args, **kwargs)


def leave(code: ExitCode | int) -> None:
    """End the command with this exit code."""
    click.get_current_context().exit(int(code))
