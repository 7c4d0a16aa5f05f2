"""Owns making a skill, and changing files of one."""

from __future__ import annotations

from collections.abc import Mapping

from skillport_sync.catalog.change import manifests
from skillport_sync.catalog.change.present import Present, join
from skillport_sync.catalog.change.skill_files import (
    SKILL_MD,
    edit_of,
    placed,
    too_much,
    why_not_named,
    why_not_written,
)
from skillport_sync.catalog.change.wishes import ChangeRefused, Planned, Room, Save
from skillport_sync.catalog.entry_source import relative_directory
from skillport_sync.catalog.model import OWN_SOURCE, Plugin, Skill
from skillport_sync.catalog.names import is_plugin_name
from skillport_sync.git.edit import FileEdit, Put
from skillport_sync.git.paths import RepoPath


def save(present: Present, wish: Save, target: Skill | None, author: str, room: Room) -> Planned | ChangeRefused:
    """The edits that make the files of the skill as they are wished. ``author`` is who is named in a new plugin."""
    if target is None:
        return _create(present, wish, author, room)
    if wish.group is not None and wish.group != target.plugin.name:
        return ChangeRefused("name_taken", f"the skill {target.name} is in the plugin {target.plugin.name}")
    edits = _edits(present, wish, target.directory, target, target.name, room)
    if isinstance(edits, ChangeRefused):
        return edits
    if wish.plugin_metadata:
        changes = manifests.metadata_changes(wish.plugin_metadata)
        if isinstance(changes, ChangeRefused):
            return changes
        manifest = manifests.of_plugin(present, target.plugin, changes)
        if isinstance(manifest, ChangeRefused):
            return manifest
        edits += [manifest] if manifest is not None else []
    count = "1 file" if len(edits) == 1 else f"{len(edits)} files"
    return Planned(tuple(edits), target.plugin.name, target.name, f"Change {target.label}: {count}")


def _create(present: Present, wish: Save, author: str, room: Room) -> Planned | ChangeRefused:
    wrong = why_not_named(wish.skill)
    if wrong is not None:
        return ChangeRefused("skill_name_invalid", f"{wish.skill[:80]!r}: {wrong}")
    taken = next(
        (skill for skill in (*present.catalog.skills, *present.catalog.withheld) if skill.name == wish.skill), None
    )
    if taken is not None:
        return ChangeRefused("name_taken", f"there is a skill of this name in the plugin {taken.plugin.name}")
    group = wish.group or wish.skill
    plugin = present.plugin(group)
    if plugin is None:
        return _create_with_plugin(present, wish, group, author, room)
    place = _place_in(present, plugin, wish.skill)
    if isinstance(place, ChangeRefused):
        return place
    directory, more = place
    edits = _edits(present, wish, directory, None, wish.skill, room)
    if isinstance(edits, ChangeRefused):
        return edits
    if wish.plugin_metadata:
        changes = manifests.metadata_changes(wish.plugin_metadata)
        if isinstance(changes, ChangeRefused):
            return changes
        manifest = manifests.of_plugin(present, plugin, changes)
        if isinstance(manifest, ChangeRefused):
            return manifest
        more += [manifest] if manifest is not None else []
    return Planned((*edits, *more), group, wish.skill, f"Add {group}/{wish.skill}", is_new_skill=True)


def _create_with_plugin(present: Present, wish: Save, group: str, author: str, room: Room) -> Planned | ChangeRefused:
    wrong = why_not_named(group)
    if wrong is not None or not is_plugin_name(group):
        return ChangeRefused("plugin_name_invalid", f"{group[:80]!r}: {wrong or 'no plugin can be called so'}")
    if present.entry_of(group) is not None or group in present.catalog.renames:
        return ChangeRefused("name_taken", f"marketplace.json has something else called {group}")
    root = join(present.plugin_root, group)
    if present.exists(root):
        return ChangeRefused("name_taken", "is there already, and is no plugin", root)
    directory = join(root, f"skills/{wish.skill}")
    edits = _edits(present, wish, directory, None, wish.skill, room)
    if isinstance(edits, ChangeRefused):
        return edits
    metadata: Mapping[str, object] = wish.plugin_metadata or {}
    manifest = manifests.new_plugin_json(root, group, metadata, author)
    if isinstance(manifest, ChangeRefused):
        return manifest
    return Planned(
        (*edits, manifest),
        group,
        wish.skill,
        f"Add {group}/{wish.skill}",
        is_new_skill=True,
        is_new_plugin=True,
        new_version=manifests.FIRST_VERSION,
    )


