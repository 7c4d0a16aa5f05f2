"""Owns the question which rules decide about a skill: the most specific ones. The same for everybody who asks.

From the most specific on: rules for the skill by name, rules for its plugin by name, patterns (of those that match, the ones with
the most letters), the default. Where several are equally specific all of them decide, and each must admit: so no order matters,
and doubt opens nothing. Never looks at a person.

A skill answers to its name and to the last part of its directory, and, where a link leads to it, of its real directory. The name
is frontmatter: whoever edits it must not leave a rule behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from skillport_sync.access.model import Grant
from skillport_sync.access.patterns import Patterns
from skillport_sync.access.places import canonical
from skillport_sync.catalog.model import Catalog, Skill


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which rules decide about each skill of a catalog."""

    catalog: Catalog
    deciding: tuple[tuple[Grant, ...], ...]
    """Every set of rules that decides about some skill, once."""
    of_skill: Sequence[int]
    """For each skill of the catalog its place in ``deciding``."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules for one action, by how specific they are."""

    skills: Mapping[str, Grant]
    """By the skill's name, no patterns."""
    plugins: Mapping[str, tuple[Grant, ...]]
    """By the plugin's name, no patterns. In several places of the file there may be one each."""
    skill_patterns: Patterns
    """For the skill's name."""
    plugin_patterns: Patterns
    """For the plugin's name."""
    default: Grant
    _arranged: list[Arrangement] = field(default_factory=list, init=False, compare=False, repr=False)

    def deciding(self, skill: Skill) -> tuple[Grant, ...]:
        """The rules that decide about this skill, at least one. Each of them must admit."""
        names = names_of(skill)
        by_name = [self.skills[name] for name in names if name in self.skills]
        if by_name:
            return tuple(by_name)
        plugin = canonical(skill.plugin.name)
        by_plugin = self.plugins.get(plugin)
        if by_plugin is not None:
            return by_plugin
        by_pattern = [grant for name in names for grant in self._most_specific(name, plugin)]
        if by_pattern:
            return tuple(dict.fromkeys(by_pattern))
        return (self.default,)

    def arranged(self, catalog: Catalog) -> Arrangement:
        """What ``deciding`` says of every skill. Remembered for the catalog asked about last: it is the same for all people."""
        for last in self._arranged:
            if last.catalog is catalog:
                return last
        distinct: dict[tuple[int, ...], int] = {}
        deciding: list[tuple[Grant, ...]] = []
        of_skill: list[int] = []
        for skill in catalog.skills:
            grants = self.deciding(skill)
            # The very same rules, not equal ones: that is cheaper to ask, and here it is the same.
            at = distinct.setdefault(tuple(map(id, grants)), len(deciding))
            if at == len(deciding):
                deciding.append(grants)
            of_skill.append(at)
        arrangement = Arrangement(catalog, tuple(deciding), of_skill)
        self._arranged[:] = [arrangement]
        return arrangement

    def __iter__(self) -> Iterator[Grant]:
        """Every rule once, the default last."""
        by_plugin = [grant for grants in self.plugins.values() for grant in grants]
        by_pattern = [
            pattern.grant for patterns in (self.skill_patterns, self.plugin_patterns) for pattern in patterns.every
        ]
        return iter(dict.fromkeys([*self.skills.values(), *by_plugin, *by_pattern, self.default]))

    def _most_specific(self, name: str, plugin: str) -> list[Grant]:
        """The patterns with the most letters of all that a skill of this name in this plugin fits."""
        fitting = self.skill_patterns.fitting(name) + self.plugin_patterns.fitting(plugin)
        if len(fitting) < 2:
            return [pattern.grant for pattern in fitting]
        letters = max([pattern.letters for pattern in fitting])
        best = [pattern.grant for pattern in fitting if pattern.letters == letters]
        return sorted(best, key=lambda grant: (grant.section, grant.name))


def names_of(skill: Skill) -> tuple[str, ...]:
    """The names by which rules find this skill, in the form that is compared: its own, and those of its directories."""
    # Where the directory is the root of a source there is no such part; the plugin's name stands in, as it does in the catalog.
    last = skill.directory.rpartition("/")[2] or str(skill.plugin.name)
    if skill.linked is None:
        return (canonical(last),) if last == skill.name else tuple(dict.fromkeys(map(canonical, (skill.name, last))))
    real = skill.linked.directory.rpartition("/")[2] or str(skill.plugin.name)
    return tuple(dict.fromkeys(map(canonical, (skill.name, last, real))))
