"""Owns the words of a catalog: Plugin, Skill, Problem, and the files a catalog is read from.

Identity of a skill is (marketplace, plugin, path); its name is a label that may collide. Values only, nothing is parsed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, CommitId, TreeId
from skillport_sync.git.paths import RepoPath

PluginName = NewType("PluginName", str)
SourceKey = NewType("SourceKey", str)
OWN_SOURCE = SourceKey("")
"""The marketplace repository itself. Every other key names a repository and what of it is followed: ``acme/tools@main``."""


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
    readable form; ``line`` counts from 1. Sorts by source, path, then line."""

    path: str
    code: str
    severity: Severity
    message: str
    line: int | None = None
    source: SourceKey = OWN_SOURCE
    """Which repository ``path`` is a path of."""

    def __lt__(self, other: Problem) -> bool:
        return self.place < other.place

    @property
    def place(self) -> tuple[str, str, int, str, str, str]:
        return (self.source, self.path, self.line or 0, self.code, self.message, self.severity)


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem of a text whose file is not known yet. ``line`` counts from 1."""

    code: str
    severity: Severity
    message: str
    line: int | None = None

    def at(self, path: str, source: SourceKey = OWN_SOURCE) -> Problem:
        return Problem(path, self.code, self.severity, self.message, self.line, source)


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of one source that may be published: paths checked, colliding ones left out, ids verified."""

    files: Mapping[RepoPath, Entry]
    trees: Mapping[str, TreeId]
    """The verified id of every directory, ``""`` being the root."""
    contents: Mapping[BlobId, bytes]
    """Looked up, never iterated: a blob that is not held (too large) raises KeyError."""
    absent: frozenset[RepoPath] = frozenset()
    """Those of ``files`` whose content is not held: a skill that has one of them is incomplete."""


@dataclass(frozen=True, slots=True)
class SourceWish:
    """A repository that marketplace.json takes plugins from, and which state of it is wanted."""

    key: SourceKey
    repository: str
    """``owner/name`` on the configured host."""
    ref: str | None
    """A branch or tag; None is the default branch. Means nothing where ``sha`` is set."""
    sha: CommitId | None
    directories: tuple[str, ...]
    """What of it is wanted, sorted; ``("",)`` is all of it."""


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
    published: bool = True
    """False for a directory of plugins that no marketplace entry names: its skills are found by name and not listed."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Where the files of a skill really are, where symbolic links lead to some of them or not all that is there is served."""

    directory: str
    """The real directory that the skill's own stands for, inside the plugin's source."""
    files: Mapping[str, RepoPath]
    """Every file: from its path relative to the skill to its real path. Sorted by the former."""


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
    """The git tree id of its directory, links followed: changes exactly when its content does."""
    linked: Linked | None = None
    """None: it consists of exactly the files below ``directory``."""
    incomplete: bool = False
    """Something in it cannot be served: a submodule, an LFS pointer, a file too large, a link that leads nowhere."""

    @property
    def version(self) -> str | None:
        return self.plugin.version

    @property
    def real_directory(self) -> str:
        """Where its content lies: its directory, or what a link makes of it."""
        return self.directory if self.linked is None else self.linked.directory

    @property
    def label(self) -> str:
        """``plugin/name``: what tells two skills of the same name apart."""
        return f"{self.plugin.name}/{self.name}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that one commit of a marketplace offers. ``plugins`` are sorted by name, ``skills`` by (plugin, directory); unpublished
    ones are among them."""

    title: str
    """marketplace.json's own name."""
    plugins: tuple[Plugin, ...]
    skills: tuple[Skill, ...]
    problems: tuple[Problem, ...]
    renames: Mapping[PluginName, PluginName | None] = field(default_factory=dict)
    """What plugins of former names are called now, chains followed; None: removed on purpose."""
    withheld: tuple[Skill, ...] = ()
    """Skills that are kept out of the publication (quarantine). Nobody may read them."""
