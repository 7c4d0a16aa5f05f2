"""Owns what marketplace.json and plugin.json say, checked entry by entry and field by field.

A field of the wrong type is reported and counts as not set; an entry that cannot be understood is reported and hides only
itself; only a file that is unreadable as a whole is refused. Formats: Claude Code's plugin marketplace reference
(https://code.claude.com/docs/en/plugin-marketplaces). Never looks at any other file.

Problem codes: json_fields', marketplace_name_missing, marketplace_owner_missing, plugin_root_invalid,
entry_not_object, entry_name_missing, entry_name_invalid, entry_source_missing, source_invalid, source_path_invalid,
surface_unknown, manifest_unreadable, manifest_name_missing, skills_path_invalid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.catalog.json_fields import JsonFields, remarks_of
from skillport_sync.catalog.model import PluginName, Remark, Severity, Surface
from skillport_sync.catalog.written_json import JsonText, NotJson, read_json

EXTERNAL_KINDS = frozenset({"github", "url", "git-subdir", "npm", "archive", "command"})
COMPONENT_FIELDS = ("skills", "commands", "agents", "hooks", "mcpServers", "outputStyles", "lspServers", "workflows")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?[^?]*@|\?.*", re.DOTALL)
_SURFACE_TAG = "surface:"


@dataclass(frozen=True, slots=True)
class RelativeSource:
    directory: str
    """Inside the marketplace repository, ``""`` for its root."""


@dataclass(frozen=True, slots=True)
class ExternalSource:
    kind: str
    """One of ``EXTERNAL_KINDS``."""
    location: str
    """Repository, URL without credentials, or package, for people. Empty where it says none."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What an entry and a plugin.json can both say of a plugin."""

    version: str | None = None
    description: str | None = None
    author: str | None = None
    keywords: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    """Directories relative to the plugin, ``""`` for the plugin itself. Empty: the field is not set."""


@dataclass(frozen=True, slots=True)
class MarketplaceEntry:
    name: PluginName
    source: RelativeSource | ExternalSource
    declared: Declared
    category: str | None
    tags: tuple[str, ...]
    surfaces: frozenset[Surface]
    strict: bool


@dataclass(frozen=True, slots=True)
class Marketplace:
    title: str
    entries: tuple[tuple[MarketplaceEntry, int], ...]
    """Each with the line it begins on, in the order of the file."""
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class PluginManifest:
    name: str | None
    declared: Declared
    declares_components: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The file as a whole says nothing. ``code`` tells bad JSON (``_invalid_json``) from JSON of another shape."""

    code: str
    message: str
    line: int | None


def read_marketplace(content: bytes) -> Marketplace | Unreadable:
    """marketplace.json, as far as it can be understood. Never raises."""
    document = read_json(content)
    if isinstance(document, NotJson):
        return Unreadable("marketplace_invalid_json", document.message, document.line)
    if not isinstance(document.value, dict):
        return Unreadable("marketplace_invalid", "must be a JSON object", document.locate(())[0])
    plugins = document.value.get("plugins")
    if not isinstance(plugins, list):
        return Unreadable("marketplace_invalid", '"plugins" must be a list', document.locate(("plugins",))[0])
    fields = JsonFields(document.value)
    title = fields.text("name")
    if not title:
        fields.warn("marketplace_name_missing", (), "the marketplace has no name; Claude Code refuses the whole file")
    if not isinstance(document.value.get("owner"), dict):
        fields.warn("marketplace_owner_missing", (), 'there is no "owner" object; Claude Code refuses the whole file')
    root = _plugin_root(fields)
    entries = [_entry(fields, index, value, root) for index, value in enumerate(plugins)]
    lines = document.lines([("plugins", index) for index in range(len(entries))])
    placed = tuple((entry, line) for entry, line in zip(entries, lines, strict=True) if entry is not None)
    return Marketplace(title or "", placed, remarks_of(document, fields))


def read_plugin_manifest(content: bytes) -> tuple[PluginManifest | None, tuple[Remark, ...]]:
    """plugin.json, as far as it can be understood; None where it says nothing. Never raises."""
    document = read_json(content)
    if isinstance(document, JsonText) and isinstance(document.value, dict):
        fields = JsonFields(document.value)
        name = fields.text("name")
        if not name:
            fields.warn("manifest_name_missing", (), "has no name; Claude Code does not load the plugin")
        manifest = PluginManifest(name, _declared(fields), any(field in document.value for field in COMPONENT_FIELDS))
        return manifest, remarks_of(document, fields)
    wrong = document if isinstance(document, NotJson) else NotJson("must be a JSON object", document.locate(())[0])
    message = f"{wrong.message}; it counts as empty, and Claude Code does not load the plugin"
    return None, (Remark("manifest_unreadable", Severity.ERROR, message, wrong.line),)


def relative_directory(written: str) -> str | None:
    """``./a//b/`` as ``a/b``, ``.`` as ``""``; None where the path leaves the directory it starts from."""
    if written.startswith("/") or "\\" in written or "\0" in written:
        return None
    parts = [part for part in written.split("/") if part not in ("", ".")]
    return None if ".." in parts else "/".join(parts)


