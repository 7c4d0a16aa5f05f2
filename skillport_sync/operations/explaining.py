"""Owns the account of one person's access: who they are taken for, and what each marketplace's access.json says of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from skillport_sync.access.explain import explain
from skillport_sync.access.model import AccessPolicy, Allowed, Denied, Principal, PrincipalId
from skillport_sync.catalog.model import Skill
from skillport_sync.errors import Missing
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.queries.nearest import nearest
from skillport_sync.reports import Decision, ExplainRequest, MarketplaceAccess, PersonRow, SkillAccess, SkillState
from skillport_sync.snapshot import Snapshot
from skillport_sync.store.sign_in import Person
from skillport_sync.store.tokens import TokenRow as KeptToken


def person_of(
    request: ExplainRequest, person: Person | None, tokens: Iterable[KeptToken], now: datetime
) -> tuple[Principal, PersonRow]:
    """Who is meant. What the request leaves open is as their provider said it when they signed in last; of somebody who never
    did, as in the latest valid API token made for the same id."""
    made = [token for token in tokens if token.principal.id == request.principal_id and token.is_valid(now)]
    token = max(made, key=lambda each: (each.created_at, each.id), default=None) if person is None else None
    known = next((each.principal for each in (person, token) if each is not None), None)
    known = known or Principal(PrincipalId(request.principal_id))
    principal = Principal(
        known.id,
        known.name,
        (known.email if request.email is None else request.email) or None,
        known.groups if request.groups is None else frozenset(request.groups),
        known.claims | frozenset(request.claims),
    )
    row = PersonRow(
        principal.id,
        principal.name,
        principal.email,
        tuple(sorted(principal.groups)),
        tuple(sorted(principal.claims)),
        token.label if token is not None else None,
        *((person.provider, person.last_login_at, person.disabled_at) if person is not None else ()),
    )
    return principal, row


def access_of(
    name: MarketplaceName, published: Published | None, principal: Principal, label: str | None
) -> MarketplaceAccess:
    """What this person may do with the skills that ``label`` may mean, or with all; without any where there is none of them."""
    if published is None:
        return MarketplaceAccess(name)
    snapshot = published.snapshot
    policy, catalog = snapshot.policy, snapshot.catalog
    account = explain(policy, principal, catalog, _bare(label, snapshot))
    states: dict[tuple[str, str], SkillState] = {_place(skill): "quarantined" for skill in catalog.withheld}
    states |= {_place(skill): "unpublished" for skill in catalog.skills if not skill.plugin.published}
    skills = tuple(
        SkillAccess(
            f"{row.plugin}/{row.name}",
            row.directory,
            states.get((row.plugin, row.directory), "published"),
            _decision(row.read),
            _decision(row.write),
        )
        for row in account.rows
    )
    return MarketplaceAccess(
        name=name,
        commit=snapshot.commit,
        policy=policy.version if isinstance(policy, AccessPolicy) else None,
        editor=account.editor,
        groups=account.groups,
        skills=skills,
    )


def unknown(label: str, published: Iterable[Published]) -> Missing:
    """There is no skill of this name. An operator may hear of all there are, so the nearest is guessed from those."""
    skills = [skill for one in published for skill in _all(one.snapshot)]
    close = nearest(label.partition("@")[0], (skill.label if "/" in label else skill.name for skill in skills))
    guess = f"; did you mean {' or '.join(close)}?" if close else ""
    return Missing(f"there is no skill {label!r}{guess}", code="unknown_skill")


def _all(snapshot: Snapshot) -> Iterator[Skill]:
    yield from snapshot.catalog.skills
    yield from snapshot.catalog.withheld


def _place(skill: Skill) -> tuple[str, str]:
    return skill.plugin.name, skill.directory


def _bare(label: str | None, snapshot: Snapshot) -> str | None:
    """The label without the marketplace that it names, where it names this one."""
    if label is None:
        return None
    bare, at, marketplace = label.rpartition("@")
    return bare if at and bare and marketplace in (snapshot.marketplace, snapshot.catalog.title) else label


def _decision(decided: Allowed | Denied) -> Decision:
    return Decision(isinstance(decided, Allowed), decided.because, decided.line)
