"""Owns taking a skill away: its files, what lists it, and its plugin where it is the last."""

from __future__ import annotations

from skillport_sync.catalog.change import manifests
from skillport_sync.catalog.change.present import Present
from skillport_sync.catalog.change.saving import elsewhere
from skillport_sync.catalog.change.wishes import ChangeRefused, Planned
from skillport_sync.catalog.model import OWN_SOURCE, Plugin, Skill
from skillport_sync.catalog.skill_files import is_in
from skillport_sync.git.edit import FileEdit, Remove


def delete(present: Present, target: Skill) -> Planned | ChangeRefused:
    """The edits after which the skill is gone."""
    plugin = target.plugin
    if plugin.source != OWN_SOURCE:
        return elsewhere(plugin)
    if target.linked is not None:
        message = f"{target.label} is reached through symbolic links: delete it in the repository"
        return ChangeRefused("skill_is_linked", message, target.directory)
    others = [skill for skill in present.skills() if skill is not target]
    shared = next((skill for skill in others if skill.real_directory == target.real_directory), None)
    if shared is not None:
        message = f"the same files are the skill {shared.label}: take it out of one of the entries in marketplace.json"
        return ChangeRefused("skill_is_shared", message, target.directory)
    is_last = not any(skill.plugin.name == plugin.name for skill in others)
    directory = plugin.directory if is_last and plugin.directory else target.directory
    inside = next((skill for skill in others if is_in(skill.real_directory, directory)), None)
    if inside is not None:
        message = f"the skill {inside.label} is inside: delete or move that one first"
        return ChangeRefused("skill_has_skills_inside", message, directory)
    # Of a skill that is the whole repository, only what makes it one goes: the rest may be anybody's.
    paths = present.below(directory) if directory else [target.skill_md]
    edits: list[FileEdit] = [Remove(path) for path in paths]
    edits += _unlisted(present, plugin, target, is_last=is_last)
    what = f"{target.label} and its plugin" if is_last else target.label
    return Planned(tuple(edits), plugin.name, target.name, f"Delete {what}", plugin_deleted=is_last)


def _unlisted(present: Present, plugin: Plugin, target: Skill, *, is_last: bool) -> list[FileEdit]:
    """marketplace.json without what names the skill; plugin.json too, where it lists it and stays."""
    edits: list[FileEdit] = []
    at = present.entry_of(plugin.name)
    changes: list[manifests.Change] = []
    if at is not None and is_last:
        changes.append(manifests.removing(("plugins", at)))
    elif at is not None:
        changes += _without(present.entry(at).get("skills"), plugin, target, ("plugins", at, "skills"))
    if changes:
        marketplace = manifests.of_marketplace(present, changes)
        edits += [marketplace] if marketplace is not None else []
    found = None if is_last and plugin.directory else present.manifest(plugin)
    document = found[1] if found is not None else None
    if document is not None and isinstance(document.value, dict):
        listed = _without(document.value.get("skills"), plugin, target, ("skills",))
        manifest = manifests.of_plugin(present, plugin, listed) if listed else None
        assert not isinstance(manifest, ChangeRefused)  # it was read above
        edits += [manifest] if manifest is not None else []
    return edits


def _without(listed: object, plugin: Plugin, target: Skill, path: tuple[str | int, ...]) -> list[manifests.Change]:
    """The change after which a list of skills' directories does not name this one."""
    if isinstance(listed, str):
        return [manifests.removing(path)] if manifests.means(listed, plugin, target) else []
    if not isinstance(listed, list):
        return []
    places = [
        at for at, written in enumerate(listed) if isinstance(written, str) and manifests.means(written, plugin, target)
    ]
    return [manifests.removing((*path, at)) for at in reversed(places)]
