"""Owns the decision who may have a plugin as a whole: its commands, agents, hooks and servers, which no skill's rule is about.

Whoever is given all of it has every skill in it, so every one of those has to admit them; that is asked of ``decide``, and here
only what the plugin's own rules say. Of several they all decide, as everywhere.
"""

from __future__ import annotations

from skillport_sync.access.decide import decide
from skillport_sync.access.model import Absent, AccessPolicy, Action, Denied, Grant, Principal
from skillport_sync.access.places import canonical
from skillport_sync.access.standing import Standing
from skillport_sync.catalog.model import OWN_SOURCE, Linked, Plugin, PluginName, Skill
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath


def refused_as_whole(policy: AccessPolicy | Absent, principal: Principal, plugin: str) -> Denied | None:
    """The rule in ``plugins`` that keeps this person from having all of this plugin. None where there is none.

    A rule for the plugin by name decides, else the patterns with the most letters. The default is about skills: a plugin whose
    every skill is opened by a rule of its own is not shut by it.
    """
    if isinstance(policy, Absent):
        return None
    standing = Standing(policy, principal)
    for grant in _of_plugin(policy, plugin):
        if standing.admitted(grant.audience) is None:
            return Denied(f"{grant.place} {standing.refused(grant.audience)}", grant.line)
    return None


def may_have(policy: AccessPolicy | Absent, principal: Principal, plugin: str) -> bool:
    """Whether this person may have a plugin in which there are no skills to be asked, or none that are known.

    It is asked for like a skill of its own name: rules for that name, for the plugin, patterns, the default.
    """
    return not isinstance(decide(policy, principal, Action.READ, as_skill(plugin)), Denied)


def as_skill(plugin: str, name: str | None = None, directory: str = "", real_directory: str | None = None) -> Skill:
    """What rules are held against where there is no skill in the catalog: one of this name, in this directory, which links may
    lead to from elsewhere."""
    return Skill(
        plugin=Plugin(PluginName(plugin), OWN_SOURCE, "", None, "", None, None, (), (), frozenset()),
        directory=directory,
        skill_md=RepoPath("SKILL.md"),
        name=name or directory.rpartition("/")[2] or plugin,
        description="",
        frontmatter={},
        revision=EMPTY_TREE,
        linked=None if real_directory is None else Linked(real_directory, {}),
    )


def _of_plugin(policy: AccessPolicy, plugin: str) -> tuple[Grant, ...]:
    name = canonical(plugin)
    by_name = policy.read.plugins.get(name)
    if by_name is not None:
        return by_name
    fitting = policy.read.plugin_patterns.fitting(name)
    most = max((pattern.letters for pattern in fitting), default=0)
    return tuple(
        sorted((pattern.grant for pattern in fitting if pattern.letters == most), key=lambda grant: grant.name)
    )
