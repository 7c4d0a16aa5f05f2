"""Owns the checks through mcp-remote: a bridge for clients that know only stdio. It signs in and keeps what it gets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tests.clients.checks import LEGACY, Bench, Result
from tests.clients.conversation import Conversation, conversation
from tests.clients.person import ASKS, Stuck
from tests.clients.signing_in import ADA, DOCUMENT, SigningIn, signing_in
from tests.clients.story import TOOL, Kept, Looked, Story, Way

_LISTENS = "Waiting for authorization"


@dataclass(frozen=True, slots=True)
class McpRemote:
    """A ``Peer``; its memory is the folder it keeps its files in."""

    bench: Bench
    there: SigningIn
    way: Way
    forgets: bool = True

    async def look(self, memory: Path) -> Looked:
        words = ["--client-metadata-url", DOCUMENT] if self.way == "CIMD" else []
        command = [self.bench.package.command("mcp-remote"), self.there.url, "--transport", "http-only", *words]
        environ = {**self.bench.environ, "MCP_REMOTE_CONFIG_DIR": str(memory)}
        asked, tools, address = 0, (), None
        async with conversation(command, memory, environ) as bridge:
            await _ask(bridge, 1, "initialize", _HELLO)
            try:
                async for line in bridge.lines():
                    if found := ASKS.search(line):
                        address = found[0]
                    # It says where to go before it listens for who comes back, and also where it then finds by itself that it is
                    # no client any more, and registers anew.
                    if address is not None and _LISTENS in line:
                        asked += 1
                        end = await ADA.sign_in_and_return(address)
                        address = None
                        if isinstance(end, Stuck):
                            return Looked(None, (), asked, end)
                    answer = json.loads(line) if line.startswith('{"') else {}
                    match answer.get("id"):
                        case 1:
                            await bridge.answer('{"jsonrpc":"2.0","method":"notifications/initialized"}')
                            await _ask(bridge, 2, "tools/list", {})
                        case 2:
                            tools = tuple(tool["name"] for tool in answer["result"]["tools"])
                            whoami = {"name": TOOL, "arguments": {"operation": "whoami"}}
                            await _ask(bridge, 3, "tools/call", whoami)
                        case 3:
                            return Looked(answer["result"]["structuredContent"]["id"], tools, asked)
            except TimeoutError:
                return Looked(None, tools, asked, why=f"it does not go on; {bridge.why}")
            return Looked(None, tools, asked, why=bridge.why)

    def kept(self, memory: Path) -> Kept:
        (tokens,) = (json.loads(file.read_text()) for file in memory.rglob("*_tokens.json"))
        clients = [json.loads(file.read_text())["client_id"] for file in memory.rglob("*_client_info.json")]
        client_id = DOCUMENT if self.way == "CIMD" else clients[0]
        return Kept(client_id, tokens["access_token"], tokens["refresh_token"])

    async def log_out(self, memory: Path) -> str:
        kept = self.kept(memory)
        for token in (kept.refresh_token, kept.access_token):
            assert await self.there.revoke(kept.client_id, token) == 200
        return "it cannot: /oauth/revoke asked in its name"


_HELLO = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "behind-a-bridge", "version": "1"}}


async def check(name: str, bench: Bench) -> AsyncIterator[Result]:
    """The story, by each way of being known."""
    for way in get_args(Way):
        folder = bench.folder / way
        async with signing_in(folder / "company") as there:
            async for result in Story(name, way, McpRemote(bench, there, way), there, folder).told():
                yield result


async def _ask(bridge: Conversation, number: int, method: str, params: object) -> None:
    await bridge.answer(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
