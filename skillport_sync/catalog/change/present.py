"""Owns what is there before a change: the marketplace's own files, its two kinds of JSON, and whose each directory is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from skillport_sync.catalog.change.wishes import ChangeRefused
from skillport_sync.catalog.discover import Undiscoverable, marketplace_path
from skillport_sync.catalog.manifest import PLUGINS_DIRECTORY, Marketplace, read_marketplace
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Plugin, Skill, SourceFiles
from skillport_sync.catalog.skill_files import is_in
from skillport_sync.catalog.written_json import JsonText, read_json
from skillport_sync.git.objects import Mode
from skillport_sync.git.paths import RepoPath

PLUGIN_JSON = ".claude-plugin/plugin.json"


class Present:
    """A published commit, as far as a change has to know it."""

    def __init__(self, catalog: Catalog, own: SourceFiles) -> None:
        """``own``: the files of the marketplace's own repository."""
        self.catalog = catalog
        self.own = own

    def content(self, path: RepoPath) -> bytes | None:
        """The bytes of a file; None where there is none, where it is a link, or where they are not held."""
        entry = self.own.files.get(path)
        if entry is None or entry.mode in (Mode.SYMLINK, Mode.SUBMODULE):
            return None
        try:
            return self.own.contents[entry.oid]
        except KeyError:
            return None

    @cached_property
    def marketplace_path(self) -> RepoPath | None:
        """Where marketplace.json really is."""
        found = marketplace_path(self.own)
        return None if isinstance(found, Undiscoverable) else found

    @cached_property
    def marketplace(self) -> JsonText | ChangeRefused:
        """marketplace.json, to be changed."""
        path = self.marketplace_path
        content = None if path is None else self.content(path)
        document = None if content is None else _document(content)
        if document is None or not isinstance(document.value, dict):
            return ChangeRefused(
                "marketplace_unreadable", "marketplace.json cannot be read, so it is not changed", path
            )
        return document

    @cached_property
    def _read(self) -> Marketplace | None:
        path = self.marketplace_path
        content = None if path is None else self.content(path)
        read = None if content is None else read_marketplace(content)
        return read if isinstance(read, Marketplace) else None

    @property
    def plugin_root(self) -> str:
        """The directory that new plugins are made in."""
        return PLUGINS_DIRECTORY if self._read is None else self._read.plugin_root

    def entry_of(self, plugin: str) -> int | None:
        """The place in ``plugins`` of the entry that counts for a plugin of this name."""
        if not isinstance(self.marketplace, JsonText) or not isinstance(self.marketplace.value, dict):
            return None
        entries = self.marketplace.value.get("plugins")
        for at, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and entry.get("name") == plugin:
                return at
        return None

    def entry(self, at: int) -> dict[str, object]:
        """The entry at this place, parsed."""
        assert isinstance(self.marketplace, JsonText)
        assert isinstance(self.marketplace.value, dict)
        entry = self.marketplace.value["plugins"][at]
        return dict(entry)

    def plugin(self, name: str) -> Plugin | None:
        return next((plugin for plugin in self.catalog.plugins if plugin.name == name), None)

    def manifest(self, plugin: Plugin) -> tuple[RepoPath, JsonText | None] | None:
        """Where a plugin's plugin.json is and what it says, None where nobody can tell; None where there is none."""
        path = RepoPath(join(plugin.directory, PLUGIN_JSON))
        if path not in self.own.files:
            return None
        content = self.content(path)
        return path, None if content is None else _document(content)

    def below(self, directory: str) -> list[RepoPath]:
        """Every file in this directory, sorted; all there are in ``""``."""
        return sorted(path for path in self.own.files if is_in(path, directory))

    def exists(self, path: str) -> bool:
        """Whether a file or directory is called so."""
        return path in self.own.files or path in self.own.trees

    def skills(self) -> Iterator[Skill]:
        """Those of the marketplace's own repository, the withheld ones too."""
        for skill in (*self.catalog.skills, *self.catalog.withheld):
            if skill.plugin.source == OWN_SOURCE:
                yield skill

    def skills_of(self, plugin: Plugin) -> list[Skill]:
        return [skill for skill in self.skills() if skill.plugin.name == plugin.name]


def join(directory: str, path: str) -> str:
    return f"{directory}/{path}" if directory else path


def _document(content: bytes) -> JsonText | None:
    document = read_json(content)
    return document if isinstance(document, JsonText) else None


def text_of(content: bytes) -> str:
    """The text of a JSON file that was read, its byte order mark included: what ``json_edit`` changes."""
    return content.decode("utf-8")
