"""Owns ``POST /mcp``: who may knock, how large a message may be, and in which form the reply goes back.

No sessions: ``Mcp-Session-Id`` is neither minted nor read. GET and DELETE are refused, but only to those who have proved who
they are; a browser's question beforehand, whether a page may ask, is answered to everybody. Nothing here knows what a message
means; no middleware stands before it.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

import orjson
import structlog
from aiohttp import hdrs, web

from mcp_server.authentication import Authenticator
from mcp_server.hot import MAX_BYTES as HOT_BYTES
from mcp_server.hot import HotAnswers
from mcp_server.kernel import NOT_JSON, Kernel, Reply
from mcp_server.oauth.metadata import SCOPE, Addresses
from mcp_server.reads import OnRead, unread
from mcp_server.tool import OnQuery, Tool, unheard
from skillport_sync.errors import Unauthenticated, Unavailable
from skillport_sync.queries import Queries

log = structlog.get_logger()

PATH: Final = "/mcp"
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
BODY_TIMEOUT_S: Final = 30.0

_JSON: Final = "application/json"
_EVENT_STREAM: Final = "text/event-stream"
_ANY_PORT: Final = ":*"

_IN_QUERY: Final = "access_token"
"""How https://www.rfc-editor.org/rfc/rfc6750#section-2.3 names a token in a URL, where logs and histories keep it."""
_METHODS: Final = f"{hdrs.METH_POST}, {hdrs.METH_GET}, {hdrs.METH_DELETE}, {hdrs.METH_HEAD}"
_ASKED_HEADERS: Final = (
    "Authorization, Content-Type, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
)
_SHOWN_HEADERS: Final = "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After"


def mcp_routes(
    *,
    queries: Queries,
    authenticator: Authenticator,
    allowed_hosts: frozenset[str],
    allowed_origins: frozenset[str],
    max_body_bytes: int = MAX_BODY_BYTES,
    on_query: OnQuery = unheard,
    on_read: OnRead = unread,
    sign_in: Addresses | None = None,
    hot_bytes: int = HOT_BYTES,
) -> list[web.RouteDef]:
    """The MCP endpoint.

    ``allowed_hosts`` are ``Host`` headers, ``allowed_origins`` ``Origin`` headers, as they are sent: ``skills.acme.example``,
    ``127.0.0.1:8080``, ``http://localhost:6274``; ``:*`` at the end stands for any port. An empty set allows none; a request
    without ``Origin`` does not come from a browser and needs none. ``sign_in``: where people sign in, told to whoever is refused.
    ``hot_bytes`` bounds the answers kept in memory; 0 keeps none.
    """
    endpoint = McpEndpoint(
        queries,
        authenticator,
        allowed_hosts=allowed_hosts,
        allowed_origins=allowed_origins,
        max_body_bytes=max_body_bytes,
        on_query=on_query,
        on_read=on_read,
        sign_in=sign_in,
        hot_bytes=hot_bytes,
    )
    return [web.route(hdrs.METH_ANY, PATH, endpoint.handle)]


