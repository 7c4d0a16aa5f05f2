"""Owns the way from a file and an environment to Settings.

Finds the file, lays the environment over it, has the tables check the whole, and hands the result down as plain values. Reads
no secret and opens nothing but the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import ValidationError

from skillport_sync.config.complaints import Complaint, ConfigInvalid, complain, unknown_variable
from skillport_sync.config.handing import APPLICATION, settings_of
from skillport_sync.config.keys import CONFIG_VARIABLE, PREFIX, from_text, is_foreign, keys, nearest
from skillport_sync.config.kinds import is_loopback
from skillport_sync.config.origin import KeyPath, Origins
from skillport_sync.config.settings import Settings
from skillport_sync.config.tables import ConfigTable

Tree = dict[str, object]


def search_path() -> tuple[Path, ...]:
    """Where a file is looked for when none is named, first come first served."""
    return (
        Path("config.toml"),
        platformdirs.user_config_path(APPLICATION) / "config.toml",
        Path("/etc") / APPLICATION / "config.toml",
    )


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of ``path``, or of the first file on the search path, with the environment laid over it.

    Raises:
        ConfigInvalid: with all that is wrong, not only the first.
    """
    file = path or next((candidate for candidate in search_path() if candidate.is_file()), None)
    text = _read(file) if file is not None else ""
    tree = _parse(file, text)
    variables, complaints = _overlay(tree, environ)
    origins = Origins(file, text, variables)
    table = _checked(tree, origins, complaints)
    if not tree.get("marketplaces"):
        complaints.append(_no_marketplace(file))
    if complaints:
        raise ConfigInvalid(sorted(complaints, key=_place))
    return settings_of(table, origins)


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise ConfigInvalid(
            [Complaint(str(file), "there is no such file; correct the path given with --config")]
        ) from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigInvalid([Complaint(str(file), f"cannot be read: {reason}")]) from error
    except UnicodeDecodeError:
        raise ConfigInvalid([Complaint(str(file), "is not UTF-8 text; save it as UTF-8")]) from None


def _parse(file: Path | None, text: str) -> Tree:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, position = str(error).rpartition(" (at ")
        line = re.match(r"line (\d+)", position)
        where = f"{file}:{line[1]}" if line is not None else f"{file}:{len(text.splitlines())}"
        raise ConfigInvalid([Complaint(where, f"not TOML: {what[:1].lower()}{what[1:]}")]) from None


def _overlay(tree: Tree, environ: Mapping[str, str]) -> tuple[dict[KeyPath, str], list[Complaint]]:
    """Set in ``tree`` what the environment sets. Which variable set which key, and which variables set none."""
    known = keys()
    names = [key.variable for key in known.values()]
    found: list[tuple[KeyPath, str, object]] = []
    complaints: list[Complaint] = []
    for name, text in environ.items():
        # An empty variable sets nothing: compose files and CI pass those on for what they do not know.
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or not text or is_foreign(name, text):
            continue
        parts = name.removeprefix(PREFIX).lower().split("__")
        path: KeyPath = tuple(int(part) if part.isdecimal() else part for part in parts)
        key = known.get(tuple(0 if isinstance(part, int) else part for part in path))
        if key is not None:
            found.append((path, name, from_text(key, text)))
            continue
        meant = nearest(name, names, cutoff=0.8)
        if "__" in name or meant is not None:
            complaints.append(Complaint(f"environment {name}", unknown_variable(name, meant)))
    variables: dict[KeyPath, str] = {}
    for path, name, value in sorted(found, key=lambda each: each[0]):
        if _set(tree, path, value):
            variables[path] = name
        else:
            complaints.append(Complaint(f"environment {name}", "the numbers before it are missing; count from 0"))
    return variables, complaints


def _set(tree: Tree, path: KeyPath, value: object) -> bool:
    """Set one key, making the tables on the way. False where a list would get a gap."""
    node: object = tree
    for part, following in pairwise(path):
        if isinstance(node, list) and isinstance(part, int):
            if part > len(node):
                return False
            if part == len(node):
                node.append({})
            node = node[part]
        elif isinstance(node, dict):
            node = node.setdefault(part, [] if isinstance(following, int) else {})
    if isinstance(node, dict):  # otherwise the file has something else in its place, and the tables complain of that
        node[path[-1]] = value
    return True


