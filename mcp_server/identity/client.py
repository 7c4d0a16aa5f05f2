"""Owns what this service is to a provider: a client with an id and perhaps a secret, that asks with PKCE and trades codes in.

The messages are authlib's (https://docs.authlib.org/en/latest/oauth2/client/index.html), each exchange with a client object of
its own: it remembers the tokens it was given, and is forgotten with them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

from mcp_server.identity.failures import failing, misconfigured, nonsense
from mcp_server.identity.metadata import ClientAuthentication
from mcp_server.identity.provider import Refused, Upstream
from mcp_server.identity.transport import Transport
from skillport_sync.config.secret import Secret

_SPENT: Final = frozenset({"invalid_grant", "bad_verification_code"})
"""The code is unknown, used or too old: by the standard, and as GitHub calls it."""
_TOKEN: Final = re.compile(r"[!-~]+")
"""https://www.rfc-editor.org/rfc/rfc6749#appendix-A.12, without the spaces, which no header can carry back."""
_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What authlib runs into when an answer is not of the shape it expects."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gives for a code. Read once, stored nowhere."""

    access_token: str = field(repr=False)
    id_token: str | None = field(repr=False)


class ProviderClient:
    """This service as one provider knows it. Without a secret it is a public client, which PKCE alone protects."""

    def __init__(self, transport: Transport, client_id: str, client_secret: Secret | None) -> None:
        self.client_id = client_id
        self._transport = transport
        self._secret = client_secret

    def authorization_url(
        self, endpoint: str, upstream: Upstream, redirect_uri: str, *, scope: str, extra: Mapping[str, str]
    ) -> str:
        url, _ = self._authlib("none").create_authorization_url(
            endpoint,
            state=upstream.state,
            code_verifier=upstream.verifier,
            redirect_uri=redirect_uri,
            scope=scope,
            **extra,
        )
        return str(url)

    async def trade(
        self, endpoint: str, code: str, upstream: Upstream, redirect_uri: str, *, shown_by: ClientAuthentication
    ) -> Tokens | Refused:
        """The tokens for a code. Raises: Unavailable."""
        title = self._transport.title
        client = self._authlib(shown_by if self._secret is not None else "none")
        try:
            token = await client.fetch_token(
                endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=upstream.verifier,
                redirect_uri=redirect_uri,
            )
        # None of them is chained: they carry the request, or the answer.
        except OAuthError as error:
            if str(error.error) in _SPENT:
                return Refused(
                    "code_spent", f"{title} does not know this sign-in any more. Start again from your client."
                )
            raise misconfigured(title, error.error) from None
        except httpx2.HTTPStatusError as error:
            raise failing(title, "a token", error.response.status_code) from None
        except _UNREADABLE:
            raise nonsense(title, "a token", "it is no token response") from None
        access_token, id_token, kind = token.get("access_token"), token.get("id_token"), token.get("token_type")
        if not isinstance(access_token, str) or not _TOKEN.fullmatch(access_token):
            raise nonsense(title, "a token", "it has no access token")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise nonsense(title, "a token", "its access token is of an unknown type")
        return Tokens(access_token, id_token if isinstance(id_token, str) else None)

    def _authlib(self, shown_by: ClientAuthentication) -> Any:
        """authlib has no types; what comes out of it is checked where it does."""
        client = AsyncOAuth2Client(
            client_id=self.client_id,
            client_secret=None if self._secret is None else self._secret.reveal(),
            token_endpoint_auth_method=shown_by,
            code_challenge_method="S256",
            transport=self._transport,
        )
        client.register_client_auth_method(("client_secret_basic", _basic))
        return client


def _basic(client: Any, _method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, dict[str, str], str]:
    """Both halves encoded like a form (https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1), which authlib leaves out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return uri, headers, body
