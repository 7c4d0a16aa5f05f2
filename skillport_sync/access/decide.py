"""Owns the decision who may do what. Every surface asks here and nowhere else.

The most specific rules decide (see ``rules``), and a person is let in when every one of them lets them in. Without an access.json
everybody signed in reads and nobody writes. Never sees a Malformed policy: the commit that carries one is refused before.
"""

from __future__ import annotations

from itertools import compress

from skillport_sync.access.model import Absent, AccessPolicy, Action, Allowed, Denied, Grant, Principal
from skillport_sync.access.standing import Standing
from skillport_sync.catalog.model import Catalog, Skill


def decide(policy: AccessPolicy | Absent, principal: Principal, action: Action, skill: Skill) -> Allowed | Denied:
    """May this person do this with this skill, and which rule says so."""
    if isinstance(policy, Absent):
        if action is Action.READ:
            return Allowed("there is no access.json: everybody signed in reads")
        return Denied("there is no access.json: nobody writes")
    return _judged(policy.rules(action).deciding(skill), Standing(policy, principal))


def is_editor(policy: AccessPolicy | Absent, principal: Principal) -> bool:
    """Whether this person is among ``editors``: what creating and publishing skills asks."""
    return isinstance(policy, AccessPolicy) and Standing(policy, principal).is_editor()


def readable(policy: AccessPolicy | Absent, principal: Principal, catalog: Catalog) -> tuple[Skill, ...]:
    """The skills this person may read, in the catalog's order."""
    return permitted(policy, principal, Action.READ, catalog)


def permitted(
    policy: AccessPolicy | Absent, principal: Principal, action: Action, catalog: Catalog
) -> tuple[Skill, ...]:
    """The skills this person may do this with, in the catalog's order. Says of each what ``decide`` says.

    Which rules decide is the same for everybody and is worked out once a catalog; what a rule says, once a person.
    """
    if isinstance(policy, Absent):
        return catalog.skills if action is Action.READ else ()
    standing = Standing(policy, principal)
    arranged = policy.rules(action).arranged(catalog)
    admitted = [all(standing.admitted(grant.audience) is not None for grant in grants) for grants in arranged.deciding]
    if all(admitted):
        return catalog.skills
    return tuple(compress(catalog.skills, map(admitted.__getitem__, arranged.of_skill)))


def _judged(grants: tuple[Grant, ...], standing: Standing) -> Allowed | Denied:
    """What these rules say together. A refusal names the first that refuses, an admission all of them."""
    reasons: list[str] = []
    for grant in grants:
        how = standing.admitted(grant.audience)
        if how is None:
            return Denied(f"{grant.place} {standing.refused(grant.audience)}", grant.line)
        reasons.append(f"{grant.place} {how}")
    return Allowed(" and ".join(reasons), grants[0].line)
