"""Owns the skill ``skillport``: it teaches Claude to find, install, update, write and manage skills through this service.

A marketplace that ``init-marketplace`` writes has it as a plugin of its own. Where a marketplace has no plugin of this name, the
service offers these same bytes. Never knows an address: the tool tells it, so the skill is the same everywhere.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.git.listing import tree_ids
from skillport_sync.git.objects import Mode, TreeId, blob_id
from skillport_sync.ports import MarketplaceName
from skillport_sync.template.shipped import TemplateFile, shipped

OWN_MARKETPLACE: Final = MarketplaceName("skillport-sync")
"""Where it is from, where the service itself offers it."""
OWN_PLUGIN: Final = "skillport"
OWN_SKILL: Final = "skillport"
_SKILL_FOLDER: Final = f"skills/{OWN_SKILL}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSkill:
    """The skill that comes with the service, and the plugin around it. Paths are sorted; nothing in it is a link."""

    plugin: str
    name: str
    version: str
    description: str
    """The skill's, as its frontmatter says it: one line."""
    files: Mapping[str, TemplateFile]
    """The skill's files by their path inside its directory: ``SKILL.md``, ``references/rest.md``."""
    revision: TreeId
    """The git tree id of the skill's directory, as ``catalog.Skill.revision`` is for any other."""
    plugin_files: Mapping[str, TemplateFile]
    """The whole plugin by path inside the plugin's directory: ``.claude-plugin/plugin.json``, ``skills/skillport/SKILL.md``."""
    plugin_revision: TreeId
    entry: Mapping[str, object]
    """What marketplace.json says of the plugin, without ``source``."""


@functools.cache
def own_skill() -> OwnSkill:
    """The skill, read once."""
    plugin_files = {path: TemplateFile(content, False) for path, content in sorted(shipped(OWN_PLUGIN).items())}
    files = {
        path.removeprefix(_SKILL_FOLDER): file for path, file in plugin_files.items() if path.startswith(_SKILL_FOLDER)
    }
    manifest = json.loads(plugin_files[".claude-plugin/plugin.json"].content)
    return OwnSkill(
        plugin=OWN_PLUGIN,
        name=OWN_SKILL,
        version=manifest["version"],
        description=str(read_frontmatter(files["SKILL.md"].content).values["description"]),
        files=MappingProxyType(files),
        revision=_revision(files),
        plugin_files=MappingProxyType(plugin_files),
        plugin_revision=_revision(plugin_files),
        entry=MappingProxyType(
            {
                "name": OWN_PLUGIN,
                "description": manifest["description"],
                "category": "productivity",
                "keywords": list(manifest["keywords"]),
                "tags": ["surface:CALL"],
            }
        ),
    )


def _revision(files: Mapping[str, TemplateFile]) -> TreeId:
    leaves = {
        path.encode(): (Mode.EXECUTABLE if file.executable else Mode.FILE, blob_id(file.content))
        for path, file in files.items()
    }
    return tree_ids(leaves)[b""]
