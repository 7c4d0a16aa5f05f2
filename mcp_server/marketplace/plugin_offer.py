"""Owns what a plugin is offered as: the members of its archive, its version, and its entry in the catalog. Pure.

What is offered depends on nothing but the plugin's files, its entry and how much of it somebody may have: two people who may have
the same are offered the same archive.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from mcp_server.archives.layout import Layout, Member, layout
from mcp_server.marketplace.manifests import entry_of, reduced, version_of, with_version
from mcp_server.marketplace.versions import marked
from skillport_sync.catalog.plugin_files import PLUGIN_MANIFEST
from skillport_sync.queries.plugins import PluginShelf
from skillport_sync.template.own_skill import OwnSkill

_FORM = b"1\n"
"""Raised whenever the same files would be offered as others, so that whoever has them is offered the new ones."""


@dataclass(frozen=True, slots=True)
class PluginOffer:
    """A plugin as an archive. ``entry`` lacks nothing but the archive's address and digest."""

    name: str
    layout: Layout
    entry: Mapping[str, object]
    """Without ``source``."""

    def entry_at(self, url: str, sha256: str) -> dict[str, object]:
        """The entry of the catalog, fields in the order in which they were written."""
        return {**self.entry, "source": {"source": "archive", "url": url, "sha256": sha256}}


def offer(shelf: PluginShelf, manifest: bytes | None) -> PluginOffer:
    """What this shelf is offered as. ``manifest`` is its plugin.json, None where it has none."""
    written = shelf.ground.entry
    version = marked(version_of(manifest, written), _digest(shelf))
    directories = _directories(shelf)
    parts = None if shelf.is_whole else directories
    rewritten: dict[str, bytes] = {}
    if manifest is not None:
        said = manifest if version is None else with_version(manifest, version)
        rewritten[PLUGIN_MANIFEST] = said if parts is None else reduced(manifest, parts, version)
    members = [Member(path, file.mode.is_executable, rewritten.get(path, file.oid)) for path, file in shelf.files]
    entry = entry_of(
        written, {}, version, parts=parts, has_manifest=manifest is not None, lacking=shelf.ground.is_lacking
    )
    return PluginOffer(shelf.ground.name, layout("zip", members), entry)


def offer_own(own: OwnSkill) -> PluginOffer:
    """The plugin that comes with the service."""
    files = dict(own.plugin_files)
    manifest = files.pop(PLUGIN_MANIFEST).content
    version = marked(own.version, own.plugin_revision)
    assert version is not None
    members = [Member(path, file.executable, file.content) for path, file in files.items()]
    members.append(Member(PLUGIN_MANIFEST, executable=False, content=with_version(manifest, version)))
    return PluginOffer(own.plugin, layout("zip", members), {**own.entry, "source": {}, "version": version})


def _directories(shelf: PluginShelf) -> tuple[str, ...]:
    """The directories of the skills, inside the plugin."""
    return tuple(skill.directory[len(skill.plugin.directory) :].lstrip("/") for skill in shelf.skills)


def _digest(shelf: PluginShelf) -> str:
    """Stands for everything that Claude Code makes of the plugin: files, executable or not, and what the entry says of it."""
    digest = hashlib.sha256(_FORM)
    digest.update(b"whole\n" if shelf.is_whole else b"part\n")
    digest.update(json.dumps(shelf.ground.entry, sort_keys=True).encode() + b"\n")
    for path, file in shelf.files:
        digest.update(f"{'x' if file.mode.is_executable else '-'} {file.oid} {path}\n".encode())
    return digest.hexdigest()
