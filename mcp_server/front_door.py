"""Owns what stands before every route but the webhooks: which host was meant, which page asks, who they are, and how it is said
when something goes wrong.

One door for all routes that answer to a bearer token or to a one-time link. Never knows what is asked behind it.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import structlog
from aiohttp import hdrs, web

from mcp_server.authentication import Authenticator, Caller
from mcp_server.oauth.metadata import SCOPE, Addresses
from mcp_server.refusals import STATUS, is_not_now, refusal, refused, status_of
from skillport_sync.errors import SkillportError, Unauthenticated

__all__ = ["STATUS", "AllowList", "Challenge", "FrontDoor", "Handler", "asks_in_query", "refusal", "to_page"]

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What aiohttp calls with a request."""

_ANY_PORT: Final = ":*"
_IN_QUERY: Final = "access_token"
"""How https://www.rfc-editor.org/rfc/rfc6750#section-2.3 names a token in a URL, where logs and histories keep it."""
_PREFLIGHT: Final[Mapping[str, str]] = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD, POST, DELETE",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, Content-Type, If-Match, If-None-Match",
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}
_SHOWN_HEADERS: Final = "WWW-Authenticate, Retry-After, ETag, Content-Disposition, X-Skillport-Sha256"


class FrontDoor:
    """The way in: ``known`` for those who prove who they are, ``anybody`` for those who need not. Both make aiohttp handlers."""

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        allowed_hosts: frozenset[str],
        allowed_origins: frozenset[str],
        sign_in: Addresses | None = None,
    ) -> None:
        """``allowed_hosts`` are ``Host`` headers, ``allowed_origins`` ``Origin`` headers, as in ``AllowList``; a request without
        ``Origin`` does not come from a browser and needs none. ``sign_in``: where people sign in, told to whoever is refused.
        """
        self._authenticator = authenticator
        self._hosts = AllowList(allowed_hosts)
        self._origins = AllowList(allowed_origins)
        self._challenge = Challenge(sign_in)

    def known(self, answer: Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]) -> Handler:
        """Answer whoever their bearer token proves; everybody else is told how to sign in.

        ``answer`` may raise any SkillportError: ``STATUS`` says what becomes of it.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            if asks_in_query(request):
                return token_in_query(self._challenge)
            try:
                return await answer(request, await self._authenticator.caller(request.headers.get(hdrs.AUTHORIZATION)))
            except Unauthenticated as error:
                return refused(error, self._challenge.to(error))

        return self.anybody(handle)

    def anybody(self, answer: Handler) -> Handler:
        """Answer everybody who may ask from where they are. ``answer`` may raise as in ``known``."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if not self._hosts.admits(request.headers.get(hdrs.HOST)):
                return refusal(421, "host_not_allowed", "This host name is not one that this service answers to.")
            origin = request.headers.get(hdrs.ORIGIN)
            if origin is not None and not self._origins.admits(origin):
                return refusal(403, "origin_not_allowed", "Pages of this origin may not call this service.")
            if request.method == hdrs.METH_OPTIONS:
                response: web.StreamResponse = web.Response(status=204, headers=_PREFLIGHT)
            else:
                response = await _answered(request, answer)
            if not response.prepared:
                _for_this_caller_only(response)
                if origin is not None:
                    response.headers.update(to_page(origin, _SHOWN_HEADERS))
            return response

        return handle

    def resource(self, path: str, handlers: Mapping[str, Handler], *, head: bool = True) -> web.RouteDef:
        """``path`` under every method: these handlers, which ``known`` or ``anybody`` made, answer theirs and OPTIONS; all other
        methods get 405 with ``Allow``. ``head``: HEAD is answered like GET, without the body.
        """
        allowed = dict(handlers)
        if head and hdrs.METH_GET in handlers:
            allowed.setdefault(hdrs.METH_HEAD, handlers[hdrs.METH_GET])

        async def not_allowed(request: web.Request) -> web.StreamResponse:  # noqa: ARG001  whatever it is
            methods = ", ".join(sorted(allowed))
            return refusal(405, "method_not_allowed", f"Send one of: {methods}.", {hdrs.ALLOW: methods})

        refuse = self.anybody(not_allowed)

        async def handle(request: web.Request) -> web.StreamResponse:
            return await allowed.get(request.method, refuse)(request)

        return web.route(hdrs.METH_ANY, path, handle)


