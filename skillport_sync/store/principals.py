"""Owns how somebody stands in a row: the columns principal (or id), name, email, groups_json, claims_json, in this order."""

from __future__ import annotations

import json

from skillport_sync.access.model import Principal, PrincipalId


def principal_of(identity: str, name: str, email: str | None, groups_json: str, claims_json: str) -> Principal:
    """Somebody out of their columns."""
    claims = frozenset((claim, value) for claim, value in json.loads(claims_json))
    return Principal(PrincipalId(identity), name, email, frozenset(json.loads(groups_json)), claims)


def columns_of(principal: Principal) -> tuple[str, str, str | None, str, str]:
    """The other way round: equal people have equal columns."""
    return (
        principal.id,
        principal.name,
        principal.email,
        json.dumps(sorted(principal.groups)),
        json.dumps(sorted(principal.claims)),
    )
