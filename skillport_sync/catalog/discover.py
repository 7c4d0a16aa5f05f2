"""Owns the catalog of a commit: marketplace.json's entries, followed to their plugins and skills.

It starts from the entries and not from a pattern over paths, because that is how Claude Code finds skills: most real
marketplaces keep theirs elsewhere than ``plugins/*/skills/*``. One bad entry, manifest or SKILL.md hides only itself.

What one push does not touch is not read again: a plugin whose entry, directory and linked places are the same is taken over,
and a SKILL.md whose blob was read before is not parsed. The outcome is exactly that of discovering everything anew.

Problem codes of this module: plugin_name_duplicate, plugin_unpublished, source_not_fetched, source_unavailable. See ``manifest``,
``plugin`` and ``unreached`` for the others.
Undiscoverable's: marketplace_missing, marketplace_symlink, marketplace_not_held, marketplace_invalid_json, marketplace_invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from skillport_sync.catalog.entry_source import RelativeSource
from skillport_sync.catalog.links import Followed, Links
from skillport_sync.catalog.look import Ground, Read, all_read
from skillport_sync.catalog.manifest import Marketplace, MarketplaceEntry, Unreadable, read_marketplace
from skillport_sync.catalog.model import (
    OWN_SOURCE,
    Catalog,
    PluginName,
    Problem,
    Severity,
    SourceFiles,
    SourceKey,
    SourceWish,
)
from skillport_sync.catalog.plugin import PluginFound, find_plugin
from skillport_sync.catalog.skill_files import SkillFiles
from skillport_sync.catalog.sources import OutOfReach, Whereabouts, distinct, whereabouts, wishes_of
from skillport_sync.catalog.unpublished import unclaimed
from skillport_sync.catalog.unreached import not_reached
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import RepoPath

MANIFEST_PATH = RepoPath(".claude-plugin/marketplace.json")


@dataclass(frozen=True, slots=True)
class Memo:
    """What the next ``discover`` of the same marketplace may take over. Opaque; never needed for a right answer."""

    manifest: tuple[BlobId, Marketplace] | None = None
    plugins: Mapping[PluginName, PluginFound] = field(default_factory=dict)
    read: Read = field(default_factory=Read)
    wishes: Mapping[SourceKey, SourceWish] = field(default_factory=dict)
    """What of other repositories was wanted: more or less of one shows other files of the same trees."""


EMPTY_MEMO = Memo()


@dataclass(frozen=True, slots=True)
class Undiscoverable:
    """There is no catalog: marketplace.json is missing or unreadable as a whole."""

    code: str
    message: str
    path: str
    line: int | None


def discover(
    own: SourceFiles,
    previous: Memo | None,
    *,
    others: Mapping[SourceKey, SourceFiles] = MappingProxyType({}),
    host: str = "github.com",
    repository: str = "",
) -> tuple[Catalog, Memo] | Undiscoverable:
    """The catalog of this commit, and what to hand to the next call. Never depends on ``previous``, which only saves work.

    ``others`` are what ``sources.wanted_sources`` asked for, as far as it could be had; ``repository`` is the marketplace's own
    name on ``host``.
    """
    memo = previous or EMPTY_MEMO
    path = marketplace_path(own)
    if isinstance(path, Undiscoverable):
        return path
    read = _marketplace(own, path, memo)
    if isinstance(read, Undiscoverable):
        return read
    oid, marketplace = read
    grounds = {key: Ground(key, files, memo.read) for key, files in {**others, OWN_SOURCE: own}.items()}
    wishes = {wish.key: wish for wish in wishes_of(marketplace, host=host, repository=repository)}
    search = _Search(grounds, marketplace, path, memo, wishes, host, repository)
    search.published()
    search.unpublished()
    found = [search.found[name] for name in sorted(search.found)]
    problems = [remark.at(path) for remark in marketplace.remarks] + search.problems
    problems.extend(problem for plugin in found for problem in plugin.problems)
    problems.extend(not_reached(grounds[OWN_SOURCE].index, found, path))
    catalog = Catalog(
        title=marketplace.title,
        plugins=tuple(plugin.plugin for plugin in found),
        skills=tuple(skill for plugin in found for skill in plugin.skills),
        problems=tuple(sorted(set(problems), key=lambda problem: problem.place)),
        renames=marketplace.renames,
    )
    return catalog, Memo((oid, marketplace), search.found, all_read(plugin.read for plugin in found), wishes)


def marketplace_path(own: SourceFiles) -> RepoPath | Undiscoverable:
    """Where marketplace.json really is: it may be a symbolic link, or lie behind one."""
    entry = own.files.get(MANIFEST_PATH)
    if entry is not None and entry.mode.has_content and entry.mode is not Mode.SYMLINK:
        return MANIFEST_PATH
    found = Links(own, SkillFiles(own.files), {}).follow(MANIFEST_PATH)
    real = RepoPath(found.real) if isinstance(found, Followed) else None
    if real is not None and real in own.files and own.files[real].mode.has_content:
        return real
    if found is None or entry is None or not entry.mode.has_content:
        return _undiscoverable("marketplace_missing", "there is no .claude-plugin/marketplace.json in this commit")
    return _undiscoverable("marketplace_symlink", "is a symbolic link that leads to no file of this repository")


def _marketplace(own: SourceFiles, path: RepoPath, memo: Memo) -> tuple[BlobId, Marketplace] | Undiscoverable:
    entry = own.files[path]
    if memo.manifest is not None and memo.manifest[0] == entry.oid and path not in own.absent:
        return memo.manifest
    try:
        content = own.contents[entry.oid]
    except KeyError:
        return _undiscoverable("marketplace_not_held", f"its {entry.size_bytes} bytes are not held; it is too large")
    marketplace = read_marketplace(content)
    if isinstance(marketplace, Unreadable):
        return _undiscoverable(marketplace.code, marketplace.message, marketplace.line)
    return entry.oid, marketplace


def _undiscoverable(code: str, message: str, line: int | None = None) -> Undiscoverable:
    return Undiscoverable(code, message, MANIFEST_PATH, line)


class _Search:
    """One search for the plugins of a marketplace."""

    def __init__(
        self,
        grounds: Mapping[SourceKey, Ground],
        marketplace: Marketplace,
        path: RepoPath,
        memo: Memo,
        wishes: Mapping[SourceKey, SourceWish],
        host: str,
        repository: str,
    ) -> None:
        self.found: dict[PluginName, PluginFound] = {}
        self.problems: list[Problem] = []
        self._grounds = grounds
        self._marketplace = marketplace
        self._path = path
        self._memo = memo
        self._wishes = wishes
        self._host = host
        self._repository = repository

    def published(self) -> None:
        """Find the plugins that the entries name."""
        counted = distinct(self._marketplace.entries)
        self._report_duplicates(counted)
        for entry, line in counted:
            at = whereabouts(entry.source, host=self._host, repository=self._repository)
            if isinstance(at, OutOfReach):
                message = f"{entry.name}: its source, {_told(entry)}, {at.why}; the plugin is left out"
                self._report("source_not_fetched", Severity.INFO, message, line)
            elif at.key not in self._grounds:
                message = (
                    f"{entry.name}: its source, {_told(entry)}, could not be read; the plugin is left out until it can"
                )
                self._report("source_unavailable", Severity.ERROR, message, line)
            else:
                found = self._plugin(entry, at)
                if found is not None:
                    self.found[entry.name] = found

    def unpublished(self) -> None:
        """Find the plugins that no entry names, after the others."""
        claimed = set(self._marketplace.claimed)
        for plugin in self.found.values():
            if plugin.plugin.source == OWN_SOURCE:
                claimed.update((plugin.plugin.directory, plugin.real_directory))
                claimed.update(place for skill in plugin.skills for place in (skill.directory, skill.real_directory))
        names = {entry.name for entry, _ in self._marketplace.entries}
        ground, root = self._grounds[OWN_SOURCE], self._marketplace.plugin_root
        for entry, directory in unclaimed(ground, root, claimed=claimed, names=names):
            draft = self._plugin(entry, Whereabouts(OWN_SOURCE, directory), published=False)
            if draft is not None and (draft.has_manifest or draft.skills):
                self.found[entry.name] = draft
                message = "no entry of marketplace.json names this plugin: its skills are found by name and not listed"
                self.problems.append(Problem(directory, "plugin_unpublished", Severity.INFO, message))

    def _plugin(self, entry: MarketplaceEntry, at: Whereabouts, *, published: bool = True) -> PluginFound | None:
        ground = self._grounds[at.key]
        before = self._memo.plugins.get(entry.name)
        if (
            before is not None
            and before.entry == entry
            and before.footing is not None
            and (before.plugin.source, before.plugin.directory, before.plugin.published)
            == (at.key, at.directory, published)
            and self._memo.wishes.get(at.key) == self._wishes.get(at.key)
            and ground.holds(before.footing)
        ):
            return before
        found = find_plugin(ground, entry, at.directory, published=published)
        if isinstance(found, PluginFound):
            return found
        self.problems.extend(found)
        return None

    def _report_duplicates(self, counted: Iterable[tuple[MarketplaceEntry, int]]) -> None:
        first = {entry.name: line for entry, line in counted}
        seen: set[PluginName] = set()
        for entry, line in self._marketplace.entries:
            if entry.name in seen:
                message = f"{entry.name}: the plugin in line {first[entry.name]} has this name; this one is left out"
                self._report("plugin_name_duplicate", Severity.ERROR, message, line)
            seen.add(entry.name)

    def _report(self, code: str, severity: Severity, message: str, line: int) -> None:
        self.problems.append(Problem(self._path, code, severity, message, line))


def _told(entry: MarketplaceEntry) -> str:
    source = entry.source
    assert not isinstance(source, RelativeSource)  # that one is always at hand
    return f"{source.kind} {source.location}".strip()
