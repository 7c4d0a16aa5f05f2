"""What the endpoint says before and around the tool: doors, envelopes, both eras, and every way to be wrong about them."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mcp_server.authentication import NoAuthentication
from mcp_server.endpoint import mcp_routes
from mcp_server.oauth.metadata import Addresses

MODERN = "2026-07-28"
LEGACY_VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a test", "version": "1"}}


def listed(request_id: object = 1, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/list", "params": params}


# --- doors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "127.0.0.1:80:80", "localhost"])
async def test_a_host_that_is_not_ours_is_misdirected(wire, host):
    seen = await wire.request("tools/list", Host=host)
    assert (seen.status, seen.json["code"]) == (421, "host_not_allowed")


async def test_an_empty_list_of_hosts_lets_in_none(published, giving_of):
    app = web.Application()
    app.add_routes(
        mcp_routes(
            queries=published.queries,
            giving=await giving_of(published),
            authenticator=NoAuthentication(published.bob),
            allowed_hosts=frozenset(),
            allowed_origins=frozenset(),
        )
    )
    async with TestClient(TestServer(app)) as client:
        assert (await client.post("/mcp", json={})).status == 421


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://localhost.evil.example", "https://localhost"]
)
async def test_a_page_of_another_origin_is_refused(wire, origin):
    seen = await wire.request("tools/list", Origin=origin)
    assert (seen.status, seen.json["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("origin", ["http://localhost:6274", "http://localhost", "https://claude.example"])
async def test_a_page_of_an_allowed_origin_is_let_in(wire, origin):
    assert (await wire.request("tools/list", Origin=origin)).status == 200


METADATA = 'resource_metadata="https://skills.acme.example/.well-known/oauth-protected-resource/mcp", scope="skills"'
"""Where people sign in, as the real clients read it (claude.com/docs/connectors/building/authentication)."""


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PUT", "HEAD"])
@pytest.mark.parametrize(
    ("sign_in", "challenge"),
    [(None, "Bearer"), (Addresses("https://skills.acme.example"), f"Bearer {METADATA}")],
    ids=["tokens only", "sign-in"],
)
async def test_without_a_token_everything_is_401_and_says_how_to_get_one(
    published, wire_of, sign_in, challenge, method
):
    wire = await wire_of(published, sign_in=sign_in)
    seen = await wire.send(None if method in ("GET", "HEAD") else b"{}", method=method, who=None)
    assert (seen.status, seen.headers["WWW-Authenticate"]) == (401, challenge)


@pytest.mark.parametrize(
    ("sign_in", "challenge"),
    [
        (None, 'Bearer error="invalid_token"'),
        (Addresses("https://skills.acme.example"), f'Bearer {METADATA}, error="invalid_token"'),
    ],
    ids=["tokens only", "sign-in"],
)
@pytest.mark.parametrize(
    "authorization",
    ["Bearer sps_unknown", "Bearer", "Bearer nonsense", "Basic c3BzX29mLWJvYjo=", "sps_of-bob", "Bearer sps_é"],
)
async def test_a_wrong_token_is_401_and_is_called_invalid(published, wire_of, authorization, sign_in, challenge):
    wire = await wire_of(published, sign_in=sign_in)
    seen = await wire.request("tools/list", Authorization=authorization)
    assert (seen.status, seen.headers["WWW-Authenticate"]) == (401, challenge)
    assert b"unknown" not in seen.body.replace(b"is unknown,", b"")


@pytest.mark.parametrize("who", ["bob", None])
@pytest.mark.parametrize(
    "query", ["access_token=sps_of-bob", "a=b&access_token=sps_of-bob", "access%5Ftoken=sps_of-bob", "access_token="]
)
async def test_a_token_in_the_address_is_refused_whoever_asks(published, wire_of, who, query):
    wire = await wire_of(published, sign_in=Addresses("https://skills.acme.example"))
    wire.url = f"{wire.url}?{query}"
    seen = await wire.request("tools/list", who=who)
    assert (seen.status, seen.json["code"]) == (400, "token_in_query")
    assert seen.headers["WWW-Authenticate"] == f'Bearer {METADATA}, error="invalid_request"'
    assert b"sps_of" not in seen.body


async def test_other_words_in_the_address_are_not_looked_at(wire):
    wire.url = f"{wire.url}?token=sps_of-bob&session=1"
    assert (await wire.request("tools/list")).status == 200
    assert (await wire.request("tools/list", who=None)).status == 401


# --- pages -----------------------------------------------------------------------------------------------------------

ORIGIN = "http://localhost:6274"
ASKED = "authorization,content-type,mcp-protocol-version,mcp-session-id,mcp-method,mcp-name,last-event-id"


async def test_a_browser_may_ask_without_a_token_whether_a_page_may_ask(wire):
    seen = await wire.send(
        None,
        method="OPTIONS",
        who=None,
        Origin=ORIGIN,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers=ASKED,
    )
    assert (seen.status, seen.body) == (204, b"")
    assert seen.headers["Access-Control-Allow-Origin"] == ORIGIN
    allowed = {name.strip().lower() for name in seen.headers["Access-Control-Allow-Headers"].split(",")}
    assert allowed >= set(ASKED.split(","))
    assert "POST" in seen.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in seen.headers


async def test_a_browser_that_asks_for_another_page_or_host_is_refused(wire):
    assert (await wire.send(None, method="OPTIONS", who=None, Origin="https://evil.example")).status == 403
    assert (await wire.send(None, method="OPTIONS", who=None, Host="evil.example")).status == 421


async def test_a_page_gets_to_see_what_it_needs_of_every_answer_and_no_other_page_does(wire):
    for seen in (
        await wire.request("tools/list", Origin=ORIGIN),
        await wire.request("tools/list", who=None, Origin=ORIGIN),
    ):
        assert seen.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert seen.headers["Vary"] == "Origin"
        shown = {name.strip() for name in seen.headers["Access-Control-Expose-Headers"].split(",")}
        assert shown == {"WWW-Authenticate", "Mcp-Session-Id", "MCP-Protocol-Version", "Retry-After"}
    assert "Access-Control-Allow-Origin" not in (await wire.request("tools/list")).headers
    refused = await wire.request("tools/list", Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in refused.headers


# --- methods and bodies ----------------------------------------------------------------------------------------------


async def test_get_and_delete_are_405_once_authenticated(wire):
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        seen = await wire.send(None, method=method, Accept="text/event-stream")
        assert (seen.status, seen.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
async def test_a_body_that_is_not_said_to_be_json_is_415(wire, content_type):
    seen = await wire.request("tools/list", Content_Type=content_type)
    assert (seen.status, seen.json["code"]) == (415, "content_type")


async def test_json_may_be_said_with_parameters_and_in_any_case(wire):
    assert (await wire.request("tools/list", Content_Type="Application/JSON; charset=utf-8")).status == 200


async def test_a_body_larger_than_4_mib_is_413_whether_or_not_it_says_so(wire):
    large = b" " * (4 * 1024 * 1024 + 1)

    async def in_pieces():
        for at in range(0, len(large), 65536):
            yield large[at : at + 65536]

    assert (await wire.send(large)).status == 413
    async with wire._session.post(
        wire.url, data=in_pieces(), headers={"Authorization": "Bearer sps_of-bob", "Content-Type": "application/json"}
    ) as response:
        assert response.status == 413


async def test_a_compressed_bomb_is_413(wire):
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    seen = await wire.send(bomb, Content_Encoding="gzip")
    assert seen.status == 413


async def test_a_garbled_compressed_body_is_400(wire):
    assert (await wire.send(b"not gzip at all", Content_Encoding="gzip")).status == 400


async def test_a_large_body_below_the_limit_is_read_whole(wire):
    seen = await wire.send(listed(padding="x" * 3_000_000), MCP_Protocol_Version="2025-11-25")
    assert seen.json["result"]["tools"]


async def test_a_body_that_comes_in_pieces_is_read_whole(wire):
    raw = json.dumps(listed()).encode()

    async def in_pieces():
        for at in range(len(raw)):
            yield raw[at : at + 1]
            await asyncio.sleep(0)

    async with wire._session.post(
        wire.url, data=in_pieces(), headers={"Authorization": "Bearer sps_of-bob", "Content-Type": "application/json"}
    ) as response:
        assert (await response.json())["result"]["tools"]


async def test_a_client_that_asks_for_a_session_gets_none(wire):
    seen = await wire.request("initialize", INITIALIZE, modern=False, Mcp_Session_Id="let-me-in")
    assert seen.status == 200
    assert "Mcp-Session-Id" not in seen.headers


# --- Accept ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "application/*", "text/event-stream, application/json", "text/html", ""]
)
async def test_whoever_does_not_ask_for_a_stream_alone_gets_json(wire, accept):
    seen = await wire.request("tools/list", Accept=accept)
    assert seen.headers["Content-Type"].startswith("application/json")
    assert seen.json["result"]["tools"]


@pytest.mark.parametrize("modern", [True, False])
@pytest.mark.parametrize("accept", ["text/event-stream", "text/event-stream;q=0.9", "text/*"])
async def test_whoever_takes_only_a_stream_gets_one_event(wire, accept, modern):
    params = {"name": "skillport", "arguments": {}}
    for _ in range(2):
        seen = await wire.request("tools/call", params, modern=modern, Accept=accept)
        assert seen.headers["Content-Type"].startswith("text/event-stream")
        event, data, rest = seen.body.split(b"\n", 2)
        assert (event, rest) == (b"event: message", b"\n")
        assert json.loads(data.removeprefix(b"data: "))["result"]["structuredContent"]["total"] == 3


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe{}", b"[" * 5000, b'{"a": NaN}', b'"\\ud800"'])
async def test_what_is_not_json_is_a_parse_error(wire, body):
    seen = await wire.send(body)
    assert (seen.status, seen.json["error"]["code"], seen.json["id"]) == (400, -32700, None)


@pytest.mark.parametrize("version", [MODERN, "2025-11-25", None])
@pytest.mark.parametrize(
    "message",
    [
        [],
        [listed()],
        1,
        "ping",
        None,
        {},
        {"jsonrpc": "2.0"},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
        {"jsonrpc": "2.0", "id": True, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []},
        {"jsonrpc": "2.0", "id": 1, "method": 1},
        {"jsonrpc": "2.0", "method": 1},
    ],
)
async def test_json_that_is_not_one_message_is_an_invalid_request(wire, message, version):
    seen = await wire.send(json.dumps(message).encode(), MCP_Protocol_Version=version)
    assert (seen.status, seen.json["error"]["code"]) == (400, -32600)


@pytest.mark.parametrize("version", [MODERN, "2025-11-25", None])
async def test_a_notification_is_taken_and_answered_with_nothing(wire, version):
    for method in ("notifications/initialized", "notifications/cancelled", "notifications/anything"):
        seen = await wire.send({"jsonrpc": "2.0", "method": method}, MCP_Protocol_Version=version)
        assert (seen.status, seen.body) == (202, b"")


async def test_a_notification_of_an_unknown_version_is_refused(wire):
    seen = await wire.send({"jsonrpc": "2.0", "method": "notifications/initialized"}, MCP_Protocol_Version="2031-01-01")
    assert (seen.status, seen.json["error"]["code"]) == (400, -32022)


async def test_a_response_from_a_legacy_client_is_taken(wire):
    for answer in ({"result": {}}, {"error": {"code": 1, "message": "no"}}):
        seen = await wire.send({"jsonrpc": "2.0", "id": 1, **answer}, MCP_Protocol_Version="2025-11-25")
        assert (seen.status, seen.body) == (202, b"")


async def test_a_response_from_a_modern_client_is_an_invalid_request(wire):
    seen = await wire.send({"jsonrpc": "2.0", "id": 1, "result": {}}, MCP_Protocol_Version=MODERN)
    assert (seen.status, seen.json["error"]["code"]) == (400, -32600)


# --- the modern envelope ---------------------------------------------------------------------------------------------


async def test_a_modern_request_needs_its_envelope(wire):
    for meta, missing in (
        (None, VERSION_KEY),
        ({}, VERSION_KEY),
        ({VERSION_KEY: MODERN}, CAPABILITIES_KEY),
        ({CAPABILITIES_KEY: {}}, VERSION_KEY),
    ):
        params = {} if meta is None else {"_meta": meta}
        seen = await wire.send(listed(**params), MCP_Protocol_Version=MODERN, Mcp_Method="tools/list")
        assert (seen.status, seen.json["error"]["code"]) == (400, -32602)
        assert missing in seen.json["error"]["message"]


async def test_headers_that_disagree_with_the_body_are_a_mismatch(wire):
    call = {"name": "skillport", "arguments": {}}
    await wire.call({})  # so that the right answer is at hand
    for headers in (
        {"MCP_Protocol_Version": None},
        {"MCP_Protocol_Version": "2025-11-25"},
        {"MCP_Protocol_Version": "2031-01-01"},
        {"Mcp_Method": None},
        {"Mcp_Method": "tools/list"},
        {"Mcp_Name": None},
        {"Mcp_Name": "another"},
        {"Mcp_Name": "=?base64?!?="},
    ):
        seen = await wire.request("tools/call", call, **headers)
        assert (seen.status, seen.json["error"]["code"], seen.json["id"]) == (400, -32020, 1), headers


async def test_a_body_that_says_another_version_than_the_header_is_a_mismatch(wire):
    await wire.call({})
    for version in ("2025-11-25", "2031-01-01", None, 1):
        meta = {VERSION_KEY: version, CAPABILITIES_KEY: {}}
        seen = await wire.request("tools/call", {"name": "skillport", "_meta": meta})
        assert (seen.status, seen.json["error"]["code"]) == (400, -32020)


async def test_a_name_may_come_in_base64(wire):
    name = f"=?base64?{base64.b64encode(b'skillport').decode()}?="
    for _ in range(2):
        assert (await wire.call({}, Mcp_Name=name))["isError"] is False


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"])
async def test_a_routing_header_that_comes_twice_is_a_mismatch(wire, name):
    values = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "skillport"}
    meta = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "skillport", "_meta": meta}}
    headers = [("Authorization", "Bearer sps_of-bob"), ("Content-Type", "application/json"), *values.items()]
    for sent, status in ((headers, 200), ([*headers, (name, values[name])], 400), (headers, 200)):
        async with wire._session.post(wire.url, json=message, headers=sent) as response:
            assert response.status == status
            assert status == 200 or (await response.json())["error"]["code"] == -32020


async def test_an_unknown_version_is_told_which_ones_are_served(wire):
    meta = {VERSION_KEY: "2031-01-01", CAPABILITIES_KEY: {}}
    seen = await wire.send(listed(_meta=meta), MCP_Protocol_Version="2031-01-01", Mcp_Method="tools/list")
    assert (seen.status, seen.json["error"]["code"]) == (400, -32022)
    assert seen.json["error"]["data"] == {"supported": [MODERN], "requested": "2031-01-01"}


@pytest.mark.parametrize("capabilities", [None, 1, [], {"roots": 1}, {"extensions": {"x": 1}}])
async def test_capabilities_of_the_wrong_shape_are_invalid_params(wire, capabilities):
    meta = {VERSION_KEY: MODERN, CAPABILITIES_KEY: capabilities}
    for _ in range(2):
        seen = await wire.request("tools/call", {"name": "skillport", "_meta": meta})
        assert (seen.status, seen.json["error"]["code"]) == (400, -32602)


async def test_an_unknown_method_is_404_in_the_modern_era_and_an_error_in_the_legacy_one(wire):
    for method in ("prompts/list", "resources/subscribe", "no/such", "subscriptions/listen", "logging/setLevel"):
        modern = await wire.request(method)
        # A legacy client reads no error from a status other than 200.
        legacy = await wire.request(method, modern=False)
        assert (modern.status, legacy.status) == ((400 if method == "subscriptions/listen" else 404), 200)
        assert legacy.json["error"]["code"] in (-32601, -32602)


@pytest.mark.parametrize("method", ["initialize", "ping"])
async def test_the_handshake_does_not_exist_in_the_modern_era(wire, method):
    seen = await wire.request(method, INITIALIZE if method == "initialize" else None)
    assert (seen.status, seen.json["error"]["code"]) == (404, -32601)


# --- what both eras can ask ------------------------------------------------------------------------------------------


async def test_discovery_says_what_there_is(wire):
    result = (await wire.request("server/discover")).json["result"]
    assert result["supportedVersions"] == [MODERN]
    assert result["capabilities"] == {
        "extensions": {"io.modelcontextprotocol/skills": {"directoryRead": True}},
        "resources": {"listChanged": False, "subscribe": False},
        "tools": {"listChanged": False},
    }
    assert "list with a query" in result["instructions"]
    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
    assert result["ttlMs"] > 0
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "skillport-sync"


@pytest.mark.parametrize("version", LEGACY_VERSIONS)
async def test_the_handshake_negotiates_each_old_version(wire, version):
    seen = await wire.request(
        "initialize", {**INITIALIZE, "protocolVersion": version}, modern=False, MCP_Protocol_Version=None
    )
    result = seen.json["result"]
    assert result["protocolVersion"] == version
    assert result["capabilities"] == {
        "resources": {"listChanged": False, "subscribe": False},
        "tools": {"listChanged": False},
    }
    assert result["serverInfo"]["name"] == "skillport-sync"
    assert "list with a query" in result["instructions"]


async def test_the_handshake_offers_the_newest_old_version_to_a_stranger(wire):
    seen = await wire.request("initialize", {**INITIALIZE, "protocolVersion": "2031-01-01"}, modern=False)
    assert seen.json["result"]["protocolVersion"] == "2025-11-25"


async def test_a_malformed_handshake_is_invalid_params(wire):
    seen = await wire.request("initialize", {}, modern=False)
    assert (seen.status, seen.json["error"]["code"]) == (200, -32602)


@pytest.mark.parametrize("version", [*LEGACY_VERSIONS, None])
async def test_every_old_version_lists_and_calls_without_a_handshake(wire, version):
    assert (await wire.request("ping", modern=False, MCP_Protocol_Version=version)).json["result"] == {}
    tools = (await wire.request("tools/list", modern=False, MCP_Protocol_Version=version)).json["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["skillport"]
    for _ in range(2):
        result = await wire.call({}, modern=False, MCP_Protocol_Version=version)
        assert result["structuredContent"]["total"] == 3
        assert "resultType" not in result
        assert "_meta" not in result


async def test_the_list_of_tools_may_be_kept_but_not_shared(wire):
    result = (await wire.request("tools/list")).json["result"]
    assert (result["cacheScope"], result["resultType"]) == ("private", "complete")
    assert "cacheScope" not in (await wire.request("tools/list", modern=False)).json["result"]


async def test_another_tool_is_invalid_params(wire):
    for modern, status in ((True, 400), (False, 200)):
        seen = await wire.request("tools/call", {"name": "another", "arguments": {}}, modern=modern)
        assert (seen.status, seen.json["error"]["code"]) == (status, -32602)


@pytest.mark.parametrize("arguments", [[], "list", 1])
async def test_arguments_that_are_no_object_are_invalid_params(wire, arguments):
    for modern, status in ((True, 400), (False, 200)):
        seen = await wire.request("tools/call", {"name": "skillport", "arguments": arguments}, modern=modern)
        assert (seen.status, seen.json["error"]["code"]) == (status, -32602)


@pytest.mark.parametrize("request_id", [0, -1, 2**53, "a", "", "7", 'quoted "id" ☃'])
async def test_the_id_comes_back_as_it_was_sent(wire, request_id):
    for modern in (True, False):
        for _ in range(2):
            seen = await wire.request("tools/call", {"name": "skillport"}, modern=modern, request_id=request_id)
            assert seen.json["id"] == request_id
            assert type(seen.json["id"]) is type(request_id)


async def test_nothing_published_yet_is_said_in_words(publisher, wire_of):
    wire = await wire_of(publisher)
    result = await wire.call({})
    assert result["isError"] is True
    assert "3 of 5 requests" in result["content"][0]["text"]
    assert (await wire.request("tools/list")).status == 200
