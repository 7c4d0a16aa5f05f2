"""Owns the command that says what is wrong with a marketplace: a directory's, or the one that is published."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skillport_sync.cli.failures import ExitCode
from skillport_sync.cli.running import config_option, finish, leave, print_json, reach_operator
from skillport_sync.cli.screen import show

if TYPE_CHECKING:
    from skillport_sync.config import Settings
    from skillport_sync.lint.code import Surface
    from skillport_sync.reports.lint import LintReport

PUBLISHED = "published"
SURFACES = ("claude_code", "claude_ai_upload", "skills_api", "sep_2640", "this_service")
"""``lint.code.Surface``, said here so that ``--help`` need not load it."""


@click.command(short_help="What is wrong with a marketplace, and which surface it breaks.")
@click.argument("target", metavar="[PATH|published]", default=".")
@click.option("--marketplace", metavar="NAME", help="Of what is published, this one.")
@click.option(
    "--surface",
    "names",
    type=click.Choice(SURFACES),
    multiple=True,
    help="Only what breaks this surface, or is wrong by itself; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 at a warning, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--sarif", "as_sarif", is_flag=True, help="SARIF 2.1.0 on stdout, for code scanning.")
@config_option(from_environment=False)
@click.pass_context
def lint(
    context: click.Context,
    config_path: Path | None,
    target: str,
    marketplace: str | None,
    names: tuple[str, ...],
    strict: bool,
    as_json: bool,
    as_sarif: bool,
) -> None:
    """Say what is wrong with a marketplace, file by file, how to mend it, and which skills each surface takes.

    PATH is a directory (default: this one) with a marketplace, a plugin or a skill in it, and needs no configuration. In a git
    work tree, what is ignored is left out. `published` is what the service serves; a directory of that name is ./published.

    Exits with 0 where there is no error, with 1 where there is one, or with --strict any warning, with 2 where nothing was looked
    at. docs/LINT.md explains every code.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif are two forms of one answer: choose one")
    if marketplace is not None and target != PUBLISHED:
        raise click.UsageError("--marketplace is about what is published: write `lint published --marketplace NAME`")
    from skillport_sync.lint.code import Surface
    from skillport_sync.lint.reporting import narrowed

    folder = ""
    if target == PUBLISHED:
        report = finish(
            _published(_settings(config_path or context.find_root().params.get("config_path")), marketplace)
        )
    else:
        from skillport_sync.lint.directory import lint_directory

        report = lint_directory(Path(target), os.environ)
        folder = _folder(Path(target))
    surfaces = [Surface(name) for name in names or SURFACES]
    if names:
        report = narrowed(report, surfaces)
    _tell(report, surfaces, folder, as_json=as_json, as_sarif=as_sarif)
    fatal = ("error", "warning") if strict else ("error",)
    leave(ExitCode.FAILED if any(row.severity in fatal for row in report.findings) else ExitCode.OK)


def _tell(report: LintReport, surfaces: list[Surface], folder: str, *, as_json: bool, as_sarif: bool) -> None:
    if as_json:
        accepted = {surface.value: report.accepted_by(surface) for surface in surfaces}
        print_json({**report.to_json(), "accepted": accepted})
    elif as_sarif:
        from skillport_sync import __version__
        from skillport_sync.lint.sarif import sarif

        print_json(sarif(report, version=__version__, folder=folder))
    else:
        from skillport_sync.cli.lint_report import linted

        show(linted(report, surfaces))


async def _published(settings: Settings, marketplace: str | None) -> LintReport:
    async with reach_operator(settings) as operator:
        return await operator.lint(marketplace)


def _settings(config_path: Path | None) -> Settings:
    from skillport_sync.config import load
    from skillport_sync.log import configure_warnings

    configure_warnings()
    return load(config_path, os.environ)


def _folder(path: Path) -> str:
    """Where the linted directory lies below the current one, which is taken for the repository's root; elsewhere, nothing."""
    here, there = Path.cwd().resolve(), path.resolve()
    return there.relative_to(here).as_posix().removeprefix(".") if there.is_relative_to(here) else ""
