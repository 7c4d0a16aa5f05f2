"""Owns the sign-in through Claude Code: ``claude mcp login`` at a terminal, ``claude mcp list``, ``claude mcp logout``.

No model is asked anything, so no tool is called by it: that call is made with the token that it keeps.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.clients.checks import Bench, Finished, Result
from tests.clients.claude_code import CALM, SERVER
from tests.clients.conversation import conversation
from tests.clients.person import ASKS, Stuck
from tests.clients.signing_in import ADA, CLAUDE_CODE_DOCUMENT, SigningIn, signing_in
from tests.clients.story import TOOL, Kept, Looked, Story, Way
from tests.clients.terminal import in_terminal


@dataclass(frozen=True, slots=True)
class ClaudeCode:
    """A ``Peer``; its memory is its HOME."""

    bench: Bench
    there: SigningIn
    forgets: bool = True

    async def look(self, memory: Path) -> Looked:
        if not (memory / ".claude.json").exists():
            await self._claude(memory, "add", "--scope", "user", "--transport", "http", SERVER, self.there.url)
        listed = await self._claude(memory, "list")
        if "✔ Connected" in listed.out:
            return await self._looked(memory, 0)
        if "Needs authentication" not in listed.out:
            return Looked(None, (), 0, why=f"{listed.out}; {listed.why}")
        why = await self._log_in(memory)
        if isinstance(why, Stuck):
            return Looked(None, (), 1, why)
        listed = await self._claude(memory, "list")
        if "✔ Connected" in listed.out:
            return await self._looked(memory, 1)
        return Looked(None, (), 1, why=f"{why}; {listed.out}; {listed.why}")

    def kept(self, memory: Path) -> Kept:
        stored = json.loads((memory / ".claude" / ".credentials.json").read_text())["mcpOAuth"]
        (one,) = (each for each in stored.values() if each.get("accessToken"))
        return Kept(one["clientId"], one["accessToken"], one["refreshToken"])

    async def log_out(self, memory: Path) -> str:
        done = await self._claude(memory, "logout", SERVER)
        assert done.code == 0, done.why
        return "`claude mcp logout`"

    async def _looked(self, memory: Path, asked: int) -> Looked:
        """Being connected is having listed the tools."""
        return Looked(await self.there.whoami(self.kept(memory).access_token), (TOOL,), asked)

    async def _log_in(self, memory: Path) -> str | Stuck:
        command = in_terminal([self.bench.package.command("claude"), "mcp", "login", SERVER, "--no-browser"])
        asked = False
        async with conversation(command, memory, self._environ(memory)) as claude:
            try:
                async for line in claude.lines():
                    if not asked and (found := ASKS.search(line)):
                        asked = True
                        end = await ADA.sign_in_and_return(found[0])
                        if isinstance(end, Stuck):
                            return end
                    if "Authenticated with" in line:
                        break
            except TimeoutError:
                return f"it does not go on; {claude.why}"
            await claude.process.wait()
            return claude.why

    async def _claude(self, memory: Path, *words: str) -> Finished:
        command = [self.bench.package.command("claude"), "mcp", *words]
        return await self.bench.run(command, folder=memory, **self._environ(memory))

    def _environ(self, memory: Path) -> dict[str, str]:
        return {**self.bench.environ, **CALM, "HOME": str(memory)}


async def check(name: str, bench: Bench) -> AsyncIterator[Result]:
    """The story, by its document and, where none is announced, by registration."""
    ways: tuple[tuple[Way, bool], ...] = (("CIMD", True), ("DCR", False))
    for way, announced in ways:
        folder = bench.folder / way
        async with signing_in(folder / "company", announces_documents=announced) as there:
            story = Story(name, way, ClaudeCode(bench, there), there, folder, document=CLAUDE_CODE_DOCUMENT)
            async for result in story.told():
                yield result
    why = "the web is not reachable from here: the service is told what stands at that address"
    yield Result(name, "CIMD", "its document is got from claude.ai", "skipped", why)
