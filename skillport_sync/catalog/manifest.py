"""Owns what marketplace.json and plugin.json say, checked entry by entry and field by field.

A field of the wrong type is reported and counts as not set; an entry that cannot be understood is reported and hides only
itself; only a file that is unreadable as a whole is refused. Formats: Claude Code's plugin marketplace reference
(https://code.claude.com/docs/en/plugin-marketplaces). Never looks at any other file.

Problem codes: json_fields', entry_source's, declared's, names', renames', marketplace_owner_missing, plugin_root_invalid,
entry_not_object, entry_name_missing, entry_name_invalid, surface_unknown, manifest_unreadable, manifest_name_missing,
manifest_name_invalid.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from skillport_sync.catalog.declared import COMPONENT_FIELDS, Declared, read_declared
from skillport_sync.catalog.entry_source import ExternalSource, RelativeSource, read_source, relative_directory
from skillport_sync.catalog.json_fields import JsonFields, remarks_of
from skillport_sync.catalog.model import PluginName, Remark, Severity, Surface
from skillport_sync.catalog.names import is_plugin_name, remarks_on_marketplace, remarks_on_plugin
from skillport_sync.catalog.renames import Renames, read_renames
from skillport_sync.catalog.written_json import JsonText, NotJson, read_json

PLUGINS_DIRECTORY = "plugins"
"""Where plugins are looked for that no entry names, unless metadata.pluginRoot says otherwise."""

_SURFACE_TAG = "surface:"


@dataclass(frozen=True, slots=True)
class MarketplaceEntry:
    name: PluginName
    source: RelativeSource | ExternalSource
    declared: Declared
    category: str | None
    tags: tuple[str, ...]
    surfaces: frozenset[Surface]
    strict: bool
    components: tuple[str, ...] = ()
    """The fields it has that list commands, skills and the like."""


@dataclass(frozen=True, slots=True)
class Marketplace:
    title: str
    entries: tuple[tuple[MarketplaceEntry, int], ...]
    """Each with the line it begins on, in the order of the file."""
    remarks: tuple[Remark, ...]
    renames: Renames = field(default_factory=dict)
    plugin_root: str = PLUGINS_DIRECTORY
    claimed: frozenset[str] = frozenset()
    """The directories of this repository that entries name as their source, also those of entries that are left out."""


@dataclass(frozen=True, slots=True)
class PluginManifest:
    name: str | None
    declared: Declared
    components: tuple[str, ...]
    """The fields it has that list commands, skills and the like."""
    document: JsonText = field(repr=False)

    def line_of(self, field: str) -> int:
        """Where this field is set."""
        return self.document.locate((field,))[0]


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
    title = fields.text("name") or ""
    for remark in remarks_on_marketplace(title):
        fields.remark(("name",) if title else (), remark)
    owner = document.value.get("owner")
    if not isinstance(owner, dict) or not isinstance(owner.get("name"), str) or not owner["name"]:
        message = 'there is no "owner" object with a name; Claude Code refuses the whole file'
        fields.warn("marketplace_owner_missing", ("owner",) if "owner" in document.value else (), message)
    root = _plugin_root(fields)
    renames = read_renames(fields)
    claimed: set[str] = set()
    entries = [_entry(fields, index, value, root, claimed) for index, value in enumerate(plugins)]
    lines = document.lines([("plugins", index) for index in range(len(entries))])
    return Marketplace(
        title=title,
        entries=tuple((entry, line) for entry, line in zip(entries, lines, strict=True) if entry is not None),
        remarks=remarks_of(document, fields),
        renames=renames,
        plugin_root=PLUGINS_DIRECTORY if root is None else root,
        claimed=frozenset(claimed),
    )


def read_plugin_manifest(content: bytes) -> tuple[PluginManifest | None, tuple[Remark, ...]]:
    """plugin.json, as far as it can be understood; None where it says nothing. Never raises."""
    document = read_json(content)
    if isinstance(document, JsonText) and isinstance(document.value, dict):
        fields = JsonFields(document.value)
        name = fields.text("name")
        if not name:
            fields.warn("manifest_name_missing", (), "has no name; Claude Code does not load the plugin")
        elif not is_plugin_name(name):
            message = f"{name[:80]!r} cannot be a plugin's name; Claude Code does not load the plugin"
            fields.warn("manifest_name_invalid", ("name",), message)
        components = tuple(field for field in COMPONENT_FIELDS if field in document.value)
        return PluginManifest(name, read_declared(fields), components, document), remarks_of(document, fields)
    wrong = document if isinstance(document, NotJson) else NotJson("must be a JSON object", document.locate(())[0])
    message = f"{wrong.message}; it counts as empty, and Claude Code does not load the plugin"
    return None, (Remark("manifest_unreadable", Severity.ERROR, message, wrong.line),)


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


def _entry(
    marketplace: JsonFields, index: int, value: object, root: str | None, claimed: set[str]
) -> MarketplaceEntry | None:
    if not isinstance(value, dict):
        message = "this plugin entry is not an object; it is left out"
        marketplace.error("entry_not_object", ("plugins", index), message)
        return None
    fields = marketplace.below(value, "plugins", index)
    name = value.get("name")
    if not isinstance(name, str) or not name:
        fields.error("entry_name_missing", ("name",), "this plugin has no name; it is left out")
        name = None
    elif not is_plugin_name(name):
        message = (
            f"{name[:200]!r} cannot be a plugin's name (letters, digits, '.', '_', '-', at most 128); it is left out"
        )
        fields.error("entry_name_invalid", ("name",), message)
        name = None
    if name is None:
        source = read_source(JsonFields(value), "", value.get("source"), root)  # its complaints would be one too many
    else:
        source = read_source(fields, name, value.get("source"), root)
    if isinstance(source, RelativeSource):
        claimed.add(source.directory)
    if name is None or source is None:
        return None
    for remark in remarks_on_plugin(name):
        fields.remark(("name",), remark)
    tags = fields.texts("tags")
    return MarketplaceEntry(
        name=PluginName(name),
        source=source,
        declared=read_declared(fields),
        category=fields.text("category"),
        tags=tags,
        surfaces=_surfaces(fields, tags),
        strict=fields.flag("strict", True),
        components=tuple(component for component in COMPONENT_FIELDS if component in value),
    )


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
