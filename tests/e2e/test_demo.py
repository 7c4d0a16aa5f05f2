"""The demo, as ``make demo`` runs it: it ends well, soon, and leaves nothing behind; kept, it can be connected to."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from pydantic import AnyUrl

from skillport_sync.demo.browser import RETURN_ADDRESS, Browser, ClientMemory

PROMISED_S = 20.0
SOON_S = 120.0


@asynccontextmanager
async def demo(folder: Path, *words: str) -> AsyncIterator[Process]:
    """``skillport-sync demo`` for somebody who has nothing: no configuration, no home, an empty folder for temporary files."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "skillport_sync", "demo", *words),
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def left_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


async def test_the_demo_tells_its_story_in_twenty_seconds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with asyncio.timeout(PROMISED_S), demo(tmp_path) as process:
        out, err = await process.communicate()
    assert process.returncode == 0, (out + err).decode()
    assert err == b""
    assert "GitHub requests: 0" in out.decode()
    assert "Ada Lovelace signed in" in out.decode()
    assert left_in(tmp_path) == []


async def commands(process: Process) -> tuple[str, str, str]:
    """What a kept demo says to type: the address, and the header for where there is no browser."""
    *_, name, url = shlex.split(await command(process, b"\n"))
    assert name == "skillport"
    *_, option, header = shlex.split((await command(process, b'"\n')).replace("\\\n", ""))
    assert option == "--header"
    key, _, value = header.partition(": ")
    return url, key, value


async def command(process: Process, end: bytes) -> str:
    assert process.stdout is not None
    await process.stdout.readuntil(b"claude mcp add")
    return (await process.stdout.readuntil(end)).decode()


async def total(http: httpx2.AsyncClient, url: str) -> object:
    """How many skills a client finds."""
    async with Client(streamable_http_client(url, http_client=http)) as client:
        result = await client.call_tool("skillport", {"operation": "list"})
    assert result.structured_content is not None
    return result.structured_content["total"]


async def test_a_kept_demo_can_be_connected_to_as_it_says_until_it_is_stopped(tmp_path: Path) -> None:
    async with asyncio.timeout(SOON_S), demo(tmp_path, "--keep") as process:
        url, key, value = await commands(process)
        async with httpx2.AsyncClient(headers={key: value}) as http:
            assert await total(http, url) == 7
        for person, skills in (("ada", 7), ("edsger", 6)):
            browser = Browser({"provider": "demo", "person": person})
            metadata = OAuthClientMetadata(client_name="A test", redirect_uris=[AnyUrl(RETURN_ADDRESS)])
            auth = OAuthClientProvider(url, metadata, ClientMemory(), browser.open, browser.came_back)
            async with httpx2.AsyncClient(auth=auth) as http:
                assert await total(http, url) == skills
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert err == b""
    assert left_in(tmp_path) == []
