"""Owns giving a skill another name: its directory, its frontmatter, whatever lists it; and its plugin's where they have one name.

A plugin's former name stays known in ``renames``, so that whoever installed it is told: https://code.claude.com/docs/en/plugin-marketplaces
"""

from __future__ import annotations

import re

from skillport_sync.catalog.change import manifests
from skillport_sync.catalog.change.present import Present, join
from skillport_sync.catalog.change.saving import elsewhere
from skillport_sync.catalog.change.skill_files import why_not_named, why_not_written
from skillport_sync.catalog.change.wishes import ChangeRefused, Planned
from skillport_sync.catalog.model import OWN_SOURCE, Plugin, Skill
from skillport_sync.catalog.skill_files import is_in
from skillport_sync.git.edit import FileEdit, Put, Remove
from skillport_sync.git.paths import RepoPath

_NAME = re.compile(rb"^name:[ \t]*[^\r\n]*", re.MULTILINE)


def rename(present: Present, target: Skill, to: str) -> Planned | ChangeRefused:
    """The edits after which the skill is called ``to``."""
    plugin = target.plugin
    wrong = _why_not(present, target, to)
    if wrong is not None:
        return wrong
    others = [skill for skill in present.skills() if skill is not target]
    with_plugin = plugin.name == target.name and not any(skill.plugin.name == plugin.name for skill in others)
    if with_plugin:
        refused = _why_not_plugin(present, plugin, to)
        if refused is not None:
            return refused
    moved = _moved(present, target, to, others)
    if isinstance(moved, ChangeRefused):
        return moved
    directory, edits = moved
    listed = _listed(present, plugin, target, directory, to if with_plugin else None)
    named = to if with_plugin else str(plugin.name)
    return Planned(
        (*edits, *listed),
        named,
        to,
        f"Rename {target.label} to {named}/{to}",
        renamed_from=target.name,
    )


def _why_not(present: Present, target: Skill, to: str) -> ChangeRefused | None:
    if target.plugin.source != OWN_SOURCE:
        return elsewhere(target.plugin)
    if target.linked is not None:
        message = f"{target.label} is reached through symbolic links: rename it in the repository"
        return ChangeRefused("skill_is_linked", message, target.directory)
    wrong = why_not_named(to)
    if wrong is not None:
        return ChangeRefused("skill_name_invalid", f"{to[:80]!r}: {wrong}")
    if to == target.name:
        return ChangeRefused("nothing_changed", f"it is called {to} already")
    taken = next((skill for skill in (*present.catalog.skills, *present.catalog.withheld) if skill.name == to), None)
    if taken is not None:
        return ChangeRefused("name_taken", f"there is a skill of this name in the plugin {taken.plugin.name}")
    return None


def _why_not_plugin(present: Present, plugin: Plugin, to: str) -> ChangeRefused | None:
    if present.plugin(to) is not None or present.entry_of(to) is not None or to in present.catalog.renames:
        return ChangeRefused("name_taken", f"there is, or was, a plugin called {to}")
    if present.entry_of(plugin.name) is None:
        message = (
            f"the plugin {plugin.name} is not published, so nothing would remember its former name: publish it first"
        )
        return ChangeRefused("not_published", message, plugin.directory)
    return None


def _moved(present: Present, target: Skill, to: str, others: list[Skill]) -> tuple[str, list[FileEdit]] | ChangeRefused:
    """The skill's files in a directory of its new name, SKILL.md saying it; the directory stays where it is the plugin's own."""
    content = present.content(target.skill_md)
    if content is None:
        return ChangeRefused("skill_md_not_held", "its content is not at hand", target.skill_md)
    skill_md = _NAME.sub(f"name: {to}".encode(), content, count=1)
    wrong = why_not_written(skill_md, target.skill_md, to)
    if wrong is not None:
        return wrong
    if target.directory in ("", target.plugin.directory):
        return target.directory, [Put(target.skill_md, skill_md)]
    directory = join(target.directory.rpartition("/")[0], to)
    if present.exists(directory):
        return ChangeRefused("name_taken", "is there already", directory)
    inside = next((skill for skill in others if is_in(skill.real_directory, target.directory)), None)
    if inside is not None:
        message = f"the skill {inside.label} is inside: move that one first"
        return ChangeRefused("skill_has_skills_inside", message, target.directory)
    edits: list[FileEdit] = []
    for path in present.below(target.directory):
        moved = RepoPath(directory + path[len(target.directory) :])
        there = present.content(path)
        if there is None:
            return ChangeRefused("file_not_movable", "is a link or a submodule, or too large to be held", path)
        kept = skill_md if path == target.skill_md else there
        edits += [Remove(path), Put(moved, kept, present.own.files[path].mode.is_executable)]
    return directory, edits


def _listed(present: Present, plugin: Plugin, target: Skill, directory: str, plugin_name: str | None) -> list[FileEdit]:
    """marketplace.json and plugin.json with the new directory where they listed the old one, and the plugin's new name."""
    edits: list[FileEdit] = []
    at = present.entry_of(plugin.name)
    if at is not None:
        changes = _relisted(present.entry(at).get("skills"), plugin, target, directory, ("plugins", at, "skills"))
        if plugin_name is not None:
            changes.append(manifests.setting(("plugins", at, "name"), plugin_name))
            changes += _remembered(present, plugin, plugin_name)
        marketplace = manifests.of_marketplace(present, changes)
        edits += [marketplace] if marketplace is not None else []
    found = present.manifest(plugin)
    value = found[1].value if found is not None and found[1] is not None else None
    if isinstance(value, dict):
        changes = _relisted(value.get("skills"), plugin, target, directory, ("skills",))
        if plugin_name is not None:
            changes.append(manifests.setting(("name",), plugin_name))
        manifest = manifests.of_plugin(present, plugin, changes) if changes else None
        assert not isinstance(manifest, ChangeRefused)  # it was read above
        edits += [manifest] if manifest is not None else []
    return edits


def _remembered(present: Present, plugin: Plugin, to: str) -> list[manifests.Change]:
    """``renames`` with one more."""
    marketplace = present.marketplace
    value = marketplace.value if not isinstance(marketplace, ChangeRefused) else None
    has_some = isinstance(value, dict) and isinstance(value.get("renames"), dict)
    if has_some:
        return [manifests.setting(("renames", str(plugin.name)), to)]
    return [manifests.setting(("renames",), {str(plugin.name): to})]


def _relisted(
    listed: object, plugin: Plugin, target: Skill, directory: str, path: tuple[str | int, ...]
) -> list[manifests.Change]:
    prefix = f"{plugin.directory}/" if plugin.directory else ""
    written = f"./{directory.removeprefix(prefix)}"
    if isinstance(listed, str):
        return [manifests.setting(path, written)] if manifests.means(listed, plugin, target) else []
    if not isinstance(listed, list):
        return []
    return [
        manifests.setting((*path, at), written)
        for at, one in enumerate(listed)
        if isinstance(one, str) and manifests.means(one, plugin, target)
    ]