def _checked(tree: Tree, origins: Origins, complaints: list[Complaint]) -> ConfigTable:
    """The tables, filled. What is wrong is added to ``complaints`` and left out of what is returned."""
    try:
        table = ConfigTable.model_validate(tree)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)
        complaints += complain(errors, origins)
        wrong = {error["loc"][0] for error in errors}
        table = ConfigTable.model_validate({name: value for name, value in tree.items() if name not in wrong})
        if "githubs" in wrong:  # what is missing there is not missing, only not understood
            table = table.model_copy(update={"marketplaces": []})
    complaints += _contradictions(table, origins)
    return table


def _contradictions(table: ConfigTable, origins: Origins) -> Iterator[Complaint]:
    """What no table can see alone."""
    if table.auth.mode == "none":
        where = origins.nearest(("auth", "mode"))
        if not is_loopback(table.server.host):
            what = (
                'auth.mode "none" lets everybody in, so server.host must be 127.0.0.1; bind there, or use mode "token"'
            )
            yield Complaint(where, what)
        elif table.public_url is not None and not is_loopback(urlsplit(table.public_url).hostname):
            what = 'auth.mode "none" lets everybody in, which public_url offers to the world; remove it, or use mode "token"'
            yield Complaint(where, what)
    yield from _sign_in_contradictions(table, origins)
    yield from _github_contradictions(table, origins)
    for index, first in _namesakes(each.label.casefold() for each in table.marketplaces):
        what = f"marketplaces[{index}] and marketplaces[{first}] have the same name; give one of them another name"
        yield Complaint(origins.nearest(("marketplaces", index)), what)


def _github_contradictions(table: ConfigTable, origins: Origins) -> Iterator[Complaint]:
    known = [each.name for each in table.githubs]
    for index, each in enumerate(table.marketplaces):
        if each.github is not None and each.github not in known:
            there = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else ""
            what = f'marketplaces[{index}].github names no [[githubs]]{there}. Add one with name = "{each.github}"'
            yield Complaint(origins.nearest(("marketplaces", index, "github")), what)
    for index, first in _namesakes(known):
        what = f"githubs[{index}] and githubs[{first}] have the same name; give one of them another name"
        yield Complaint(origins.nearest(("githubs", index)), what)


def _sign_in_contradictions(table: ConfigTable, origins: Origins) -> Iterator[Complaint]:
    auth = table.auth
    if auth.providers and auth.mode_in_force != "oauth":
        what = f'auth.mode "{auth.mode}" asks no provider; use mode "oauth", or remove [[auth.providers]]'
        yield Complaint(origins.nearest(("auth", "mode")), what)
    if auth.mode_in_force == "oauth" and table.public_url is None and not is_loopback(table.server.host):
        what = "people sign in at public_url, which is missing; add the https:// address that they type into Claude"
        yield Complaint(origins.nearest(("auth",)), what)
    for index, first in _namesakes(each.label for each in auth.providers):
        what = (
            f"auth.providers[{index}] and auth.providers[{first}] would give their people the same ids; keep one of them"
            + (", or give one another name" if auth.providers[index].preset == "oidc" else "")
        )
        yield Complaint(origins.nearest(("auth", "providers", index)), what)


def _namesakes(names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Whoever has the name of somebody before, and who that is."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        first = seen.setdefault(name, index)
        if first != index:
            yield index, first


def _place(complaint: Complaint) -> tuple[bool, str, int]:
    """Sorts what is wrong as a reader of the file meets it, the environment after it."""
    name, _, line = complaint.where.rpartition(":")
    return (complaint.where.startswith("environment"), name or complaint.where, int(line) if line.isdecimal() else 0)


def _no_marketplace(file: Path | None) -> Complaint:
    what = 'no marketplace; add [[marketplaces]] with repository = "owner/name"'
    if file is not None:
        return Complaint(str(file), what)
    looked = ", ".join(map(str, search_path()))
    return Complaint("configuration", f"no file found ({looked}); copy config.example.toml, or name one with --config")
