"""The Python SDK's client, in both eras, against the whole service: what was committed arrives, and only where it may."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import BlobResourceContents, CallToolResult, TextResourceContents

from skillport_sync import template
from skillport_sync.standin import File, StandInGitHub

ERAS = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}
EDITOR = "test:editor"
PROFILE = ("csv-profile", "plugins/data/skills/csv-profile", "scripts/profile.py")
LOGO = ("brand-kit", "plugins/brand/skills/brand-kit", "assets/logo.png")
NOTES = "plugins/writing/skills/release-notes/SKILL.md"
READABLE = {"brand-kit", "csv-profile", "minutes", "plain-language", "release-notes", "review"}
SOON_S = 30.0

pytestmark = pytest.mark.parametrize("mode", ERAS)


@pytest.fixture
async def world(standin: StandInGitHub, build_world: Callable[..., Awaitable[Any]]) -> Any:
    """The example marketplace, served."""
    repository = standin.create_repository("acme/skills")
    files = template.files(editors=[EDITOR])
    repository.commit({path: File(file.content, executable=file.executable) for path, file in files.items()})
    return await build_world(repository)


@asynccontextmanager
async def connected(
    world: Any, mode: str, token: str | None = None, statuses: list[int] | None = None
) -> AsyncIterator[Client]:
    """A client past its handshake; ``statuses`` is told every HTTP status, which the client itself keeps from its user."""

    async def told(response: httpx2.Response) -> None:
        if statuses is not None:
            statuses.append(response.status_code)

    headers = {"Authorization": f"Bearer {token or world.token}"}
    async with (
        asyncio.timeout(SOON_S),
        httpx2.AsyncClient(headers=headers, event_hooks={"response": [told]}) as http,
        Client(streamable_http_client(f"{world.service.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def ask(client: Client, **arguments: object) -> CallToolResult:
    result = await client.call_tool("skillport", arguments)
    assert isinstance(result, CallToolResult)
    return result


def names_in(result: CallToolResult) -> set[str]:
    assert result.structured_content is not None
    return {skill["name"] for skill in result.structured_content["skills"]}


def bytes_in(result: CallToolResult) -> bytes:
    (resource,) = (block.resource for block in result.content if block.type == "resource")
    match resource:
        case TextResourceContents():
            return resource.text.encode()
        case BlobResourceContents():
            return base64.b64decode(resource.blob, validate=True)


async def test_the_client_finds_one_tool_and_every_operation_answers(world: Any, mode: str) -> None:
    async with connected(world, mode) as client:
        assert client.protocol_version == ERAS[mode]
        assert [tool.name for tool in (await client.list_tools()).tools] == ["skillport"]
        assert names_in(await ask(client)) == READABLE
        for arguments in (
            {"operation": "fetch", "skill": "review"},
            {"operation": "version", "skill": "review"},
            {"operation": "version", "installed": [{"name": "review", "version": "0.1.0"}]},
            {"operation": "whoami"},
        ):
            result = await ask(client, **arguments)
            assert not result.is_error
            assert result.structured_content is not None
            assert result.structured_content["snapshot"]["commit"] == world.repository.head()


@pytest.mark.parametrize(("skill", "directory", "path"), [PROFILE, LOGO], ids=["text", "binary"])
async def test_a_file_arrives_byte_for_byte(world: Any, mode: str, skill: str, directory: str, path: str) -> None:
    async with connected(world, mode) as client:
        result = await ask(client, operation="fetch", skill=skill, paths=[path])
    assert bytes_in(result) == world.repository.read(f"{directory}/{path}")


async def test_questions_cost_no_github_request(world: Any, mode: str) -> None:
    before = len(world.github.journal)
    async with connected(world, mode) as client:
        for _ in range(3):
            await ask(client, operation="list", query="notes")
            await ask(client, operation="fetch", skill="csv-profile", paths=["SKILL.md", "scripts/profile.py"])
            await ask(client, operation="version", skill="csv-profile")
    assert len(world.github.journal) == before


async def test_a_push_is_seen_by_a_client_that_is_connected_already(world: Any, mode: str) -> None:
    async with connected(world, mode) as client:
        old = await ask(client, operation="fetch", skill="release-notes")
        changed = world.repository.read(NOTES) + b"\nThank whoever reported the bug.\n"
        head = await world.repository.push({NOTES: changed})
        await world.loop.settled()
        new = await ask(client, operation="fetch", skill="release-notes")
    assert bytes_in(old) != changed
    assert bytes_in(new) == changed
    assert new.structured_content is not None
    assert new.structured_content["snapshot"]["commit"] == head


async def test_two_people_see_what_each_may_and_what_is_hidden_does_not_exist(world: Any, mode: str) -> None:
    editor = await world.token_for(EDITOR)
    async with connected(world, mode, editor) as client:
        assert names_in(await ask(client)) == READABLE | {"quarter-close"}
    async with connected(world, mode) as client:
        hidden = await ask(client, operation="fetch", skill="quarter-close")
        absent = await ask(client, operation="fetch", skill="quarter-open")
    assert hidden.is_error
    assert absent.is_error
    (said_of_hidden,), (said_of_absent,) = hidden.content, absent.content
    assert said_of_hidden.type == said_of_absent.type == "text"
    assert said_of_hidden.text.replace("quarter-close", "quarter-open") == said_of_absent.text


async def test_calls_in_parallel_each_get_their_own_answer(world: Any, mode: str) -> None:
    asked = sorted(READABLE) * 10
    async with connected(world, mode) as client:
        results = await asyncio.gather(*(ask(client, operation="fetch", skill=name) for name in asked))
    assert [result.structured_content["skill"]["name"] for result in results if result.structured_content] == asked


async def test_a_revoked_token_is_worthless_for_a_client_that_is_connected_already(world: Any, mode: str) -> None:
    statuses: list[int] = []
    async with connected(world, mode, statuses=statuses) as client:
        assert not (await ask(client, operation="whoami")).is_error
        (row,) = await world.service.operator.list_tokens()
        assert await world.service.operator.revoke_token(row.id)
        with pytest.raises(MCPError):
            await ask(client, operation="whoami")
        assert statuses[-1] == 401
