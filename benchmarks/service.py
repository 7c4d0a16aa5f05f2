"""Owns the service under measurement, configured for a stand-in GitHub: in this process or, as operators run it, in its own."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import httpx2
import orjson
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata
from pydantic import AnyUrl

from benchmarks.processes import running
from benchmarks.servers.standin import REPOSITORY, SECRET, TOKEN
from skillport_sync.config import load
from skillport_sync.demo.browser import RETURN_ADDRESS, Browser, ClientMemory
from skillport_sync.ports import MarketplaceName
from skillport_sync.serve import Service, serving

MARKETPLACE = MarketplaceName(REPOSITORY)
READY_WITHIN_S = 180.0
LOOK_EVERY_S = 0.02


@contextmanager
def folder() -> Iterator[Path]:
    """A place for one service's files, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="skillport-bench-") as path:
        yield Path(path)


def configured(place: Path, api_url: str, *, port: int = 0, auth: str = "none") -> Path:
    """The configuration file of a service that mirrors the stand-in's one repository. Reconciles itself only at the start."""
    for name, text in (("github-token", TOKEN), ("webhook-secret", SECRET)):
        (place / name).write_text(text)
        (place / name).chmod(0o600)
    config = place / "config.toml"
    config.write_text(
        f"""
data_dir = {json.dumps(str(place / "data"))}
[server]
port = {port}
[[marketplaces]]
repository = "{REPOSITORY}"
[github]
api_url = "{api_url}"
token_file = "github-token"
webhook_secret_files = ["webhook-secret"]
[sync]
reconcile_interval_s = 86400
[auth]
mode = "{auth}"
[log]
format = "json"
"""
    )
    return config


@asynccontextmanager
async def in_this_process(place: Path, api_url: str) -> AsyncIterator[Service]:
    """A service that has read the stand-in for the first time."""
    async with serving(load(configured(place, api_url), {})) as served:
        await settled(served)
        yield served


async def settled(served: Service) -> None:
    """Wait until nothing is owed any more."""
    async with asyncio.timeout(READY_WITHIN_S):
        await served.parts.marketplaces[MARKETPLACE].loop.settled()


@dataclass(frozen=True, slots=True)
class Running:
    """``skillport-sync serve`` in a process of its own, with something published. ``ready_s``: from its start to there."""

    process: Process
    url: str
    config: Path
    ready_s: float

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@asynccontextmanager
async def service(place: Path, api_url: str, cores: frozenset[int], *, auth: str = "none") -> AsyncIterator[Running]:
    """The service as an operator starts it; with ``auth`` "oauth", as one tries it out. Its data stays in ``place``: started
    there again, it restarts.
    """
    port = _free_port()
    config = configured(place, api_url, port=port, auth=auth)
    url, began_s = f"http://127.0.0.1:{port}", time.perf_counter()
    dev = ("--dev",) if auth == "oauth" else ()
    with (place / "service.log").open("ab") as log:
        async with running(
            "-m", "skillport_sync", "serve", *dev, "--config", str(config), cores=cores, stderr=log
        ) as process:
            try:
                await _ready(url, process)
            except (RuntimeError, TimeoutError) as error:
                raise RuntimeError(
                    f"the service does not answer:\n{(place / 'service.log').read_text()[-2_000:]}"
                ) from error
            yield Running(process, url, config, time.perf_counter() - began_s)


async def new_token(config: Path, cores: frozenset[int]) -> str:
    """A token of the service that runs with this configuration."""
    arguments = ("token", "create", "benchmarks", "--config", str(config), "--json")
    async with running("-m", "skillport_sync", *arguments, cores=cores) as process:
        said, _ = await process.communicate()
    return str(orjson.loads(said)["token"])


async def new_access_token(url: str) -> str:
    """A token of a client that somebody signed in through, as the SDK's client gets one, of a service that is tried out."""
    browser, memory = Browser({"provider": "demo", "person": "ada"}), ClientMemory()
    metadata = OAuthClientMetadata(client_name="benchmarks", redirect_uris=[AnyUrl(RETURN_ADDRESS)])
    auth = OAuthClientProvider(f"{url}/mcp", metadata, memory, browser.open, browser.came_back)
    async with httpx2.AsyncClient(auth=auth) as http:
        await http.get(f"{url}/mcp")
    assert memory.tokens is not None
    return memory.tokens.access_token


async def _ready(url: str, process: Process) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(READY_WITHIN_S):
        while process.returncode is None:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # its port is not open yet
            await asyncio.sleep(LOOK_EVERY_S)
    raise RuntimeError(f"it ended with {process.returncode}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
