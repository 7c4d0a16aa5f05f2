"""Owns whose a file is: which skills' directories it lies in. Pure.

Asked of the place where a file really is, so that no symbolic link leads around a rule. Made once for a catalog: a question
then costs what its files do, however many skills there are. Never decides who may read any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from skillport_sync.catalog.model import Catalog, Skill, SourceKey


@dataclass(frozen=True, slots=True)
class Owners:
    """The skills of one catalog by source and by the directory they really are in. Several share one where links lead to it."""

    _of_source: Mapping[SourceKey, Mapping[str, tuple[Skill, ...]]]

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Those that are withheld own their directories too: their files are not another skill's because nobody may read them."""
        found: dict[SourceKey, dict[str, tuple[Skill, ...]]] = {}
        shared: dict[tuple[SourceKey, str], list[Skill]] = {}
        for skill in catalog.skills:
            source, directory = skill.plugin.source, skill.real_directory
            of_source = found.setdefault(source, {})
            if directory in of_source:
                shared.setdefault((source, directory), [*of_source[directory]]).append(skill)
            else:
                of_source[directory] = (skill,)
        for (source, directory), skills in shared.items():
            found[source][directory] = tuple(skills)
        for skill in catalog.withheld:
            found.setdefault(skill.plugin.source, {}).setdefault(skill.real_directory, ())
        return cls(found)

    def around(self, source: SourceKey, paths: Iterable[str]) -> Mapping[str, tuple[Skill, ...]]:
        """The skills' directories that any of these paths lies in, each with the skills there; none where all are withheld."""
        of_source = self._of_source.get(source, {})
        directories = {""}
        for path in paths:
            while (path := path.rpartition("/")[0]) not in directories:
                directories.add(path)
        return {directory: of_source[directory] for directory in directories if directory in of_source}


def innermost(path: str, directories: Mapping[str, object]) -> str | None:
    """The deepest of these directories that the path lies in."""
    while path:
        path = path.rpartition("/")[0]
        if path in directories:
            return path
    return None
