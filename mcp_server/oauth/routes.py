"""Owns the addresses of the authorization server, and what holds for all of them: methods, CORS, and what nobody foresaw.

One line of log for each request, with the route and never its query, which holds codes and states. Nothing of a request ever
shapes an address: not its Host, not what a proxy says.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import hdrs, web

from mcp_server.identity.provider import Provider
from mcp_server.oauth import answers, problems
from mcp_server.oauth.answers import Reply
from mcp_server.oauth.authorize import Authorize
from mcp_server.oauth.browser import Browsers
from mcp_server.oauth.callback import Callback
from mcp_server.oauth.cimd import Documents
from mcp_server.oauth.cimd_fetch import FetchDocument
from mcp_server.oauth.consent import Consent
from mcp_server.oauth.metadata import MCP_PATH, Addresses, authorization_server, protected_resource
from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.parameters import Garbled
from mcp_server.oauth.redeeming import Redeeming
from mcp_server.oauth.refreshing import Refreshing
from mcp_server.oauth.registration import Registration
from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.token_endpoint import Revocation, TokenEndpoint
from mcp_server.oauth.token_pairs import TokenPairs
from mcp_server.oauth.tokens import ServerKey
from mcp_server.oauth.trail import Trail
from skillport_sync.errors import Broken, Invalid, Unavailable
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.audit import Audit
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.people import People

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[Reply]]

_WELL_KNOWN: Final = "/.well-known/"
_DOCUMENT_HEADERS: Final[Mapping[str, str]] = {hdrs.CACHE_CONTROL: "public, max-age=300"}


def oauth_routes(
    *,
    oauth: OAuthStore,
    people: People,
    audit: Audit,
    providers: Mapping[str, Provider],
    addresses: Addresses,
    settings: OAuthSettings,
    server_key: ServerKey,
    clock: Clock,
    entropy: Entropy,
    fetch_document: FetchDocument,
) -> list[web.RouteDef]:
    """The authorization server. ``clock`` is the store's too; whoever remembers access tokens is told by ``oauth.tell``.

    ``providers`` by their names, in the order of their buttons.
    """
    trail = Trail(audit, clock)
    browsers = Browsers(addresses.public_url, settings.transaction_s)
    documents = Documents(fetch_document, oauth, settings, clock)
    pairs = TokenPairs(settings, server_key, clock, entropy)
    redeeming = Redeeming(oauth, pairs, addresses, trail)
    refreshing = Refreshing(oauth, people, providers, pairs, addresses, settings, trail)
    authorize = Authorize(oauth, documents, providers, addresses, settings, browsers, clock, entropy)
    consent = Consent(oauth, providers, addresses, browsers, trail, entropy)
    callback = Callback(oauth, people, providers, addresses, settings, browsers, trail, clock, entropy)
    about_server = _document(authorization_server(addresses, registration=settings.registration))
    about_resource = _document(protected_resource(addresses))
    routes = [
        _Route(_WELL_KNOWN + "oauth-protected-resource", hdrs.METH_GET, about_resource, is_page=False),
        _Route(_WELL_KNOWN + "oauth-protected-resource" + MCP_PATH, hdrs.METH_GET, about_resource, is_page=False),
        _Route(_WELL_KNOWN + "oauth-authorization-server", hdrs.METH_GET, about_server, is_page=False),
        _Route(_WELL_KNOWN + "oauth-authorization-server" + MCP_PATH, hdrs.METH_GET, about_server, is_page=False),
        _Route("/oauth/authorize", hdrs.METH_GET, authorize.handle, is_page=True),
        _Route("/oauth/consent", hdrs.METH_POST, consent.handle, is_page=True),
        _Route("/oauth/callback/{provider}", hdrs.METH_GET, callback.handle, is_page=True),
        _Route("/oauth/token", hdrs.METH_POST, TokenEndpoint(oauth, redeeming, refreshing).handle, is_page=False),
        _Route("/oauth/revoke", hdrs.METH_POST, Revocation(oauth, trail).handle, is_page=False),
    ]
    if settings.registration:
        registration = Registration(oauth, settings, trail, clock, entropy)
        routes.append(_Route("/oauth/register", hdrs.METH_POST, registration.handle, is_page=False))
    return [web.route(hdrs.METH_ANY, route.path, route.answer) for route in routes]


def _document(body: Mapping[str, object]) -> Handler:
    async def handle(request: web.Request) -> Reply:  # noqa: ARG001  the same for everybody
        return answers.json(body, headers=_DOCUMENT_HEADERS)

    return handle


@dataclass(frozen=True, slots=True)
class _Route:
    """One address. ``is_page``: for a person's browser, so no other site's script may call it; the others are for clients, and
    some of those are scripts.
    """

    path: str
    method: str
    handle: Handler
    is_page: bool

    async def answer(self, request: web.Request) -> Reply:
        if request.method == hdrs.METH_OPTIONS and not self.is_page:
            response = answers.preflight(self.method)
        elif request.method != self.method and not (request.method == hdrs.METH_HEAD and self._is_document):
            response = self._wrong_method()
        else:
            response = await self._handled(request)
        if not self.is_page:
            response.headers.update(answers.CORS_HEADERS)
        log.info("oauth_answered", route=self.path, status=response.status, error=response.oauth_error)
        return response

    async def _handled(self, request: web.Request) -> Reply:
        try:
            return await self.handle(request)
        except (ConnectionError, web.HTTPException):
            raise
        except Invalid as error:  # text that no database can hold
            return self._refused(error)
        except (Unavailable, Broken) as error:
            log.warning("oauth_failed", route=self.path, reason=error.code, error=error.message)
            return self._unavailable(error)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("request_failed", path=self.path, reference=reference)
            if self.is_page:
                return problems.failed(reference)
            return answers.error(OAuthError("server_error", f"Something is wrong here (reference {reference}).", 500))

    def _refused(self, error: Invalid) -> Reply:
        if self.is_page:
            return problems.garbled(Garbled("A name or a word in it cannot be stored."))
        return answers.error(OAuthError("invalid_request", error.message))

    def _unavailable(self, error: Unavailable | Broken) -> Reply:
        """The database cannot answer now."""
        if self.is_page:
            return problems.database_failed()
        wait_s = error.retry_after_s if isinstance(error, Unavailable) else None
        return answers.later(wait_s or 5, "The database cannot answer now: try again.")

    def _wrong_method(self) -> Reply:
        if self.is_page:
            return problems.wrong_method(self.method)
        return answers.error(OAuthError("invalid_request", f"Send {self.method}.", 405), {hdrs.ALLOW: self.method})

    @property
    def _is_document(self) -> bool:
        return self.path.startswith(_WELL_KNOWN)
