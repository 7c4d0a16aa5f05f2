"""Owns the question which skills one plugin has: Claude Code's rules, applied to the files of one directory.

* ``skills/*/SKILL.md`` below the plugin is always looked at, except where the plugin is the marketplace's root and lists
  directories of its own.
* ``skills`` in the marketplace entry or in plugin.json lists further directories: each holds a SKILL.md or holds skills.
* A SKILL.md beside ``.claude-plugin`` counts only where there is neither a ``skills`` directory nor such a list.

Nothing outside the plugin's directory is looked at: what comes out depends on the entry and that directory alone, so that an
unchanged directory need not be read again. Links are not followed.

Problem codes: source_missing, symlink_not_followed, manifest_not_held, plugin_name_differs, plugin_version_differs,
strict_conflict, skills_path_missing, skills_path_empty, skill_md_case, skill_md_not_held, skill_name_duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from skillport_sync.catalog.manifest import Declared, MarketplaceEntry, PluginManifest, read_plugin_manifest
from skillport_sync.catalog.model import OWN_SOURCE, Plugin, Problem, Severity, Skill, SourceFiles
from skillport_sync.catalog.skill_files import SkillFiles, directory_of
from skillport_sync.catalog.skill_md import SkillText, read_skill_md
from skillport_sync.git.objects import BlobId, Mode, TreeId
from skillport_sync.git.paths import RepoPath


@dataclass(frozen=True, slots=True)
class PluginFound:
    """One plugin of a marketplace as its files are: the unit that is reused while they stay the same."""

    entry: MarketplaceEntry
    tree: TreeId
    plugin: Plugin
    skills: tuple[Skill, ...]
    """Sorted by directory."""
    reached: tuple[RepoPath, ...]
    """The SKILL.md of every skill, of those that had to be left out too."""
    problems: tuple[Problem, ...]
    texts: Mapping[BlobId, SkillText]
    witness: RepoPath | None
    """A file of it that may be published. Gone, or none at all: the same tree id no longer proves the same published files."""
    complete: bool
    """False where a content was not held: it may be next time, although no id changes."""


def find_plugin(
    own: SourceFiles,
    skill_files: SkillFiles,
    entry: MarketplaceEntry,
    directory: str,
    known: Mapping[BlobId, SkillText],
) -> PluginFound | Problem:
    """The plugin in ``directory``, or why it is left out. ``known`` are texts that were read before."""
    tree = own.trees.get(directory)
    link = _link_on(own, directory)
    if link is not None:
        message = f"{entry.name}: {directory} is reached through a symbolic link; links are not followed yet"
        return Problem(link, "symlink_not_followed", Severity.WARNING, message)
    if tree is None:
        message = f"{entry.name}: there is no such directory; the plugin is left out"
        return Problem(directory, "source_missing", Severity.ERROR, message)
    return _Finder(own, skill_files, entry, directory, known).found(tree)


class _Finder:
    def __init__(
        self,
        own: SourceFiles,
        skill_files: SkillFiles,
        entry: MarketplaceEntry,
        directory: str,
        known: Mapping[BlobId, SkillText],
    ) -> None:
        self._own = own
        self._skill_files = skill_files
        self._entry = entry
        self._directory = directory
        self._known = known
        self._problems: list[Problem] = []
        self._texts: dict[BlobId, SkillText] = {}
        self._complete = True

    def found(self, tree: TreeId) -> PluginFound:
        manifest_path = RepoPath(_join(self._directory, ".claude-plugin/plugin.json"))
        manifest = self._manifest(manifest_path)
        plugin = self._plugin(manifest)
        listed = tuple(dict.fromkeys(self._entry.declared.skills + (manifest.declared.skills if manifest else ())))
        # Sorted by directory, not by path: "a/SKILL.md" comes after "a-b/SKILL.md", the directory "a" before "a-b".
        paths = sorted(set(self._skill_paths(listed)), key=directory_of)
        skills = tuple(skill for path in paths if (skill := self._skill(plugin, path)) is not None)
        self._report_same_names(skills)
        witness = next(
            (skill.skill_md for skill in skills), manifest_path if manifest_path in self._own.files else None
        )
        return PluginFound(
            self._entry,
            tree,
            plugin,
            skills,
            tuple(paths),
            tuple(self._problems),
            self._texts,
            witness,
            self._complete,
        )

    def _report(self, path: str, code: str, severity: Severity, message: str) -> None:
        self._problems.append(Problem(path, code, severity, message))

    def _manifest(self, path: RepoPath) -> PluginManifest | None:
        entry = self._own.files.get(path)
        if entry is None:
            return None
        if entry.mode is Mode.SYMLINK:
            message = "is a symbolic link; links are not followed yet, so it counts as empty"
            self._report(path, "symlink_not_followed", Severity.WARNING, message)
            return None
        try:
            content = self._own.contents[entry.oid]
        except KeyError:
            self._complete = False
            self._report(path, "manifest_not_held", Severity.ERROR, "its content is not held, so it counts as empty")
            return None
        manifest, remarks = read_plugin_manifest(content)
        self._problems.extend(remark.at(path) for remark in remarks)
        if manifest is None:
            return None
        if manifest.name and manifest.name != self._entry.name:
            message = f"says {manifest.name[:80]!r}, marketplace.json says {self._entry.name!r}: the latter counts"
            self._report(path, "plugin_name_differs", Severity.INFO, message)
        versions = (manifest.declared.version, self._entry.declared.version)
        if None not in versions and versions[0] != versions[1]:
            message = f"says version {versions[0]!r}, marketplace.json says {versions[1]!r}: the former counts"
            self._report(path, "plugin_version_differs", Severity.WARNING, message)
        if not self._entry.strict and manifest.declares_components:
            message = 'lists components although the marketplace entry is "strict": false; Claude Code does not load it'
            self._report(path, "strict_conflict", Severity.WARNING, message)
        return manifest

    def _plugin(self, manifest: PluginManifest | None) -> Plugin:
        said = manifest.declared if manifest else Declared()
        entry = self._entry
        return Plugin(
            name=entry.name,
            source=OWN_SOURCE,
            directory=self._directory,
            version=said.version or entry.declared.version,
            description=said.description or entry.declared.description or "",
            author=said.author or entry.declared.author,
            category=entry.category,
            tags=entry.tags,
            keywords=tuple(dict.fromkeys(entry.declared.keywords + said.keywords)),
            surfaces=entry.surfaces,
        )

    def _skill_paths(self, listed: tuple[str, ...]) -> Iterator[RepoPath]:
        default = _join(self._directory, "skills")
        is_marketplace_root = not self._directory
        if not (is_marketplace_root and listed):
            yield from self._skills_below(default)
        for relative in listed:
            directory = _join(self._directory, relative)
            link = _link_on(self._own, directory)
            if link is not None:
                self._report_link(link)
            elif directory not in self._own.trees:
                message = f'{self._entry.name}: this directory is listed in "skills" but does not exist'
                self._report(directory, "skills_path_missing", Severity.ERROR, message)
            elif (path := self._skill_files.of(directory)) is not None:
                yield path
            else:
                below = self._skills_below(directory)
                if not below:
                    message = f'{self._entry.name}: this directory is listed in "skills" but holds no SKILL.md'
                    self._report(directory, "skills_path_empty", Severity.WARNING, message)
                yield from below
        at_root = self._skill_files.of(self._directory)
        has_default = default in self._own.trees or self._mode(default) is Mode.SYMLINK
        if at_root is not None and not listed and not has_default:
            yield at_root

    def _skills_below(self, directory: str) -> list[RepoPath]:
        if self._mode(directory) is Mode.SYMLINK:
            self._report_link(directory)
            return []
        for link in self._skill_files.links_below(directory):
            self._report_link(link)
        return self._skill_files.below(directory)

    def _skill(self, plugin: Plugin, path: RepoPath) -> Skill | None:
        directory = directory_of(path)
        entry = self._own.files[path]
        if entry.mode is Mode.SYMLINK:
            self._report_link(path)
            return None
        if not path.endswith("SKILL.md"):
            message = "is not spelled SKILL.md; Claude Code does not load it"
            self._report(path, "skill_md_case", Severity.WARNING, message)
        text = self._known.get(entry.oid) or self._texts.get(entry.oid)
        if text is None:
            try:
                content = self._own.contents[entry.oid]
            except KeyError:
                self._complete = False
                self._report(
                    path, "skill_md_not_held", Severity.ERROR, "its content is not held; the skill is left out"
                )
                return None
            text = read_skill_md(content)
        self._texts[entry.oid] = text
        self._problems.extend(remark.at(path) for remark in text.remarks)
        return Skill(
            plugin=plugin,
            directory=directory,
            skill_md=path,
            name=text.name or directory.rpartition("/")[2] or plugin.name,
            description=text.description,
            frontmatter=text.frontmatter,
            revision=self._own.trees[directory],
        )

    def _report_same_names(self, skills: tuple[Skill, ...]) -> None:
        first: dict[str, Skill] = {}
        for skill in skills:
            other = first.setdefault(skill.name, skill)
            if other is not skill:
                message = f"has the same name as {other.skill_md}: {skill.label!r} means both"
                self._report(skill.skill_md, "skill_name_duplicate", Severity.WARNING, message)

    def _report_link(self, path: str) -> None:
        message = (
            f"{self._entry.name}: is a symbolic link; links are not followed yet, so a skill behind it is left out"
        )
        self._report(path, "symlink_not_followed", Severity.WARNING, message)

    def _mode(self, path: str) -> Mode | None:
        entry = self._own.files.get(RepoPath(path))
        return entry.mode if entry is not None else None


def _link_on(own: SourceFiles, directory: str) -> str | None:
    """The symbolic link that stands where ``directory`` or one above it should be."""
    at = directory.find("/")
    while at >= 0:
        if (entry := own.files.get(RepoPath(directory[:at]))) is not None and entry.mode is Mode.SYMLINK:
            return directory[:at]
        at = directory.find("/", at + 1)
    entry = own.files.get(RepoPath(directory))
    return directory if entry is not None and entry.mode is Mode.SYMLINK else None


def _join(directory: str, relative: str) -> str:
    return f"{directory}/{relative}" if directory and relative else directory or relative
