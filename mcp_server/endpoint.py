"""Owns ``POST /mcp``: who may knock, how large a message may be, and in which form the reply goes back.

No sessions: ``Mcp-Session-Id`` is neither minted nor read. GET and DELETE are refused, but only to those who have proved who
they are; a browser's question beforehand, whether a page may ask, is answered to everybody. Nothing here knows what a message
means; no middleware stands before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from aiohttp import hdrs, web

from mcp_server.authentication import Authenticator
from mcp_server.body import read_body
from mcp_server.front_door import AllowList, Challenge, asks_in_query, internal_error, not_now, to_page, token_in_query
from mcp_server.hot import MAX_BYTES as HOT_BYTES
from mcp_server.hot import HotAnswers, HotCounts
from mcp_server.kernel import NOT_JSON, Kernel, Reply
from mcp_server.oauth.metadata import Addresses
from mcp_server.reads import OnRead, unread
from mcp_server.refusals import is_not_now, refusal, refused
from mcp_server.skills_extension import SkillsExtension
from mcp_server.tool import SURFACE, Giving, OnQuery, Tool, unheard
from skillport_sync.errors import Broken, Unauthenticated, Unavailable
from skillport_sync.queries import Queries
from skillport_sync.spans import span

PATH: Final = "/mcp"
MAX_BODY_BYTES: Final = 4 * 1024 * 1024

_JSON: Final = "application/json"
_EVENT_STREAM: Final = "text/event-stream"

_METHODS: Final = f"{hdrs.METH_POST}, {hdrs.METH_GET}, {hdrs.METH_DELETE}, {hdrs.METH_HEAD}"
_ASKED_HEADERS: Final = (
    "Authorization, Content-Type, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
)
_SHOWN_HEADERS: Final = "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After"


def mcp_routes(
    *,
    queries: Queries,
    giving: Giving,
    authenticator: Authenticator,
    allowed_hosts: frozenset[str],
    allowed_origins: frozenset[str],
    max_body_bytes: int = MAX_BODY_BYTES,
    on_query: OnQuery = unheard,
    on_read: OnRead = unread,
    sign_in: Addresses | None = None,
    hot_bytes: int = HOT_BYTES,
    hot_counts: HotCounts | None = None,
) -> list[web.RouteDef]:
    """The MCP endpoint.

    ``allowed_hosts`` are ``Host`` headers, ``allowed_origins`` ``Origin`` headers, as they are sent: ``skills.acme.example``,
    ``127.0.0.1:8080``, ``http://localhost:6274``; ``:*`` at the end stands for any port. An empty set allows none; a request
    without ``Origin`` does not come from a browser and needs none. ``sign_in``: where people sign in, told to whoever is refused.
    ``hot_bytes`` bounds the answers kept in memory; 0 keeps none. ``hot_counts`` is told how well they serve.
    """
    endpoint = McpEndpoint(
        queries,
        giving,
        authenticator,
        allowed_hosts=allowed_hosts,
        allowed_origins=allowed_origins,
        max_body_bytes=max_body_bytes,
        on_query=on_query,
        on_read=on_read,
        sign_in=sign_in,
        hot_bytes=hot_bytes,
        hot_counts=hot_counts,
    )
    return [web.route(hdrs.METH_ANY, PATH, endpoint.handle)]


class McpEndpoint:
    def __init__(
        self,
        queries: Queries,
        giving: Giving,
        authenticator: Authenticator,
        *,
        allowed_hosts: frozenset[str],
        allowed_origins: frozenset[str],
        max_body_bytes: int,
        on_query: OnQuery,
        on_read: OnRead,
        sign_in: Addresses | None,
        hot_bytes: int,
        hot_counts: HotCounts | None,
    ) -> None:
        self._authenticator = authenticator
        self._hosts = AllowList(allowed_hosts)
        self._origins = AllowList(allowed_origins)
        self._max_body_bytes = max_body_bytes
        self._challenge = Challenge(sign_in)
        self._hot = HotAnswers(queries, on_query, on_read, max_bytes=hot_bytes, counts=hot_counts)
        self._kernel = Kernel(Tool(queries, self._hot, giving, on_query, on_read), SkillsExtension(queries, on_read))

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one HTTP request, whatever it is."""
        try:
            return await self._answer(request)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            return internal_error(PATH)

    async def _answer(self, request: web.Request) -> web.Response:
        headers = request.headers
        if not self._hosts.admits(headers.get(hdrs.HOST)):
            return refusal(421, "host_not_allowed", "This host name is not one that this service answers to.")
        origin = headers.get(hdrs.ORIGIN)
        if origin is None:
            return await self._answer_whoever(request)
        if not self._origins.admits(origin):
            return refusal(403, "origin_not_allowed", "Pages of this origin may not call this service.")
        response = await self._answer_whoever(request)
        response.headers.update(to_page(origin, _SHOWN_HEADERS))
        return response

    async def _answer_whoever(self, request: web.Request) -> web.Response:
        """Answer somebody who may ask from where they are: first who they are, then what they want."""
        headers = request.headers
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=204, headers=_PREFLIGHT)
        if asks_in_query(request):
            return token_in_query(self._challenge)
        try:
            caller = await self._authenticator.caller(headers.get(hdrs.AUTHORIZATION))
        except Unauthenticated as error:
            return refused(error, self._challenge.to(error))
        except Unavailable as error:
            return refused(error)
        except Broken as error:
            if not is_not_now(error):
                raise
            return not_now(error, PATH)
        if request.method != hdrs.METH_POST:
            return refusal(405, "method_not_allowed", "Send POST: there are no streams and no sessions here.", _ALLOW)
        if not _is_json(headers.get(hdrs.CONTENT_TYPE)):
            return refusal(415, "content_type", "Send Content-Type: application/json.")
        body = await read_body(request, self._max_body_bytes)
        if isinstance(body, web.Response):
            return body
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _response(NOT_JSON, headers.get(hdrs.ACCEPT))
        hot = self._hot.answer(message, headers, caller)
        if hot is not None:
            return _response(Reply(200, hot), headers.get(hdrs.ACCEPT))
        with span("skillport.query", surface=SURFACE):
            return _response(await self._kernel.reply(message, headers, caller), headers.get(hdrs.ACCEPT))


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
