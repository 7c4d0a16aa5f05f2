"""Owns ``POST /oauth/consent``: what a person answered on our page. No goes back to the client, yes to the provider they chose.

Believed only from our own page, in the browser that was shown it, once. With the yes the sign-in gets a new secret in that
browser, and only then one towards the provider: nobody who knew the old ones can follow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from aiohttp import web

from mcp_server.identity.provider import Provider, Upstream
from mcp_server.oauth import answers, problems
from mcp_server.oauth.answers import Reply
from mcp_server.oauth.bodies import read_form
from mcp_server.oauth.browser import Browsers
from mcp_server.oauth.metadata import Addresses
from mcp_server.oauth.parameters import Garbled, Parameters
from mcp_server.oauth.tokens import Kind, digest, mint, nameless, opens
from mcp_server.oauth.trail import Trail
from skillport_sync.errors import Unavailable
from skillport_sync.ports import Entropy
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.sign_in import Stage, Transaction

log = structlog.get_logger()

PROVIDER_TIMEOUT_S: Final = 15.0


class Consent:
    def __init__(
        self,
        oauth: OAuthStore,
        providers: Mapping[str, Provider],
        addresses: Addresses,
        browsers: Browsers,
        trail: Trail,
        entropy: Entropy,
    ) -> None:
        self._oauth = oauth
        self._providers = providers
        self._addresses = addresses
        self._browsers = browsers
        self._trail = trail
        self._entropy = entropy

    async def handle(self, request: web.Request) -> Reply:
        if not self._browsers.is_from_our_page(request):
            return problems.not_our_page()
        sent = await read_form(request)
        if isinstance(sent, Garbled):
            return problems.garbled(sent)
        transaction = await self._oauth.transaction(digest(sent.one("transaction") or ""))
        if transaction is None or not self._is_answer_to(transaction, request, sent):
            return problems.not_this_browser()
        if transaction.stage is not Stage.CONSENT:
            return problems.used_already()
        if sent.one("deny") is not None:
            return await self._deny(transaction)
        provider = self._providers.get(sent.one("provider") or "")
        return problems.no_such_provider() if provider is None else await self._approve(transaction, provider)

    def _is_answer_to(self, transaction: Transaction, request: web.Request, sent: Parameters) -> bool:
        """Whether this browser was shown the page, and this form is the one on it."""
        return self._browsers.is_bound(request, transaction) and opens(sent.one("csrf"), transaction.csrf_hash)

    async def _deny(self, transaction: Transaction) -> Reply:
        if await self._oauth.advance(transaction.id_hash, expect=Stage.CONSENT, to=Stage.DENIED) is None:
            return problems.used_already()
        self._trail.note(AuditAction.CONSENT, "denied", client_id=transaction.client_id)
        answer = {"error": "access_denied", "error_description": "The person did not agree."}
        response = answers.to_client(
            transaction.redirect_uri, self._addresses.public_url, transaction.client_state, answer
        )
        self._browsers.release(response, transaction.id_hash)
        return response

    async def _approve(self, transaction: Transaction, provider: Provider) -> Reply:
        upstream = Upstream(mint(Kind.STATE, self._entropy), nameless(self._entropy), nameless(self._entropy))
        try:
            # Before anything is changed: where the provider cannot be reached, the page can be answered again.
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                location = await provider.authorization_url(upstream, self._addresses.callback(provider.name))
        except Unavailable as error:
            log.warning("provider_failed", provider=provider.name, reason=error.code, error=error.message)
            return problems.provider_failed(error)
        except TimeoutError:
            log.warning("provider_failed", provider=provider.name, reason="timeout")
            return problems.provider_silent(provider.title)
        browser = mint(Kind.BROWSER, self._entropy)
        advanced = await self._oauth.advance(
            transaction.id_hash,
            expect=Stage.CONSENT,
            to=Stage.UPSTREAM,
            provider=provider.name,
            bind_hash=digest(browser),
            nonce=upstream.nonce,
            upstream_verifier=upstream.verifier,
            state_hash=digest(upstream.state),
        )
        if advanced is None:
            return problems.used_already()
        self._trail.note(AuditAction.CONSENT, client_id=transaction.client_id, detail=f"through {provider.name}")
        response = answers.redirect(location)
        # Lax: the provider's page sends the browser back here, and this has to come with it.
        self._browsers.bind(response, transaction.id_hash, browser, "Lax")
        return response
