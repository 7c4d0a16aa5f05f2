"""Owns the scenes in which people use skills: one is installed by its one command, one is changed by one commit.

Like the rest of the story they assert what they claim, through the real script and the real REST interface.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx2

from skillport_sync.demo.stage import Stage

SKILL = "release-notes"
PLACE = f"plugins/writing/skills/{SKILL}"
WITHIN_S = 30.0

Ask = Callable[..., Awaitable[tuple[dict[str, Any], float]]]
"""The tool, asked by somebody: the structured answer, and the seconds it took."""


class Teller(Protocol):
    """Who shows the story."""

    def scene(self, title: str, about: str) -> None: ...

    def fact(self, what: str, measured: str = "") -> None: ...


async def install(teller: Teller, stage: Stage, ask: Ask) -> None:
    """The tool gives a command; a shell runs it; what is on the disk is what the commit has."""
    teller.scene("An install", "the tool gives one command with a one-time link; the script verifies before it unpacks")
    offer, offered_s = await ask(operation="install", skill=SKILL)
    teller.fact(f"install {SKILL}: {offer['file_count']} files, {offer['writes']}", _ms(offered_s))
    if shutil.which("curl") is None:
        teller.fact("there is no curl here, so the command is not run")
        return
    with _home() as home, _home() as other:
        began_s = time.perf_counter()
        code, said = await _shell(str(offer["command"]), home)
        took_s = time.perf_counter() - began_s
        assert code == 0, said
        installed = Path(home) / ".claude" / "skills" / SKILL
        assert (installed / "SKILL.md").read_bytes() == stage.repository.read(f"{PLACE}/SKILL.md")
        teller.fact(f"the command put it into ~/.claude/skills/{SKILL}, byte for byte", _ms(took_s))
        code, said = await _shell(str(offer["command"]), other)
        assert code != 0, said
        teller.fact("the same command on another machine: refused, a link works once")


async def save(teller: Teller, stage: Stage, ask: Ask) -> None:
    """An editor changes a skill from a conversation."""
    teller.scene("An edit", "an editor saves a skill: one commit or nothing, served when the answer arrives")
    auth, _ = await ask(operation="auth")
    url, headers = f"{auth['base_url']}/api/skills/{SKILL}", {"Authorization": f"Bearer {auth['token']}"}
    text = stage.repository.read(f"{PLACE}/SKILL.md").decode() + "\nSay what changed for the reader, not for us.\n"
    body = {
        "files": [
            {"path": "SKILL.md", "content": text},
            {"path": "references/tone.md", "content": "# Tone\n\nPlain.\n"},
        ]
    }
    async with httpx2.AsyncClient(headers=headers) as http:
        rehearsed = await _sent(http, f"{url}?dry_run=true", body)
        before, requests = stage.repository.head(), len(stage.github.journal)
        teller.fact(
            f"a rehearsal shows the diff, {len(str(rehearsed['diff']).splitlines())} lines, and commits nothing"
        )
        began_s = time.perf_counter()
        saved = await _sent(http, url, body)
        took_s = time.perf_counter() - began_s
        asked = len(stage.github.journal) - requests
    head = stage.repository.head()
    assert saved["commit"] == head != before
    assert stage.repository.objects.commit(head).parents == (before,)
    fetched, _ = await ask(operation="fetch", skill=SKILL)
    assert fetched["snapshot"]["commit"] == head
    await (
        stage.github.deliveries_settled()
    )  # GitHub tells of it by webhook too; nobody has to wait for that but the story
    await stage.loop.settled()
    teller.fact(f"saved: 2 files, 1 commit, {head[:10]}, and served already", f"{_ms(took_s)}, {asked} GitHub requests")


def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="skillport-demo-home-")


async def _sent(http: httpx2.AsyncClient, url: str, body: Mapping[str, object]) -> dict[str, Any]:
    answer = await http.post(url, json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert isinstance(told, dict)
    return told


async def _shell(command: str, home: str) -> tuple[int, str]:
    """Run it as a person would, in a home of its own. Returns the exit code and what was said."""
    environment = {"HOME": home, "PATH": os.environ.get("PATH", os.defpath), "TMPDIR": home}
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(WITHIN_S):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode("utf-8", "replace")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
