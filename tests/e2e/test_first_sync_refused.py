"""A first commit whose policy cannot be read is never served, and everybody who asks is told that, and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from skillport_sync import template
from skillport_sync.standin import StandInGitHub


async def test_nothing_is_served_until_the_policy_can_be_read(
    standin: StandInGitHub, build_world: Callable[..., Awaitable[Any]]
) -> None:
    files = {path: file.content for path, file in template.files().items()}
    repository = standin.create_repository("acme/skills")
    repository.commit({**files, ".skillport/access.json": b"{"})
    world = await build_world(repository)

    answer = await world.ask(operation="list")
    assert answer["isError"] is True
    assert "policy_malformed" in answer["content"][0]["text"]
    assert "structuredContent" not in answer
    async with world.http.get(f"{world.service.url}/readyz") as ready:
        assert ready.status == 503
        assert (await ready.json())["reasons"] == ["last_pull_refused"]

    await repository.push({".skillport/access.json": files[".skillport/access.json"]})
    await world.loop.settled()
    assert (await world.ask(operation="list"))["isError"] is False
