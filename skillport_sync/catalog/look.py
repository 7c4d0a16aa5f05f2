"""Owns looking at one plugin: links are followed, contents are read once, and what was found out rests on is remembered.

A ``Ground`` is one source; a ``Look`` is one plugin's dealings with it. What a plugin is made of, and what that means, is
decided by those who look. Never reads a content whose blob was read before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from skillport_sync.catalog.links import Followed, Links, Lost
from skillport_sync.catalog.model import Problem, Remark, Severity, SourceFiles, SourceKey
from skillport_sync.catalog.skill_files import SkillFiles, is_in, within
from skillport_sync.catalog.skill_md import SkillText, read_skill_md
from skillport_sync.catalog.walks import Walks
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, TreeId
from skillport_sync.git.paths import RepoPath

_POINTER_BEGINS = b"version https://git-lfs.github.com/spec/v1\n"


@dataclass(frozen=True, slots=True)
class Read:
    """What contents say, by blob: so that none is read twice."""

    texts: Mapping[BlobId, SkillText] = field(default_factory=dict)
    targets: Mapping[BlobId, str] = field(default_factory=dict)
    """Of symbolic links."""
    pointers: Mapping[BlobId, bool] = field(default_factory=dict)
    """Whether a small file is a Git LFS pointer."""


def all_read(parts: Iterable[Read]) -> Read:
    """All of this together."""
    texts: dict[BlobId, SkillText] = {}
    targets: dict[BlobId, str] = {}
    pointers: dict[BlobId, bool] = {}
    for part in parts:
        texts.update(part.texts)
        targets.update(part.targets)
        pointers.update(part.pointers)
    return Read(texts, targets, pointers)


@dataclass(frozen=True, slots=True)
class Footing:
    """What a finding rests on besides its entry and its plugin's directory. While it holds, the finding does."""

    tree: TreeId
    """Of the plugin's real directory."""
    real_directory: str
    seen: tuple[RepoPath, ...]
    """Files that are published, one at least of each directory that counts. A tree id alone does not prove that its files are: a
    directory elsewhere may collide with theirs."""
    elsewhere: tuple[tuple[str, Entry | TreeId], ...]
    """What links led to outside of the plugin's directory, the links themselves included."""
    passed: tuple[str, ...]
    """Directories elsewhere that a link only goes through."""
    absent: tuple[RepoPath, ...]
    """What is not held of all this."""


class Ground:
    """One source, to be looked at for its plugins. ``known`` was read before."""

    def __init__(self, key: SourceKey, source: SourceFiles, known: Read) -> None:
        self.key = key
        self.files = source.files
        self.trees = source.trees
        self.known = known
        self._source = source

    @cached_property
    def index(self) -> SkillFiles:
        return SkillFiles(self.files)

    @cached_property
    def links(self) -> Links:
        return Links(self._source, self.index, self.known.targets)

    @cached_property
    def walks(self) -> Walks:
        return Walks(self._source, self.index, self.links)

    def content(self, path: RepoPath) -> bytes | None:
        """None: it is not held."""
        try:
            return self._source.contents[self.files[path].oid]
        except KeyError:
            return None

    def is_absent(self, path: RepoPath) -> bool:
        """Whether this content is known not to be held, although it may have been when it was read."""
        return path in self._source.absent

    def absent_within(self, directories: Collection[str]) -> tuple[RepoPath, ...]:
        """What of these files, and of the files in these directories, is not held; sorted."""
        if not self._absent:
            return ()
        found = {path for directory in directories for path in within(self._absent, directory)}
        return tuple(sorted(found | {path for path in map(RepoPath, directories) if self.is_absent(path)}))

    def holds(self, footing: Footing) -> bool:
        """Whether everything that the finding rested on is as it was."""
        return (
            self.trees.get(footing.real_directory) == footing.tree
            and all(path in self.files for path in footing.seen)
            and all(self._standing(path) == stood for path, stood in footing.elsewhere)
            and all(path in self.trees for path in footing.passed)
            and self.absent_within(_directories(footing.real_directory, footing.elsewhere)) == footing.absent
        )

    @cached_property
    def _absent(self) -> list[RepoPath]:
        return sorted(self._source.absent)

    def _standing(self, path: str) -> Entry | TreeId | None:
        return self.files.get(RepoPath(path)) or self.trees.get(path)


