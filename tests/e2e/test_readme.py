"""The README, followed to the letter: its blocks are taken out of it and run, so that none of them can rot.

Only what a newcomer has and a test has not is put in its place: GitHub's address, the token, the public host name.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from skillport_sync import template
from skillport_sync.access.model import AccessPolicy
from skillport_sync.access.policy import POLICY_PATH, read_policy
from skillport_sync.cli.failures import ExitCode
from skillport_sync.standin import File, Repository, StandInGitHub

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
GITHUB_TOKEN = "token-of-a-newcomer"
SOON_S = 60.0
READER = "github:1"


def blocks(language: str, marker: str) -> list[str]:
    """The fenced blocks of a language that contain ``marker``, in order."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for text in found if marker in text]


def block(language: str, marker: str) -> str:
    (found,) = blocks(language, marker)
    return found


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(slots=True)
class Newcomer:
    """Somebody in an empty folder with the README in front of them."""

    folder: Path
    repository: Repository
    environ: dict[str, str] = field(default_factory=dict)

    async def types(self, text: str, reading: str = "") -> Ended:
        """Type this into a shell, and ``reading`` into what it runs."""
        process = await self.starts("sh", "-e", "-c", text)
        async with asyncio.timeout(SOON_S):
            out, err = await process.communicate(reading.encode())
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def starts(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *words, cwd=self.folder, env=self.environ, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )

    @asynccontextmanager
    async def serves(self) -> AsyncIterator[str]:
        """``skillport-sync serve``, as it says to; gives its address."""
        process = await self.starts(*shlex.split(block("sh", "skillport-sync serve")))
        assert process.stderr is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(SOON_S):
                started: dict[str, str] = {}
                while started.get("event") != "service_started":
                    started = json.loads(await process.stderr.readline())
            yield started["url"]
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(SOON_S):
                _, log = await process.communicate()
            assert process.returncode == 0
            events = [json.loads(line)["event"] for line in log.splitlines()]
            assert "snapshot_published" in events, events
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture
async def newcomer(tmp_path: Path, standin: StandInGitHub) -> Newcomer:
    """A repository whose policy is the README's, and a machine with nothing on it but what step 1 installs."""
    standin.accept_token(GITHUB_TOKEN, permissions={"contents": "read", "metadata": "read"})
    repository = standin.create_repository("acme/skills")
    files = {path: File(file.content, executable=file.executable) for path, file in template.files().items()}
    repository.commit({**files, POLICY_PATH: block("json", '"version"').encode()})
    return Newcomer(
        tmp_path,
        repository,
        {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "HOME": str(tmp_path / "home"),
            "SKILLPORT_GITHUB__API_URL": standin.api_url,
            "SKILLPORT_SERVER__PORT": "0",
        },
    )


@pytest.fixture
async def configured(newcomer: Newcomer) -> Newcomer:
    """Steps 2 and 3 are done: the secrets are in their files, the configuration is saved."""
    ended = await newcomer.types(block("sh", "secrets/github-token"), reading=f"{GITHUB_TOKEN}\n")
    assert ended.code == 0, ended.err
    save(newcomer.folder / "config.toml", block("toml", "[[marketplaces]]"))
    return newcomer


def save(path: Path, text: str) -> None:
    path.write_text(text)


