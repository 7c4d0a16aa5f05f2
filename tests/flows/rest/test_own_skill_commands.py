"""What the skill ``skillport`` tells Claude to type for reading works as it stands there, in a shell, against the API."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import textwrap
from asyncio.subprocess import PIPE
from typing import Any

import pytest

from skillport_sync.template.own_skill import own_skill

SOON_S = 60.0
INSTALLS = re.compile(r"/install\b|install\.sh")
WRITES = re.compile(r"-X (?:DELETE|POST)(?!.*check-updates)")


def reading_commands() -> list[str]:
    """Every curl of the documents that reads, by itself."""
    found = []
    for file in own_skill().files.values():
        for _, block in re.findall(r"^( *)```sh\n(.*?)^ *```$", file.content.decode(), re.MULTILINE | re.DOTALL):
            commands = re.sub(r"\\\n *", "", textwrap.dedent(block)).splitlines()
            found += [line for line in commands if line.startswith("curl") and not WRITES.search(line)]
    return sorted({line for line in found if not INSTALLS.search(line) and "/edit" not in line})


async def typed(command: str, base_url: str, token: str) -> Any:
    """What the command prints, as JSON."""
    environ = {"PATH": os.environ["PATH"], "BASE_URL": base_url, "TOKEN": token, "NO_PROXY": "*"}
    process = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=PIPE, stderr=PIPE, env=environ)
    async with asyncio.timeout(SOON_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize("command", reading_commands())
async def test_a_command_that_the_skill_teaches_is_answered(api, command: str) -> None:
    answer = await typed(command.replace("NAME", "pdf"), api.base_url, "sps_of-bob")
    assert "error" not in answer, answer
    assert answer["snapshot"]["repository"]


def test_every_way_of_reading_is_among_the_commands() -> None:
    assert {re.search(r'\$BASE_URL([^"?]*)', command)[1] for command in reading_commands()} == {  # type: ignore[index]
        "/api/whoami",
        "/api/skills",
        "/api/skills/NAME",
        "/api/skills/NAME/versions",
        "/api/check-updates",
        "/api/claude-code",
    }
