"""Owns a mirror with a webhook on the stand-in: real parts, a real receiver that GitHub delivers to, a time of its own."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from skillport_sync.compose import Parts, open_parts
from skillport_sync.config import load
from skillport_sync.observing.counts import Counts
from skillport_sync.operations.healed import healing_status
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import PullReport
from skillport_sync.reports.status import HealingStatus
from skillport_sync.standin import Repository, StandInGitHub
from skillport_sync.standin.hooks import Hook
from skillport_sync.store.healing import Seen
from skillport_sync.surfaces import private_routes
from skillport_sync.sync.conditions import EVENTS
from skillport_sync.sync.healing import Healer
from skillport_sync.sync.loop import Order

ACME = MarketplaceName("acme/skills")
TOKEN = "token-of-the-mirror"
SECRET = "hush"
DAY_S = 86_400.0


class Hands:
    """A clock that is moved by hand. It begins when the machine's does: an App says what time it is."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self.passed_s = 0.0

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        return 1000.0 + self.passed_s

    def advance(self, seconds: float) -> None:
        self.passed_s += seconds


def skill(name: str, text: str = "") -> bytes:
    return f"---\nname: {name}\ndescription: Does {name}.\n---\n{text}\n".encode()


FILES: dict[str, bytes] = {
    ".claude-plugin/marketplace.json": json.dumps(
        {"name": "acme", "owner": {"name": "Acme"}, "plugins": [{"name": "docs", "source": "./plugins/docs"}]}
    ).encode(),
    "plugins/docs/skills/pdf/SKILL.md": skill("pdf"),
}


class House:
    """A service that runs, its doors, and who looks after its webhook."""

    def __init__(self, folder: Path, github: StandInGitHub, repository: Repository, clock: Hands, port: int) -> None:
        self.folder = folder
        self.github = github
        self.repository = repository
        self.clock = clock
        self.url = f"http://127.0.0.1:{port}"
        self.answers: Callable[[web.Request], web.Response] | None = None
        """Somebody before the service who answers in its place."""
        self.is_cut = False
        """Whoever is before the service gives up on it, after it was asked."""
        self._port = port
        self._stack = AsyncExitStack()
        self._door = AsyncExitStack()
        self.parts: Parts
        self.healer: Healer

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    async def start(self) -> None:
        settings = load(self.config, {})
        self.parts = parts = await self._stack.enter_async_context(open_parts(settings, clock=self.clock))
        self.healer = parts.healers[ACME]
        await self.open()

    async def stop(self) -> None:
        await self.shut()
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def open(self) -> None:
        """Whoever delivers is let in."""

        @web.middleware
        async def before(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]):
            if self.answers is not None:
                return self.answers(request)
            answer = await handler(request)
            return web.Response(status=504) if self.is_cut else answer

        application = web.Application(middlewares=[before])
        application.add_routes(private_routes(self.parts, Counts()))
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._door.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", self._port).start()

    async def shut(self) -> None:
        """Nobody answers any more; the service goes on."""
        door, self._door = self._door, AsyncExitStack()
        await door.aclose()

    def hook(
        self, *events: str, secret: str | None = SECRET, content_type: str = "json", path: str = "/webhooks/github"
    ):
        return self.repository.add_hook(self.url + path, secret, events or EVENTS, content_type)

    async def push(self, text: str, *, deliver: bool = True) -> str:
        """A commit, told of, and everything that follows from it."""
        commit = await self.repository.push({"plugins/docs/skills/pdf/SKILL.md": skill("pdf", text)}, deliver=deliver)
        await self.settled()
        return commit

    async def settled(self) -> None:
        await self.github.deliveries_settled()

    async def reconcile(self, cause: str = "reconcile", *, after_s: float = 300.0) -> PullReport:
        """The next reconcile, and the look that follows it."""
        self.clock.advance(after_s)
        report = await self.parts.marketplaces[ACME].loop.order(Order(cause=cause), lambda _told: None)
        await self.settled()
        return report

    async def seen(self) -> Seen:
        return await self.parts.state.healing.seen(ACME)

    async def told(self) -> HealingStatus:
        """What ``status`` says."""
        told = healing_status(await self.seen())
        assert told is not None
        return told

    async def states(self) -> list[str]:
        return [state.code for state in (await self.told()).states]

    @property
    def commit(self) -> str | None:
        """What is served."""
        published = self.parts.current.get().get(ACME)
        return None if published is None else published.publication.commit


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def standin(clock: Hands) -> AsyncIterator[StandInGitHub]:
    github = StandInGitHub(now=clock.now)
    github.accept_token(TOKEN)
    await github.start()
    yield github
    await github.close()


@pytest.fixture
def repository(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit(FILES)
    return repository


@pytest.fixture
async def house(tmp_path: Path, standin: StandInGitHub, repository: Repository, clock: Hands) -> AsyncIterator[House]:
    """Configured and not started."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
    for name, text in (("token", TOKEN), ("secret", SECRET)):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text)
    house = House(tmp_path, standin, repository, clock, port)
    write(house)
    yield house
    await house.stop()


def write(house: House, *, github: str = 'token_file = "token"', sync: str = "", marketplace: str = "") -> None:
    house.config.write_text(
        f"""\
data_dir = "data"
public_url = "{house.url}"
[server]
port = 0
[[marketplaces]]
repository = "acme/skills"
{marketplace}
[github]
api_url = "{house.github.api_url}"
webhook_secret_files = ["secret"]
{github}
[sync]
{sync}
[auth]
mode = "token"
"""
    )


@pytest.fixture
def configure(house: House) -> Callable[..., None]:
    """Write another configuration, before the house starts."""
    return lambda **parts: write(house, **parts)


@pytest.fixture
async def running(house: House) -> House:
    """Started, with a webhook as it should be, looked at once; in step."""
    house.hook()
    await house.start()
    await house.reconcile("start")
    assert house.commit == house.repository.head()
    assert await house.states() == []
    house.github.journal.reset()
    return house


@pytest.fixture
def hook(running: House) -> Hook:
    (hook,) = running.repository.hooks.values()
    return hook
