"""Owns what the demo is played on: a stand-in GitHub with the example marketplace, and the real service beside it, which lets
people sign in as ``serve --dev`` does.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from skillport_sync import template
from skillport_sync.config import LogSettings, load
from skillport_sync.log import configure_logging
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.serve import Service, serving
from skillport_sync.standin import File, Repository, StandInGitHub
from skillport_sync.sync.loop import Loop

REPOSITORY = "acme/skills"
EDITOR, READER = "demo:ada", "demo:grace"
GITHUB_TOKEN = "token-of-the-demo"  # noqa: S105 - opens only the stand-in in this process
WRITE_TOKEN = "token-of-the-demo-that-writes"  # noqa: S105
WEBHOOK_SECRET = "secret-of-the-demo"  # noqa: S105


@dataclass(slots=True)
class Stage:
    """What the story is played on."""

    github: StandInGitHub
    repository: Repository
    service: Service
    published: asyncio.Queue[Published] = field(default_factory=asyncio.Queue)

    @property
    def loop(self) -> Loop:
        return self.service.parts.marketplaces[MarketplaceName(REPOSITORY)].loop


@asynccontextmanager
async def set_up() -> AsyncIterator[Stage]:
    """The stand-in GitHub with the example marketplace, and a service that has not looked at it yet."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="skillport-demo-")))
        github = StandInGitHub()
        api_url = await github.start()
        stack.push_async_callback(github.close)
        github.accept_token(GITHUB_TOKEN, permissions={"contents": "read", "metadata": "read"})
        github.accept_token(WRITE_TOKEN, permissions={"contents": "write", "metadata": "read"})
        repository = github.create_repository(REPOSITORY)
        repository.commit(
            {
                path: File(file.content, executable=file.executable)
                for path, file in template.files(owner="acme", editors=[EDITOR]).items()
            },
            message="The company's skills",
        )
        settings = load(_write_config(folder, api_url), {})
        log = stack.enter_context((folder / "service.log").open("w"))
        configure_logging(LogSettings(level="info", format="json"), log)
        service = await stack.enter_async_context(serving(settings, dev=True))
        stage = Stage(github, repository, service)
        service.parts.current.on_swap(stage.published.put_nowait)
        repository.add_hook(f"{service.url}/webhooks/github", WEBHOOK_SECRET, ["push", "repository"])
        yield stage


def _write_config(folder: Path, api_url: str) -> Path:
    secrets = {"github-token": GITHUB_TOKEN, "write-token": WRITE_TOKEN, "webhook-secret": WEBHOOK_SECRET}
    for name, text in secrets.items():
        with os.fdopen(os.open(folder / name, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
    config = folder / "config.toml"
    config.write_text(
        f"""
data_dir = {json.dumps(str(folder / "data"))}
[server]
port = 0
[[marketplaces]]
repository = "{REPOSITORY}"
[github]
api_url = "{api_url}"
token_file = {json.dumps(str(folder / "github-token"))}
write_token_file = {json.dumps(str(folder / "write-token"))}
webhook_secret_files = [{json.dumps(str(folder / "webhook-secret"))}]
"""
    )
    return config
