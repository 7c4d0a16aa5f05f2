"""Owns a mirror that is watched: its parts as they are composed, its webhook and its metrics on a listener of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from skillport_sync.compose import Parts, open_parts
from skillport_sync.config import Settings, load
from skillport_sync.config.settings import WEBHOOK_PATH
from skillport_sync.listener import bind, site
from skillport_sync.observing.observe import Observed, observe
from skillport_sync.ports import MarketplaceName
from skillport_sync.standin import File, Repository, StandInGitHub
from skillport_sync.sync.loop import Loop
from webhooks.app import Receiver
from webhooks.verdict import Watched

ACME = MarketplaceName("acme/skills")
SECRET = "hush"


def files(version: str) -> dict[str, File]:
    """A marketplace of one plugin with one skill, of this version."""
    entry = {"name": "docs", "source": "./plugins/docs", "version": version}
    marketplace = {"name": "acme", "owner": {"name": "Acme"}, "plugins": [entry]}
    return {
        ".claude-plugin/marketplace.json": File(json.dumps(marketplace).encode()),
        "plugins/docs/skills/pdf/SKILL.md": File(f"---\nname: pdf\ndescription: Fills {version}\n---\n".encode()),
    }


@dataclass(frozen=True)
class Watch:
    """A mirror that is watched."""

    secret = SECRET

    parts: Parts
    observed: Observed
    repository: Repository
    http: aiohttp.ClientSession
    url: str

    @property
    def loop(self) -> Loop:
        return self.parts.marketplaces[ACME].loop

    async def publishes(self, version: str) -> str:
        commit = self.repository.commit(files(version), message=version)
        self.parts.wake(ACME, "push")
        await self.loop.settled()
        return commit

    async def scraped(self) -> str:
        async with self.http.get(f"{self.url}/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            return await answer.text()

    async def sample(self, line: str) -> float | None:
        """The value of one sample, as it is written before the space; None where there is none."""
        found = [text for text in (await self.scraped()).splitlines() if text.startswith(f"{line} ")]
        assert len(found) <= 1
        return float(found[0].rpartition(" ")[2]) if found else None


def _settings(folder: Path, github: StandInGitHub, *lines: str) -> Settings:
    token = folder / "token"
    token.touch(0o600)
    token.write_text("token-of-the-tests")
    config = folder / "config.toml"
    config.write_text(
        "\n".join(lines)
        + f'\ndata_dir = "data"\n[[marketplaces]]\nrepository = "{ACME}"\n[github]\napi_url = "{github.api_url}"\n'
        'token_file = "token"\n[auth]\nmode = "token"\n'
    )
    return load(config, {})


@pytest.fixture
def settings_with(tmp_path: Path, standin: StandInGitHub) -> Callable[..., Settings]:
    """``settings_with("public_url = …")``: what an operator configures, after these lines."""
    return lambda *lines: _settings(tmp_path, standin, *lines)


@pytest.fixture
async def watch(settings_with: Callable[..., Settings], standin: StandInGitHub) -> AsyncIterator[Watch]:
    """Nothing is pushed yet, and nothing pulled."""
    repository = standin.create_repository(ACME)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(settings_with()))
        observed = stack.enter_context(observe(parts))
        receiver = Receiver(
            path=WEBHOOK_PATH,
            github_host="github.com",
            secrets=[SECRET.encode()],
            ledger=parts.state,
            watched=lambda: [Watched(ACME, ACME, None, None)],
            wake=parts.wake,
            clock=parts.clock,
            on_delivery=observed.counts.on_delivery,
        )
        listener = bind("127.0.0.1", 0)
        await stack.enter_async_context(
            site(
                listener,
                [*observed.private_routes, *receiver.routes()],
                max_body_bytes=1024 * 1024,
                header_timeout_s=5,
                keepalive_s=5,
                drain_s=1,
                on_refused=observed.counts.http_refusals.add,
            )
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Watch(parts, observed, repository, http, listener.url)
