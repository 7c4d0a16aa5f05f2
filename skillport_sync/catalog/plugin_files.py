"""Owns which files a plugin consists of where it is handed out by itself: its directory, with symbolic links followed.

What belongs to the marketplace around it stays behind: the policy, marketplace.json, what git keeps for itself, and the
directories of other entries. Never decides who may have them, and never reads a content but the targets of links.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from skillport_sync.catalog.links import Followed, Links
from skillport_sync.catalog.model import SourceFiles
from skillport_sync.catalog.skill_files import SPELLINGS, SkillFiles, is_in
from skillport_sync.catalog.walks import MAX_LOOKS, Walks
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import EMPTY_TREE, BlobId, Mode
from skillport_sync.git.paths import RepoPath

PLUGIN_MANIFEST = ".claude-plugin/plugin.json"

_MARKETPLACE_MANIFEST = ".claude-plugin/marketplace.json"
"""It names plugins that whoever has this one may know nothing of. In other repositories it means nothing."""
_POLICY_DIRECTORY = ".skillport"
_SKILLS = "skills"


@dataclass(frozen=True, slots=True)
class PluginFiles:
    files: Mapping[str, RepoPath]
    """From each path inside the plugin to where the file really is, sorted by the former."""
    directory: str
    """Where the plugin really is, links followed."""
    is_lacking: bool
    """Something that belongs to it is not in ``files``: a submodule, or a link that leads nowhere."""


def links_in(files: Mapping[RepoPath, Entry]) -> frozenset[BlobId]:
    """The contents that have to be known before links can be followed."""
    return frozenset([entry.oid for entry in files.values() if entry.mode is Mode.SYMLINK])


def followable(
    files: Mapping[RepoPath, Entry], targets: Mapping[BlobId, bytes], absent: frozenset[RepoPath]
) -> SourceFiles:
    """A source in which links can be followed, and nothing read. ``targets`` are the contents of ``links_in``."""
    # Which directories there are is all that following a link asks; what their ids are, nobody does.
    return SourceFiles(files, dict.fromkeys(_directories(files), EMPTY_TREE), targets, absent)


class PluginDirectories:
    """One source, of which plugins are handed out."""

    def __init__(self, source: SourceFiles, manifest: RepoPath | None) -> None:
        """``source`` is ``followable``; ``manifest`` is where marketplace.json really is, where it is here."""
        index = SkillFiles(source.files)
        self._source = source
        self._links = Links(source, index, {})
        self._walks = Walks(source, index, self._links)
        self._manifest = manifest

    def of(
        self, directory: str, *, own_skills: Collection[str], others: Collection[str], lists_skills: bool
    ) -> PluginFiles | None:
        """The files of the plugin in this directory; None where there is no such directory.

        ``own_skills`` are the directories of its skills and ``others`` those of other entries, as reached and as they really are.
        ``lists_skills``: Claude Code takes what the plugin lists and does not look into ``skills`` by itself.
        """
        found = self._links.follow(directory)
        if not isinstance(found, Followed) or found.real not in self._source.trees:
            return None
        walked = self._walks.over(found.real, MAX_LOOKS)
        inner = [other for other in others if is_in(other, found.real) and other not in (found.real, directory)]
        foreign = _unlisted(walked.linked.files, directory, own_skills) if lists_skills else frozenset()
        kept: dict[str, RepoPath] = {}
        for relative, real in walked.linked.files.items():
            reached = f"{found.real}/{relative}" if found.real else relative
            named = f"{directory}/{relative}" if directory else relative
            is_own = any(is_in(named, skill) for skill in own_skills if skill != directory)
            if self._stays_behind(relative, real):
                continue
            if not is_own and (any(is_in(reached, other) for other in inner) or _skill_of(relative) in foreign):
                continue
            kept[relative] = real
        return PluginFiles(kept, found.real, bool(walked.lost or walked.submodules))

    def _stays_behind(self, relative: str, real: RepoPath) -> bool:
        return (
            real == self._manifest
            or relative == _MARKETPLACE_MANIFEST
            or real.casefold() == _MARKETPLACE_MANIFEST
            or _POLICY_DIRECTORY in (_top(relative), _top(real))
            or relative.casefold().startswith(".git")
        )


def _top(path: str) -> str:
    return path.partition("/")[0].casefold()


def _directories(files: Mapping[RepoPath, Entry]) -> set[str]:
    """Every directory that holds one of these files, however deep."""
    found = {""}
    for path in files:
        parent: str = path
        while (parent := parent.rpartition("/")[0]) not in found:
            found.add(parent)
    return found


def _unlisted(files: Mapping[str, RepoPath], directory: str, own_skills: Collection[str]) -> frozenset[str]:
    """The directories in ``skills`` that hold skills, and not this plugin's. In an archive Claude Code would load them all
    (measured, 2.1.329): what an entry lists is there added to ``skills``, whatever the marketplace's root makes of it."""
    return frozenset(
        skill
        for path in files
        if (skill := _skill_of(path)) is not None
        and path[len(skill) + 1 :] in SPELLINGS
        and (f"{directory}/{skill}" if directory else skill) not in own_skills
    )


def _skill_of(path: str) -> str | None:
    """``skills/pdf`` of whatever lies in that directory."""
    first, _, rest = path.partition("/")
    name, slash, _ = rest.partition("/")
    return f"{first}/{name}" if first == _SKILLS and slash else None


def skill_mds(files: Mapping[str, RepoPath]) -> Iterator[str]:
    """The files, inside the plugin, that make their directories skills wherever something leads to them."""
    return (path for path in files if path.rpartition("/")[2] in SPELLINGS)
