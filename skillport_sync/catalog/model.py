"""Owns the words of a catalog: Plugin, Skill, Problem, and the files a catalog is read from.

Identity of a skill is (marketplace, plugin, path); its name is a label that may collide. Values only, nothing is parsed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, TreeId
from skillport_sync.git.paths import RepoPath

PluginName = NewType("PluginName", str)
SourceKey = NewType("SourceKey", str)
OWN_SOURCE = SourceKey("")
"""The marketplace repository itself. Plugins from other repositories will have keys of their own."""


class Surface(StrEnum):
    """Where a skill is meant to be used: ``surface:<value>`` in a marketplace entry's tags. No tag means everywhere."""

    CLAUDE_CODE = "CC"
    CLAUDE_DESKTOP = "CD"
    CLAUDE_AI = "CAI"
    DESKTOP_AND_AI = "CDAI"
    ALL = "CALL"


class Severity(StrEnum):
    ERROR = "error"  # something is hidden because of it
    WARNING = "warning"  # it is served, but some surface will refuse it or read it differently
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one file, told so that its author can mend it. ``code`` is stable; ``path`` may be a raw name's
    readable form; ``line`` counts from 1. Sorts by path, then line."""

    path: str
    code: str
    severity: Severity
    message: str
    line: int | None = None

    def __lt__(self, other: Problem) -> bool:
        return self.place < other.place

    @property
    def place(self) -> tuple[str, int, str, str, str]:
        return (self.path, self.line or 0, self.code, self.message, self.severity)


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem of a text whose file is not known yet. ``line`` counts from 1."""

    code: str
    severity: Severity
    message: str
    line: int | None = None

    def at(self, path: str) -> Problem:
        return Problem(path, self.code, self.severity, self.message, self.line)


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of one source that may be published: paths checked, colliding ones left out, ids verified."""

    files: Mapping[RepoPath, Entry]
    trees: Mapping[str, TreeId]
    """The verified id of every directory, ``""`` being the root."""
    contents: Mapping[BlobId, bytes]
    """Looked up, never iterated: a blob that is not held (too large) raises KeyError."""


@dataclass(frozen=True, slots=True)
class Plugin:
    name: PluginName
    source: SourceKey
    directory: str
    """Inside its source, ``""`` for the root."""
    version: str | None
    """plugin.json's, else the marketplace entry's, else None."""
    description: str
    author: str | None
    category: str | None
    tags: tuple[str, ...]
    keywords: tuple[str, ...]
    surfaces: frozenset[Surface]


@dataclass(frozen=True, slots=True)
class Skill:
    plugin: Plugin
    directory: str
    """Inside the plugin's source, ``""`` for the root. With marketplace and plugin name this is the skill's identity."""
    skill_md: RepoPath
    """The file that makes it a skill, as it is spelled."""
    name: str
    description: str
    """Whole, as its author wrote it; one line where it has to be short is the asker's business."""
    frontmatter: Mapping[str, object]
    """As YAML 1.2 reads it. Empty where there is none or it cannot be read."""
    revision: TreeId
    """The git tree id of its directory: changes exactly when its content does."""

    @property
    def version(self) -> str | None:
        return self.plugin.version

    @property
    def label(self) -> str:
        """``plugin/name``: what tells two skills of the same name apart."""
        return f"{self.plugin.name}/{self.name}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that one commit of a marketplace offers. ``skills`` are sorted by (plugin, directory)."""

    title: str
    """marketplace.json's own name."""
    plugins: tuple[Plugin, ...]
    skills: tuple[Skill, ...]
    problems: tuple[Problem, ...]