def _place_in(present: Present, plugin: Plugin, name: str) -> tuple[str, list[FileEdit]] | ChangeRefused:
    """The directory of a new skill in a plugin that there is, and what else has to change for it to be found there."""
    if plugin.source != OWN_SOURCE:
        return elsewhere(plugin)
    if any(skill.directory == plugin.directory for skill in present.skills_of(plugin)):
        message = f"the plugin {plugin.name} is one skill, in its own directory: a second one would hide it"
        return ChangeRefused("plugin_is_one_skill", message, plugin.directory)
    directory = join(plugin.directory, f"skills/{name}")
    if present.exists(directory):
        return ChangeRefused("name_taken", "is there already, and is no skill", directory)
    at = present.entry_of(plugin.name)
    listed = present.entry(at).get("skills") if at is not None else None
    if plugin.directory or at is None or not isinstance(listed, str | list):
        return directory, []
    # Where the plugin is the whole repository, only what its entry lists counts.
    # https://code.claude.com/docs/en/plugins-reference
    paths = [listed] if isinstance(listed, str) else list(listed)
    if any(isinstance(path, str) and relative_directory(path) == "skills" for path in paths):
        return directory, []
    setting = manifests.setting(("plugins", at, "skills"), [*paths, f"./{directory}"])
    manifest = manifests.of_marketplace(present, [setting])
    return directory, [manifest] if manifest is not None else []


def _edits(
    present: Present, wish: Save, directory: str, target: Skill | None, name: str, room: Room
) -> list[FileEdit] | ChangeRefused:
    """The edits of the skill's own files."""
    if target is not None and target.plugin.source != OWN_SOURCE:
        return elsewhere(target.plugin)
    if not wish.files:
        return ChangeRefused("nothing_to_save", "send at least one file")
    sizes = _sizes(present, target)
    before = sum(sizes.values())
    edits: dict[RepoPath, FileEdit] = {}
    for file in wish.files:
        path = placed(present, directory, target, file)
        if isinstance(path, ChangeRefused):
            return path
        if path in edits:
            return ChangeRefused("path_twice", "is sent twice", path)
        edit = edit_of(path, file, room, allow_secrets=wish.allow_secrets)
        if isinstance(edit, ChangeRefused):
            return edit
        edits[path] = edit
        if isinstance(edit, Put):
            sizes[path] = len(edit.content)
        else:
            sizes.pop(path, None)
    path = target.skill_md if target is not None else RepoPath(join(directory, SKILL_MD))
    if target is not None and target.linked is not None:
        path = target.linked.files[target.skill_md.rpartition("/")[2]]
    skill_md = edits.get(path)
    if target is None and not isinstance(skill_md, Put):
        return ChangeRefused("skill_md_missing", f"a new skill needs a {SKILL_MD}", path)
    if isinstance(skill_md, Put):
        wrong = why_not_written(skill_md.content, path, name)
        if wrong is not None:
            return wrong
    return too_much(present, sizes, before, room) or list(edits.values())


def _sizes(present: Present, target: Skill | None) -> dict[RepoPath, int]:
    """The sizes of the files that the skill has."""
    if target is None:
        return {}
    paths = target.linked.files.values() if target.linked is not None else present.below(target.directory)
    return {path: present.own.files[path].size_bytes for path in paths if path in present.own.files}


def elsewhere(plugin: Plugin) -> ChangeRefused:
    """Why nothing of a plugin of another repository is changed here."""
    message = f"the plugin {plugin.name} comes from {str(plugin.source).partition('@')[0]}: change it there"
    return ChangeRefused("plugin_elsewhere", message)
