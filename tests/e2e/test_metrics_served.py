"""``GET /metrics`` of a running service: where it may be read, and what it says of what people and GitHub did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from skillport_sync import template
from skillport_sync.config import load
from skillport_sync.serve import serving
from skillport_sync.standin import File, Repository, StandInGitHub

Build = Callable[..., Awaitable[Any]]


def _repository(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit({path: File(file.content, executable=file.executable) for path, file in template.files().items()})
    return repository


async def _metrics(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(f"{url}/metrics") as answer:
        return answer.status, await answer.text()


async def test_it_tells_what_people_and_github_did(standin: StandInGitHub, build_world: Build) -> None:
    repository = _repository(standin)
    world = await build_world(repository)
    for _ in range(2):
        await world.ask(operation="list")
    bearer = {"Authorization": f"Bearer {world.token}"}
    async with world.http.get(f"{world.service.url}/api/skills", headers=bearer) as listed:
        assert listed.status == 200
    async with world.http.get(f"{world.service.url}/api/skills") as refused:
        assert refused.status == 401
    await repository.push({"README.md": File(b"more")})
    await world.loop.settled()
    status, text = await _metrics(world.http, world.service.url)
    assert status == 200
    lines = text.splitlines()
    for line in (
        'skillport_queries_total{operation="list",outcome="ok",surface="mcp"} 2.0',
        'skillport_queries_total{operation="list",outcome="ok",surface="rest"} 1.0',
        "skillport_hot_answers_hits_total 1.0",
        'skillport_deliveries_total{event="push",outcome="accepted"} 1.0',
        'skillport_http_refusals_total{route="/api/skills",status="401"} 1.0',
    ):
        assert line in lines, line
    assert any(line.startswith("skillport_github_requests_total{") for line in lines)


async def test_with_a_private_listener_it_is_there_and_nowhere_else(
    standin: StandInGitHub, write_config: Callable[..., Path], tmp_path: Path
) -> None:
    settings = load(write_config(tmp_path / "service", standin.api_url, "token"), {})
    settings = replace(settings, server=replace(settings.server, webhooks_host="127.0.0.1", webhooks_port=0))
    async with serving(settings) as service, aiohttp.ClientSession() as http:
        assert (await _metrics(http, service.private.url))[0] == 200
        assert (await _metrics(http, service.url))[0] == 404


async def test_it_is_nowhere_when_the_only_listener_is_behind_a_proxy(
    standin: StandInGitHub, write_config: Callable[..., Path], tmp_path: Path
) -> None:
    """The proxy's connections come from this machine too."""
    settings = load(write_config(tmp_path / "service", standin.api_url, "token"), {})
    async with (
        serving(replace(settings, public_url="https://skills.acme.example")) as service,
        aiohttp.ClientSession() as http,
    ):
        assert (await _metrics(http, service.url))[0] == 404
