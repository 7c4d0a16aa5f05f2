"""Owns ``GET /oauth/callback/{provider}``: a person comes back from their provider, and the client gets its code.

Taken only by the browser that agreed, for the provider that was chosen, once. Who the person is, is the provider's to say
(``identity``); whether they are welcome at all, an operator's. Never keeps what the provider handed out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from mcp_server.identity.provider import Identity, Provider, Refused, Upstream
from mcp_server.oauth import answers, problems
from mcp_server.oauth.answers import Reply
from mcp_server.oauth.bodies import read_query
from mcp_server.oauth.browser import Browsers
from mcp_server.oauth.metadata import Addresses
from mcp_server.oauth.parameters import Garbled, Parameters
from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.tokens import Kind, digest, is_kind, mint
from mcp_server.oauth.trail import Trail
from skillport_sync.errors import Unavailable
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.people import People
from skillport_sync.store.sign_in import Stage, Transaction

log = structlog.get_logger()

PROVIDER_TIMEOUT_S: Final = 30.0
DECLINED: Final = "declined"
"""How ``identity`` says that the person turned back at the provider: they know why, so the client is told and not they."""


class Callback:
    def __init__(
        self,
        oauth: OAuthStore,
        people: People,
        providers: Mapping[str, Provider],
        addresses: Addresses,
        settings: OAuthSettings,
        browsers: Browsers,
        trail: Trail,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._oauth = oauth
        self._people = people
        self._providers = providers
        self._addresses = addresses
        self._settings = settings
        self._browsers = browsers
        self._trail = trail
        self._clock = clock
        self._entropy = entropy
        self._under_way: set[bytes] = set()

    async def handle(self, request: web.Request) -> Reply:
        sent = read_query(request)
        if isinstance(sent, Garbled):
            return problems.garbled(sent)
        provider = self._providers.get(request.match_info["provider"])
        state = sent.one("state") or ""
        transaction = await self._oauth.transaction_of_state(digest(state)) if is_kind(Kind.STATE, state) else None
        if provider is None or transaction is None or not self._is_answer_to(transaction, request, provider):
            return problems.not_this_browser()
        if transaction.stage is not Stage.UPSTREAM:
            return problems.used_already()
        # A provider takes its code back from who redeems it twice: a reload must not spoil what is nearly done.
        if transaction.id_hash in self._under_way:
            return problems.under_way()
        self._under_way.add(transaction.id_hash)
        try:
            return await self._finish(transaction, provider, sent, state)
        finally:
            self._under_way.discard(transaction.id_hash)

    def _is_answer_to(self, transaction: Transaction, request: web.Request, provider: Provider) -> bool:
        """Whether this browser agreed to this sign-in, and with this provider."""
        return transaction.provider == provider.name and self._browsers.is_bound(request, transaction)

    async def _finish(self, transaction: Transaction, provider: Provider, sent: Parameters, state: str) -> Reply:
        upstream = Upstream(state, transaction.nonce or "", transaction.upstream_verifier or "")
        try:
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                found = await provider.identify(sent.single(), upstream, self._addresses.callback(provider.name))
        except Unavailable as error:
            log.warning("provider_failed", provider=provider.name, reason=error.code, error=error.message)
            return problems.provider_failed(error)
        except TimeoutError:
            log.warning("provider_failed", provider=provider.name, reason="timeout")
            return problems.provider_silent(provider.title)
        if isinstance(found, Refused):
            return await self._refuse(transaction, provider, found)
        return await self._let_in(transaction, provider, found)

    async def _refuse(self, transaction: Transaction, provider: Provider, found: Refused) -> Reply:
        if await self._oauth.advance(transaction.id_hash, expect=Stage.UPSTREAM, to=Stage.DENIED) is None:
            return problems.used_already()
        self._trail.note(
            AuditAction.SIGN_IN_REFUSED,
            found.code,
            client_id=transaction.client_id,
            detail=f"through {provider.name}: {found.message}",
        )
        if found.code == DECLINED:
            return self._tell_client(
                transaction, {"error": "access_denied", "error_description": "The person did not sign in."}
            )
        response = problems.refused(found)
        self._browsers.release(response, transaction.id_hash)
        return response

    async def _let_in(self, transaction: Transaction, provider: Provider, found: Identity) -> Reply:
        person = await self._people.signed_in(found.principal, provider.name)
        who, client_id = person.principal.id, transaction.client_id
        if person.disabled_at is not None:
            await self._oauth.advance(transaction.id_hash, expect=Stage.UPSTREAM, to=Stage.DENIED)
            self._trail.note(AuditAction.SIGN_IN_REFUSED, "disabled", person=who, client_id=client_id)
            return problems.kept_out()
        code, now = mint(Kind.CODE, self._entropy), self._clock.now()
        grant = await self._oauth.grant_and_code(
            transaction.id_hash,
            who,
            code_hash=digest(code),
            code_expires_at=now + timedelta(seconds=self._settings.code_s),
            grant_expires_at=now + self._settings.grant,
        )
        if grant is None:
            return problems.used_already()
        missing = f", without {', '.join(found.warnings)}" if found.warnings else ""
        self._trail.note(
            AuditAction.SIGN_IN, person=who, client_id=client_id, detail=f"through {provider.name}{missing}"
        )
        log.info("person_signed_in", person=who, client=client_id, grant=grant, warnings=list(found.warnings))
        return self._tell_client(transaction, {"code": code})

    def _tell_client(self, transaction: Transaction, answer: Mapping[str, str]) -> Reply:
        response = answers.to_client(
            transaction.redirect_uri, self._addresses.public_url, transaction.client_state, answer
        )
        self._browsers.release(response, transaction.id_hash)
        return response