def _plugin_root(fields: JsonFields) -> str | None:
    metadata = fields.value.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        fields.wrong("metadata", "an object")
        return None
    below = fields.below(metadata, "metadata")
    written = below.text("pluginRoot")
    if written is None:
        return None
    directory = relative_directory(written)
    if directory is None:
        message = f"pluginRoot {written[:200]!r} must be a directory of this repository"
        below.warn("plugin_root_invalid", ("pluginRoot",), message)
    return directory


def _entry(marketplace: JsonFields, index: int, value: object, root: str | None) -> MarketplaceEntry | None:
    if not isinstance(value, dict):
        message = "this plugin entry is not an object; it is left out"
        marketplace.error("entry_not_object", ("plugins", index), message)
        return None
    fields = marketplace.below(value, "plugins", index)
    name = value.get("name")
    if not isinstance(name, str) or not name:
        fields.error("entry_name_missing", ("name",), "this plugin has no name; it is left out")
        return None
    if not _NAME.fullmatch(name):
        message = (
            f"{name[:200]!r} cannot be a plugin's name (letters, digits, '.', '_', '-', at most 128); it is left out"
        )
        fields.error("entry_name_invalid", ("name",), message)
        return None
    source = _source(fields, name, value.get("source"), root)
    if source is None:
        return None
    tags = fields.texts("tags")
    return MarketplaceEntry(
        name=PluginName(name),
        source=source,
        declared=_declared(fields),
        category=fields.text("category"),
        tags=tags,
        surfaces=_surfaces(fields, tags),
        strict=fields.flag("strict", True),
    )


def _source(fields: JsonFields, name: str, value: object, root: str | None) -> RelativeSource | ExternalSource | None:
    if value is None:
        message = f'{name}: there is no "source"; the plugin is left out'
        fields.error("entry_source_missing", (), message)
        return None
    if isinstance(value, dict):
        kind = value.get("source")
        if isinstance(kind, str) and kind in EXTERNAL_KINDS:
            return ExternalSource(kind, _location(value))
        message = f"{name}: a source of this kind is unknown; the plugin is left out"
        fields.error("source_invalid", ("source",), message)
        return None
    if not isinstance(value, str):
        message = f"{name}: a source is a path or an object; the plugin is left out"
        fields.error("source_invalid", ("source",), message)
        return None
    directory: str | None = None
    if value == "." or value.startswith("./"):
        directory = relative_directory(value)
    elif root is not None and _NAME.fullmatch(value):
        directory = f"{root}/{value}" if root else value
    if directory is None:
        message = (
            f'{name}: the source {value[:200]!r} must begin with "./" and stay inside the repository'
            " (a bare name needs metadata.pluginRoot); the plugin is left out"
        )
        fields.error("source_path_invalid", ("source",), message)
        return None
    return RelativeSource(directory)


def _location(source: Mapping[str, object]) -> str:
    """What people recognise the source by. User names, tokens and query strings stay out: it ends up in messages and logs."""
    for key in ("repo", "url", "package"):
        written = source.get(key)
        if isinstance(written, str):
            return (_CREDENTIALS.sub(r"\1", written) if key == "url" else written)[:200]
    return ""


def _declared(fields: JsonFields) -> Declared:
    return Declared(
        version=fields.text("version"),
        description=fields.text("description"),
        author=_author(fields),
        keywords=fields.texts("keywords"),
        skills=_skills(fields),
    )


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


def _skills(fields: JsonFields) -> tuple[str, ...]:
    value = fields.value.get("skills")
    if value is None:
        return ()
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


def _surfaces(fields: JsonFields, tags: tuple[str, ...]) -> frozenset[Surface]:
    surfaces: set[Surface] = set()
    for tag in tags:
        if not tag.startswith(_SURFACE_TAG):
            continue
        try:
            surfaces.add(Surface(tag.removeprefix(_SURFACE_TAG)))
        except ValueError:
            message = f"{tag[:80]!r} is no surface: there are CC, CD, CAI, CDAI and CALL; the tag is ignored"
            fields.warn("surface_unknown", ("tags",), message)
    return frozenset(surfaces)
