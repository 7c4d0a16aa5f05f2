"""The SDK's functions that the endpoint is built on: public in the package, not in its documentation.

A new version of the SDK that moves one of them fails here, with a name, and not somewhere in a conversation.
"""

from __future__ import annotations

import inspect

import mcp.server.runner
import mcp.shared.inbound
import pytest
from mcp.server.caching import CacheHint
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.runner import modern_error_data, serve_one
from mcp.shared.dispatcher import DispatchContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    NAME_BEARING_METHODS,
    InboundLadderRejection,
    InboundModernRoute,
    classify_inbound_request,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
)
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    DEFAULT_NEGOTIATED_VERSION,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
    CallToolRequestParams,
    PaginatedRequestParams,
)
from mcp_types.methods import validate_client_request
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from mcp_server import kernel

ENVELOPE = {PROTOCOL_VERSION_META_KEY: "2026-07-28", CLIENT_CAPABILITIES_META_KEY: {}}


def test_the_versions_are_the_ones_this_service_knows_the_words_of():
    assert MODERN_PROTOCOL_VERSIONS == (LATEST_MODERN_VERSION,) == ("2026-07-28",)
    assert HANDSHAKE_PROTOCOL_VERSIONS == ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
    assert DEFAULT_NEGOTIATED_VERSION == "2025-03-26"


def test_the_kernel_is_called_as_it_expects():
    assert "serve_one" in mcp.server.runner.__all__
    parameters = inspect.signature(serve_one).parameters
    assert list(parameters) == ["server", "dctx", "method", "params", "connection", "lifespan_state"]
    assert list(inspect.signature(Connection.from_envelope).parameters)[:3] == [
        "protocol_version",
        "client_info",
        "client_capabilities",
    ]


def test_what_stands_for_one_exchange_has_all_that_the_kernel_may_use():
    wanted = {name for name in vars(DispatchContext) if not name.startswith("_")} | {"send_raw_request", "notify"}
    exchange = kernel._Exchange(TransportContext(kind="x", can_send_request=False), 1, ServerMessageMetadata())
    assert all(hasattr(exchange, name) for name in wanted), wanted
    assert exchange.can_send_request is False


def test_a_server_has_handlers_hints_and_a_middleware_that_can_be_left_out():
    server = Server("x", version="1", title="t", instructions="i", cache_hints={"tools/list": CacheHint(ttl_ms=1)})
    assert len(server.middleware) == 1
    server.middleware.clear()
    assert server.server_info_stamp == {"name": "x", "version": "1", "title": "t"}
    assert server.get_request_handler("server/discover") is not None
    assert server.get_request_handler("ping") is not None


@pytest.mark.parametrize("version", [*HANDSHAKE_PROTOCOL_VERSIONS, "2026-07-28"])
async def test_the_principal_rides_on_the_request_context_and_the_result_gets_the_words_of_its_era(version):
    server = Server("x", version="1")
    server.middleware.clear()
    seen = []

    async def call(context: ServerRequestContext, params: CallToolRequestParams) -> dict[str, object]:
        seen.append((context.request, params.name, params.arguments))
        return {"content": [], "structuredContent": {"a": None}, "isError": False, "resultType": "complete"}

    server.add_request_handler("tools/call", CallToolRequestParams, call)
    modern = version in MODERN_PROTOCOL_VERSIONS
    params = {"name": "t", "arguments": {"x": 1}} | ({"_meta": ENVELOPE} if modern else {})
    exchange = kernel._Exchange(
        TransportContext(kind="x", can_send_request=False), 1, ServerMessageMetadata(request_context="somebody")
    )
    connection = Connection.from_envelope(version, None, {} if modern else None)
    result = await serve_one(server, exchange, "tools/call", params, connection=connection, lifespan_state=None)
    expected = {"content": [], "structuredContent": {"a": None}, "isError": False}
    if modern:
        stamp = {SERVER_INFO_META_KEY: {"name": "x", "version": "1"}}
        assert result == {**expected, "resultType": "complete", "_meta": stamp}
    else:
        assert result == expected
    assert seen == [("somebody", "t", {"x": 1})]


def test_the_ladder_names_each_wrong_rung():
    body = {"method": "tools/list", "params": {"_meta": ENVELOPE}}
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
    assert isinstance(classify_inbound_request(body, headers=headers), InboundModernRoute)
    for wrong, code in (
        ({**headers, "mcp-method": "x"}, -32020),
        ({}, -32020),
    ):
        rejection = classify_inbound_request(body, headers=wrong)
        assert isinstance(rejection, InboundLadderRejection)
        assert rejection.code == code
    assert classify_inbound_request({"method": "x"}, headers=headers).code == -32602
    assert unsupported_protocol_version_rejection("2031-01-01").code == -32022
    assert find_duplicated_routing_header([("Mcp-Name", "a"), ("mcp-name", "b")]) == "mcp-name"


