"""Owns the following of symbolic links inside one source, the way a file system follows them.

A link leads to a path relative to where it lies, component by component, links on the way included, and it may lead anywhere in
the same source. What leads outside, nowhere or round in a circle is ``Lost``; nothing that a push can hold makes this slow or
endless. The access policy is never reached, by whatever link. Never reports anything: the finder of a plugin does.

Problem codes: symlink_outside, symlink_broken, symlink_cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from skillport_sync.catalog.model import SourceFiles
from skillport_sync.catalog.skill_files import SkillFiles, is_in
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import RepoPath

MAX_HOPS = 40
"""Links on the way to one file, as on Linux."""
MAX_LEVELS = 64
"""Directories above a file, by whatever way it is reached."""
MAX_TARGET_NAMES = 2 * MAX_LEVELS
"""Up from the deepest directory there is, and down to another."""
NEVER_SERVED = RepoPath(".skillport/access.json")
"""The access policy says who may read what; only the service reads it."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a path really is. ``links`` are those on the way, in their order."""

    real: str
    links: tuple[RepoPath, ...] = ()
    passed: tuple[str, ...] = ()
    """Directories that the way only goes into and out of again: without them it would lead nowhere."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that is left out because of a link. ``path`` is the first link on the way to it."""

    path: str
    code: str
    message: str


class Links:
    """The links of one source. ``known`` are targets that were read before."""

    def __init__(self, source: SourceFiles, index: SkillFiles, known: Mapping[BlobId, str]) -> None:
        self._source = source
        self._index = index
        self._targets = dict(known)
        self._links = frozenset(index.links)
        self._ends: dict[RepoPath, Followed | _Nowhere] = {}
        self._open: set[RepoPath] = set()

    def follow(self, path: str) -> Followed | Lost | None:
        """Where this path of the source leads. None: there is nothing, and no link is to blame for it."""
        first = self._first_link(path)
        if first is None:
            return Followed(path) if path in self._source.trees or path in self._source.files else None
        found = self._from("", path, 0)
        if isinstance(found, _Nowhere):
            return Lost(first, found.code, found.message)
        if found.real == NEVER_SERVED:
            return Lost(first, "symlink_outside", "leads to the access policy, which is never served")
        if found.real in self._source.trees and next(self._index.everything_within(found.real), None) is None:
            return Lost(first, "symlink_broken", f"leads to {found.real[:200]}, of which nothing is published")
        return found

    def target_of(self, link: RepoPath) -> str | None:
        """What the link says. None where that is not held or no path."""
        oid = self._source.files[link].oid
        if oid not in self._targets or link in self._source.absent:
            try:
                text = self._source.contents[oid].decode("utf-8")
            except (KeyError, UnicodeDecodeError):
                return None
            if not text or "\0" in text or text.count("/") > MAX_TARGET_NAMES:
                return None
            self._targets[oid] = text
        return self._targets[oid]

    def _first_link(self, path: str) -> RepoPath | None:
        if self._links:
            at = path.find("/")
            while at >= 0:
                if path[:at] in self._links:
                    return RepoPath(path[:at])
                at = path.find("/", at + 1)
            if path in self._links:
                return RepoPath(path)
        return None

    def _from(self, directory: str, target: str, depth: int) -> Followed | _Nowhere:
        """Where ``target`` leads from this real directory, which exists."""
        if target.startswith("/"):
            return _Nowhere("symlink_outside", "leads out of the repository: its target is absolute")
        files, trees = self._source.files, self._source.trees
        at = directory
        links: tuple[RepoPath, ...] = ()
        passed: tuple[str, ...] = ()
        names = target.split("/")
        for index, name in enumerate(names):
            if name in ("", "."):
                continue
            if name == "..":
                if not at:
                    return _Nowhere("symlink_outside", "leads out of the repository", len(links))
                if not is_in(directory, at):
                    passed += (at,)
                at = at.rpartition("/")[0]
                continue
            here = RepoPath(f"{at}/{name}" if at else name)
            entry = files.get(here)
            if entry is not None and entry.mode is Mode.SYMLINK:
                end = self._end_of(here, depth)
                if isinstance(end, _Nowhere):
                    return end.after(len(links))
                links += end.links
                passed += end.passed
                if len(links) > MAX_HOPS:
                    return _ENDLESS
                here, entry = RepoPath(end.real), files.get(RepoPath(end.real))
            at = here
            if at in trees:
                continue
            if entry is None or entry.mode is Mode.SUBMODULE or index < len(names) - 1:
                message = f"leads to {at[:200]}, which is not there, not a directory or not published"
                return _Nowhere("symlink_broken", message, len(links))
        return Followed(at, links, passed)

    def _end_of(self, link: RepoPath, depth: int) -> Followed | _Nowhere:
        """Where one link leads in the end. Worked out once, but in the middle of a chain that is too long."""
        known = self._ends.get(link)
        if known is not None:
            return known
        if link in self._open or depth == MAX_HOPS:
            return _ENDLESS
        target = self.target_of(link)
        if target is None:
            end: Followed | _Nowhere = _Nowhere("symlink_broken", "its target is not held, or is no path")
        else:
            self._open.add(link)
            end = self._from(link.rpartition("/")[0], target, depth + 1)
            self._open.discard(link)
        if isinstance(end, _Nowhere):
            end = end.after(1)
        else:
            end = replace(end, links=(link, *end.links)) if len(end.links) < MAX_HOPS else _ENDLESS
        if end is not _ENDLESS or depth == 0:
            self._ends[link] = end
        return end


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """Why a link leads to nothing. ``hops`` are the links that were passed before that was clear."""

    code: str
    message: str
    hops: int = 0

    def after(self, hops: int) -> _Nowhere:
        """The same at the end of a longer way. Which link of a chain was asked first must make no difference."""
        hops += self.hops
        return _ENDLESS if self is _ENDLESS or hops > MAX_HOPS else _Nowhere(self.code, self.message, hops)


_ENDLESS = _Nowhere("symlink_cycle", f"leads round in a circle, or through more than {MAX_HOPS} links")
