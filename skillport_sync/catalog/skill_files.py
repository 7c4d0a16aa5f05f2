"""Owns the index of a commit's SKILL.md files and symbolic links, made in one pass over all files."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import Mode
from skillport_sync.git.paths import RepoPath

SPELLINGS = ("SKILL.md", "skill.md", "Skill.md", "SKILL.MD", "skill.MD", "Skill.MD")
"""Claude Code loads the first only. Two of them in one directory collide, and then neither is published."""

_KNOWN = frozenset(SPELLINGS)
_LENGTH = len(SPELLINGS[0])


@dataclass(frozen=True, slots=True)
class SkillFiles:
    """``paths`` are all SKILL.md files, links among them, and ``links`` all symbolic links; both sorted."""

    files: Mapping[RepoPath, Entry]
    paths: list[RepoPath]
    links: list[RepoPath]

    def of(self, directory: str) -> RepoPath | None:
        """The SKILL.md of exactly this directory."""
        prefix = f"{directory}/" if directory else ""
        return next((path for name in SPELLINGS if (path := RepoPath(prefix + name)) in self.files), None)

    def below(self, directory: str) -> list[RepoPath]:
        """The SKILL.md files of the directories directly below this one, sorted."""
        prefix = f"{directory}/" if directory else ""
        return [path for path in _starting_with(self.paths, prefix) if path.count("/", len(prefix)) == 1]

    def links_below(self, directory: str) -> list[RepoPath]:
        """The symbolic links directly below this directory, sorted."""
        prefix = f"{directory}/" if directory else ""
        return [link for link in _starting_with(self.links, prefix) if "/" not in link[len(prefix) :]]


def skill_files(files: Mapping[RepoPath, Entry]) -> SkillFiles:
    """The index of these files. Its two passes are all that a push costs per file, so they do as little as can be."""
    symlink = Mode.SYMLINK
    ends_like_one = [path for path in files if path[-_LENGTH:] in _KNOWN]
    paths = sorted([path for path in ends_like_one if path[-_LENGTH - 1 : -_LENGTH] in ("", "/")])
    links = sorted([path for path, entry in files.items() if entry.mode is symlink])
    return SkillFiles(files, paths, links)


def directory_of(skill_md: RepoPath) -> str:
    """The directory that this file makes a skill, ``""`` for the root."""
    return skill_md[: -_LENGTH - 1]


def _starting_with(ordered: list[RepoPath], prefix: str) -> Iterator[RepoPath]:
    for at in range(bisect_left(ordered, prefix), len(ordered)):
        if not ordered[at].startswith(prefix):
            return
        yield ordered[at]
