"""Owns the decision who may do what. Every surface asks here and nowhere else.

A skill's own rule decides, else the defaults. Reading asks by the skill's name, writing by its plugin's name: both are looked up
in the same ``skills`` of access.json, as the marketplaces that exist already have it. Without an access.json everybody
signed in reads and nobody writes. Never sees a Malformed policy: the commit that carries one is refused before.
"""

from __future__ import annotations

from skillport_sync.access.model import (
    Absent,
    AccessPolicy,
    Action,
    Allowed,
    Audience,
    Denied,
    Principal,
)
from skillport_sync.catalog.model import Catalog, Skill


def decide(policy: AccessPolicy | Absent, principal: Principal, action: Action, skill: Skill) -> Allowed | Denied:
    """May this person do this with this skill, and which rule says so."""
    if isinstance(policy, Absent):
        if action is Action.READ:
            return Allowed("there is no access.json: everybody signed in reads")
        return Denied("there is no access.json: nobody writes")
    audience, rule = _audience(policy, action, skill)
    admitted = _admits(policy, audience, principal)
    reason = f"{rule} {_described(audience, principal, admitted)}"
    return Allowed(reason) if admitted else Denied(reason)


def is_editor(policy: AccessPolicy | Absent, principal: Principal) -> bool:
    """Whether this person is listed in ``editors``: what creating and publishing skills asks."""
    return isinstance(policy, AccessPolicy) and principal.id in policy.editors


def readable(policy: AccessPolicy | Absent, principal: Principal, catalog: Catalog) -> tuple[Skill, ...]:
    """The skills this person may read, in the catalog's order. Says of each what ``decide`` says."""
    if isinstance(policy, Absent):
        return catalog.skills
    by_default = _admits(policy, policy.default_read, principal)
    by_name = {
        name: _admits(policy, rule.read, principal) for name, rule in policy.skills.items() if rule.read is not None
    }
    if by_default and all(by_name.values()):
        return catalog.skills
    return tuple([skill for skill in catalog.skills if by_name.get(skill.name, by_default)])


def _audience(policy: AccessPolicy, action: Action, skill: Skill) -> tuple[Audience, str]:
    """Who the deciding rule lets in, and where in access.json it stands."""
    name = skill.name if action is Action.READ else str(skill.plugin.name)
    rule = policy.skills.get(name)
    own = None if rule is None else rule.read if action is Action.READ else rule.write
    if own is not None:
        return own, f"skills.{name}.{action.value}"
    return (policy.default_read if action is Action.READ else policy.default_write), f"defaults.{action.value}"


def _admits(policy: AccessPolicy, audience: Audience, principal: Principal) -> bool:
    if isinstance(audience, frozenset):
        return principal.id in audience
    return True if audience == "*" else is_editor(policy, principal)


def _described(audience: Audience, principal: Principal, admitted: bool) -> str:
    if audience == "*":
        return 'is "*": everybody signed in'
    if audience == "editors":
        return f'is "editors", who {principal.id} is {"" if admitted else "not "}among'
    return f"{'lists' if admitted else 'does not list'} {principal.id}"
