"""Owns the clients that are libraries: a script for each SDK, which keeps what it gets in one file and asks for a person."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tests.clients.checks import Bench, Result
from tests.clients.conversation import conversation
from tests.clients.person import Person, Stuck
from tests.clients.signing_in import ADA, DOCUMENT, SigningIn, signing_in
from tests.clients.story import TOOL, Kept, Looked, Story, Way

PYTHON = Path(__file__).parent / "scripts" / "python_sdk.py"
MJS = Path(__file__).parent / "mjs"


@dataclass(frozen=True, slots=True)
class Scripted:
    """A ``Peer``: ``command`` is told the file it keeps everything in."""

    command: Sequence[str | Path]
    environ: Mapping[str, str]
    there: SigningIn
    way: Way
    forgets: bool
    person: Person = ADA

    async def look(self, memory: Path) -> Looked:
        told = {
            "url": self.there.url,
            "document": DOCUMENT if self.way == "CIMD" else None,
            "tool": TOOL,
            "ahead_s": self.there.clock.ahead_s,
        }
        asked, why = 0, ""
        environ = {**self.environ, "COMPANY": json.dumps(told)}
        async with conversation([*self.command, _file(memory)], memory, environ) as client:
            try:
                async for line in client.lines():
                    said = json.loads(line) if line.startswith("{") else {}
                    if "open" in said:
                        asked += 1
                        end = await self.person.sign_in(said["open"])
                        if isinstance(end, Stuck):
                            return Looked(None, (), asked, end)
                        await client.answer(json.dumps({"came_back": end.address}))
                    elif "looked" in said:
                        return Looked(said["looked"]["person"], tuple(said["looked"]["tools"]), asked)
            except TimeoutError:
                why = "it did not end; "
            return Looked(None, (), asked, why=why + client.why)

    def kept(self, memory: Path) -> Kept:
        kept = json.loads(_file(memory).read_text())
        return Kept(kept["client"]["client_id"], kept["tokens"]["access_token"], kept["tokens"]["refresh_token"])

    async def log_out(self, memory: Path) -> str:
        kept = self.kept(memory)
        for token in (kept.refresh_token, kept.access_token):
            assert await self.there.revoke(kept.client_id, token) == 200
        return "the SDK cannot: /oauth/revoke asked in its name"


async def python_sdk(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``mcp.client.auth``, in a process of its own."""
    async for result in _told(name, bench, [sys.executable, PYTHON], forgets=False):
        yield result


async def typescript_1(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``@modelcontextprotocol/sdk``."""
    async for result in _told(name, bench, _node(bench, "sign_in_1.mjs")):
        yield result


async def typescript_2(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``@modelcontextprotocol/client``."""
    async for result in _told(name, bench, _node(bench, "sign_in_2.mjs")):
        yield result


def _node(bench: Bench, script: str) -> list[Path]:
    # Node looks for packages upwards from a script, not from where it is started: so the scripts go where the package is.
    for file in MJS.glob("*.mjs"):
        shutil.copy(file, bench.package.folder)
    return [bench.node.binary, bench.package.folder / script]


async def _told(
    name: str, bench: Bench, command: Sequence[str | Path], *, forgets: bool = True
) -> AsyncIterator[Result]:
    for way in get_args(Way):
        folder = bench.folder / way
        async with signing_in(folder / "company") as there:
            peer = Scripted(command, bench.environ, there, way, forgets)
            async for result in Story(name, way, peer, there, folder).told():
                yield result


def _file(memory: Path) -> Path:
    return memory / "kept.json"