class Challenge:
    """How to be let in: https://www.rfc-editor.org/rfc/rfc6750#section-3, https://www.rfc-editor.org/rfc/rfc9728#section-5.1."""

    def __init__(self, sign_in: Addresses | None) -> None:
        self._parameters = (
            () if sign_in is None else (f'resource_metadata="{sign_in.resource_metadata}"', f'scope="{SCOPE}"')
        )

    def saying(self, error: str | None) -> Mapping[str, str]:
        """The header, with this error code of RFC 6750."""
        parameters = ", ".join([*self._parameters, *([f'error="{error}"'] if error is not None else [])])
        return {hdrs.WWW_AUTHENTICATE: f"Bearer {parameters}".rstrip()}

    def to(self, error: Unauthenticated) -> Mapping[str, str]:
        """The header for somebody whose token is missing or wrong. RFC 6750 §3.1: no error attribute where nothing was sent."""
        return self.saying(None if error.code == "token_missing" else "invalid_token")


class AllowList:
    """Header values that are let in, compared without case; ``:*`` at the end of one stands for any port, or none.

    ``skills.acme.example``, ``127.0.0.1:8080``, ``http://localhost:6274``. An empty list lets in none.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        lowered = {entry.lower() for entry in entries}
        self._exact = frozenset(entry for entry in lowered if not entry.endswith(_ANY_PORT))
        self._any_port = frozenset(entry.removesuffix(_ANY_PORT) for entry in lowered if entry.endswith(_ANY_PORT))

    def admits(self, value: str | None) -> bool:
        if value is None:
            return False
        if value in self._exact:
            return True
        lowered = value.lower()
        name, colon, port = lowered.rpartition(":")
        with_port = bool(colon) and port.isascii() and port.isdecimal()
        return lowered in self._exact or lowered in self._any_port or (with_port and name in self._any_port)


def asks_in_query(request: web.Request) -> bool:
    """Whether the URL has a token in it."""
    return "?" in request.raw_path and _IN_QUERY in request.query


def token_in_query(challenge: Challenge) -> web.Response:
    """Said before the token is looked at: whoever sees that URL, in a log or a history, may have it."""
    message = "Send the token in the Authorization header. One that was in a URL is worth replacing."
    return refusal(400, "token_in_query", message, challenge.saying("invalid_request"))


def to_page(origin: str, shown_headers: str) -> dict[str, str]:
    """What a browser has to be told before it shows an answer to a page (https://fetch.spec.whatwg.org/#http-cors-protocol). This
    page and no other, and no cookies: there are none.
    """
    return {
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
        hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: shown_headers,
        hdrs.VARY: hdrs.ORIGIN,
    }


def internal_error(path: str) -> web.Response:
    """What an error of ours is to the outside: a reference to the one log line with the whole story. For an ``except`` block."""
    reference = secrets.token_hex(4)
    log.exception("request_failed", path=path, reference=reference)
    return refusal(500, "internal_error", f"Something is wrong here (reference {reference}).")


def not_now(error: SkillportError, path: str) -> web.Response:
    """What is broken and passes, as ``is_not_now`` says: when to ask again; and a line of log, because somebody must look."""
    log.error("request_broken", path=path, code=error.code, message=error.message)
    return refused(error)


async def _answered(request: web.Request, answer: Handler) -> web.StreamResponse:
    try:
        return await answer(request)
    except (ConnectionError, web.HTTPException):
        raise
    except Exception as error:
        if request.writer.output_size > 0:
            # Part of an answer is on its way: another one behind it would be taken for its rest.
            log.exception("answer_broken_off", path=_route(request))
            raise ConnectionResetError("the answer broke off") from error
        if isinstance(error, SkillportError) and status_of(error) != 500:
            return not_now(error, _route(request)) if is_not_now(error) else refused(error)
        return internal_error(_route(request))


def _route(request: web.Request) -> str:
    """The route's pattern, because what stands in its place may be a secret."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _for_this_caller_only(response: web.StreamResponse) -> None:
    """No cache keeps what one person was told, unless whoever answered says otherwise."""
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
