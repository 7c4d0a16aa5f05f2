"""Owns what Microsoft Entra means by its claims. Pure.

https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference. A person is the object ``oid`` of a tenant ``tid``.
The e-mail address is whatever the administrator of any tenant wrote there (the flaw known as nOAuth), so it is taken for verified
only where Entra adds ``xms_edov``: the tenant owns the address's domain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mcp_server.identity import claims as reading
from mcp_server.identity.id_token import Claims
from mcp_server.identity.metadata import Metadata
from mcp_server.identity.provider import Identity, Refused
from skillport_sync.access.model import Principal, PrincipalId

AUTHORITY: Final = "https://login.microsoftonline.com"

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VERIFIED: Final = (True, "1", "true")
"""How ``xms_edov`` says yes. Documented as a boolean, seen as text."""


def is_tenant_id(text: str) -> bool:
    """Whether this is a directory's id, in lower case. Its domains change; only the id stands in tokens."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Microsoft:
    """Entra, for people of these tenants. Without ``tenants``: for every Microsoft account there is."""

    tenants: frozenset[str]
    """Ids, in lower case."""
    groups_claim: str = "groups"
    keep_claims: tuple[str, ...] = ()
    base_url: str = AUTHORITY
    """Another one in a national cloud."""

    preset: Literal["microsoft"] = "microsoft"
    name: str = "microsoft"

    @property
    def authority(self) -> str:
        """The tenant's own, where there is one. Several share an address; who is let in is decided by ``tid`` all the same."""
        if len(self.tenants) == 1:
            return f"{self.base_url}/{next(iter(self.tenants))}/v2.0"
        return f"{self.base_url}/{'organizations' if self.tenants else 'common'}/v2.0"

    @property
    def announced_issuer(self) -> str:
        """The shared addresses name no tenant, but literally this."""
        return self.callback_issuer or self._issuer("{tenantid}")

    @property
    def callback_issuer(self) -> str | None:
        return self._issuer(next(iter(self.tenants))) if len(self.tenants) == 1 else None

    def scope(self, announced: Metadata) -> str:
        """``oid`` comes with ``profile`` only."""
        del announced
        return "openid profile email"

    def parameters(self, announced: Metadata) -> Mapping[str, str]:
        del announced
        return {"prompt": "select_account"}

    def issuer_of(self, claims: Claims) -> str:
        """Every tenant is an issuer of its own, and all sign with the same keys: the two claims have to agree."""
        tenant = claims.get("tid")
        return self._issuer(tenant) if isinstance(tenant, str) and is_tenant_id(tenant) else ""

    def lacks(self, claims: Claims) -> bool:
        del claims
        return False

    def person(self, claims: Claims) -> Identity | Refused:
        if self.tenants and not any(claims.get("tid") == tenant for tenant in self.tenants):
            return Refused(
                "tenant_not_allowed",
                "This Microsoft account does not belong to an organisation that may sign in here. Start again from your "
                "client and choose your account at work.",
            )
        person = claims.get("oid")
        if not isinstance(person, str) or not _ID.fullmatch(person):
            return Refused(
                "id_token_subject",
                "Microsoft does not say which account this is. Whoever runs this service has to let it read the profile.",
            )
        groups, warnings = reading.groups(claims, self.groups_claim)
        principal = Principal(
            PrincipalId(f"{self.name}:{person}"),
            reading.shown_name(claims.get("name"), claims.get("preferred_username")),
            reading.verified_email(claims.get("email"), claims.get("xms_edov") in _VERIFIED),
            groups,
            reading.kept(claims, ("tid", *self.keep_claims)),
        )
        return Identity(principal, self.name, warnings)

    def _issuer(self, tenant: str) -> str:
        return f"{self.base_url}/{tenant}/v2.0"