class Look:
    """Everything that one plugin's finder does with a source."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.problems: list[Problem] = []
        self.is_repeatable = True
        """False where the outcome may change although no id does: a content that was not held, a link that led to nothing."""
        self._texts: dict[BlobId, SkillText] = {}
        self._targets: dict[BlobId, str] = {}
        self._pointers: dict[BlobId, bool] = {}
        self._stood: dict[str, Entry | TreeId] = {}
        self._passed: set[str] = set()

    @property
    def read(self) -> Read:
        return Read(self._texts, self._targets, self._pointers)

    def report(self, path: str, code: str, severity: Severity, message: str, line: int | None = None) -> None:
        self.problems.append(Problem(path, code, severity, message, line, self.ground.key))

    def remark(self, path: str, remarks: Iterable[Remark]) -> None:
        self.problems.extend(remark.at(path, self.ground.key) for remark in remarks)

    def real(self, path: str, severity: Severity) -> str | None:
        """Where this path really is; None where there is nothing.

        A link that leads to nothing is reported with this severity: an error where something is hidden because of it.
        """
        found = self.ground.links.follow(path)
        if isinstance(found, Lost):
            self.lose(found, severity)
            return None
        if found is None:
            return None
        self.rest_on(found)
        return found.real

    def lose(self, lost: Lost, severity: Severity) -> None:
        self.report(lost.path, lost.code, severity, lost.message)
        self.is_repeatable = False

    def rest_on(self, followed: Followed) -> None:
        """Remember that the outcome depends on these links and on where they led to."""
        if not followed.links:
            return
        for link in followed.links:
            entry = self._stood[link] = self.ground.files[link]
            target = self.ground.links.target_of(link)
            assert target is not None
            self._targets[entry.oid] = target
        self._passed.update(followed.passed)
        standing = self.ground.files.get(RepoPath(followed.real))
        self._stood[followed.real] = self.ground.trees[followed.real] if standing is None else standing

    def text(self, path: RepoPath) -> SkillText | None:
        """What this SKILL.md says; None where it is not held."""
        oid = self.ground.files[path].oid
        text = self._texts.get(oid) or self.ground.known.texts.get(oid)
        if text is None or self.ground.is_absent(path):
            content = self.content(path)
            if content is None:
                return None
            text = read_skill_md(content)
        self._texts[oid] = text
        return text

    def is_pointer(self, path: RepoPath) -> bool:
        """Whether this file only says where Git LFS keeps it."""
        oid = self.ground.files[path].oid
        is_pointer = self._pointers.get(oid, self.ground.known.pointers.get(oid))
        if is_pointer is None or self.ground.is_absent(path):
            content = self.content(path)
            if content is None:
                return False
            is_pointer = content.startswith(_POINTER_BEGINS)
        self._pointers[oid] = is_pointer
        return is_pointer

    def content(self, path: RepoPath) -> bytes | None:
        """The content of this file; None where it is not held."""
        content = self.ground.content(path)
        if content is None:
            self.is_repeatable = False
        return content

    def footing(self, real_directory: str, files: Iterable[RepoPath]) -> Footing | None:
        """What the outcome rests on. None where that cannot be told, so that it has to be found again every time.

        ``files`` are some that are published, and may lie in the plugin's directory.
        """
        own = [path for path in (*files, *map(RepoPath, self._stood)) if is_in(path, real_directory)]
        witnesses = [min((path for path in own if path in self.ground.files), default=None)]
        elsewhere = tuple(sorted((path, at) for path, at in self._stood.items() if not is_in(path, real_directory)))
        for path, at in elsewhere:
            if not isinstance(at, Entry):
                witnesses.append(next(self.ground.index.everything_within(path), None))
        seen = tuple(path for path in witnesses if path is not None)
        if not self.is_repeatable or len(seen) < len(witnesses):
            return None
        return Footing(
            tree=self.ground.trees[real_directory],
            real_directory=real_directory,
            seen=seen,
            elsewhere=elsewhere,
            passed=tuple(sorted(path for path in self._passed if not is_in(path, real_directory))),
            absent=self.ground.absent_within(_directories(real_directory, elsewhere)),
        )


def _directories(real_directory: str, elsewhere: Iterable[tuple[str, Entry | TreeId]]) -> list[str]:
    return [real_directory, *(path for path, _ in elsewhere)]
