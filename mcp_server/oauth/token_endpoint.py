"""Owns ``POST /oauth/token`` and ``POST /oauth/revoke``: who asks, in which form, for what. All clients are public.

What a client says wrong is answered as https://www.rfc-editor.org/rfc/rfc6749#section-5.2 lays down, because clients act on it:
``invalid_grant`` makes them sign in again, ``invalid_client`` with 401 register again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web

from mcp_server.oauth import answers
from mcp_server.oauth.answers import Reply
from mcp_server.oauth.bodies import read_form
from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.parameters import Garbled, Parameters
from mcp_server.oauth.redeeming import Redeeming
from mcp_server.oauth.refreshing import Refreshing
from mcp_server.oauth.tokens import Kind, digest, is_kind
from mcp_server.oauth.trail import Trail
from skillport_sync.access.model import PrincipalId
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.oauth import OAuthStore

_UNKNOWN_CLIENT: Final = OAuthError("invalid_client", "This client is not known here: register again.", 401)
_CHALLENGE: Final[Mapping[str, str]] = {hdrs.WWW_AUTHENTICATE: 'Basic realm="skillport"'}


class TokenEndpoint:
    def __init__(self, oauth: OAuthStore, redeeming: Redeeming, refreshing: Refreshing) -> None:
        self._oauth = oauth
        self._redeeming = redeeming
        self._refreshing = refreshing

    async def handle(self, request: web.Request) -> Reply:
        sent = await read_form(request)
        if isinstance(sent, Garbled):
            return answers.error(OAuthError("invalid_request", sent.why))
        told = await self._tokens(request, sent)
        if isinstance(told, OAuthError):
            return answers.error(told, _CHALLENGE if told.status == 401 else None)
        return answers.json(told)

    async def _tokens(self, request: web.Request, sent: Parameters) -> dict[str, object] | OAuthError:
        refused = authenticated_otherwise(request.headers.get(hdrs.AUTHORIZATION))
        if refused is not None:
            return refused
        client_id, grant_type = sent.one("client_id"), sent.one("grant_type")
        if client_id is None or grant_type is None:
            return OAuthError("invalid_request", "Send client_id and grant_type.")
        if grant_type not in ("authorization_code", "refresh_token"):
            return OAuthError("unsupported_grant_type", "The grant types are authorization_code and refresh_token.")
        if await self._oauth.client(client_id) is None:
            return _UNKNOWN_CLIENT
        if grant_type == "authorization_code":
            return await self._redeeming.exchange(sent, client_id)
        return await self._refreshing.exchange(sent, client_id)


class Revocation:
    """https://www.rfc-editor.org/rfc/rfc7009. Whatever is not this client's is left alone, and answered like what never was."""

    def __init__(self, oauth: OAuthStore, trail: Trail) -> None:
        self._oauth = oauth
        self._trail = trail

    async def handle(self, request: web.Request) -> Reply:
        sent = await read_form(request)
        if isinstance(sent, Garbled):
            return answers.error(OAuthError("invalid_request", sent.why))
        token, client_id = sent.one("token"), sent.one("client_id")
        if token is None or client_id is None:
            return answers.error(OAuthError("invalid_request", "Send token and client_id."))
        person = await self._holder(token)
        if await self._oauth.revoke_token(digest(token), client_id):
            self._trail.note(AuditAction.SIGN_OUT, person=person, client_id=client_id)
        return answers.json({})

    async def _holder(self, token: str) -> PrincipalId | None:
        """For the audit, while it can still be found out."""
        if is_kind(Kind.ACCESS, token):
            access = await self._oauth.find_access(digest(token))
            return None if access is None else access.principal.id
        refresh = await self._oauth.find_refresh(digest(token))
        return None if refresh is None else refresh.principal.id


def authenticated_otherwise(authorization: str | None) -> OAuthError | None:
    """What to say to a client that sends a header to prove itself; None when it sends none, as it should.

    One that tries a secret is told that it is not known: it has been given none here, so it registers again and is told ``none``.
    """
    if authorization is None:
        return None
    scheme, _, credentials = authorization.partition(" ")
    try:
        is_basic = scheme.lower() == "basic" and b":" in base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        is_basic = False
    return _UNKNOWN_CLIENT if is_basic else OAuthError("invalid_request", "Send no Authorization header here.")
