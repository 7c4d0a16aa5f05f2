"""Owns the checks through Claude Code: added as the README says, it connects, in both eras. No model is asked anything."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from tests.clients.checks import LEGACY, MODERN, Bench, Finished, Result

SERVER = "skillport"
CALM = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
"""It calls nobody but whom it is told to."""


async def check(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``claude mcp add``, then ``claude mcp list``: left to itself, told to stay with the handshake, with a wrong token."""
    token = bench.company.token
    added = await _add(bench, token)
    if added.code != 0:
        yield Result(name, MODERN, "claude mcp add", "failed", added.why)
        return
    for era, environ in ((MODERN, {}), (LEGACY, {"MCP_PROTOCOL_NEGOTIATION": "legacy"})):
        listed = await _claude(bench, "list", **environ)
        spoken = _spoken(bench)
        if "✔ Connected" in listed.out and spoken == era:
            yield Result(name, era, "claude mcp add, claude mcp list", "passed", f"connected, speaks {spoken}")
        else:
            yield Result(name, era, "claude mcp list", "failed", f"speaks {spoken}; {listed.out.strip()}; {listed.why}")
    await _claude(bench, "remove", SERVER)
    await _add(bench, f"{token}x")
    refused = await _claude(bench, "list")
    if f"{SERVER}:" in refused.out and "✔ Connected" not in refused.out:
        yield Result(name, MODERN, "a wrong token is refused", "passed")
    else:
        yield Result(name, MODERN, "a wrong token is refused", "failed", f"{refused.out.strip()}; {refused.why}")


async def _add(bench: Bench, token: str) -> Finished:
    words = ("--transport", "http", SERVER, bench.company.url, "--header", f"Authorization: Bearer {token}")
    return await _claude(bench, "add", *words)


async def _claude(bench: Bench, *words: str, **environ: str) -> Finished:
    return await bench.run([bench.package.command("claude"), "mcp", *words], **CALM, **environ)


def _spoken(bench: Bench) -> str | None:
    """The protocol version of the last connection, as Claude Code's own log of it says."""
    logs = sorted(bench.folder.glob(f".cache/claude-cli-nodejs/*/mcp-logs-{SERVER}/*.jsonl"))
    marker, spoken = "Connection established with capabilities: ", None
    for line in logs[-1].read_text().splitlines() if logs else ():
        _, found, facts = str(json.loads(line).get("debug", "")).partition(marker)
        if found:
            spoken = json.loads(facts).get("negotiatedProtocolVersion")
    return spoken
