"""Owns the command that begins a marketplace repository: files into an empty directory, all or none, and what to do next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from skillport_sync.cli.running import person_id, print_json
from skillport_sync.cli.screen import Cell, Facts, Gap, Heading, Note, Part, show
from skillport_sync.cli.wording import count
from skillport_sync.errors import Invalid

if TYPE_CHECKING:
    from skillport_sync.template import TemplateFile
    from skillport_sync.template.new_marketplace import NewMarketplace

_MAX_OWNER = 100


def _owner(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (value.strip() and value.isprintable() and len(value) <= _MAX_OWNER):
        raise click.BadParameter(f"write your organisation's name, in at most {_MAX_OWNER} characters")
    return value and value.strip()


def _people(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        person_id(context, parameter, value)
    return values


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        usable = (
            parts.scheme in ("https", "http")
            and parts.hostname
            and not (parts.username or parts.query or parts.fragment)
        )
    except ValueError:
        usable = False
    if not usable or not value.isprintable() or " " in value:
        raise click.BadParameter("write its public address, such as https://skills.acme.example")
    return value.rstrip("/").removesuffix("/mcp")


@click.command("init-marketplace", short_help="A new marketplace repository, to begin with.")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--owner", metavar="NAME", callback=_owner, help="Your organisation. Default: what DIR is called.")
@click.option(
    "--editor",
    "editors",
    metavar="ID",
    multiple=True,
    callback=_people,
    help="Who may write: provider:uid, such as github:583231; may be repeated. Default: nobody yet.",
)
@click.option(
    "--service", metavar="URL", callback=_address, help="Where people will reach this service; for the README."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def init_marketplace(
    directory: Path, owner: str | None, editors: tuple[str, ...], service: str | None, as_json: bool
) -> None:
    """Write a marketplace repository into DIR, which must be new or empty (a .git in it is fine).

    In it: marketplace.json, access.json, a README for your team, six example plugins, a workflow that lints every pull request,
    and the skill `skillport`, by which Claude finds, installs, updates and writes the others. Nothing is sent anywhere.
    """
    from skillport_sync.template.new_marketplace import new_marketplace

    made = new_marketplace(owner or _owner_of(directory), editors, service)
    _write(directory, made.files)
    if as_json:
        print_json({"directory": str(directory), "name": made.name, "editors": editors, "files": list(made.files)})
    else:
        show(_told(directory, made, editors))


def _owner_of(directory: Path) -> str:
    """``acme`` of a directory called acme-skills."""
    name = "".join(char for char in directory.resolve().name if char.isprintable())
    return re.sub(r"[-_ ]*(?:skills?|marketplace|plugins?)$", "", name, flags=re.IGNORECASE)[:_MAX_OWNER] or "Our team"


def _write(directory: Path, files: Mapping[str, TemplateFile]) -> None:
    """All files, or none: what was written before something failed is taken back. Nothing that is there is touched.

    Raises:
        Invalid: there is something in the directory.
        OSError: it cannot be written.
    """
    there = sorted(entry.name for entry in directory.iterdir()) if directory.exists() else []
    if set(there) - {".git"}:
        found = next(name for name in there if name != ".git")
        raise Invalid(f"{directory} is not empty ({found} is in it): name a new directory", code="directory_not_empty")
    made: list[Path] = []
    try:
        for path, file in files.items():
            place = directory / path
            _make_folders(place, made)
            with place.open("xb") as writing:
                made.append(place)
                writing.write(file.content)
            if file.executable:
                mode = place.stat().st_mode
                place.chmod(mode | (mode & 0o444) >> 2)  # for whoever may read it, as the umask has it
    except BaseException:
        for path_made in reversed(made):
            path_made.rmdir() if path_made.is_dir() else path_made.unlink()
        raise


def _make_folders(place: Path, made: list[Path]) -> None:
    for folder in reversed(place.parents):
        if not folder.exists():
            folder.mkdir()
            made.append(folder)


def _told(directory: Path, made: NewMarketplace, editors: tuple[str, ...]) -> list[Part]:
    skills = sorted(path.split("/")[-2] for path in made.files if path.endswith("/SKILL.md"))
    shown = shlex.quote(str(directory))
    nobody = Cell("nobody yet: write ids into .skillport/access.json; whoami tells people theirs", "warn")
    return [
        Heading(made.name, Cell(f"{count(len(made.files), 'file')} in {shown}", "good")),
        Facts([("skills", Cell(", ".join(skills))), ("editors", Cell(", ".join(editors)) if editors else nobody)]),
        Gap(),
        Heading("what to do next"),
        Facts(
            [
                ("1", Cell("Read README.md; keep the examples you like, delete the others.")),
                ("2", Cell(f"See that it is sound: skillport-sync lint --strict {shown}")),
                ("3", Cell("Commit it, and push it to a new private repository on GitHub.")),
                ("4", Cell("Name that repository in the service's config.toml: [[marketplaces]].")),
                ("5", Cell("Have pull requests linted: .github/workflows/lint.yml says how.")),
            ]
        ),
        Gap(),
        Note(Cell("Then connect Claude and ask: which skills does our team have?")),
    ]
