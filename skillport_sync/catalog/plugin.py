"""Owns one plugin: its entry and its plugin.json together, and the skills that follow from them.

What comes out depends on the entry, on the plugin's directory and on what links lead to, and says so (``Footing``): a push that
touches none of it need not look at the plugin again. Nothing of another plugin is ever looked at.

Problem codes: manifest's, plugin_skills', found_skill's, source_missing, manifest_not_held, plugin_name_differs,
plugin_version_differs, strict_conflict, skill_name_duplicate, skill_same_content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.catalog.declared import Declared
from skillport_sync.catalog.entry_source import RelativeSource
from skillport_sync.catalog.found_skill import SkillMaker
from skillport_sync.catalog.look import Footing, Ground, Look, Read
from skillport_sync.catalog.manifest import MarketplaceEntry, PluginManifest, read_plugin_manifest
from skillport_sync.catalog.model import Plugin, Problem, Severity, Skill
from skillport_sync.catalog.plugin_skills import join, skill_places
from skillport_sync.git.paths import RepoPath


@dataclass(frozen=True, slots=True)
class PluginFound:
    """One plugin of a marketplace as its files are: the unit that is reused while they stay the same."""

    entry: MarketplaceEntry
    plugin: Plugin
    real_directory: str
    skills: tuple[Skill, ...]
    """Sorted by directory."""
    has_manifest: bool
    reached: frozenset[RepoPath]
    """Every SKILL.md that it leads to, those of skills that had to be left out too."""
    nested: Mapping[RepoPath, str]
    """Every SKILL.md inside a skill, and that skill's directory."""
    problems: tuple[Problem, ...]
    read: Read
    footing: Footing | None
    """None: it has to be found again every time."""


def find_plugin(
    ground: Ground, entry: MarketplaceEntry, directory: str, *, published: bool = True
) -> PluginFound | tuple[Problem, ...]:
    """The plugin in this directory of ``ground``, or why it is left out."""
    look = Look(ground)
    real = look.real(directory, Severity.ERROR)
    if real is None or real not in ground.trees:
        if not look.problems:
            what = "there is no such directory" if real is None else "is no directory of this repository"
            message = f"{entry.name}: {what}; the plugin is left out"
            look.report(directory, "source_missing", Severity.ERROR, message)
        return tuple(look.problems)
    return _Finder(look, entry, directory, real, published).found()


class _Finder:
    def __init__(self, look: Look, entry: MarketplaceEntry, directory: str, real: str, published: bool) -> None:
        self._look = look
        self._entry = entry
        self._directory = directory
        self._real = real
        self._published = published

    def found(self) -> PluginFound:
        look = self._look
        path = look.real(join(self._real, ".claude-plugin/plugin.json"), Severity.WARNING)
        manifest_path = RepoPath(path) if path is not None and path in look.ground.files else None
        manifest = None if manifest_path is None else self._manifest(manifest_path)
        plugin = self._plugin(manifest)
        maker = SkillMaker(look, plugin)
        places = skill_places(
            look,
            self._directory,
            self._real,
            _listed(self._entry.declared, manifest),
            replaces=isinstance(self._entry.source, RelativeSource) and not self._directory,
        )
        skills: tuple[Skill, ...] = ()
        # Claude Code 2.1.329, measured: it is the entry's own components that it does not take beside a plugin.json; those that
        # plugin.json lists load, "strict": false or not.
        if manifest_path is not None and not self._entry.strict and self._entry.components:
            self._report_conflict(manifest_path)
            maker.reached.update(place.file for place in places)
        else:
            skills = tuple(skill for place in places if (skill := maker.make(place)) is not None)
            self._report_alike(skills)
        return PluginFound(
            entry=self._entry,
            plugin=plugin,
            real_directory=self._real,
            skills=skills,
            has_manifest=manifest_path is not None,
            reached=frozenset(maker.reached),
            nested=maker.nested,
            problems=tuple(look.problems),
            read=look.read,
            footing=look.footing(self._real, [*maker.reached, *([manifest_path] if manifest_path else [])]),
        )

    def _manifest(self, path: RepoPath) -> PluginManifest | None:
        look = self._look
        content = look.content(path)
        if content is None:
            message = "its content is not held, so it counts as empty"
            look.report(path, "manifest_not_held", Severity.ERROR, message)
            return None
        manifest, remarks = read_plugin_manifest(content)
        look.remark(path, remarks)
        if manifest is None:
            return None
        if manifest.name and manifest.name != self._entry.name:
            message = f"says {manifest.name[:80]!r}, marketplace.json says {self._entry.name!r}: the latter counts"
            look.report(path, "plugin_name_differs", Severity.INFO, message, manifest.line_of("name"))
        versions = (manifest.declared.version, self._entry.declared.version)
        if None not in versions and versions[0] != versions[1]:
            message = f"says version {versions[0]!r}, marketplace.json says {versions[1]!r}: the former counts"
            look.report(path, "plugin_version_differs", Severity.WARNING, message, manifest.line_of("version"))
        return manifest

    def _report_conflict(self, path: RepoPath) -> None:
        message = (
            f'{self._entry.name}: is there although the marketplace entry says "strict": false and lists '
            f'"{self._entry.components[0]}" itself; Claude Code does not load the plugin, so its skills are left out'
        )
        self._look.report(path, "strict_conflict", Severity.ERROR, message, 1)

    def _plugin(self, manifest: PluginManifest | None) -> Plugin:
        said = manifest.declared if manifest else Declared()
        entry = self._entry
        return Plugin(
            name=entry.name,
            source=self._look.ground.key,
            directory=self._directory,
            version=said.version or entry.declared.version,
            description=said.description or entry.declared.description or "",
            author=said.author or entry.declared.author,
            category=entry.category,
            tags=entry.tags,
            keywords=tuple(dict.fromkeys(entry.declared.keywords + said.keywords)),
            surfaces=entry.surfaces,
            published=self._published,
        )

    def _report_alike(self, skills: tuple[Skill, ...]) -> None:
        by_name: dict[str, Skill] = {}
        by_content: dict[str, Skill] = {}
        for skill in skills:
            other = by_name.setdefault(skill.name, skill)
            if other is not skill:
                message = f"has the same name as {other.skill_md}: {skill.label!r} means both"
                self._look.report(skill.skill_md, "skill_name_duplicate", Severity.WARNING, message)
            other = by_content.setdefault(skill.revision, skill)
            if other is not skill:
                message = f"has the same content as {other.skill_md}"
                self._look.report(skill.skill_md, "skill_same_content", Severity.INFO, message)


def _listed(entry: Declared, manifest: PluginManifest | None) -> tuple[str, ...] | None:
    said = None if manifest is None else manifest.declared.skills
    if entry.skills is None and said is None:
        return None
    return tuple(dict.fromkeys((entry.skills or ()) + (said or ())))
