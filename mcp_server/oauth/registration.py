"""Owns ``POST /oauth/register``: clients introduce themselves (https://www.rfc-editor.org/rfc/rfc7591). Anybody may, so it costs
little: a small body, a limited number, and the same words are the same client. Nobody is let in by it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Final

import structlog
from aiohttp import web

from mcp_server.oauth import answers, bodies
from mcp_server.oauth.answers import Reply
from mcp_server.oauth.client_metadata import BAD_METADATA, ClientMetadata, Unacceptable, of_registration
from mcp_server.oauth.limits import Turns
from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.parameters import Garbled
from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.trail import Trail
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.sign_in import Client

log = structlog.get_logger()

BODY_BYTES: Final = 32 * 1024
_PREFIX: Final = "sp_cl_"
_ID_BYTES: Final = 16


class Registration:
    def __init__(
        self, oauth: OAuthStore, settings: OAuthSettings, trail: Trail, clock: Clock, entropy: Entropy
    ) -> None:
        self._oauth = oauth
        self._settings = settings
        self._trail = trail
        self._clock = clock
        self._entropy = entropy
        self._turns = Turns(
            settings.limits.registrations_of_one, settings.limits.registrations, clock, settings.trusted_proxies
        )

    async def handle(self, request: web.Request) -> Reply:
        if wait_s := self._turns.wait_s(request):
            return answers.later(wait_s, "Too many clients register at once: wait.", 429)
        body = await bodies.read(request, BODY_BYTES)
        if isinstance(body, Garbled):
            return answers.error(OAuthError(BAD_METADATA, body.why))
        metadata = of_registration(body, self._settings.redirect_hosts)
        if isinstance(metadata, Unacceptable):
            log.info("registration_refused", reason=metadata.error, why=metadata.why, host=metadata.host)
            return answers.error(OAuthError(metadata.error, metadata.why))
        return _registered(await self._enter(metadata), metadata)

    async def _enter(self, metadata: ClientMetadata) -> Client:
        identity = _PREFIX + urlsafe_b64encode(self._entropy.token_bytes(_ID_BYTES)).decode("ascii").rstrip("=")
        now = self._clock.now()
        new = Client(identity, "dcr", metadata.name, metadata.stored_uris, now, now, approved=False)
        limit = self._settings.limits.unapproved_clients
        client = await self._oauth.register(metadata.key, new, unapproved_limit=limit)
        if client.client_id == identity:
            log.info("client_registered", client=identity, name=metadata.name)
            self._trail.note(AuditAction.CLIENT_REGISTERED, client_id=identity, detail=metadata.name)
        return client


def _registered(client: Client, metadata: ClientMetadata) -> Reply:
    """What it is from now on. Its addresses are told as it sent them; which port of its machine it has does not count."""
    told = {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        "client_name": metadata.name or None,
        "redirect_uris": metadata.redirect_uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": metadata.asked_scope,
    }
    return answers.json(told, 201)
