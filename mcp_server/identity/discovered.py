"""Owns what an OpenID provider without a preset means by its claims: what the standard says, and what was configured. Pure.

The provider itself is the allow-list: whoever it signs in comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mcp_server.identity import claims as reading
from mcp_server.identity.id_token import Claims
from mcp_server.identity.metadata import Metadata
from mcp_server.identity.provider import Identity, Refused
from skillport_sync.access.model import Principal, PrincipalId


@dataclass(frozen=True, slots=True)
class Discovered:
    """Any OpenID provider, by its issuer."""

    name: str
    issuer: str
    groups_claim: str = "groups"
    keep_claims: tuple[str, ...] = ()

    preset: Literal["oidc"] = "oidc"

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
        """Some hand out groups only to whoever asks for a scope of that name, others refuse to hear of one they do not have."""
        asked = "openid profile email"
        return f"{asked} {self.groups_claim}" if self.groups_claim in announced.scopes else asked

    def parameters(self, announced: Metadata) -> Mapping[str, str]:
        return {"prompt": "select_account"} if "select_account" in announced.prompts else {}

    def issuer_of(self, claims: Claims) -> str:
        del claims
        return self.issuer

    def lacks(self, claims: Claims) -> bool:
        return any(name not in claims for name in ("name", "email", self.groups_claim, *self.keep_claims))

    def person(self, claims: Claims) -> Identity | Refused:
        groups, warnings = reading.groups(claims, self.groups_claim)
        principal = Principal(
            PrincipalId(f"{self.name}:{claims['sub']}"),
            reading.shown_name(claims.get("name"), claims.get("preferred_username"), claims.get("email")),
            reading.verified_email(claims.get("email"), claims.get("email_verified")),
            groups,
            reading.kept(claims, self.keep_claims),
        )
        return Identity(principal, self.name, warnings)