@asynccontextmanager
async def connected(url: str, headers: Mapping[str, str]) -> AsyncIterator[Client]:
    async with (
        asyncio.timeout(SOON_S),
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def as_told(command: str, base_url: str, token: str) -> tuple[str, dict[str, str]]:
    """The address and the header of a ``claude mcp add`` of the README, with what it leaves to fill in filled in."""
    words = shlex.split(command.replace("https://<your host>", base_url).replace("<the token>", token))
    assert words[:6] == ["claude", "mcp", "add", "--transport", "http", "skillport"]
    assert words[7] == "--header"
    key, _, value = words[8].partition(": ")
    return words[6], {key: value}


async def names_seen(url: str, headers: Mapping[str, str]) -> set[str]:
    async with connected(url, headers) as client:
        result = await client.call_tool("skillport", {"operation": "list"})
    assert result.structured_content is not None
    return {skill["name"] for skill in result.structured_content["skills"]}


async def test_the_configuration_is_in_order_and_the_first_sync_succeeds(configured: Newcomer) -> None:
    text = block("sh", "skillport-sync config check")
    assert [line.split("#")[0].split() for line in text.splitlines()] == [
        ["skillport-sync", "config", "check"],
        ["skillport-sync", "reconcile"],
    ]
    ended = await configured.types(text)
    assert ended.code == 0, ended.err
    assert "is in order" in ended.out
    assert "7" in ended.out
    assert configured.repository.head()[:7] in ended.out


async def test_a_push_arrives_by_the_webhook_as_described_and_claude_connects_as_described(
    configured: Newcomer,
) -> None:
    repository = configured.repository
    hook_path = re.search(r"`https://<your host>(/\S+)`, content type `application/json`", README)
    assert hook_path is not None
    assert "the secret from\n`secrets/webhook-secret`, events *Pushes*, *Repositories*, *Pull requests*" in README
    create, add = block("sh", "claude mcp add").splitlines()
    async with configured.serves() as base_url:
        secret = (await configured.types("cat secrets/webhook-secret")).out.strip()
        hook = repository.add_hook(f"{base_url}{hook_path[1]}", secret, ["push", "repository"])
        made = await configured.types(create)
        assert made.code == 0, made.err
        editor = as_told(add, base_url, made.out.strip())
        other = await configured.types(f"skillport-sync token create other --principal {READER}")
        reader = as_told(add, base_url, other.out.strip())

        path = "plugins/writing/skills/release-notes/SKILL.md"
        await repository.push({path: b"---\nname: news\ndescription: What is new.\n---\n"})
        assert [delivery.status_code for delivery in hook.deliveries] == [202]
        assert (await configured.types("skillport-sync reconcile")).code == 0  # waits for the pull that runs

        assert "news" in await names_seen(*reader)
        assert "quarter-close" not in await names_seen(*reader)
        assert "quarter-close" in await names_seen(*editor)


WITHOUT_CONFIGURATION = {"skillport-sync init-marketplace"}


async def test_every_command_of_the_tables_exists_and_those_that_only_look_run(configured: Newcomer) -> None:
    rows = [row.split("|")[1] for row in README.splitlines() if row.startswith("| `skillport-sync")]
    commands = []
    for row in rows:
        first, *others = re.findall(r"`([^`]+)`", row)
        commands += [first, *(f"{first.rpartition(' ')[0]} {other}" for other in others)]
    assert len(commands) >= 8
    for command in commands:
        ended = await configured.types(f"{command} --help")
        assert ended.code == 0, (command, ended.err)
        assert ("--config" in ended.out) == (command not in WITHOUT_CONFIGURATION), command
    assert (await configured.types("skillport-sync reconcile")).code == 0
    looking = ("status", "publications", "token list", "config show", "reconcile --verify", "reconcile --dry-run")
    for words in looking:
        assert words.split(" --")[0] in " ".join(commands)
        assert words.partition(" --")[2] in README
        ended = await configured.types(f"skillport-sync {words} --json")
        assert ended.code == 0, (words, ended.err)
        json.loads(ended.out)


def test_the_example_policy_is_one() -> None:
    policy = read_policy(block("json", '"version"').encode())
    assert isinstance(policy, AccessPolicy)


def test_every_file_that_it_links_to_and_every_target_that_it_names_exists() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", README) + re.findall(r"-r (\S+)", README)
    assert "requirements.lock" in links
    assert [link for link in links if not (ROOT / link).exists()] == []
    targets = re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)
    assert "demo" in targets
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_the_exit_codes_are_those_of_the_commands() -> None:
    told = re.search(r"Exit codes: ((?:.|\n)*?)\.\n", README)
    assert told is not None
    assert [int(number) for number in re.findall(r"\b(\d) ", told[1])] == list(ExitCode)
