"""Owns what is worth saying of a sound policy beside a catalog: rules and groups that do nothing, and names that several skills
bear. A rule for a name that nobody bears protects nothing, although its author believes that it does.

Changes no decision. Problem codes: access_rule_unused, access_rule_ambiguous, access_group_unused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from skillport_sync.access.model import Absent, AccessPolicy, Action, Grant, GroupName, People, Section
from skillport_sync.access.patterns import NamePattern
from skillport_sync.access.places import canonical, shown_name, shown_place
from skillport_sync.access.rules import names_of
from skillport_sync.catalog.model import Catalog, PluginName, Remark, Severity, Skill

_SHOWN = 5


def unused_rules(policy: AccessPolicy | Absent, catalog: Catalog) -> tuple[Remark, ...]:
    """What an author of access.json should know, by line. Skills that are unpublished or withheld are there, too."""
    if isinstance(policy, Absent):
        return ()
    remarks = [*_RulesBesideCatalog(policy, catalog).remarks(), *_unused_groups(policy)]
    return tuple(sorted(remarks, key=lambda remark: (remark.line or 0, remark.code, remark.message)))


class _RulesBesideCatalog:
    def __init__(self, policy: AccessPolicy, catalog: Catalog) -> None:
        self._policy = policy
        self._renames = catalog.renames
        self._rules: dict[tuple[Section, str], list[Grant]] = {}
        for action in Action:
            for grant in policy.rules(action):
                if grant.section is not Section.DEFAULTS:
                    self._rules.setdefault((grant.section, grant.name), []).append(grant)
        self._plugins = {canonical(plugin.name) for plugin in catalog.plugins}
        self._skills: dict[str, list[Skill]] = {}
        for skill in (*catalog.skills, *catalog.withheld) if self._rules else ():
            self._plugins.add(canonical(skill.plugin.name))
            for name in names_of(skill):
                self._skills.setdefault(name, []).append(skill)

    def remarks(self) -> Iterator[Remark]:
        for (section, name), grants in self._rules.items():
            idle = [grant for grant in grants if not self._decides(grant)]
            if len(idle) == len(grants):
                yield self._unused(shown_place((section.value, name)), idle[0])
                continue
            for grant in idle:
                # Half a rule that says what would be so without it misleads nobody.
                if grant.audience != self._policy.rules(grant.action).default.audience:
                    yield self._unused(grant.place, grant)
            by_skill = [grant for grant in grants if self._policy.rules(grant.action).skills.get(name) == grant]
            bearers = self._skills.get(name, [])
            if by_skill and len(bearers) > 1:
                yield _ambiguous(by_skill[0], bearers)

    def _decides(self, grant: Grant) -> bool:
        """Whether there is anything about which this rule can be asked."""
        rules = self._policy.rules(grant.action)
        if rules.skills.get(grant.name) == grant and grant.name in self._skills:
            return True
        if grant in rules.plugins.get(grant.name, ()) and grant.name in self._plugins:
            return True
        if "*" not in grant.name or self._policy.version == "1.0":
            return False
        names = self._skills if grant.section is Section.SKILLS else self._plugins
        return any(map(NamePattern.of(grant).fits, names))

    def _unused(self, place: str, grant: Grant) -> Remark:
        message = f"{place} decides nothing: {self._why(grant)}"
        return Remark("access_rule_unused", Severity.WARNING, message, grant.line)

    def _why(self, grant: Grant) -> str:
        first = self._policy.version == "1.0"
        if "*" in grant.name:
            return 'patterns need "version": "1.1"' if first else f"it fits no {grant.section.value[:-1]}"
        plugins_only = grant.section is Section.PLUGINS or (first and grant.action is Action.WRITE)
        wanted = "plugin" if plugins_only else "skill" if grant.action is Action.READ else "skill or plugin"
        return f"no {wanted} is called {shown_name(grant.name)}{self._hint(grant, first)}"

    def _hint(self, grant: Grant, first: bool) -> str:
        """What its author may have meant."""
        name = grant.name
        if grant.section is Section.PLUGINS and name in self._skills:
            return "; a skill is: write it under skills"
        if grant.section is Section.SKILLS and name in self._plugins:
            return "; a plugin is: " + (
                'rules for reading it need "version": "1.1"' if first else "write it under plugins"
            )
        if name in self._skills:
            return '; a skill is, but "version": "1.0" asks by the plugin\'s name who may write'
        if PluginName(name) in self._renames:
            now = self._renames[PluginName(name)]
            return "; the plugin was removed" if now is None else f"; the plugin is called {shown_name(now)} now"
        alike = self._by_folded_name.get(name.casefold())
        return "" if alike is None else f"; there is {shown_name(alike)}"

    @cached_property
    def _by_folded_name(self) -> dict[str, str]:
        return {name.casefold(): name for name in sorted({*self._skills, *self._plugins})}


def _ambiguous(grant: Grant, bearers: list[Skill]) -> Remark:
    labels = sorted(skill.label for skill in bearers)
    shown = ", ".join(labels[:_SHOWN]) + (", …" if len(labels) > _SHOWN else "")
    message = f"{shown_place((grant.section.value, grant.name))} is about {len(labels)} skills: {shown}"
    return Remark("access_rule_ambiguous", Severity.INFO, message, grant.line)


def _unused_groups(policy: AccessPolicy) -> Iterator[Remark]:
    """Groups that no rule and no editor's place names, be it through other groups."""
    listed = [policy.editors, *(grant.audience for action in Action for grant in policy.rules(action))]
    pending = [name for people in listed if isinstance(people, People) for name in people.groups]
    used: set[GroupName] = set()
    while pending:
        name = pending.pop()
        if name not in used:
            used.add(name)
            pending.extend(policy.groups[name].members.groups)
    for name, group in policy.groups.items():
        if name in used:
            continue
        message = f"{shown_place(('groups', name))} is named by no rule"
        yield Remark("access_group_unused", Severity.INFO, message, group.line)
