"""Owns the fields that a marketplace entry and a plugin.json have in common, read by type and by their own rules.

Fields that mean nothing here are checked too: Claude Code does not load a plugin whose known fields have the wrong type.

Problem codes: field_wrong_type, skills_path_invalid, component_path_invalid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from skillport_sync.catalog.entry_source import relative_directory
from skillport_sync.catalog.json_fields import JsonFields

COMPONENT_FIELDS = ("skills", "commands", "agents", "hooks", "mcpServers", "outputStyles", "lspServers", "workflows")

_TEXTS = ("displayName", "license", "repository")
_OBJECTS = ("engines", "experimental", "metadata", "userConfig")
_WEB_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


@dataclass(frozen=True, slots=True)
class Declared:
    """What an entry and a plugin.json can both say of a plugin."""

    version: str | None = None
    description: str | None = None
    author: str | None = None
    keywords: tuple[str, ...] = ()
    skills: tuple[str, ...] | None = None
    """Directories relative to the plugin, ``""`` for the plugin itself. None: the field is not set."""


def read_declared(fields: JsonFields) -> Declared:
    """These fields of an entry or a plugin.json; what is wrong with them is remembered in ``fields``."""
    _check(fields)
    return Declared(
        version=fields.text("version"),
        description=fields.text("description"),
        author=_author(fields),
        keywords=fields.texts("keywords"),
        skills=_skills(fields),
    )


def _check(fields: JsonFields) -> None:
    """Complain of fields that nothing is taken from."""
    for field in _TEXTS:
        fields.text(field)
    for field in _OBJECTS:
        if not isinstance(fields.value.get(field), dict | None):
            fields.wrong(field, "an object")
    if not isinstance(fields.value.get("dependencies"), list | None):
        fields.wrong("dependencies", "a list")
    fields.flag("defaultEnabled", True)
    homepage = fields.text("homepage")
    if homepage is not None and not _WEB_ADDRESS.fullmatch(homepage):
        fields.wrong("homepage", "a URL")
    for field in COMPONENT_FIELDS:
        value = fields.value.get(field)
        written = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        if field == "mcpServers":  # a server may be elsewhere
            written = [path for path in written if not (isinstance(path, str) and _WEB_ADDRESS.fullmatch(path))]
        if field != "skills" and any(isinstance(path, str) and _is_no_path(path) for path in written):
            message = f'"{field}" must hold paths that begin with "./" and stay inside the plugin; Claude Code does not load it'
            fields.warn("component_path_invalid", (field,), message)


def _is_no_path(written: str) -> bool:
    return not written.startswith("./") or relative_directory(written) is None


def _author(fields: JsonFields) -> str | None:
    author = fields.value.get("author")
    if isinstance(author, dict):
        return fields.below(author, "author").text("name")
    if isinstance(author, str):
        fields.warn(
            "field_wrong_type", ("author",), '"author" must be an object with a name; Claude Code does not load it'
        )
        return author.strip() or None
    if author is not None:
        fields.wrong("author", "an object with a name")
    return None


def _skills(fields: JsonFields) -> tuple[str, ...] | None:
    value = fields.value.get("skills")
    if not isinstance(value, str | list):
        if value is not None:
            fields.wrong("skills", "a path or a list of paths")
        return None
    paths = (value,) if isinstance(value, str) else fields.texts("skills")
    directories: list[str] = []
    for written in paths:
        directory = relative_directory(written)
        if directory is None or not written:
            message = f"the skills path {written[:200]!r} must stay inside the plugin; it is ignored"
            fields.error("skills_path_invalid", ("skills",), message)
            continue
        if written != "." and not written.startswith("./"):
            message = (
                f'the skills path {written[:200]!r} should begin with "./"; Claude Code does not load it as it stands'
            )
            fields.warn("skills_path_invalid", ("skills",), message)
        directories.append(directory)
    return tuple(dict.fromkeys(directories))
