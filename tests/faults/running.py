"""Owns ``skillport-sync serve`` as a process of its own, that tests may starve, kill and start again on the same data."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

REPOSITORY = "acme/skills"
SECRET = "hush"
GITHUB_TOKEN = "token-of-the-tests"
SOON_S = 60.0
"""How long anything may take here: a busy machine must not fail a test, and one that hangs must."""
_MOST_LINES = 20_000


def configure(
    folder: Path, api_url: str, *, data_dir: Path | None = None, auth: str = "none", **server: object
) -> Path:
    """A configuration for one repository of the stand-in; ``server`` are further keys of that table."""
    folder.mkdir(exist_ok=True)
    for name, text in (("github-token", GITHUB_TOKEN), ("webhook-secret", SECRET)):
        (folder / name).touch(0o600)
        (folder / name).write_text(text)
    lines = [
        f"data_dir = {json.dumps(str(data_dir or folder / 'data'))}",
        "[server]",
        "port = 0",
        *(f"{key} = {json.dumps(value)}" for key, value in server.items()),
        "[[marketplaces]]",
        f'repository = "{REPOSITORY}"',
        "[github]",
        f'api_url = "{api_url}"',
        'token_file = "github-token"',
        'webhook_secret_files = ["webhook-secret"]',
        "[auth]",
        f'mode = "{auth}"',
        "[log]",
        'format = "json"',
    ]
    config = folder / "config.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


@dataclass(slots=True)
class Serve:
    """The service, alive or not. What it logs is read all the time: a full pipe would stop it."""

    config: Path
    before: Sequence[str] = ()
    """Words of another program that starts this one, such as one that limits it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    program: Sequence[str] = ("-m", "skillport_sync")
    """What Python is to run."""
    on_line: Callable[[dict[str, Any]], None] = lambda line: None
    """Told of every line of log, of every life."""
    url: str = ""
    said: list[dict[str, Any]] = field(default_factory=list)
    """The lines of log of the present life; of a very long one, the latest."""
    _process: Process | None = None
    _listening: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Serve:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self.ended()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, *words: str) -> None:
        """Begin a life; returns once it answers."""
        await self.begin(*words)
        self.url = str((await self.heard("service_started"))["url"])

    async def begin(self, *words: str) -> None:
        """Begin a life that may not come far."""
        self.said = []
        self._process = await asyncio.create_subprocess_exec(
            *self.before,
            *(sys.executable, *self.program, "serve", "--config", str(self.config), *words),
            env={**os.environ, **self.environ},
            stderr=PIPE,
        )
        self._listening = asyncio.create_task(self._listen(self._process))

    async def heard(self, event: str, times: int = 1) -> dict[str, Any]:
        """The line of log that says so for the so-manieth time in this life."""
        async with asyncio.timeout(SOON_S):
            while True:
                self._news.clear()
                lines = [line for line in self.said if line.get("event") == event]
                if len(lines) >= times:
                    return lines[times - 1]
                assert self._listening is not None
                assert not self._listening.done(), f"it ended before {event}: {self.said[-5:]}"
                await self._news.wait()

    def next_line(self) -> asyncio.Event:
        """Set by the next line of log."""
        self._news.clear()
        return self._news

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        assert self._listening is not None
        async with asyncio.timeout(SOON_S):
            code = await self._process.wait()
            await self._listening
        return code

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> int:
        self.send(signal.SIGTERM)
        return await self.ended()

    def limit(self, what: int, soft: int | None) -> None:
        """Take something from it while it runs; None gives it back."""
        _, hard = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (hard if soft is None else soft, hard))

    async def command(self, *words: str) -> tuple[int, str, str]:
        """Another command of the same configuration: exit code, stdout, stderr."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "skillport_sync", *words, "--config", str(self.config)), stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(SOON_S):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            try:
                said = json.loads(line)
            except json.JSONDecodeError:
                said = {"event": line.decode(errors="replace").rstrip()}
            if len(self.said) >= _MOST_LINES:
                del self.said[: _MOST_LINES // 2]
            self.said.append(said)
            self.on_line(said)
            self._news.set()
        self._news.set()


async def ask(
    http: aiohttp.ClientSession, url: str, token: str | None = None, /, **arguments: object
) -> dict[str, Any]:
    """The result of one call of the tool."""
    headers = {"MCP-Protocol-Version": "2025-11-25"} | ({"Authorization": f"Bearer {token}"} if token else {})
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "skillport", "arguments": arguments}}
    async with http.post(f"{url}/mcp", json=call, headers=headers) as response:
        answer = await response.json()
    assert "result" in answer, answer
    result: dict[str, Any] = answer["result"]
    return result


def commit_of(result: Mapping[str, Any]) -> str:
    """Which commit an answer says it is of."""
    return str(result["structuredContent"]["snapshot"]["commit"])


def text_of(result: Mapping[str, Any]) -> str:
    """The one file that was fetched."""
    (text,) = [block["resource"]["text"] for block in result["content"] if block["type"] == "resource"]
    return str(text)


def skill(name: str, text: str) -> bytes:
    return f"---\nname: {name}\ndescription: Does {name}.\n---\n{text}\n".encode()


def marketplace(text: str = "first", **more: bytes) -> dict[str, bytes]:
    """The files of a small marketplace whose one skill, ``letters``, says ``text``."""
    plugins = [{"name": "docs", "source": "./docs", "version": "1.0.0"}]
    manifest = {"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins}
    return {
        ".claude-plugin/marketplace.json": json.dumps(manifest).encode(),
        "docs/skills/letters/SKILL.md": skill("letters", text),
        **more,
    }
