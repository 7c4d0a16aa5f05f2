"""Owns the exchange of a refresh token for the next pair (https://www.rfc-editor.org/rfc/rfc6749#section-6).

Everything is judged before the token is used up: a request that is refused for another reason leaves it as it was. The token that
replaces it is always the same, so clients that retry, or race themselves, are not logged out; one that comes out of time ends the
grant, because two have it who do not know of each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from mcp_server.identity.provider import Provider
from mcp_server.oauth.authorization import foreign_resource
from mcp_server.oauth.metadata import Addresses
from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.parameters import Parameters
from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.token_pairs import TokenPairs
from mcp_server.oauth.tokens import Kind, digest, is_kind
from mcp_server.oauth.trail import Trail
from skillport_sync.access.model import Principal
from skillport_sync.errors import Unavailable
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.people import People
from skillport_sync.store.sign_in import Ended, Issued, RefreshFacts, Reused, Unknown, WrongClient

log = structlog.get_logger()

STILL_ALLOWED_TIMEOUT_S: Final = 15.0
"""Clients wait 30 s for a refresh. The provider says it takes ten."""
_NO_TOKEN: Final = OAuthError("invalid_grant", "This refresh token is unknown, used or expired. Sign in again.")


class Refreshing:
    def __init__(
        self,
        oauth: OAuthStore,
        people: People,
        providers: Mapping[str, Provider],
        pairs: TokenPairs,
        addresses: Addresses,
        settings: OAuthSettings,
        trail: Trail,
    ) -> None:
        self._oauth = oauth
        self._people = people
        self._providers = providers
        self._pairs = pairs
        self._addresses = addresses
        self._settings = settings
        self._trail = trail

    async def exchange(self, sent: Parameters, client_id: str) -> dict[str, object] | OAuthError:
        """What this client, which is a known one, is told. Scopes it asks for are not looked at: it keeps the one it has."""
        token = sent.one("refresh_token")
        if token is None:
            return OAuthError("invalid_request", "Send the refresh_token.")
        if not is_kind(Kind.REFRESH, token):
            return _NO_TOKEN
        facts = await self._oauth.find_refresh(digest(token))
        if facts is None:
            return _NO_TOKEN
        wrong = await self._wrong_with(sent, facts, client_id)
        return wrong or await self._rotate(token, facts, client_id)

    async def _wrong_with(self, sent: Parameters, facts: RefreshFacts, client_id: str) -> OAuthError | None:
        """What speaks against exchanging it. The token stays as it was."""
        if client_id != facts.client_id:
            self._trail.note(AuditAction.TOKEN_REFUSED, "wrong_client", client_id=client_id)
            return _NO_TOKEN
        if foreign_resource(sent.every("resource"), self._addresses) is not None:
            return OAuthError("invalid_target", f"The only resource is {self._addresses.resource}.")
        if not await self._is_still_allowed(facts.principal):
            await self._oauth.revoke_person(facts.principal.id, "not_allowed_any_more")
            self._revoked("not_allowed_any_more", facts)
            return OAuthError("invalid_grant", "This person may not use the service any more.")
        return None

    async def _is_still_allowed(self, principal: Principal) -> bool:
        """Whether the provider would let this person in again. Where it cannot tell, they stay until their grant ends."""
        person = await self._people.find(principal.id)
        provider = None if person is None else self._providers.get(person.provider)
        if provider is None:  # nobody vouches for them any more
            return False
        try:
            async with asyncio.timeout(STILL_ALLOWED_TIMEOUT_S):
                return await provider.still_allowed(principal) is not False
        except (Unavailable, TimeoutError) as error:
            log.warning("provider_failed", provider=provider.name, reason=type(error).__name__)
            return True

    async def _rotate(self, token: str, facts: RefreshFacts, client_id: str) -> dict[str, object] | OAuthError:
        pair = self._pairs.after(token)
        rotated = await self._oauth.rotate(
            digest(token), client_id=client_id, tokens=pair.stored, window_s=self._settings.refresh_window_s
        )
        match rotated:
            case Issued():
                log.info("tokens_refreshed", person=facts.principal.id, client=client_id, grant=facts.grant_id)
                return self._pairs.told(pair, rotated)
            case Reused():
                self._revoked("refresh_reused", facts)
                return _NO_TOKEN
            case WrongClient() | Unknown() | Ended():
                return _NO_TOKEN

    def _revoked(self, reason: str, facts: RefreshFacts) -> None:
        who, client_id = facts.principal.id, facts.client_id
        log.warning("session_revoked", reason=reason, person=who, client=client_id, grant=facts.grant_id)
        self._trail.note(AuditAction.TOKEN_REFUSED, reason, person=who, client_id=client_id)
        self._trail.note(AuditAction.SESSION_REVOKED, reason, person=who, client_id=client_id, detail="by the service")
