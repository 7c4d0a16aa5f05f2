"""Owns what changes in a plugin.json and in an entry of marketplace.json where a plugin is offered as an archive. Pure.

A whole plugin keeps both as they are written, but for the version and the source. Of one that is not whole only what describes it
stays, and the skills that are there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from skillport_sync.catalog.json_edit import set_value
from skillport_sync.catalog.written_json import JsonText, read_json

Json = Mapping[str, object]

OF_ANOTHER_ARCHIVE: Final = frozenset({"headers", "headersHelper"})
"""Fields of an entry about how its archive is fetched (2.1.224+): ours is fetched with the marketplace's own headers."""

_DESCRIBING: Final = ("name", "displayName", "version", "description", "author", "homepage", "repository", "license")
_OF_MANIFEST: Final = frozenset({*_DESCRIBING, "keywords", "metadata"})
_OF_ENTRY: Final = frozenset({*_OF_MANIFEST, "category", "tags", "defaultEnabled"})
_PART: Final = "Only the skills that you may read: commands, agents, hooks and servers of this plugin are not included."


def version_of(manifest: bytes | None, entry: Json) -> str | None:
    """The version that Claude Code goes by: plugin.json's, else the entry's."""
    said = None if manifest is None else _object(manifest).get("version")
    version = said if isinstance(said, str) and said.strip() else entry.get("version")
    return version if isinstance(version, str) and version.strip() else None


def with_version(manifest: bytes, version: str) -> bytes:
    """plugin.json with this version where it has one; every other byte stays. What cannot be read stays as it is."""
    said = _object(manifest).get("version")
    if not isinstance(said, str) or not said.strip():
        return manifest
    return set_value(manifest.decode(), ("version",), version).encode()


def reduced(manifest: bytes, skills: Sequence[str], version: str | None) -> bytes:
    """A plugin.json that describes the plugin, and loads nothing but these directories of it."""
    written = _object(manifest)
    kept = {name: value for name, value in written.items() if name in _OF_MANIFEST}
    if "version" in kept and version is not None:
        kept["version"] = version
    return json.dumps({**kept, **_skills(skills)}, ensure_ascii=False, indent=2).encode() + b"\n"


def entry_of(
    written: Json, source: Json, version: str | None, *, parts: Sequence[str] | None, has_manifest: bool, lacking: bool
) -> dict[str, object]:
    """The entry of an archive at ``source``. ``parts`` are the directories of its skills where that is all there is; None: it is
    whole. What is missing is said in ``metadata``, where strict validation bears a name of our own (measured, 2.1.329)."""
    kept = OF_ANOTHER_ARCHIVE if parts is None else written.keys() - _OF_ENTRY
    entry: dict[str, object] = {name: value for name, value in written.items() if name not in kept}
    entry["source"] = source
    if version is not None:
        entry["version"] = version
    if parts is not None:
        described = written.get("description")
        entry["description"] = f"{described.strip()} ({_PART})" if isinstance(described, str) else _PART
        # plugin.json and an entry with components do not go together where the entry is not strict (measured, 2.1.329).
        entry.update({} if has_manifest else _skills(parts))
    told = {**({"partial": True} if parts is not None else {}), **({"incomplete": True} if lacking else {})}
    metadata = entry.get("metadata", {})
    if told and isinstance(metadata, dict):
        entry["metadata"] = {**metadata, "skillport": told}
    return entry


def _skills(directories: Iterable[str]) -> dict[str, object]:
    """The field ``skills``, as far as Claude Code does not find them by itself: directly in ``skills``, or, where there is no
    other, in the plugin's own directory."""
    every = sorted(directories)
    listed = [one for one in every if not (one.startswith("skills/") and one.count("/") == 1)]
    return {} if not listed or every == [""] else {"skills": [f"./{one}" for one in listed]}


def _object(content: bytes) -> Json:
    document = read_json(content)
    return document.value if isinstance(document, JsonText) and isinstance(document.value, dict) else {}
