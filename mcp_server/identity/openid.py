"""Owns a sign-in at an OpenID provider, step by step: where to send the person, and who came back.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth. What this provider means by its claims is its dialect's to
say, which signature and which token to believe is ``id_token``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from joserfc.jwk import KeySet

from mcp_server.identity import callback, id_token, keys, metadata
from mcp_server.identity.client import ProviderClient, Tokens
from mcp_server.identity.dialect import Dialect
from mcp_server.identity.failures import nonsense
from mcp_server.identity.id_token import Claims, Fault
from mcp_server.identity.metadata import Metadata
from mcp_server.identity.provider import Identity, Refused, Upstream
from mcp_server.identity.remembered import Remembered
from mcp_server.identity.transport import Transport
from skillport_sync.access.model import Principal
from skillport_sync.config.secret import Secret
from skillport_sync.ports import Clock

STALE_S: Final = 24 * 3600.0
"""So long a provider's addresses are believed while its discovery document cannot be had."""

_DISCOVERY, _KEYS, _USERINFO = "its discovery document", "its signing keys", "what it knows of you"


class OpenIdProvider:
    """One OpenID provider. Nothing is asked of it before somebody signs in."""

    def __init__(
        self, dialect: Dialect, transport: Transport, clock: Clock, *, client_id: str, client_secret: Secret | None
    ) -> None:
        self._dialect = dialect
        self._transport = transport
        self._clock = clock
        self._client = ProviderClient(transport, client_id, client_secret)
        self._metadata = Remembered(self._discover, clock, what=f"{dialect.name} discovery", stale_s=STALE_S)
        # Never stale: a key that its owner took back must not be believed because somebody keeps its list from us.
        self._keys = Remembered(self._fetch_keys, clock, what=f"{dialect.name} keys")

    @property
    def name(self) -> str:
        return self._dialect.name

    @property
    def title(self) -> str:
        return self._transport.title

    @property
    def preset(self) -> str:
        return self._dialect.preset

    async def authorization_url(self, upstream: Upstream, redirect_uri: str) -> str:
        announced = await self._metadata.get()
        return self._client.authorization_url(
            announced.authorization_endpoint,
            upstream,
            redirect_uri,
            scope=self._dialect.scope(announced),
            extra={"nonce": upstream.nonce, **self._dialect.parameters(announced)},
        )

    async def identify(
        self, parameters: Mapping[str, str], upstream: Upstream, redirect_uri: str
    ) -> Identity | Refused:
        announced = await self._metadata.get()
        answer = callback.read(
            parameters,
            state=upstream.state,
            title=self.title,
            issuer=self._dialect.callback_issuer,
            issuer_required=announced.names_itself,
        )
        if isinstance(answer, Refused):
            return answer
        tokens = await self._client.trade(
            announced.token_endpoint,
            answer.code,
            upstream,
            redirect_uri,
            shown_by=announced.client_authentication,
        )
        if isinstance(tokens, Refused):
            return tokens
        claims = await self._verified(tokens, upstream)
        if isinstance(claims, Fault):
            return Refused(
                claims.value,
                f"What {self.title} says of you cannot be believed ({claims}), so nobody was signed in. Start again from "
                "your client; if it happens again, tell whoever runs this service.",
            )
        if announced.userinfo_endpoint is not None and self._dialect.lacks(claims):
            claims = await self._completed(claims, announced.userinfo_endpoint, tokens)
        return self._dialect.person(claims)

    async def still_allowed(self, principal: Principal) -> bool | None:
        del principal  # there is nothing left of the sign-in that could be asked again
        return None

    async def _verified(self, tokens: Tokens, upstream: Upstream) -> Claims | Fault:
        if tokens.id_token is None:
            raise nonsense(self.title, "a token", "it has no ID token")
        expected = id_token.Expected(
            self._dialect.issuer_of, self._client.client_id, upstream.nonce, tokens.access_token
        )
        known = await self._keys.get()
        verified = id_token.verify(tokens.id_token, known, expected, self._clock.now())
        if isinstance(verified, Fault) and verified.may_pass_with_newer_keys:
            newer = await self._keys.newer(known)
            if newer is not None:
                return id_token.verify(tokens.id_token, newer, expected, self._clock.now())
        return verified

    async def _completed(self, claims: Claims, endpoint: str, tokens: Tokens) -> Claims:
        """The claims of the token, and what else the userinfo endpoint says of the same person.

        https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse: of another ``sub`` it must not be used.
        """
        said = await self._transport.document(endpoint, what=_USERINFO, authorization=f"Bearer {tokens.access_token}")
        if said.get("sub") != claims["sub"]:
            raise nonsense(self.title, _USERINFO, "it is about somebody else")
        # Whether an address is verified holds for the address it was said of.
        address = said if "email_verified" in said and "email_verified" not in claims else claims
        email = {name: address[name] for name in ("email", "email_verified") if name in address}
        others = {name: value for name, value in {**said, **claims}.items() if name not in ("email", "email_verified")}
        return {**others, **email}

    async def _discover(self) -> Metadata:
        authority = self._dialect.authority
        document = await self._transport.document(authority.rstrip("/") + metadata.WELL_KNOWN, what=_DISCOVERY)
        announced = metadata.parse(document, issuer=self._dialect.announced_issuer, authority=authority)
        if isinstance(announced, metadata.Useless):
            raise nonsense(self.title, _DISCOVERY, announced.why)
        return announced

    async def _fetch_keys(self) -> KeySet:
        announced = await self._metadata.get()
        found = keys.parse(await self._transport.document(announced.jwks_uri, what=_KEYS))
        if isinstance(found, metadata.Useless):
            raise nonsense(self.title, _KEYS, found.why)
        return found
