"""Owns the exchange of an authorization code for the first pair of tokens (https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3).

The code is burnt before anything about the request is judged: whoever has it gets one try. Where that try is wrong in any way,
the grant behind it ends too, because somebody has a code who should not.
"""

from __future__ import annotations

import re
from typing import Final

import structlog

from mcp_server.oauth.authorization import foreign_resource
from mcp_server.oauth.metadata import Addresses
from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.parameters import Parameters
from mcp_server.oauth.token_pairs import TokenPairs
from mcp_server.oauth.tokens import Kind, challenge_of, digest, is_kind, same
from mcp_server.oauth.trail import Trail
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.sign_in import CodeFacts, Replayed

log = structlog.get_logger()

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
"""https://www.rfc-editor.org/rfc/rfc7636#section-4.1."""
_NO_CODE: Final = OAuthError("invalid_grant", "This code is unknown, used or expired.")


class Redeeming:
    def __init__(self, oauth: OAuthStore, pairs: TokenPairs, addresses: Addresses, trail: Trail) -> None:
        self._oauth = oauth
        self._pairs = pairs
        self._addresses = addresses
        self._trail = trail

    async def exchange(self, sent: Parameters, client_id: str) -> dict[str, object] | OAuthError:
        """What this client, which is a known one, is told."""
        code = sent.one("code")
        if code is None:
            return OAuthError("invalid_request", "Send the code.")
        if not is_kind(Kind.CODE, code):
            return _NO_CODE
        facts = await self._oauth.consume_code(digest(code))
        if isinstance(facts, Replayed):
            self._refused("code_replayed", facts, client_id)
        if not isinstance(facts, CodeFacts):
            return _NO_CODE
        wrong = self._wrong_with(sent, facts, client_id)
        if wrong is not None:
            await self._oauth.revoke_grant(facts.grant_id, "code_misused")
            self._refused("code_misused", facts, client_id)
            return wrong
        pair = self._pairs.first()
        issued = await self._oauth.issue(facts.grant_id, pair.stored)
        if issued is None:  # it was ended in this very moment
            return _NO_CODE
        self._trail.note(AuditAction.TOKEN_ISSUED, person=facts.person, client_id=client_id)
        log.info("tokens_issued", person=facts.person, client=client_id, grant=facts.grant_id)
        return self._pairs.told(pair, issued)

    def _wrong_with(self, sent: Parameters, facts: CodeFacts, client_id: str) -> OAuthError | None:
        """What speaks against this being the client that the code was made for."""
        if client_id != facts.client_id:
            return _NO_CODE
        # OAuth 2.1 no longer asks for it, because of PKCE; 2.0 does: where it is sent it has to be right.
        if sent.one("redirect_uri") not in (None, facts.redirect_uri):
            return OAuthError("invalid_grant", "This redirect_uri is not the one of the authorization request.")
        verifier = sent.one("code_verifier") or ""
        if not _VERIFIER.fullmatch(verifier) or not same(challenge_of(verifier), facts.code_challenge):
            return OAuthError("invalid_grant", "The code_verifier does not match the code_challenge.")
        if foreign_resource(sent.every("resource"), self._addresses) is not None:
            return OAuthError("invalid_target", f"The only resource is {self._addresses.resource}.")
        return None

    def _refused(self, reason: str, facts: CodeFacts | Replayed, client_id: str) -> None:
        log.warning("session_revoked", reason=reason, person=facts.person, client=facts.client_id, grant=facts.grant_id)
        self._trail.note(AuditAction.TOKEN_REFUSED, reason, client_id=client_id)
        self._trail.note(
            AuditAction.SESSION_REVOKED, reason, person=facts.person, client_id=facts.client_id, detail="by the service"
        )
