"""A database that is damaged under the question who asks: "not now" over MCP too, and no 500."""

from __future__ import annotations

from structlog.testing import capture_logs

from mcp_server.authentication import API_TOKEN, ConnectorAuthentication
from skillport_sync.errors import Broken


async def test_a_damaged_database_of_tokens_is_not_now(clock, published, wire_of):
    async def find(digest):
        raise Broken("state.db is damaged: database disk image is malformed", code="database_damaged")

    wire = await wire_of(published, authenticator=ConnectorAuthentication({API_TOKEN: find}, clock))
    with capture_logs() as lines:
        seen = await wire.request("tools/list")
    assert (seen.status, seen.json["code"], seen.headers["Retry-After"]) == (503, "database_damaged", "60")
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert (line["event"], line["path"], line["code"]) == ("request_broken", "/mcp", "database_damaged")
