"""How clients find their way: both documents at every address that is asked for, and CORS for those that are scripts."""

from __future__ import annotations

import pytest

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize("path", [SERVER, SERVER + "/mcp", RESOURCE, RESOURCE + "/mcp"])
async def test_each_document_is_at_both_of_its_addresses(house, path):
    answer = await house.anybody.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.json == (await house.anybody.get(path.removesuffix("/mcp"))).json
    head = await house.anybody.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")


async def test_the_documents_say_where_everything_is(house):
    server = (await house.anybody.get(SERVER)).json
    resource = (await house.anybody.get(RESOURCE)).json
    assert server["issuer"] == house.url
    assert resource["resource"] == house.url + "/mcp"
    assert resource["authorization_servers"] == [house.url]
    for name in ("token", "revocation", "registration"):
        answer = await house.anybody.post(server[f"{name}_endpoint"], b"")
        assert answer.status == 400


@pytest.mark.parametrize(
    "path",
    ["/.well-known/openid-configuration", "/.well-known/openid-configuration/mcp", "/oauth/introspect", "/oauth/jwks"],
)
async def test_what_there_is_not_is_not_found(house, path):
    assert (await house.anybody.get(path)).status == 404


@pytest.mark.parametrize(
    "path", [SERVER, SERVER + "/mcp", RESOURCE, RESOURCE + "/mcp", "/oauth/register", "/oauth/token", "/oauth/revoke"]
)
async def test_a_script_may_ask_first_and_then_call(house, path):
    asked = "authorization, content-type, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name, last-event-id"
    answer = await house.anybody.send(
        "OPTIONS",
        path,
        Origin="http://localhost:6274",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers=asked,
    )
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")} == set(
        asked.split(", ")
    )
    assert answer.headers["Access-Control-Allow-Methods"] in ("GET", "POST")
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_an_error_can_be_read_by_a_script_too(house):
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/register"):
        answer = await house.anybody.post(path, b"", Origin="http://localhost:6274")
        assert answer.status == 400
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        for exposed in ("WWW-Authenticate", "Mcp-Session-Id", "MCP-Protocol-Version", "Retry-After"):
            assert exposed in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/register"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_what_is_posted_cannot_be_got(house, path, method):
    answer = await house.anybody.send(method, path + "?token=sp_at_x&client_id=x")
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "path",
    [
        SERVER,
        RESOURCE,
        "/oauth/token",
        "/oauth/register",
        "/oauth/revoke",
        "/oauth/authorize",
        "/oauth/consent",
        "/oauth/callback/google",
    ],
)
async def test_every_answer_has_the_headers_of_safety(house, path):
    for method in ("GET", "POST", "OPTIONS", "HEAD"):
        answer = await house.anybody.send(method, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Referrer-Policy" in answer.headers
        assert "Cache-Control" in answer.headers
