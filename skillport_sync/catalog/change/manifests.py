"""Owns what a change writes into marketplace.json and plugin.json: single values, everything else as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from skillport_sync.catalog import json_edit
from skillport_sync.catalog.change.present import PLUGIN_JSON, Present, join, text_of
from skillport_sync.catalog.change.wishes import ChangeRefused
from skillport_sync.catalog.entry_source import relative_directory
from skillport_sync.catalog.model import Plugin, Skill
from skillport_sync.catalog.written_json import JsonPath, JsonText
from skillport_sync.git.edit import Put
from skillport_sync.git.paths import RepoPath

FIRST_VERSION = "1.0.0"
DEFAULT_LICENSE = "MIT"
_METADATA = ("description", "keywords", "author", "license")

Change = Callable[[str], str]
"""A JSON text, changed."""


def setting(path: JsonPath, value: object) -> Change:
    return lambda text: json_edit.set_value(text, path, value)


def removing(path: JsonPath) -> Change:
    return lambda text: json_edit.remove(text, path)


def of_marketplace(present: Present, changes: Sequence[Change]) -> Put | None:
    """marketplace.json, which can be read, with these changes; None where they change nothing."""
    path = present.marketplace_path
    assert path is not None
    return _changed(path, present.content(path) or b"", changes)


def of_plugin(present: Present, plugin: Plugin, changes: Sequence[Change]) -> Put | ChangeRefused | None:
    """A plugin's plugin.json with these changes; None where they change nothing."""
    found = present.manifest(plugin)
    if found is None:
        return ChangeRefused("manifest_missing", f"the plugin {plugin.name} has no {PLUGIN_JSON}", plugin.directory)
    path, document = found
    if document is None or not isinstance(document.value, dict):
        return ChangeRefused("manifest_unreadable", "cannot be read, so it is not changed: mend it first", path)
    return _changed(path, present.content(path) or b"", changes)


def _changed(path: RepoPath, content: bytes, changes: Sequence[Change]) -> Put | None:
    text = text_of(content)
    for change in changes:
        text = change(text)
    changed = text.encode()
    return None if changed == content else Put(path, changed)


def new_plugin_json(directory: str, name: str, metadata: Mapping[str, object], author: str) -> Put | ChangeRefused:
    """The plugin.json of a new plugin."""
    wrong = why_not_metadata(metadata)
    if wrong is not None:
        return wrong
    description = metadata.get("description")
    if not isinstance(description, str) or not description.strip():
        return ChangeRefused(
            "plugin_description_missing",
            f"the plugin {name} is new: send plugin_metadata with a description",
        )
    manifest: dict[str, object] = {
        "name": name,
        "version": FIRST_VERSION,
        "description": description.strip(),
        "author": author_of(metadata.get("author", author)),
        "license": metadata.get("license", DEFAULT_LICENSE),
        **({"keywords": metadata["keywords"]} if metadata.get("keywords") else {}),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    return Put(RepoPath(join(directory, PLUGIN_JSON)), text.encode())


def metadata_changes(metadata: Mapping[str, object]) -> list[Change] | ChangeRefused:
    """What of plugin.json this metadata sets."""
    wrong = why_not_metadata(metadata)
    if wrong is not None:
        return wrong
    values = {name: metadata[name] for name in _METADATA if metadata.get(name) is not None}
    if "author" in values:
        values["author"] = author_of(values["author"])
    return [setting((name,), value) for name, value in values.items()]


def author_of(written: object) -> dict[str, object]:
    """An author as plugin.json has to say it: Claude Code does not load a plugin whose author is a mere text."""
    return dict(written) if isinstance(written, Mapping) else {"name": str(written)}


def why_not_metadata(metadata: Mapping[str, object]) -> ChangeRefused | None:
    """What is wrong with the types of this metadata."""
    expected: dict[str, str] = {}
    for name, value in metadata.items():
        if name not in _METADATA:
            expected[name] = f"is unknown: {', '.join(_METADATA)} are known"
        elif value is None:
            continue
        elif name == "keywords":
            if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
                expected[name] = "must be a list of texts"
        elif name == "author":
            named = value.get("name") if isinstance(value, Mapping) else value
            if not isinstance(named, str) or not named.strip():
                expected[name] = "must be a name, or an object with one"
        elif not isinstance(value, str):
            expected[name] = "must be text"
    if not expected:
        return None
    name, what = next(iter(expected.items()))
    return ChangeRefused("plugin_metadata_invalid", f"plugin_metadata: {name} {what}")


def version_in(document: JsonText | None) -> str | None:
    """The version that a plugin.json sets."""
    value = document.value if document is not None else None
    version = value.get("version") if isinstance(value, dict) else None
    return version if isinstance(version, str) and version else None


def means(written: str, plugin: Plugin, skill: Skill) -> bool:
    """Whether a path in a plugin's ``skills`` is this skill's directory."""
    relative = relative_directory(written)
    return relative is not None and join(plugin.directory, relative) == skill.directory