class McpEndpoint:
    def __init__(
        self,
        queries: Queries,
        authenticator: Authenticator,
        *,
        allowed_hosts: frozenset[str],
        allowed_origins: frozenset[str],
        max_body_bytes: int,
        on_query: OnQuery,
        on_read: OnRead,
        sign_in: Addresses | None,
        hot_bytes: int,
    ) -> None:
        self._authenticator = authenticator
        self._hosts = _AllowList(allowed_hosts)
        self._origins = _AllowList(allowed_origins)
        self._max_body_bytes = max_body_bytes
        self._challenge = _challenge(sign_in)
        self._hot = HotAnswers(queries, on_query, on_read, max_bytes=hot_bytes)
        self._kernel = Kernel(Tool(queries, self._hot, on_query, on_read))

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one HTTP request, whatever it is."""
        try:
            return await self._answer(request)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("request_failed", path=PATH, reference=reference)
            return _refusal(500, "internal_error", f"Something is wrong here (reference {reference}).")

    async def _answer(self, request: web.Request) -> web.Response:
        headers = request.headers
        if not self._hosts.admits(headers.get(hdrs.HOST)):
            return _refusal(421, "host_not_allowed", "This host name is not one that this service answers to.")
        origin = headers.get(hdrs.ORIGIN)
        if origin is None:
            return await self._answer_whoever(request)
        if not self._origins.admits(origin):
            return _refusal(403, "origin_not_allowed", "Pages of this origin may not call this service.")
        response = await self._answer_whoever(request)
        response.headers.update(_to_page(origin))
        return response

    async def _answer_whoever(self, request: web.Request) -> web.Response:
        """Answer somebody who may ask from where they are: first who they are, then what they want."""
        headers = request.headers
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=204, headers=_PREFLIGHT)
        if "?" in request.raw_path and _IN_QUERY in request.query:
            # Said before it is looked at: whoever sees that URL, in a log or a history, may have the token.
            message = "Send the token in the Authorization header. One that was in a URL is worth replacing."
            return _refusal(400, "token_in_query", message, self._told("invalid_request"))
        try:
            caller = await self._authenticator.caller(headers.get(hdrs.AUTHORIZATION))
        except Unauthenticated as error:
            # RFC 6750 §3.1: no error attribute where nothing was sent.
            told = self._told(None if error.code == "token_missing" else "invalid_token")
            return _refusal(401, error.code, error.message, told)
        except Unavailable as error:
            wait_s = max(1, math.ceil(error.retry_after_s or 1))
            return _refusal(503, error.code, error.message, {hdrs.RETRY_AFTER: str(wait_s)})
        if request.method != hdrs.METH_POST:
            return _refusal(405, "method_not_allowed", "Send POST: there are no streams and no sessions here.", _ALLOW)
        if not _is_json(headers.get(hdrs.CONTENT_TYPE)):
            return _refusal(415, "content_type", "Send Content-Type: application/json.")
        body = await self._body(request)
        if isinstance(body, web.Response):
            return body
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _response(NOT_JSON, headers.get(hdrs.ACCEPT))
        hot = self._hot.answer(message, headers, caller)
        reply = Reply(200, hot) if hot is not None else await self._kernel.reply(message, headers, caller)
        return _response(reply, headers.get(hdrs.ACCEPT))

    def _told(self, error: str | None) -> Mapping[str, str]:
        """How to be let in: https://www.rfc-editor.org/rfc/rfc6750#section-3, https://www.rfc-editor.org/rfc/rfc9728#section-5.1."""
        parameters = ", ".join([*self._challenge, *([f'error="{error}"'] if error is not None else [])])
        return {hdrs.WWW_AUTHENTICATE: f"Bearer {parameters}".rstrip()}

    async def _body(self, request: web.Request) -> bytes | web.Response:
        """The whole body, or the refusal of one that is too large, too slow or garbled."""
        limit = self._max_body_bytes
        content = request.content
        if (request.content_length or 0) > limit:
            return _too_large(limit)
        chunks = bytearray()
        try:
            if content.is_eof():
                # It came with its headers, as nearly all do: neither a wait nor a timer.
                body = content.read_nowait()
                return body if len(body) <= limit else _too_large(limit)
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while chunk := await content.readany():
                    chunks += chunk
                    if len(chunks) > limit:
                        return _too_large(limit)
        except web.RequestPayloadError:
            return _refusal(400, "body_garbled", "The body is not what its Content-Encoding says.")
        except TimeoutError:
            return _refusal(408, "body_too_slow", f"The body did not arrive within {BODY_TIMEOUT_S:.0f} seconds.")
        return bytes(chunks)


class _AllowList:
    """Header values that are let in, compared without case; ``:*`` at the end of one stands for any port, or none."""

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


def _is_json(content_type: str | None) -> bool:
    return content_type == _JSON or (content_type or "").partition(";")[0].strip().lower() == _JSON


def _wants_event_stream(accept: str | None) -> bool:
    """True only for a client that takes nothing else. One that says nothing, or something odd, gets JSON."""
    if accept is None or _JSON in accept:
        return False
    kinds = {kind.partition(";")[0].strip().lower() for kind in accept.split(",")}
    return bool(kinds & {_EVENT_STREAM, "text/*"}) and not kinds & {_JSON, "application/*", "*/*"}


def _response(reply: Reply, accept: str | None) -> web.Response:
    if reply.body is None:
        return web.Response(status=reply.status)
    if reply.status == 200 and _wants_event_stream(accept):
        # Clients behind some proxies ask for a stream only (python-sdk#2349): they get one of a single event.
        frame = b"event: message\ndata: " + reply.body + b"\n\n"
        return web.Response(body=frame, content_type=_EVENT_STREAM, headers={hdrs.CACHE_CONTROL: "no-cache"})
    return web.Response(body=reply.body, status=reply.status, content_type=_JSON)


_ALLOW: Final[Mapping[str, str]] = {hdrs.ALLOW: hdrs.METH_POST}
_PREFLIGHT: Final[Mapping[str, str]] = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _ASKED_HEADERS,
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}


def _to_page(origin: str) -> dict[str, str]:
    """What a browser has to be told before it shows an answer to a page (https://fetch.spec.whatwg.org/#http-cors-protocol). This
    page and no other, and no cookies: there are none.
    """
    return {
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
        hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: _SHOWN_HEADERS,
        hdrs.VARY: hdrs.ORIGIN,
    }


def _challenge(sign_in: Addresses | None) -> tuple[str, ...]:
    return () if sign_in is None else (f'resource_metadata="{sign_in.resource_metadata}"', f'scope="{SCOPE}"')


def _refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Said before the protocol begins, in the form of every other HTTP error of this service."""
    body = {"error": HTTPStatus(status).phrase, "message": message, "code": code}
    return web.Response(body=orjson.dumps(body), status=status, content_type=_JSON, headers=headers)


def _too_large(limit: int) -> web.Response:
    return _refusal(413, "body_too_large", f"A message may be {limit:,} bytes long.")
