"""Owns the question whom a problem concerns: one skill, those that share a file, all of a plugin, all there are, or none.

A problem says its file and line and not its skills; what surfaces refuse is told per skill. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from skillport_sync.catalog.discover import MANIFEST_PATH
from skillport_sync.catalog.model import OWN_SOURCE, Plugin, Problem, Skill, SourceKey
from skillport_sync.lint.written_marketplace import WrittenMarketplace
from skillport_sync.snapshot import Snapshot

_Place = tuple[SourceKey, str]
_Index = dict[_Place, set[int]]

_OF_ITS_SKILL_MD = ("frontmatter_", "skill_")
"""Codes of what one SKILL.md says: a skill around it has nothing to do with that."""
_OF_THE_WHOLE = "marketplace_"


class Scope:
    """The skills of a snapshot, withheld ones included, by every place that a problem of theirs can have.

    A skill is known by its position in ``skills``.
    """

    def __init__(self, snapshot: Snapshot, marketplace: WrittenMarketplace) -> None:
        self.skills: tuple[Skill, ...] = (*snapshot.catalog.skills, *snapshot.catalog.withheld)
        self._marketplace = marketplace
        self._by_skill_md: _Index = {}
        self._by_file: _Index = {}
        """Only of skills that links lead into; the others' are found by their directory."""
        self._by_directory: _Index = {}
        self._by_plugin: _Index = {}
        for number, skill in enumerate(self.skills):
            self._enter(number, skill, snapshot)

    def _enter(self, number: int, skill: Skill, snapshot: Snapshot) -> None:
        source = skill.plugin.source
        self._by_skill_md.setdefault((source, skill.skill_md), set()).add(number)
        self._by_plugin.setdefault((source, skill.plugin.name), set()).add(number)
        for directory in (skill.directory, skill.real_directory):
            self._by_directory.setdefault((source, directory), set()).add(number)
        if skill.linked is None:
            return
        name = skill.skill_md.rpartition("/")[2]
        for relative, path, _ in snapshot.located(skill):
            self._by_file.setdefault((source, path), set()).add(number)
            if relative == name:
                self._by_skill_md.setdefault((source, path), set()).add(number)

    def of_plugin(self, plugin: Plugin) -> set[int]:
        """The skills of this plugin."""
        numbers = self._by_plugin.get((plugin.source, plugin.name), ())
        return {number for number in numbers if self.skills[number].plugin == plugin}

    def of(self, problem: Problem) -> Collection[int]:
        """The skills that this problem concerns, told by its code and place."""
        place = (problem.source, problem.path)
        if problem.code.startswith(_OF_ITS_SKILL_MD) and place in self._by_skill_md:
            return self._by_skill_md[place]
        if place == (OWN_SOURCE, MANIFEST_PATH):
            return self._of_entry(problem)
        if problem.path.endswith(".claude-plugin/plugin.json"):
            directory = problem.path.removesuffix(".claude-plugin/plugin.json").rstrip("/")
            return [
                number
                for number, skill in enumerate(self.skills)
                if (skill.plugin.source, skill.plugin.directory) == (problem.source, directory)
            ]
        found = set(self._by_file.get(place, ()))
        for directory in _above(problem.path):
            found |= self._by_directory.get((problem.source, directory), set())
        return found

    def _of_entry(self, problem: Problem) -> Collection[int]:
        """Those of the plugin whose entry the problem's line is in."""
        if problem.code.startswith(_OF_THE_WHOLE):
            return range(len(self.skills))
        name = self._marketplace.plugin_at(problem.line)
        return [
            number for number, skill in enumerate(self.skills) if skill.plugin.published and skill.plugin.name == name
        ]


def _above(path: str) -> Iterator[str]:
    """The path itself and every directory on the way up to the root."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""
