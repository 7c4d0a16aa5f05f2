"""Owns the next version of a plugin, and where it is written: plugin.json and the entry together."""

from __future__ import annotations

from typing import assert_never

from semver import Version

from skillport_sync.catalog.change import manifests
from skillport_sync.catalog.change.present import Present
from skillport_sync.catalog.change.saving import elsewhere
from skillport_sync.catalog.change.wishes import ChangeRefused, Part, Planned
from skillport_sync.catalog.model import OWN_SOURCE, Skill
from skillport_sync.git.edit import FileEdit

_NOTHING = Version(0, 0, 0)


def bump(present: Present, target: Skill, part: Part) -> Planned | ChangeRefused:
    """The edits that give the skill's plugin a version above every one that it says now."""
    plugin = target.plugin
    if plugin.source != OWN_SOURCE:
        return elsewhere(plugin)
    found = present.manifest(plugin)
    if found is not None and found[1] is None:
        return ChangeRefused("manifest_unreadable", "cannot be read, so it is not changed: mend it first", found[0])
    at = present.entry_of(plugin.name)
    said = [
        version
        for version in (
            manifests.version_in(found[1]) if found is not None else None,
            present.entry(at).get("version") if at is not None else None,
        )
        if isinstance(version, str) and version
    ]
    highest = _NOTHING
    for written in said:
        try:
            highest = max(highest, Version.parse(written.removeprefix("v"), optional_minor_and_patch=True))
        except ValueError:
            message = (
                f"{written[:80]!r} is no version of three numbers, so there is no next one: write one yourself first"
            )
            return ChangeRefused("version_not_semantic", message, None if found is None else found[0])
    new = str(next_version(highest, part))
    edits: list[FileEdit] = []
    if found is not None:
        manifest = manifests.of_plugin(present, plugin, [manifests.setting(("version",), new)])
        if isinstance(manifest, ChangeRefused):
            return manifest
        edits += [manifest] if manifest is not None else []
    if at is not None and (found is None or "version" in present.entry(at)):
        marketplace = manifests.of_marketplace(present, [manifests.setting(("plugins", at, "version"), new)])
        edits += [marketplace] if marketplace is not None else []
    if not edits:
        return ChangeRefused("manifest_missing", f"the plugin {plugin.name} has neither plugin.json nor an entry")
    old = said[0] if said else None
    return Planned(
        tuple(edits),
        plugin.name,
        target.name,
        f"Version {new} of {plugin.name}",
        old_version=old,
        new_version=new,
    )


def next_version(version: Version, part: Part) -> Version:
    """The next release above this one; a pre-release of it counts as below."""
    match part:
        case Part.MAJOR:
            return Version(version.major + 1)
        case Part.MINOR:
            return Version(version.major, version.minor + 1)
        case Part.PATCH:
            return Version(version.major, version.minor, version.patch + 1)
        case never:
            assert_never(never)
