"""Owns a whole company for those who ask it odd things: a stand-in GitHub with the example marketplace, and the real service,
which may write to it, takes webhooks and signs people in as ``serve --dev`` does. Everything is on loopback and in one folder.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skillport_sync import template
from skillport_sync.config import load
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import TokenRequest
from skillport_sync.serve import Service, serving
from skillport_sync.standin import File, Repository, StandInGitHub
from skillport_sync.sync.loop import Loop

REPOSITORY: Final = "acme/skills"
EDITOR: Final = "test:editor"
READER: Final = "test:reader"
WEBHOOK_SECRET: Final = "hush"
_SECRETS: Final = {"read": "token-that-reads", "write": "token-that-writes", "webhook": WEBHOOK_SECRET}


@dataclass(frozen=True, slots=True)
class House:
    """The service, and what stands behind it. ``editor`` and ``reader`` are API tokens."""

    service: Service
    github: StandInGitHub
    repository: Repository
    editor: str
    reader: str

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def loop(self) -> Loop:
        return self.service.parts.marketplaces[MarketplaceName(REPOSITORY)].loop


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """A service that has read its repository, and two people with tokens. ``folder`` is its own."""
    async with AsyncExitStack() as stack:
        github = StandInGitHub()
        await github.start()
        stack.push_async_callback(github.close)
        github.accept_token(_SECRETS["read"], permissions={"contents": "read", "metadata": "read"})
        writing = {"contents": "write", "metadata": "read", "pull_requests": "write"}
        github.accept_token(_SECRETS["write"], permissions=writing)
        repository = github.create_repository(REPOSITORY)
        files = template.files(owner="acme", editors=[EDITOR])
        repository.commit({path: File(file.content, executable=file.executable) for path, file in files.items()})
        service = await stack.enter_async_context(serving(load(_configuration(folder, github.api_url), {}), dev=True))
        editor, reader = [
            (await service.operator.create_token(TokenRequest(person, "fuzz"))).token for person in (EDITOR, READER)
        ]
        house = House(service, github, repository, editor, reader)
        await house.loop.settled()
        yield house


def _configuration(folder: Path, api_url: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _SECRETS.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    path = folder / "config.toml"
    path.write_text(
        f"data_dir = {json.dumps(str(folder / 'data'))}\n"
        "[server]\nport = 0\n"
        f'[[marketplaces]]\nrepository = "{REPOSITORY}"\n'
        f'[github]\napi_url = "{api_url}"\ntoken_file = "read"\nwrite_token_file = "write"\n'
        'webhook_secret_files = ["webhook"]\n'
    )
    return path
