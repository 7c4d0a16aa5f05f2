"""Owns what the clients talk to: the example marketplace on a stand-in GitHub, mirrored by the real service; and what is true.

Two services mirror it, each on a port of its own: one that asks for a token, and one that asks for none, on loopback, for the
conformance suite, which can send none.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from skillport_sync import template
from skillport_sync.config import load
from skillport_sync.reports import TokenRequest
from skillport_sync.serve import Service, serving
from skillport_sync.standin import File, StandInGitHub

REPOSITORY = "acme/skills"
GITHUB_TOKEN = "token-of-the-clients"
READER, EDITOR = "test:reader", "test:editor"
TEXT = ("csv-profile", "plugins/data/skills/csv-profile", "scripts/profile.py")
BINARY = ("brand-kit", "plugins/brand/skills/brand-kit", "assets/logo.png")
STARTS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class FileTruth:
    """One file of the marketplace, as it was committed."""

    skill: str
    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What every client must find out through the tool."""

    tool: str
    person: str
    commit: str
    skills: tuple[str, ...]
    hidden: str
    text: FileTruth
    binary: FileTruth

    @property
    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Company:
    """A running company: where to knock, with which token, and what is true."""

    url: str
    token: str
    open_url: str
    truth: Truth


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    """Both services, in step with the repository, until left. Their files are in ``folder``."""
    async with AsyncExitStack() as stack:
        github = StandInGitHub()
        api_url = await github.start()
        stack.push_async_callback(github.close)
        github.accept_token(GITHUB_TOKEN)
        repository = github.create_repository(REPOSITORY)
        files = template.files(editors=[EDITOR])
        commit = repository.commit(
            {path: File(file.content, executable=file.executable) for path, file in files.items()}
        )
        guarded, unguarded = [
            await stack.enter_async_context(serving(load(_config(folder / mode, api_url, mode), {})))
            for mode in ("token", "none")
        ]
        async with asyncio.timeout(STARTS_WITHIN_S):
            for service in (guarded, unguarded):
                await _in_step(service)
        made = await guarded.operator.create_token(TokenRequest(READER, "the clients"))
        yield Company(f"{guarded.url}/mcp", made.token, f"{unguarded.url}/mcp", _truth(files, commit))


def _truth(files: dict[str, template.TemplateFile], commit: str) -> Truth:
    def of(skill: str, directory: str, path: str) -> FileTruth:
        content = files[f"{directory}/{path}"].content
        return FileTruth(skill, path, len(content), hashlib.sha256(content).hexdigest())

    skills = ("brand-kit", "csv-profile", "minutes", "plain-language", "release-notes", "review")
    return Truth("skillport", READER, commit, skills, "quarter-close", of(*TEXT), of(*BINARY))


async def _in_step(service: Service) -> None:
    for mirrored in service.parts.marketplaces.values():
        await mirrored.loop.settled()


def _config(folder: Path, api_url: str, mode: str) -> Path:
    folder.mkdir()
    (folder / "github-token").touch(0o600)
    (folder / "github-token").write_text(GITHUB_TOKEN)
    path = folder / "config.toml"
    origins = '["http://127.0.0.1:*"]' if mode == "none" else "[]"  # the suite comes as a page of its own would
    path.write_text(
        f"""\
data_dir = "data"
[server]
port = 0
allowed_origins = {origins}
[[marketplaces]]
repository = "{REPOSITORY}"
[github]
api_url = "{api_url}"
token_file = "github-token"
[auth]
mode = "{mode}"
"""
    )
    return path
