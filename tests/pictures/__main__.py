"""Owns which pictures the documents show, and takes them anew: ``python -m tests.pictures [NAME …]``.

Terminals are photographed while the real commands run, against a stand-in GitHub, in ``/srv/skillport``, which must not be there
before and is not there afterwards: paths are part of what people see. The sign-in page takes a Chromium on the path.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.text import Text

from skillport_sync import template
from skillport_sync.standin import File, Repository, StandInGitHub
from tests.e2e.test_pages_in_chromium import take_pictures
from tests.pictures.terminal import Ended, svg, typed

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / "docs" / "images"
FOLDER: Final = Path("/srv/skillport")
SCENES: Final = (
    "Skillport Sync",
    "First sync",
    "Questions",
    "A push",
    "A lost webhook",
    "A broken policy file",
    "GitHub goes down",
    "Done",
)
"""What is shown of the demo, each whole; ⋯ stands where some are left out."""
LEFT_OUT: Final = "⋯"
SOON_S: Final = 30.0
TOKEN: Final = "token-of-the-picture"
PLUGIN: Final = "plugins/writing"
CONFIG: Final = """\
data_dir = "data"
[[marketplaces]]
repository = "acme/skills"
[github]
token_file = "github-token"
webhook_secret_files = ["webhook-secret"]
[auth]
mode = "token"
"""
FAULTY: Final = {
    ".claude-plugin/marketplace.json": json.dumps(
        {
            "name": "acme-skills",
            "owner": {"name": "Acme"},
            "plugins": [
                {"name": "finance", "source": "./plugins/finance", "version": "1.0.0", "description": "Money."}
            ],
        }
    ),
    ".skillport/access.json": '{\n  "version": "1.0",\n  "defaults": {"read": "*", "write": "everyone"}\n}\n',
    "plugins/finance/skills/close/SKILL.md": "---\nname: close\ndescription: Closes the month.\n---\nBody\n",
    "plugins/finance/skills/invoices/SKILL.md": "---\nname: Invoices\ndescription: Reads <invoices>.\n---\nBody\n",
}
"""A marketplace with the slips that people make."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with a configuration, beside a stand-in GitHub that has the example marketplace."""

    repository: Repository
    environ: Mapping[str, str]

    async def types(self, command: str) -> Ended:
        return await typed(command, FOLDER, self.environ)


async def main() -> None:
    """Take those that were asked for. Raises: AssertionError where a command does not end as it should."""
    for name in _arguments():
        with _folder():
            await TAKEN[name](name)
        print(f"{name}: taken")


async def _demo(name: str) -> None:
    ended = await typed("make demo", ROOT, _environ())
    rows: list[Text] = []
    for empty, scene in groupby(ended.rows, key=lambda row: not row):
        first, *others = scene
        if empty:
            continue
        if first.plain.startswith(SCENES):
            rows += [*([Text()] if rows else []), first, *others]
        elif rows[-1].plain != LEFT_OUT:
            rows += [Text(), Text(LEFT_OUT, "dim")]
    _keep(name, [replace(ended, rows=rows)])


async def _first_sync(name: str) -> None:
    async with _desk({"contents": "read", "metadata": "read"}) as desk:
        _keep(name, [await desk.types("skillport-sync config check"), await desk.types("skillport-sync reconcile")])


async def _status(name: str) -> None:
    async with _desk({"contents": "read", "metadata": "read", "repository_hooks": "write"}) as desk:
        await desk.types("skillport-sync reconcile")
        async with _serving(desk) as happened:
            url = (await happened("service_started"))["url"]
            desk.repository.add_hook(f"{url}/webhooks/github", TOKEN, ["push", "repository", "pull_request"])
            await happened("head_confirmed")
            raised = desk.repository.read(f"{PLUGIN}/.claude-plugin/plugin.json").replace(b"1.2.0", b"1.3.0")
            text = desk.repository.read(f"{PLUGIN}/skills/release-notes/SKILL.md") + b"\nKeep it short.\n"
            files = {".claude-plugin/plugin.json": raised, "skills/release-notes/SKILL.md": text}
            await desk.repository.push(
                {f"{PLUGIN}/{path}": file for path, file in files.items()}, message="Keep it short"
            )
            await happened("snapshot_published")
            _keep(name, [await desk.types("skillport-sync status")])


async def _lint(name: str) -> None:
    for path, text in FAULTY.items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text)
    _keep(name, [await typed("skillport-sync lint", FOLDER, _environ())], code=1)


async def _pages(_: str) -> None:
    await take_pictures(PICTURES)


TAKEN: Final[Mapping[str, Callable[[str], Awaitable[None]]]] = {
    "demo": _demo,
    "first-sync": _first_sync,
    "status": _status,
    "lint": _lint,
    "consent": _pages,
}


def _keep(name: str, commands: Sequence[Ended], *, code: int = 0) -> None:
    rows: list[Text] = []
    for each in commands:
        said = "\n".join(row.plain for row in each.rows)
        assert each.code == code, said
        rows += [*([Text()] if rows else []), Text.assemble(("$ ", "green"), (each.command, "bold")), *each.rows]
    (PICTURES / f"{name}.svg").write_text(svg(rows, name))


@asynccontextmanager
async def _desk(permissions: Mapping[str, str]) -> AsyncIterator[Desk]:
    """``permissions``: what the configured token may do at GitHub."""
    async with AsyncExitStack() as stack:
        github = StandInGitHub()
        api_url = await github.start()
        stack.push_async_callback(github.close)
        github.accept_token(TOKEN, permissions=permissions)
        repository = github.create_repository("acme/skills")
        files = template.files(owner="acme", editors=["github:583231"]).items()
        repository.commit(
            {path: File(file.content, executable=file.executable) for path, file in files},
            message="The company's skills",
        )
        for secret in ("github-token", "webhook-secret"):
            (FOLDER / secret).touch(0o600)
            (FOLDER / secret).write_text(TOKEN)
        (FOLDER / "config.toml").write_text(CONFIG)
        yield Desk(repository, {**_environ(), "SKILLPORT_GITHUB__API_URL": api_url})


@asynccontextmanager
async def _serving(desk: Desk) -> AsyncIterator[Callable[[str], Awaitable[Mapping[str, str]]]]:
    """``skillport-sync serve``, as long as it lasts; gives what waits until its log tells of an event."""
    process = await asyncio.create_subprocess_exec(
        *("skillport-sync", "serve"),
        cwd=FOLDER,
        env={**desk.environ, "SKILLPORT_SERVER__PORT": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    log = process.stderr
    assert log is not None

    async def happened(event: str) -> Mapping[str, str]:
        async with asyncio.timeout(SOON_S):
            async for line in log:
                told: Mapping[str, str] = json.loads(line)
                if told["event"] == event:
                    return told
        raise AssertionError(f"the service ended without {event}")

    try:
        yield happened
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


@contextmanager
def _folder() -> Iterator[None]:
    FOLDER.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(FOLDER)


def _environ() -> Mapping[str, str]:
    return {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]), "HOME": str(FOLDER)}


def _arguments() -> Sequence[str]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.pictures", description="Takes the pictures of the documents."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these, of {', '.join(TAKEN)}")
    names: Sequence[str] = parser.parse_args().names
    if unknown := set(names) - set(TAKEN):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    return names or list(TAKEN)


if __name__ == "__main__":
    asyncio.run(main())
