"""Owns what may stand in [auth] and its [[auth.providers]]: the keys, their bounds, and which of them fit which provider.

An allow-list that was forgotten must never let in everybody: it is refused, and whoever means everybody says so.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from skillport_sync.config.kinds import Count, ExactUrl, FilePath, PublicText, Table, Text, Url
from skillport_sync.config.settings import AuthMode, Preset

RESERVED = frozenset({"google", "microsoft", "github", "token", "local", "demo"})
"""The presets, API tokens, nobody in particular, and the stand-in: none of their people may be taken for another's."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ORGANIZATION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,98}[A-Za-z0-9])?")

_ALLOW_LISTS = {"google": "hosted_domains", "microsoft": "tenants", "github": "organizations"}
_OWN_KEYS = {
    "google": {"hosted_domains", "anyone", "base_url"},
    "microsoft": {"tenants", "anyone", "base_url"},
    "github": {"organizations", "anyone", "base_url", "api_url"},
    "oidc": {"name", "issuer"},
}
_EVERYBODYS_KEYS = {"preset", "title", "client_id", "client_secret_file", "groups_claim", "keep_claims"}
_WITH_SECRET = frozenset({"google", "github"})
"""They give nothing to a client that has none; the others let PKCE alone do."""


def _provider_name(text: str) -> str:
    if text in RESERVED:
        raise ValueError(f'must be a name of its own: "{text}" has a meaning already')
    if not _NAME.fullmatch(text):
        raise ValueError('must be lower-case letters, digits and "-", such as "acme": the ids of its people begin so')
    return text


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError('must be a domain alone, such as "example.com"')
    return text.lower()


def _tenant(text: str) -> str:
    if not _TENANT.fullmatch(text):
        raise ValueError(
            "must be a directory's id, such as 0a0a0a0a-1111-4222-8333-444455556666; the overview of Microsoft Entra shows it"
        )
    return text.lower()


def _organization(text: str) -> str:
    if not _ORGANIZATION.fullmatch(text):
        raise ValueError('must be the organisation\'s name as in its address, such as "acme"')
    return text


Domain = Annotated[Text, AfterValidator(_domain)]


class ProviderTable(Table):
    preset: Preset = Field(examples=["google"])
    name: Annotated[Text, AfterValidator(_provider_name)] | None = Field(default=None, examples=["acme"])
    title: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = Field(
        default=None, examples=["Acme single sign-on"]
    )
    client_id: PublicText = Field(examples=["1234567890.apps.googleusercontent.com"])
    client_secret_file: FilePath | None = Field(default=None, examples=["/etc/skillport-sync/google-secret"])
    hosted_domains: list[Domain] = Field(default=[], examples=[["example.com"]])
    tenants: list[Annotated[Text, AfterValidator(_tenant)]] = Field(
        default=[], examples=[["0a0a0a0a-1111-4222-8333-444455556666"]]
    )
    organizations: list[Annotated[Text, AfterValidator(_organization)]] = Field(default=[], examples=[["acme"]])
    anyone: bool = False
    issuer: ExactUrl | None = Field(default=None, examples=["https://login.example.com"])
    groups_claim: Text = "groups"
    keep_claims: list[Text] = Field(default=[], examples=[["department"]])
    base_url: Url | None = Field(default=None, examples=["https://github.example.com"])
    api_url: Url | None = Field(default=None, examples=["https://github.example.com/api/v3"])

    @property
    def label(self) -> str:
        return self.name or self.preset

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        foreign = self.model_fields_set - _EVERYBODYS_KEYS - _OWN_KEYS[self.preset]
        for key in sorted(foreign):
            presets = " or ".join(f'"{preset}"' for preset, keys in _OWN_KEYS.items() if key in keys)
            raise ValueError(f'has {key}, which is for preset {presets}; this one is "{self.preset}"')
        if self.preset == "oidc" and (self.name is None or self.issuer is None):
            raise ValueError(
                "needs a name (its people's ids begin so) and the issuer (where its discovery document is found)"
            )
        if self.preset in _WITH_SECRET and self.client_secret_file is None:
            raise ValueError(f'needs client_secret_file; preset "{self.preset}" gives nothing to a client without')
        return self

    @model_validator(mode="after")
    def _somebody_is_meant(self) -> Self:
        key = _ALLOW_LISTS.get(self.preset)
        if key is None:
            return self
        listed = getattr(self, key)
        if not listed and not self.anyone:
            raise ValueError(
                f'would let in everybody with an account at "{self.preset}"; list your own in {key}, or say anyone = true'
            )
        if listed and self.anyone:
            raise ValueError(f"has both {key} and anyone = true; keep one of them")
        return self


class AuthTable(Table):
    mode: AuthMode | None = Field(default=None, examples=["oauth"])
    access_token_s: Annotated[int, Field(ge=900, le=86_400)] = 3600
    refresh_token_idle_days: Annotated[int, Field(ge=1, le=90)] = 30
    grant_days: Annotated[int, Field(ge=1, le=365)] = 90
    refresh_window_s: Annotated[int, Field(ge=0, le=1800)] = 60
    code_s: Annotated[int, Field(ge=10, le=300)] = 60
    transaction_s: Annotated[int, Field(ge=60, le=1800)] = 600
    redirect_hosts: list[Domain] = Field(default=[], examples=[["app.example.com"]])
    cimd_hosts: list[Domain] = Field(default=[], examples=[["claude.ai"]])
    registration: bool = True
    audit_days: Annotated[Count, Field(le=3650)] = 365
    providers: list[ProviderTable] = Field(default=[])

    @property
    def mode_in_force(self) -> Literal["oauth", "token", "none"]:
        """Where nothing is said: people sign in as soon as there is somewhere to."""
        return self.mode or ("oauth" if self.providers else "token")
