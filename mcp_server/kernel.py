"""Owns the way of every message through the SDK's own dispatch kernel, which knows the protocol in both of its eras.

Modern is 2026-07-28: each request says in an envelope what it speaks. Legacy is the handshake of 2025-11-25 and before,
answered without a session. The kernel's functions are public but not documented; ``tests/contract`` holds them.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import anyio
import orjson
import structlog
from mcp.server.caching import CacheHint
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.runner import modern_error_data, serve_one
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    InboundLadderRejection,
    classify_inbound_request,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
)
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    DEFAULT_NEGOTIATED_VERSION,
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    PROTOCOL_VERSION_META_KEY,
    CallToolRequestParams,
    ErrorData,
    JSONRPCNotification,
    JSONRPCRequest,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    RequestId,
    RequestParams,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from multidict import CIMultiDictProxy
from pydantic import ValidationError

from mcp_server.announced import DEFINITION, INSTRUCTIONS, SERVER_INFO, TOOL_NAME
from mcp_server.authentication import Caller
from mcp_server.envelope import VERSION_HEADER
from mcp_server.rendering import Json
from mcp_server.skill_uri import MAX_CHARACTERS
from mcp_server.skills_extension import SkillsExtension
from mcp_server.skills_extension.extension import EXTENSION, SETTINGS
from mcp_server.skills_extension.parameters import GetSkillParams, ReadDirectoryParams
from mcp_server.skills_extension.wording import Result
from mcp_server.templates import Remembered
from mcp_server.tool import Tool
from skillport_sync.errors import Broken, SkillportError, Unavailable

log = structlog.get_logger()

_IN_ITS_PLACE: Final[Json] = {"content": [], "structuredContent": {}, "isError": False}
"""What the kernel gets to see of a remembered result."""

_COMPLETE: Final[Json] = {"resultType": "complete"}
"""The modern era asks for it; the kernel takes it away again where the other does not know it."""

_DEFINITION_TTL_MS: Final = 3_600_000
"""The definition changes only with the program."""

_Params = TypeVar("_Params", bound=RequestParams)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP. ``body`` is None where there is nothing to say: a notification was taken."""

    status: int
    body: bytes | None


_ACCEPTED: Final = Reply(202, None)


def error_reply(error: ErrorData, request_id: RequestId | None = None, status: int | None = None) -> Reply:
    """A JSON-RPC error; its HTTP status is the specification's unless the caller knows better."""
    body = {"jsonrpc": "2.0", "id": request_id, "error": error.model_dump(mode="json", exclude_none=True)}
    return Reply(ERROR_CODE_HTTP_STATUS.get(error.code, 200) if status is None else status, orjson.dumps(body))


NOT_JSON: Final = error_reply(ErrorData(code=PARSE_ERROR, message="Parse error: the body is not JSON"))
_NOT_A_MESSAGE: Final = error_reply(
    ErrorData(code=INVALID_REQUEST, message="Body must be a single JSON-RPC request or notification object")
)


