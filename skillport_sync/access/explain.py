"""Owns the whole account of one person: what they may do with each skill, and which rule says so.

Asks ``decide`` and never decides. For operators: it names rules, groups and skills whoever may see them.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.access.decide import decide, is_editor
from skillport_sync.access.model import Absent, AccessPolicy, Action, Allowed, Denied, Principal
from skillport_sync.access.places import canonical
from skillport_sync.access.rules import names_of
from skillport_sync.access.standing import Standing
from skillport_sync.catalog.model import Catalog, PluginName, Skill


@dataclass(frozen=True, slots=True)
class ExplainedSkill:
    plugin: PluginName
    name: str
    directory: str
    """Inside its plugin's source: what tells two skills of one plugin and name apart."""
    read: Allowed | Denied
    write: Allowed | Denied


@dataclass(frozen=True, slots=True)
class Explanation:
    principal: Principal
    editor: bool
    """Whether they are among ``editors``: what creating and publishing skills asks."""
    groups: tuple[str, ...]
    """The groups of access.json they are in and why, sorted: ``sales, by domain acme.com``."""
    rows: tuple[ExplainedSkill, ...]
    """Sorted by plugin and directory. Empty where no skill is called what was asked for."""


def explain(
    policy: AccessPolicy | Absent, principal: Principal, catalog: Catalog, skill_label: str | None
) -> Explanation:
    """What this person may do with the skills that ``skill_label`` may mean: a name, ``plugin/name``, a directory or the last
    part of one. None means all of them. Skills in quarantine are among them, and say so."""
    rows = [
        _row(policy, principal, skill, withheld)
        for skills, withheld in ((catalog.skills, False), (catalog.withheld, True))
        for skill in skills
        if skill_label is None or _is_called(skill, skill_label)
    ]
    rows.sort(key=lambda row: (row.plugin, row.directory))
    groups = () if isinstance(policy, Absent) else Standing(policy, principal).groups()
    return Explanation(principal, is_editor(policy, principal), groups, tuple(rows))


def _is_called(skill: Skill, label: str) -> bool:
    return label in (skill.label, skill.directory) or canonical(label) in names_of(skill)


def _row(policy: AccessPolicy | Absent, principal: Principal, skill: Skill, withheld: bool) -> ExplainedSkill:
    return ExplainedSkill(
        skill.plugin.name,
        skill.name,
        skill.directory,
        _IN_QUARANTINE if withheld else decide(policy, principal, Action.READ, skill),
        decide(policy, principal, Action.WRITE, skill),
    )


_IN_QUARANTINE = Denied("it is in quarantine: nobody reads it, whatever access.json says")
