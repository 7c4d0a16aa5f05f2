"""Owns ``GET /oauth/authorize``: a client sends a person here, and the person is asked whether they know it.

First is settled who asks and where the answer would go; until both are certain nobody is redirected, and what is wrong is said on
a page. After that what is wrong is said to the client. The person is always asked: a client that anybody can register must not
get by on a sign-in at the provider that needs no click. Never takes part in what they answer: ``consent`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from aiohttp import web

from mcp_server.identity.provider import Provider
from mcp_server.oauth import answers, authorization, cimd, problems, redirects
from mcp_server.oauth.answers import Reply
from mcp_server.oauth.authorization import Asked
from mcp_server.oauth.bodies import read_query
from mcp_server.oauth.browser import Browsers
from mcp_server.oauth.cimd import Documents, NoClient
from mcp_server.oauth.limits import Turns
from mcp_server.oauth.metadata import SCOPE, Addresses
from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.pages import ConsentPage, consent
from mcp_server.oauth.parameters import Garbled, Parameters
from mcp_server.oauth.redirects import Redirect, Unfit
from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.tokens import Kind, digest, mint
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.sign_in import Client, Stage, Transaction

log = structlog.get_logger()


class Authorize:
    def __init__(
        self,
        oauth: OAuthStore,
        documents: Documents,
        providers: Mapping[str, Provider],
        addresses: Addresses,
        settings: OAuthSettings,
        browsers: Browsers,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._oauth = oauth
        self._documents = documents
        self._providers = providers
        self._addresses = addresses
        self._settings = settings
        self._browsers = browsers
        self._clock = clock
        self._entropy = entropy
        self._turns = Turns(settings.limits.sign_ins_of_one, settings.limits.sign_ins, clock, settings.trusted_proxies)

    async def handle(self, request: web.Request) -> Reply:
        if wait_s := self._turns.wait_s(request):
            return problems.too_many(wait_s)
        sent = read_query(request)
        if isinstance(sent, Garbled):
            return problems.garbled(sent)
        client = await self._client(sent.one("client_id") or "")
        if isinstance(client, NoClient):
            return problems.no_client(client)
        back = self._return_address(client, sent.one("redirect_uri") or "")
        if isinstance(back, Unfit):
            log.info("redirect_refused", client=client.client_id, why=back.why, host=back.host)
            return problems.no_return_address(back)
        asked = authorization.read(sent, self._addresses)
        if isinstance(asked, OAuthError):
            return self._tell_client(back, sent, asked)
        return await self._ask_person(client, back, asked)

    async def _client(self, client_id: str) -> Client | NoClient:
        if cimd.is_url(client_id):
            return await self._documents.client(client_id)
        return await self._oauth.client(client_id) or NoClient("This service does not know the app that sent you here.")

    def _return_address(self, client: Client, asked: str) -> Redirect | Unfit:
        """Where the answer goes: an address that is safe by itself, and that this client registered."""
        checked = redirects.check(asked, self._settings.redirect_hosts)
        if isinstance(checked, Redirect) and not any(redirects.covers(uri, asked) for uri in client.redirect_uris):
            return Unfit("is not one that the app registered")
        return checked

    def _tell_client(self, back: Redirect, sent: Parameters, refused: OAuthError) -> Reply:
        answer = {"error": refused.error, "error_description": refused.description}
        return answers.to_client(back.uri, self._addresses.public_url, sent.one("state"), answer)

    async def _ask_person(self, client: Client, back: Redirect, asked: Asked) -> Reply:
        name, browser, form = (mint(kind, self._entropy) for kind in (Kind.TRANSACTION, Kind.BROWSER, Kind.FORM))
        now = self._clock.now()
        transaction = Transaction(
            id_hash=digest(name),
            stage=Stage.CONSENT,
            client_id=client.client_id,
            redirect_uri=back.uri,
            client_state=asked.state,
            scope=SCOPE,
            resource=self._addresses.resource,
            code_challenge=asked.code_challenge,
            csrf_hash=digest(form),
            bind_hash=digest(browser),
            created_at=now,
            expires_at=now + timedelta(seconds=self._settings.transaction_s),
        )
        if not await self._oauth.begin(transaction):
            return problems.no_client(NoClient("This service has just forgotten the app that sent you here."))
        shown = ConsentPage(
            action=self._addresses.consent,
            transaction=name,
            csrf=form,
            client_name=client.name,
            client_host=cimd.host_of(client.client_id) if client.kind == "cimd" else None,
            return_host=back.host,
            is_loopback=back.is_loopback,
            resource_host=self._addresses.host,
            scopes=(SCOPE,),
            providers=tuple((provider.name, provider.title) for provider in self._providers.values()),
        )
        response = answers.page(consent(shown))
        # Strict: it is only needed for the form of this page. The browser gets another one for its way through the provider.
        self._browsers.bind(response, transaction.id_hash, browser, "Strict")
        return response
