"""Owns what is the same for everybody about the plugins of one publication: which files each consists of, and which skills have
to be open to whoever is given all of it. Pure.

Whose a file is, is asked of the place where it really is, as for single skills: no symbolic link leads around a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from skillport_sync.access.plugins import as_skill
from skillport_sync.catalog.discover import Undiscoverable, marketplace_path
from skillport_sync.catalog.entry_source import RelativeSource
from skillport_sync.catalog.manifest import Unreadable
from skillport_sync.catalog.model import OWN_SOURCE, Plugin, Skill, SourceKey
from skillport_sync.catalog.owners import innermost
from skillport_sync.catalog.plugin_files import PluginDirectories, PluginFiles, followable, skill_mds
from skillport_sync.catalog.skill_md import SkillText
from skillport_sync.catalog.written_entries import WrittenEntry, written_marketplace
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import BlobId
from skillport_sync.git.paths import RepoPath
from skillport_sync.snapshot import Snapshot

_NOT_FETCHED = "source_not_fetched"


@dataclass(frozen=True, slots=True)
class PluginGround:
    """One entry of marketplace.json and what it stands for."""

    entry: Mapping[str, object]
    """As it is written, parsed."""
    name: str
    plugin: Plugin | None = None
    """None: it is somewhere where nothing is mirrored from."""
    skills: tuple[Skill, ...] = ()
    """The plugin's own, in catalog order."""
    files: Mapping[str, HeldFile] = field(default_factory=dict)
    """By path inside the plugin, sorted; those whose content is held."""
    asked: tuple[Skill, ...] = ()
    """Every skill of the catalog, of whatever plugin, that any of the files belongs to; those kept out of it, too."""
    unknown: tuple[Skill, ...] = ()
    """For each SKILL.md among the files that the catalog has no skill for, one to hold rules against."""
    is_lacking: bool = False
    """Something that belongs to the plugin is not in ``files``."""


@dataclass(frozen=True, slots=True)
class MarketplaceGround:
    """``plugins`` are in the order of marketplace.json, without those that are nowhere to be had."""

    document: Mapping[str, object]
    names: frozenset[str]
    """Of all entries that count, also of those that are nowhere to be had."""
    plugins: tuple[PluginGround, ...]
    unread: frozenset[BlobId]
    """SKILL.md files, of no skill of the catalog, whose names have to be known before anybody is given them."""


def manifest_path(snapshot: Snapshot, targets: Mapping[BlobId, bytes]) -> RepoPath | None:
    """Where marketplace.json really is. ``targets`` are the contents of links."""
    own = snapshot.publishable[OWN_SOURCE]
    path = marketplace_path(followable(own.entries, targets, own.absent))
    return None if isinstance(path, Undiscoverable) else path


def ground(
    snapshot: Snapshot,
    manifest: RepoPath,
    content: bytes,
    targets: Mapping[BlobId, bytes],
    texts: Mapping[BlobId, SkillText],
) -> MarketplaceGround:
    """Everything about the plugins of this snapshot. ``content`` is marketplace.json's; ``texts`` is what SKILL.md files say that
    were ``unread`` before."""
    marketplace = written_marketplace(content)
    if isinstance(marketplace, Unreadable):
        return MarketplaceGround({}, frozenset(), (), frozenset())  # no snapshot was ever made of such a file
    grounding = _Grounding(snapshot, manifest, targets, {**texts, **snapshot.memo.read.texts}, marketplace.entries)
    plugins = tuple(grounding.plugins())
    names = frozenset(str(entry.read.name) for entry in marketplace.entries)
    return MarketplaceGround(marketplace.document, names, plugins, frozenset(grounding.unread))


class _Grounding:
    def __init__(
        self,
        snapshot: Snapshot,
        manifest: RepoPath,
        targets: Mapping[BlobId, bytes],
        texts: Mapping[BlobId, SkillText],
        entries: tuple[WrittenEntry, ...],
    ) -> None:
        self.unread: set[BlobId] = set()
        self._snapshot = snapshot
        self._texts = texts
        self._entries = entries
        self._by_name = {str(plugin.name): plugin for plugin in snapshot.catalog.plugins if plugin.published}
        self._skills: dict[str, list[Skill]] = {}
        self._owners: dict[SourceKey, dict[str, list[Skill]]] = {}
        for skill in chain(snapshot.catalog.skills, snapshot.catalog.withheld):
            self._skills.setdefault(skill.plugin.name, []).append(skill)
            of_source = self._owners.setdefault(skill.plugin.source, {})
            of_source.setdefault(skill.real_directory, []).append(skill)
        self._directories = {
            key: PluginDirectories(
                followable(files.entries, targets, files.absent), manifest if key == OWN_SOURCE else None
            )
            for key, files in snapshot.publishable.items()
        }
        self._not_fetched = tuple(
            problem.message for problem in snapshot.catalog.problems if problem.code == _NOT_FETCHED
        )

    def plugins(self) -> Iterator[PluginGround]:
        for entry in self._entries:
            plugin = self._by_name.get(entry.read.name)
            if plugin is None:
                # What could be mirrored and is not will be: until then nobody is sent elsewhere for it.
                if any(message.startswith(f"{entry.read.name}: ") for message in self._not_fetched):
                    yield PluginGround(entry.written, str(entry.read.name))
                continue
            of = self._files(entry, plugin)
            if of is not None:
                yield self._plugin(entry, plugin, of)

    def _files(self, entry: WrittenEntry, plugin: Plugin) -> PluginFiles | None:
        others = {one.directory for one in self._by_name.values() if one.source == plugin.source and one is not plugin}
        return self._directories[plugin.source].of(
            plugin.directory,
            own_skills={skill.directory for skill in self._skills.get(plugin.name, ())},
            others=others,
            lists_skills=isinstance(entry.read.source, RelativeSource) and not plugin.directory,
        )

    def _plugin(self, entry: WrittenEntry, plugin: Plugin, of: PluginFiles) -> PluginGround:
        held = self._snapshot.publishable[plugin.source].held
        files = {path: held[real] for path, real in of.files.items() if held[real].sha256 is not None}
        owners = self._owners.get(plugin.source, {})
        places = {path: innermost(real, owners) for path, real in of.files.items()}
        asked = [
            skill
            for place in sorted({place for place in places.values() if place is not None})
            for skill in owners[place]
        ]
        return PluginGround(
            entry=entry.written,
            name=str(plugin.name),
            plugin=plugin,
            skills=tuple(self._skills.get(plugin.name, ())),
            files=files,
            asked=tuple(asked),
            unknown=tuple(self._unknown(plugin, of, places)),
            is_lacking=of.is_lacking or len(files) < len(of.files),
        )

    def _unknown(self, plugin: Plugin, of: PluginFiles, places: Mapping[str, str | None]) -> Iterator[Skill]:
        files = self._snapshot.publishable[plugin.source].held
        for path in skill_mds(of.files):
            if places[path] is not None:
                continue
            real = of.files[path]
            if files[real].sha256 is not None and files[real].oid not in self._texts:
                self.unread.add(files[real].oid)
            text = self._texts.get(files[real].oid)
            name = None if text is None else text.name
            yield as_skill(plugin.name, name, path.rpartition("/")[0], str(real).rpartition("/")[0])
