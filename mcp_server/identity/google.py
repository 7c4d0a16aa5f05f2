"""Owns what Google means by its claims. Pure.

https://developers.google.com/identity/openid-connect/openid-connect. An organisation is known by ``hd``, which Google sets for
accounts that it manages; the end of an e-mail address says nothing, since anybody may have an account with any address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mcp_server.identity import claims as reading
from mcp_server.identity.id_token import Claims
from mcp_server.identity.metadata import Metadata
from mcp_server.identity.provider import Identity, Refused
from skillport_sync.access.model import Principal, PrincipalId

ISSUER: Final = "https://accounts.google.com"
"""Google also signs with ``accounts.google.com`` alone for clients of another age: not for ours."""


@dataclass(frozen=True, slots=True)
class Google:
    """Google, for accounts of these organisations. Without ``hosted_domains``: for every Google account there is."""

    hosted_domains: frozenset[str]
    """In lower case."""
    groups_claim: str = "groups"
    keep_claims: tuple[str, ...] = ()
    issuer: str = ISSUER

    preset: Literal["google"] = "google"
    name: str = "google"

    @property
    def authority(self) -> str:
        return self.issuer

    @property
    def announced_issuer(self) -> str:
        return self.issuer

    @property
    def callback_issuer(self) -> str:
        return self.issuer

    def scope(self, announced: Metadata) -> str:
        del announced
        return "openid email profile"

    def parameters(self, announced: Metadata) -> Mapping[str, str]:
        """``hd`` only sorts the accounts that are offered; what counts is the claim."""
        del announced
        offered = next(iter(self.hosted_domains)) if len(self.hosted_domains) == 1 else "*"
        return {"prompt": "select_account", **({"hd": offered} if self.hosted_domains else {})}

    def issuer_of(self, claims: Claims) -> str:
        del claims
        return self.issuer

    def lacks(self, claims: Claims) -> bool:
        del claims
        return False

    def person(self, claims: Claims) -> Identity | Refused:
        domain = claims.get("hd")
        if self.hosted_domains and not (isinstance(domain, str) and domain.lower() in self.hosted_domains):
            return Refused(
                "domain_not_allowed",
                "This Google account does not belong to an organisation that may sign in here. Start again from your "
                "client and choose your account at work.",
            )
        groups, warnings = reading.groups(claims, self.groups_claim)
        principal = Principal(
            PrincipalId(f"{self.name}:{claims['sub']}"),
            reading.shown_name(claims.get("name"), claims.get("email")),
            reading.verified_email(claims.get("email"), claims.get("email_verified")),
            groups,
            reading.kept(claims, ("hd", *self.keep_claims)),
        )
        return Identity(principal, self.name, warnings)
