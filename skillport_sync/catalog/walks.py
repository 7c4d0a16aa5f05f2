"""Owns the files of a directory with its symbolic links followed: what a skill is served from.

Bounded whatever the links do: in files, in levels, and in how much is looked at. A link to a directory that holds it is left
out, so that nothing contains itself. Never reports anything: the finder of a skill does.

Problem codes: links', symlink_cycle, symlink_too_much.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.catalog.links import MAX_LEVELS, NEVER_SERVED, Followed, Links, Lost
from skillport_sync.catalog.model import Linked, SourceFiles
from skillport_sync.catalog.skill_files import SkillFiles, is_in
from skillport_sync.git.listing import tree_ids
from skillport_sync.git.objects import Mode, TreeId
from skillport_sync.git.paths import RepoPath

MAX_FILES = 5_000
"""Of one skill. What lies in its own directory is never left out; beyond this number nothing is added through links."""
MAX_LOOKS = 4 * MAX_FILES
"""What is looked at because of links in one skill: a directory of links that lead nowhere has no files to count."""
MAX_LOOKS_OF_A_PLUGIN = 10 * MAX_FILES
"""The same in all skills of a plugin together: a thousand skills in one maze must not be a thousand walks."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A directory with its links followed, as a skill is served from it."""

    linked: Linked
    revision: TreeId
    """The tree id of these files."""
    followed: tuple[Followed, ...]
    """Every link that was followed on the way."""
    lost: tuple[Lost, ...]
    submodules: tuple[RepoPath, ...]
    looks: int
    """How much was looked at because of links."""


class Walks:
    """The walks over one source, each done once."""

    def __init__(self, source: SourceFiles, index: SkillFiles, links: Links) -> None:
        self._source = source
        self._index = index
        self._links = links
        self._done: dict[tuple[str, int], Walked] = {}

    def over(self, directory: str, looks: int) -> Walked:
        """The files of this real directory with links followed, for which no more than so much is looked at.

        It makes no difference how the directory was reached, nor which walks were done before.
        """
        most = min(looks, MAX_LOOKS)
        walked = self._done.get((directory, MAX_LOOKS))
        if walked is None or walked.looks > most:
            walked = self._done.get((directory, most))
        if walked is None:
            walk = _Walk(self._source, self._index, self._links, most)
            walk.collect(directory, "", ())
            walked = walk.walked(directory)
            self._done[directory, MAX_LOOKS if walked.looks <= most else most] = walked
        return walked


class _Walk:
    """One walk over a directory and whatever its links lead to."""

    def __init__(self, source: SourceFiles, index: SkillFiles, links: Links, most: int) -> None:
        self._source = source
        self._index = index
        self._links = links
        self._most = most
        self._files: dict[str, RepoPath] = {}
        self._followed: dict[Followed, None] = {}
        self._lost: dict[Lost, None] = {}
        self._submodules: dict[RepoPath, None] = {}
        self._looks = 0
        self._is_full = False

    def walked(self, directory: str) -> Walked:
        files = dict(sorted(self._files.items()))
        leaves = {
            relative.encode(): (_served_as(entry.mode), entry.oid)
            for relative, path in files.items()
            for entry in [self._source.files[path]]
        }
        return Walked(
            linked=Linked(directory, files),
            revision=tree_ids(leaves)[b""],
            followed=tuple(self._followed),
            lost=tuple(self._lost),
            submodules=tuple(self._submodules),
            looks=self._looks,
        )

    def collect(self, directory: str, prefix: str, through: tuple[RepoPath, ...]) -> None:
        """The files of this real directory, under ``prefix``. ``through`` are the links that led into it, from outside in."""
        skipped = len(directory) + 1 if directory else 0
        links: list[RepoPath] = []
        for path in self._index.everything_within(directory):
            if through and not self._has_room(through[0]):
                return
            mode = self._source.files[path].mode
            if mode is Mode.SYMLINK:
                links.append(path)
            elif mode is Mode.SUBMODULE:
                self._submodules[path] = None
            else:
                self._add(prefix + path[skipped:], path, through[0] if through else None)
        for link in links:
            if not self._has_room((*through, link)[0]):
                return
            self._follow(link, prefix + link[skipped:], through)

    def _follow(self, link: RepoPath, relative: str, through: tuple[RepoPath, ...]) -> None:
        found = self._links.follow(link)
        assert found is not None
        if isinstance(found, Lost):
            self._lost[found] = None
        elif found.real in self._source.files:
            self._followed[found] = None
            self._add(relative, RepoPath(found.real), link)
        elif any(is_in(passed, found.real) for passed in (*through, link)):
            self._lost[Lost(link, "symlink_cycle", "leads to a directory that holds it")] = None
        elif relative.count("/") >= MAX_LEVELS - 1:
            self._lost[_too_deep(link)] = None
        else:
            self._followed[found] = None
            self.collect(found.real, f"{relative}/", (*through, link))

    def _has_room(self, blamed: RepoPath) -> bool:
        """Whether anything more may be reached through links. Says so the first time that there is no room."""
        self._looks += 1
        if len(self._files) < MAX_FILES and self._looks <= self._most:
            return True
        if not self._is_full:
            self._is_full = True
            message = (
                f"leads to more than may be reached through links ({MAX_FILES:,} files a skill); the rest is left out"
            )
            self._lost[Lost(blamed, "symlink_too_much", message)] = None
        return False

    def _add(self, relative: str, path: RepoPath, blamed: RepoPath | None = None) -> None:
        if blamed is not None and relative.count("/") >= MAX_LEVELS:
            self._lost[_too_deep(blamed)] = None
        elif path != NEVER_SERVED:
            self._files[relative] = path


def _too_deep(link: RepoPath) -> Lost:
    return Lost(link, "symlink_too_much", f"leads deeper than {MAX_LEVELS} directories; what is there is left out")


def _served_as(mode: Mode) -> Mode:
    return Mode.EXECUTABLE if mode.is_executable else Mode.FILE
