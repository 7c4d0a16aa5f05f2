"""Owns the question where one plugin has its skills: Claude Code's rules, applied to the files of one directory.

* ``skills/*/SKILL.md`` below the plugin is always looked at, except where the entry's source is the marketplace's root and
  directories are listed.
* ``skills`` in the marketplace entry or in plugin.json lists further directories: each holds a SKILL.md or holds skills.
* A SKILL.md beside ``.claude-plugin`` counts only where there is neither a ``skills`` directory nor such a list.

Every directory on the way may be a symbolic link, and every entry of a directory of skills counts for itself, so that one
directory that two links lead to is two skills.

Problem codes: links', skills_path_missing, skills_path_empty.
"""

from __future__ import annotations

from collections.abc import Iterator

from skillport_sync.catalog.found_skill import SkillPlace
from skillport_sync.catalog.look import Look
from skillport_sync.catalog.model import Severity
from skillport_sync.catalog.skill_files import directory_of


def skill_places(
    look: Look, directory: str, real_directory: str, listed: tuple[str, ...] | None, *, replaces: bool
) -> list[SkillPlace]:
    """The places of the plugin's skills, each once, sorted by directory as reached.

    ``listed`` are directories relative to the plugin, None where nothing lists any; ``replaces`` says that they take the place of
    ``skills`` and are not added to it.
    """
    places: dict[str, SkillPlace] = {}
    finder = _Finder(look, directory, real_directory)
    for place in finder.places(listed, replaces):
        places.setdefault(place.directory, place)
    # Sorted by directory, not by path: "a/SKILL.md" comes after "a-b/SKILL.md", the directory "a" before "a-b".
    return [places[directory] for directory in sorted(places)]


class _Finder:
    def __init__(self, look: Look, directory: str, real_directory: str) -> None:
        self._look = look
        self._directory = directory
        self._real_directory = real_directory

    def places(self, listed: tuple[str, ...] | None, replaces: bool) -> Iterator[SkillPlace]:
        has_default = False
        if listed is None or not replaces:
            default = self._look.real(join(self._real_directory, "skills"), Severity.ERROR)
            has_default = default is not None
            if default is not None:
                yield from self._below(join(self._directory, "skills"), default)
        for relative in listed or ():
            yield from self._listed(relative)
        if listed is None and not has_default:
            at_root = self._look.ground.index.of(self._real_directory)
            if at_root is not None:
                yield SkillPlace(self._directory, self._real_directory, at_root)

    def _listed(self, relative: str) -> list[SkillPlace]:
        look, directory = self._look, join(self._directory, relative)
        reported = len(look.problems)
        real = look.real(join(self._real_directory, relative), Severity.ERROR)
        if real is None or real not in look.ground.trees:
            if len(look.problems) == reported:
                what = "does not exist" if real is None else "is no directory"
                look.report(directory, "skills_path_missing", Severity.ERROR, f'is listed in "skills" but {what}')
            return []
        skill_md = look.ground.index.of(real)
        if skill_md is not None:
            return [SkillPlace(directory, real, skill_md)]
        below = self._below(directory, real)
        if not below:
            message = 'is listed in "skills" but holds no SKILL.md'
            look.report(directory, "skills_path_empty", Severity.WARNING, message)
        return below

    def _below(self, directory: str, real_directory: str) -> list[SkillPlace]:
        """The skills of a directory of skills: its own directories, and what its links lead to."""
        look, index = self._look, self._look.ground.index
        places = [
            SkillPlace(join(directory, directory_of(path).rpartition("/")[2]), directory_of(path), path)
            for path in index.below(real_directory)
        ]
        for link in index.links_below(real_directory):
            real = look.real(link, Severity.WARNING)
            skill_md = index.of(real) if real is not None and real in look.ground.trees else None
            if real is not None and skill_md is not None:
                places.append(SkillPlace(join(directory, link.rpartition("/")[2]), real, skill_md))
        return places


def join(directory: str, relative: str) -> str:
    return f"{directory}/{relative}" if directory and relative else directory or relative
