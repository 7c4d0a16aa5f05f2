"""Owns what an OpenID provider says of itself: its discovery document, checked. Pure.

https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata. What is not understood is ignored, and nothing here
widens what is accepted: which signatures are believed is not the provider's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

WELL_KNOWN: Final = "/.well-known/openid-configuration"

ClientAuthentication = Literal["client_secret_basic", "client_secret_post", "none"]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_ADDRESS_CHARS: Final = 2000


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a provider does what. Every address is https, or plain http on this machine if the provider's own is."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    client_authentication: ClientAuthentication = "client_secret_basic"
    """How a client with a secret shows it. A provider that says nothing means this one."""
    names_itself: bool = False
    """Whether it promises ``iss`` with every answer: https://www.rfc-editor.org/rfc/rfc9207."""
    scopes: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Useless:
    """``why`` is the end of a sentence that begins with the document."""

    why: str


def parse(document: Mapping[str, object], *, issuer: str, authority: str) -> Metadata | Useless:
    """The document found below ``authority``, which has to name exactly ``issuer``. Never raises."""
    if document.get("issuer") != issuer:
        return Useless("it names another issuer than the one that is configured")
    local = _is_local(authority)
    found: dict[str, str] = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = document.get(name)
        if not _is_address(address, local=local):
            return Useless(f"its {name} is no https:// address")
        found[name] = str(address)
    asked = document.get("userinfo_endpoint")
    methods = _words(document, "token_endpoint_auth_methods_supported")
    return Metadata(
        issuer,
        **found,
        userinfo_endpoint=str(asked) if _is_address(asked, local=local) else None,
        client_authentication=(
            "client_secret_post"
            if "client_secret_post" in methods and "client_secret_basic" not in methods
            else "client_secret_basic"
        ),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        scopes=_words(document, "scopes_supported"),
        prompts=_words(document, "prompt_values_supported"),
    )


def _words(document: Mapping[str, object], name: str) -> frozenset[str]:
    values = document.get(name)
    return frozenset(value for value in values if isinstance(value, str)) if isinstance(values, list) else frozenset()


def _is_local(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _is_address(value: object, *, local: bool) -> bool:
    if not isinstance(value, str) or len(value) > _MAX_ADDRESS_CHARS or not value.isascii() or not value.isprintable():
        return False
    try:
        parts = urlsplit(value)
        if parts.port == 0:
            return False
    except ValueError:
        return False
    if " " in value or "#" in value or "@" in parts.netloc or not parts.hostname:
        return False
    return parts.scheme == "https" or (local and _is_local(value))
