"""The Python SDK's own client, in both eras, over real HTTP."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager

import httpx2
import jsonschema
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

MODES = {"2026-07-28": "2026-07-28", "auto": "2026-07-28", "legacy": "2025-11-25"}


@asynccontextmanager
async def connected(wire, mode, who="bob"):
    headers = {"Authorization": f"Bearer sps_of-{who}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(wire.url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", MODES)
async def test_the_sdk_negotiates_its_era_and_reads_the_instructions(wire, mode):
    async with connected(wire, mode) as client:
        assert client.protocol_version == MODES[mode]
        if mode != "2026-07-28":
            assert client.server_info.name == "skillport-sync"
            assert "list with a query" in client.instructions
            assert client.server_capabilities.tools.list_changed is False


@pytest.mark.parametrize("mode", MODES)
async def test_the_sdk_lists_the_one_tool(wire, mode):
    async with connected(wire, mode) as client:
        (tool,) = (await client.list_tools()).tools
    assert tool.name == "skillport"
    assert tool.annotations.read_only_hint is True
    assert tool.annotations.destructive_hint is False
    assert tool.meta["anthropic/alwaysLoad"] is True


@pytest.mark.parametrize("mode", MODES)
async def test_the_sdk_calls_every_operation_and_its_own_check_of_the_output_schema_passes(wire, mode):
    async with connected(wire, mode) as client:
        for _ in range(2):
            listed = await client.call_tool("skillport", {"operation": "list", "limit": 2})
            assert [skill["name"] for skill in listed.structured_content["skills"]] == ["pdf", "report"]
            cursor = listed.structured_content["next_cursor"]
            rest = await client.call_tool("skillport", {"operation": "list", "limit": 2, "cursor": cursor})
            assert [skill["plugin"] for skill in rest.structured_content["skills"]] == ["finance"]
            fetched = await client.call_tool("skillport", {"operation": "fetch", "skill": "pdf"})
            assert fetched.content[1].resource.text.startswith("---\nname: pdf\n")
            image = await client.call_tool(
                "skillport", {"operation": "fetch", "skill": "pdf", "paths": ["assets/logo.png"]}
            )
            assert base64.b64decode(image.content[1].resource.blob).startswith(b"\x89PNG")
            version = await client.call_tool("skillport", {"operation": "version", "skill": "pdf"})
            assert len(version.structured_content["history"]) == 1
            installed = [{"name": "pdf", "version": "1.0.0"}]
            updates = await client.call_tool("skillport", {"operation": "version", "installed": installed})
            assert updates.structured_content["installed"][0]["status"] == "update_available"
            whoami = await client.call_tool("skillport", {"operation": "whoami"})
            assert whoami.structured_content["id"] == "token:bob"
            assert json.loads(whoami.content[0].text) == whoami.structured_content


@pytest.mark.parametrize("mode", MODES)
async def test_a_mistake_reaches_the_model_and_not_the_program(wire, mode):
    async with connected(wire, mode) as client:
        result = await client.call_tool("skillport", {"operation": "fetch", "skill": "salaries"})
    assert result.is_error is True
    assert "There is no skill 'salaries', or you may not read it." in result.content[0].text


async def test_everything_that_the_schema_forbids_is_refused_and_all_that_it_takes_is_not(wire):
    (tool,) = (await wire.request("tools/list")).json["result"]["tools"]
    accepts = jsonschema.Draft202012Validator(tool["inputSchema"]).is_valid
    for arguments in (
        {},
        {"operation": "list", "query": "x", "surface": "CC", "plugin": "docs", "limit": 1},
        {"operation": "fetch", "skill": "pdf", "paths": ["SKILL.md"], "version": "1.2.0"},
        {"operation": "version", "installed": [{"name": "pdf", "version": "1", "revision": "0"}]},
        {"operation": "install", "skill": "pdf", "target": "package"},
        {"operation": "auth", "purpose": "scripts"},
    ):
        assert accepts(arguments)
        assert (await wire.call(arguments))["isError"] is False
    for arguments in (
        {"operation": "remove"},
        {"operation": "auth", "purpose": "x"},
        {"limit": 501},
        {"surface": "X"},
        {"x": 1},
        {"operation": "version", "installed": [{}]},
    ):
        assert not accepts(arguments)
        assert (await wire.call(arguments))["isError"] is True
