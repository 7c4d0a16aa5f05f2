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
from mcp.client.streamable_http import streamable_http_client

PROMISED_S = 20.0
SOON_S = 60.0


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
    assert left_in(tmp_path) == []


async def test_a_kept_demo_can_be_connected_to_as_it_says_until_it_is_stopped(tmp_path: Path) -> None:
    async with asyncio.timeout(SOON_S), demo(tmp_path, "--keep") as process:
        assert process.stdout is not None
        before = await process.stdout.readuntil(b"claude mcp add")
        command = "claude mcp add" + (await process.stdout.readuntil(b'"\n')).decode()
        *_, name, url, option, header = shlex.split(command.replace("\\\n", ""))
        assert (name, option) == ("skillport", "--header"), before.decode()
        key, _, value = header.partition(": ")
        async with (
            httpx2.AsyncClient(headers={key: value}) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            result = await client.call_tool("skillport", {"operation": "list"})
        assert result.structured_content is not None
        assert result.structured_content["total"] == 7
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert err == b""
    assert left_in(tmp_path) == []
