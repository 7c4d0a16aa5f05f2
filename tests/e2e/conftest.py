"""Owns the whole service under test: stand-in GitHub, real service, real HTTP, real files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from skillport_sync.config import load
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import PullReport, ReconcileOptions, TokenRequest
from skillport_sync.serve import Service, serving
from skillport_sync.standin import Repository, StandInGitHub
from skillport_sync.sync.loop import Loop

REPOSITORY = "acme/skills"
SECRET = "hush"


def configuration(folder: Path, api_url: str, github_token: str, *more: str) -> Path:
    """A configuration as an operator writes it; ``more`` are further lines of TOML, sections included."""
    folder.mkdir(exist_ok=True)
    for name, text in (("github-token", github_token), ("webhook-secret", SECRET)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    lines = [
        f"data_dir = {json.dumps(str(folder / 'data'))}",
        "[server]",
        "port = 0",
        "[[marketplaces]]",
        f'repository = "{REPOSITORY}"',
        "[github]",
        f'api_url = "{api_url}"',
        f"token_file = {json.dumps(str(folder / 'github-token'))}",
        f"webhook_secret_files = [{json.dumps(str(folder / 'webhook-secret'))}]",
        "[auth]",
        'mode = "token"',
        *more,
    ]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass(slots=True)
class World:
    """A company: its repository on the stand-in, and the service that mirrors it."""

    github: StandInGitHub
    repository: Repository
    service: Service
    http: aiohttp.ClientSession
    token: str

    @property
    def loop(self) -> Loop:
        return self.service.parts.marketplaces[MarketplaceName(REPOSITORY)].loop

    async def ask(self, *, token: str | None = None, **arguments: object) -> dict[str, object]:
        """The whole result of one call of the tool, in the handshake era's plain form."""
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "skillport", "arguments": arguments},
        }
        headers = {"Authorization": f"Bearer {token or self.token}", "MCP-Protocol-Version": "2025-11-25"}
        async with self.http.post(f"{self.service.url}/mcp", json=body, headers=headers) as response:
            answer = await response.json()
            assert "result" in answer, answer
            return answer["result"]

    async def reconcile(self, options: ReconcileOptions = ReconcileOptions()) -> PullReport:  # noqa: B008 - frozen
        reports = [event async for event in self.service.operator.reconcile(options) if isinstance(event, PullReport)]
        assert len(reports) == 1
        return reports[0]

    async def token_for(self, person: str) -> str:
        return (await self.service.operator.create_token(TokenRequest(person, "test"))).token


@pytest.fixture
def write_config() -> Callable[..., Path]:
    return configuration


@pytest.fixture
async def build_world(standin: StandInGitHub, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    """Make a world out of a repository (or of files for one): the service has done its first pull."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def build(repository: Repository, *more: str) -> World:
            settings = load(configuration(tmp_path / "service", standin.api_url, "token-of-the-tests", *more), {})
            service = await stack.enter_async_context(serving(settings))
            http = await stack.enter_async_context(aiohttp.ClientSession())
            world = World(standin, repository, service, http, "")
            world.token = await world.token_for("test:reader")
            repository.add_hook(f"{service.url}/webhooks/github", SECRET, ["push", "repository"])
            await world.loop.settled()
            return world

        yield build
