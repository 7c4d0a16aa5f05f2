"""Owns the people one may be at the stand-in: what each dialect would say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ACME_TENANT: Final = "0a0a0a0a-1111-4222-8333-444455556666"
OTHER_TENANT: Final = "0b0b0b0b-1111-4222-8333-444455556666"

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account everywhere."""

    id: str
    name: str
    email: str
    email_verified: bool = True
    groups: tuple[str, ...] = ()
    hosted_domain: str | None = None
    """Google: the organisation that manages the account."""
    tenant: str = ACME_TENANT
    object_id: str = ""
    domain_owner_verified: bool | None = None
    """Entra's ``xms_edov``, which only some applications are told."""
    too_many_groups: bool = False
    """Entra names another place instead of more than 200 groups."""
    github_id: int = 0
    github_login: str = ""
    organizations: Mapping[str, str] = field(default_factory=dict)
    """GitHub: name → ``active`` or ``pending``; ``hidden`` where the organisation has not approved the application."""
    more: Facts = field(default_factory=dict)
    """Claims of their own provider beside these."""

    def openid(self) -> dict[str, object]:
        """What any OpenID provider says."""
        return {
            "sub": self.id,
            "name": self.name,
            "email": self.email,
            "email_verified": self.email_verified,
            **({"groups": list(self.groups)} if self.groups else {}),
            **self.more,
        }

    def google(self) -> dict[str, object]:
        return {
            "sub": f"1098{sum(self.id.encode()):017}",
            "name": self.name,
            "email": self.email,
            "email_verified": self.email_verified,
            **({"hd": self.hosted_domain} if self.hosted_domain else {}),
        }

    def microsoft(self) -> dict[str, object]:
        """``sub`` is another one for every application, as Entra's is."""
        groups: dict[str, object] = {"groups": list(self.groups)} if self.groups else {}
        if self.too_many_groups:
            groups = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph/"}}}
        edov = {} if self.domain_owner_verified is None else {"xms_edov": self.domain_owner_verified}
        return {
            "sub": f"pairwise-{self.id}",
            "oid": self.object_id,
            "tid": self.tenant,
            "ver": "2.0",
            "name": self.name,
            "preferred_username": self.email,
            "email": self.email,
            **edov,
            **groups,
        }

    def github(self) -> dict[str, object]:
        return {"id": self.github_id, "login": self.github_login, "name": self.name, "type": "User", "email": None}


ADA: Final = Person(
    "ada",
    "Ada Lovelace",
    "ada@acme.example",
    groups=("engineering", "editors"),
    hosted_domain="acme.example",
    object_id="aaaaaaaa-0000-4000-8000-000000000001",
    github_id=1815,
    github_login="ada",
    organizations={"acme": "active"},
)
GRACE: Final = Person(
    "grace",
    "Grace Hopper",
    "grace@acme.example",
    groups=("engineering",),
    hosted_domain="acme.example",
    object_id="aaaaaaaa-0000-4000-8000-000000000002",
    github_id=1906,
    github_login="grace",
    organizations={"acme": "pending"},
)
EDSGER: Final = Person(
    "edsger",
    "Edsger Dijkstra",
    "edsger@elsewhere.example",
    email_verified=False,
    tenant=OTHER_TENANT,
    object_id="aaaaaaaa-0000-4000-8000-000000000003",
    github_id=1930,
    github_login="edsger",
)
"""A stranger: another domain, another tenant, no organisation."""

DEMO_PEOPLE: Final = (ADA, GRACE, EDSGER)