def test_errors_have_the_statuses_of_the_specification():
    expected = {-32700: 400, -32600: 400, -32602: 400, -32020: 400, -32021: 400, -32022: 400, -32601: 404}
    assert dict(ERROR_CODE_HTTP_STATUS) == expected
    assert modern_error_data(MCPError(code=-32602, message="m")).message == "m"


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        (CLIENT_CAPABILITIES_META_KEY, {"roots": {}}, {"roots": 1}),
        (CLIENT_INFO_META_KEY, {"name": "n", "version": "1"}, {"name": 1}),
        (LOG_LEVEL_META_KEY, "debug", "shout"),
        ("progressToken", 1, [1]),
        ("somebody.example/else", 1, None),
    ],
)
def test_what_the_sdk_checks_of_an_envelope_is_what_is_remembered_of_it(key, good, bad):
    """``mcp_server.envelope`` remembers checked envelopes by these keys only: no other may matter."""
    params = {"name": "t", "_meta": {**ENVELOPE, key: good}}
    validate_client_request("tools/call", "2026-07-28", params)
    if bad is not None:
        with pytest.raises(ValidationError):
            validate_client_request("tools/call", "2026-07-28", {"name": "t", "_meta": {**ENVELOPE, key: bad}})
    else:
        for anything in ([], {}, "x", None):
            validate_client_request("tools/call", "2026-07-28", {"name": "t", "_meta": {**ENVELOPE, key: anything}})


def test_the_sdk_declares_no_other_field_of_an_envelope():
    from mcp_types._v2026_07_28 import CallToolRequestParams as Wire
    from mcp_types._v2026_07_28 import RequestMetaObject

    aliases = {field.alias or name for name, field in RequestMetaObject.model_fields.items()}
    assert aliases == {
        PROTOCOL_VERSION_META_KEY,
        CLIENT_CAPABILITIES_META_KEY,
        CLIENT_INFO_META_KEY,
        LOG_LEVEL_META_KEY,
        "progressToken",
    }
    assert {field.alias or name for name, field in Wire.model_fields.items()} == {
        "_meta",
        "arguments",
        "inputResponses",
        "name",
        "requestState",
    }


def test_a_server_tells_of_extensions_and_has_resources_where_it_lists_some():
    server = Server("x", version="1")
    server.extensions["somebody.example/else"] = {"setting": True}

    async def resources(context: ServerRequestContext, params: PaginatedRequestParams) -> dict[str, object]:
        return {"resources": [], "ttlMs": 1, "cacheScope": "private", "resultType": "complete"}

    server.add_request_handler("resources/list", PaginatedRequestParams, resources)
    told = server.get_capabilities(protocol_version="2026-07-28").model_dump(by_alias=True, exclude_none=True)
    assert told["extensions"] == {"somebody.example/else": {"setting": True}}
    assert told["resources"] == {"subscribe": False, "listChanged": False}


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("method", ["resources/list", "skills/list"])
async def test_an_extensions_result_is_left_as_it_is_and_one_of_the_protocols_looked_at_by_its_era(method, version):
    server = Server("x", version="1")
    server.middleware.clear()
    part = method.partition("/")[0]
    fields = {part: (), "ttlMs": 1, "cacheScope": "private", "resultType": "complete"}

    async def answer(context: ServerRequestContext, params: PaginatedRequestParams) -> dict[str, object]:
        return {**fields}

    server.add_request_handler(method, PaginatedRequestParams, answer)
    modern = version in MODERN_PROTOCOL_VERSIONS
    exchange = kernel._Exchange(
        TransportContext(kind="x", can_send_request=False), 1, ServerMessageMetadata(request_context="somebody")
    )
    connection = Connection.from_envelope(version, None, {} if modern else None)
    params = {"_meta": ENVELOPE} if modern else {}
    result = await serve_one(server, exchange, method, params, connection=connection, lifespan_state=None)
    result.pop("_meta", None)
    if method == "resources/list" and not modern:
        assert result == {"resources": []}
    else:
        assert result == {**fields, part: [] if part == "resources" else ()}


def test_an_address_is_told_in_a_header_where_the_protocol_says_so():
    assert NAME_BEARING_METHODS["resources/read"] == "uri"
    assert not {"skills/list", "skills/get", "resources/directory/read"} & NAME_BEARING_METHODS.keys()