@dataclass(slots=True)
class _Call:
    """Who calls, and the large parts of what they get, as JSON: they go around the kernel, which would look at every letter, and
    are put in afterwards as they are."""

    caller: Caller
    client_info: Mapping[str, str] | None = None
    """What the program that calls says it is; a legacy call says nothing."""
    large: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Exchange:
    """One request and one response: the SDK's ``DispatchContext`` without a way back to the client."""

    transport: TransportContext
    request_id: RequestId
    message_metadata: ServerMessageMetadata
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)
    can_send_request: bool = False

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, object] | None,  # noqa: ARG002  the SDK's signature
        opts: CallOptions | None = None,  # noqa: ARG002
    ) -> dict[str, object]:
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, object] | None, opts: CallOptions | None = None) -> None:
        """There is nowhere to send it."""

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Answers come from memory: there is no progress to tell of."""


class Kernel:
    """Answers any message to the endpoint."""

    def __init__(self, tool: Tool, skills: SkillsExtension) -> None:
        # anyio imports the part of it that belongs to asyncio when it is first used: better now than in the middle of an answer,
        # when there may be no file descriptor left to read a module with.
        anyio.Event()
        hint = CacheHint(ttl_ms=_DEFINITION_TTL_MS, scope="private")
        self._tool = tool
        self._server: Server[None] = Server(
            SERVER_INFO["name"],
            version=SERVER_INFO["version"],
            title=SERVER_INFO["title"],
            instructions=INSTRUCTIONS,
            cache_hints={"tools/list": hint, "server/discover": hint},
        )
        # Tracing costs every request 30 µs, with or without anybody listening.
        self._server.middleware.clear()
        self._server.add_request_handler("tools/list", PaginatedRequestParams, self._list_tools)
        self._server.add_request_handler("tools/call", CallToolRequestParams, self._call_tool)
        self._server.extensions[EXTENSION] = SETTINGS
        self._add("skills/list", PaginatedRequestParams, lambda who, asked: skills.list_skills(who, asked.cursor))
        self._add("skills/get", GetSkillParams, lambda who, asked: skills.get_skill(who, asked.uri))
        self._add("resources/list", PaginatedRequestParams, lambda who, asked: skills.list_resources(who, asked.cursor))
        self._add(
            "resources/templates/list", PaginatedRequestParams, lambda _, asked: skills.list_templates(asked.cursor)
        )
        self._add("resources/read", ReadResourceRequestParams, lambda who, asked: skills.read(who, asked.uri))
        self._add(
            "resources/directory/read",
            ReadDirectoryParams,
            lambda who, asked: skills.read_directory(who, asked.uri, asked.cursor),
        )

    async def reply(self, message: object, headers: CIMultiDictProxy[str], caller: Caller) -> Reply:
        """Answer one decoded body, whatever it is."""
        if not isinstance(message, dict):
            return _NOT_A_MESSAGE
        modern = _is_modern(message, headers)
        if "id" not in message:
            return _acknowledge(message, headers, modern)
        if not modern and "method" not in message and ("result" in message or "error" in message):
            return _ACCEPTED
        try:
            request = JSONRPCRequest.model_validate(message)
        except ValidationError:
            return _NOT_A_MESSAGE
        if not modern:
            version = headers.get(VERSION_HEADER, DEFAULT_NEGOTIATED_VERSION)
            reply = await self._serve(request, Connection.from_envelope(version, None, None), caller)
            # A client of that era reads no JSON-RPC error from a response that is not 200.
            return Reply(200, reply.body)
        duplicated = find_duplicated_routing_header(headers.items())
        if duplicated is not None:
            error = ErrorData(code=HEADER_MISMATCH, message=f"{duplicated} header appears more than once")
            return error_reply(error, request.id)
        verdict = classify_inbound_request(message, headers={name.lower(): value for name, value in headers.items()})
        if isinstance(verdict, InboundLadderRejection):
            return error_reply(_error_of(verdict), request.id)
        connection = Connection.from_envelope(
            verdict.protocol_version, verdict.client_info, verdict.client_capabilities
        )
        return await self._serve(request, connection, caller)

    async def _serve(self, request: JSONRPCRequest, connection: Connection, caller: Caller) -> Reply:
        call = _Call(caller, _told_of(connection))
        exchange = _Exchange(
            transport=TransportContext(kind="streamable-http", can_send_request=False),
            request_id=request.id,
            message_metadata=ServerMessageMetadata(request_context=call, can_send_request=False),
        )
        try:
            result = await serve_one(
                self._server, exchange, request.method, request.params, connection=connection, lifespan_state=None
            )
        except (MCPError, ValidationError) as error:
            return error_reply(modern_error_data(error), request.id)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("request_failed", method=request.method, reference=reference)
            failed = ErrorData(code=INTERNAL_ERROR, message=f"Internal server error (reference {reference})")
            return error_reply(failed, request.id)
        if call.large:
            result = {**result, **{name: orjson.Fragment(part) for name, part in call.large.items()}}
        return Reply(200, orjson.dumps({"jsonrpc": "2.0", "id": request.id, "result": result}))

    async def _list_tools(self, _context: ServerRequestContext[None, _Call], _params: PaginatedRequestParams) -> Json:
        return {"tools": [DEFINITION], **_COMPLETE}

    async def _call_tool(self, context: ServerRequestContext[None, _Call], params: CallToolRequestParams) -> Json:
        if params.name != TOOL_NAME:
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {params.name[:100]}. Call {TOOL_NAME}.")
        call = _call_of(context)
        answer = await self._tool.call(call.caller, params.arguments or {}, call.client_info)
        if isinstance(answer, Remembered):
            call.large = {"content": answer.content, "structuredContent": answer.structured}
            answer = _IN_ITS_PLACE
        return {**answer, **_COMPLETE}

    def _add(
        self, method: str, params_type: type[_Params], answer: Callable[[Caller, _Params], Awaitable[Result]]
    ) -> None:
        """Serve a method of the skills extension, whose failures become the protocol's."""

        async def handle(context: ServerRequestContext[None, _Call], params: _Params) -> Json:
            call = _call_of(context)
            try:
                result = await answer(call.caller, params)
            except SkillportError as error:
                raise _protocol_error(method, params, error) from error
            call.large = result.large
            return {**dict.fromkeys(result.large, ()), **result.fields, **_COMPLETE}

        self._server.add_request_handler(method, params_type, handle)


def _call_of(context: ServerRequestContext[None, _Call]) -> _Call:
    if context.request is None:
        raise TypeError("a request came without the person who makes it")
    return context.request


def _protocol_error(method: str, params: RequestParams, error: SkillportError) -> MCPError:
    """What is not there and what is wrong are both invalid parameters here; SEP-2164 wants the address beside, which is not sent
    back where it is none of any use."""
    if isinstance(error, Broken):
        log.error("request_broken", method=method, code=error.code, message=error.message)
    later = isinstance(error, Unavailable | Broken)
    uri = getattr(params, "uri", None)
    named = {"uri": uri} if isinstance(uri, str) and len(uri) <= MAX_CHARACTERS else {}
    return MCPError(
        code=INTERNAL_ERROR if later else INVALID_PARAMS, message=error.message, data={"code": error.code, **named}
    )


def _told_of(connection: Connection) -> Mapping[str, str] | None:
    said = connection.client_params
    client = None if said is None else said.client_info
    return None if client is None else {"name": client.name, "version": client.version}


def _is_modern(message: Mapping[str, object], headers: CIMultiDictProxy[str]) -> bool:
    """The header decides, and so does an envelope in the body: one without the other is the modern era's error to name."""
    version = headers.get(VERSION_HEADER)
    if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
        return True
    match message:
        case {"method": "initialize"}:
            return False
        case {"params": {"_meta": dict() as meta}}:
            return PROTOCOL_VERSION_META_KEY in meta
    return False


def _acknowledge(message: Mapping[str, object], headers: CIMultiDictProxy[str], modern: bool) -> Reply:
    """Take a notification and drop it: without a session there is nothing for one to act on."""
    try:
        JSONRPCNotification.model_validate(message)
    except ValidationError:
        return _NOT_A_MESSAGE
    unsupported = unsupported_protocol_version_rejection(headers.get(VERSION_HEADER, "")) if modern else None
    return _ACCEPTED if unsupported is None else error_reply(_error_of(unsupported))


def _error_of(rejection: InboundLadderRejection) -> ErrorData:
    return ErrorData(code=rejection.code, message=rejection.message, data=rejection.data)
