"""Owns the two documents by which a client finds its way to sign in. Pure; made once, of one URL.

``public_url`` is the issuer and the beginning of every address here, character for character: clients compare. Nothing that a
request says ever shapes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

SCOPE: Final = "skills"
"""The one scope: who may read and edit what is access.json's to say."""
OFFLINE: Final = "offline_access"
"""Asked for by clients that want to stay connected. Everybody does, and is given a refresh token anyway."""
MCP_PATH: Final = "/mcp"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Every address of the sign-in, built from ``public_url``, which has no slash at its end."""

    public_url: str

    @property
    def resource(self) -> str:
        """What tokens are good for: the MCP endpoint (https://www.rfc-editor.org/rfc/rfc8707)."""
        return self.public_url + MCP_PATH

    @property
    def resource_metadata(self) -> str:
        """Where a client that was refused reads on: https://www.rfc-editor.org/rfc/rfc9728#section-5.1."""
        return f"{self.public_url}/.well-known/oauth-protected-resource{MCP_PATH}"

    @property
    def consent(self) -> str:
        """Where our page sends what a person answered."""
        return f"{self.public_url}/oauth/consent"

    @property
    def host(self) -> str:
        """As people know this service."""
        return urlsplit(self.public_url).netloc

    def callback(self, provider: str) -> str:
        """Where a provider sends people back to. One per provider, so that one's code is never taken for another's."""
        return f"{self.public_url}/oauth/callback/{provider}"


def protected_resource(addresses: Addresses) -> dict[str, object]:
    """https://www.rfc-editor.org/rfc/rfc9728#section-2. Without ``offline_access``: that is not the resource's to ask for."""
    return {
        "resource": addresses.resource,
        "authorization_servers": [addresses.public_url],
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
        "resource_name": "Skillport Sync",
    }


def authorization_server(addresses: Addresses, *, registration: bool) -> dict[str, object]:
    """https://www.rfc-editor.org/rfc/rfc8414#section-2. Members that say nothing are left out: some clients refuse null."""
    url = addresses.public_url
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        **({"registration_endpoint": f"{url}/oauth/register"} if registration else {}),
        "revocation_endpoint": f"{url}/oauth/revoke",
        "scopes_supported": [SCOPE, OFFLINE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }


def is_our_resource(addresses: Addresses, asked: str) -> bool:
    """Whether a ``resource`` that a client sends is ours. A slash or a query behind it does not count: clients add them."""
    return asked.partition("?")[0].rstrip("/") == addresses.resource
