"""Owns the index of a source's files: its SKILL.md files, and the few others that a skill's wholeness depends on.

Made in two passes over all files, which is all that a push costs per file, so they do as little as can be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import Mode
from skillport_sync.git.paths import RepoPath

SPELLINGS = ("SKILL.md", "skill.md", "Skill.md", "SKILL.MD", "skill.MD", "Skill.MD")
"""Claude Code loads the first only. Two of them in one directory collide, and then neither is published."""

POINTER_BYTES = range(100, 201)
"""How large a Git LFS pointer is: a version line, a SHA-256 and a size."""

_KNOWN = frozenset(SPELLINGS)
_LENGTH = len(SPELLINGS[0])


class SkillFiles:
    """The index. Every list is sorted."""

    def __init__(self, files: Mapping[RepoPath, Entry]) -> None:
        file, executable = Mode.FILE, Mode.EXECUTABLE
        largest = POINTER_BYTES[-1]
        ends_like_one = [path for path in files if path[-_LENGTH:] in _KNOWN]
        odd = [
            path
            for path, entry in files.items()
            if entry.size_bytes <= largest or ((mode := entry.mode) is not file and mode is not executable)
        ]
        self._files = files
        self._everything: list[RepoPath] | None = None
        self.skill_mds = sorted([path for path in ends_like_one if path[-_LENGTH - 1 : -_LENGTH] in ("", "/")])
        """All SKILL.md files, links among them."""
        self.links = sorted([path for path in odd if files[path].mode is Mode.SYMLINK])
        """All symbolic links."""
        self._submodules = sorted([path for path in odd if files[path].mode is Mode.SUBMODULE])
        links_and_modules = {*self.links, *self._submodules}
        small = [path for path in odd if files[path].size_bytes in POINTER_BYTES and path not in links_and_modules]
        self._small = sorted(small)

    def of(self, directory: str) -> RepoPath | None:
        """The SKILL.md of exactly this directory."""
        prefix = f"{directory}/" if directory else ""
        return next((path for name in SPELLINGS if (path := RepoPath(prefix + name)) in self._files), None)

    def below(self, directory: str) -> list[RepoPath]:
        """The SKILL.md files of the directories directly below this one."""
        prefix = f"{directory}/" if directory else ""
        return [path for path in within(self.skill_mds, directory) if path.count("/", len(prefix)) == 1]

    def links_below(self, directory: str) -> list[RepoPath]:
        """The symbolic links directly below this directory."""
        prefix = f"{directory}/" if directory else ""
        return [link for link in within(self.links, directory) if "/" not in link[len(prefix) :]]

    def skill_mds_within(self, directory: str) -> list[RepoPath]:
        """Every SKILL.md in this directory, however deep."""
        return list(within(self.skill_mds, directory))

    def has_links_within(self, directory: str) -> bool:
        return bool(self.links) and next(within(self.links, directory), None) is not None

    def submodules_within(self, directory: str) -> list[RepoPath]:
        return list(within(self._submodules, directory)) if self._submodules else []

    def small_within(self, directory: str) -> list[RepoPath]:
        """The files in this directory that have the size of a Git LFS pointer."""
        return list(within(self._small, directory))

    def everything_within(self, directory: str) -> Iterator[RepoPath]:
        """Every file in this directory, however deep. The first call sorts all files."""
        if self._everything is None:
            self._everything = sorted(self._files)
        return within(self._everything, directory)


def directory_of(skill_md: RepoPath) -> str:
    """The directory that this file makes a skill, ``""`` for the root."""
    return skill_md[: -_LENGTH - 1]


def within(ordered: Sequence[RepoPath], directory: str) -> Iterator[RepoPath]:
    """Those of these sorted paths that lie in the directory, however deep."""
    prefix = f"{directory}/" if directory else ""
    for at in range(bisect_left(ordered, prefix), len(ordered)):
        if not ordered[at].startswith(prefix):
            return
        yield ordered[at]


def is_in(path: str, directory: str) -> bool:
    """Whether the path lies in the directory or is the directory itself."""
    return not directory or path == directory or path.startswith(f"{directory}/")
