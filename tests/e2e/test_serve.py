"""``skillport-sync serve`` as an operator runs it: a process of its own, on the event loop it chooses, stopped by a signal."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from skillport_sync import template
from skillport_sync.standin import File, StandInGitHub


async def events(process: asyncio.subprocess.Process, until: str) -> dict[str, dict[str, object]]:
    """The log up to an event, by event name."""
    assert process.stderr is not None
    seen: dict[str, dict[str, object]] = {}
    while until not in seen:
        line = await process.stderr.readline()
        assert line, f"the service ended before {until}; it had said {list(seen)}"
        said = json.loads(line)
        seen[said["event"]] = said
    return seen


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=lambda stop: stop.name)
async def test_it_starts_answers_and_stops_in_order(
    standin: StandInGitHub, write_config: Callable[..., Path], tmp_path: Path, stop: signal.Signals
) -> None:
    pytest.importorskip("uvloop", reason="without uvloop this is the loop that every other test runs on")
    files = {path: File(file.content, executable=file.executable) for path, file in template.files().items()}
    standin.create_repository("acme/skills").commit(files)
    config = write_config(tmp_path / "service", standin.api_url, "token-of-the-tests")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "skillport_sync", "serve", "--config", config),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as http:
            said = await events(process, "snapshot_published")
            url = said["service_started"]["url"]
            async with http.get(f"{url}/readyz") as ready:
                assert (ready.status, (await ready.json())["status"]) == (200, "ready")
            async with http.post(f"{url}/mcp", json={}) as refused:
                assert refused.status == 401
            async with http.post(f"{url}/webhooks/github", data=b"{}") as refused:
                assert refused.status in (400, 401)
            process.send_signal(stop)
            await events(process, "service_stopped")
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_nothing_is_loaded_that_only_a_trial_or_a_sign_in_needs() -> None:
    """The stand-ins, and what talks to identity providers: some 10 MB that every service would carry."""
    code = "import sys, skillport_sync.serve; print(sorted({'authlib', 'joserfc', 'skillport_sync.standin'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
