"""Owns ``POST /mcp`` as two targets, one for each era of the protocol: messages that are nearly right."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

from mcp_types import INTERNAL_ERROR

from tests.fuzz.house import House, open_house
from tests.fuzz.mutation import (
    as_json,
    odd_text,
    of,
    printable,
    spoiled_below,
    spoiled_bytes,
    spoiled_json,
    spoiled_text,
)
from tests.fuzz.target import Attempt, Target, WrongError, shown
from tests.fuzz.wire import LIMIT_S, Wire

EXPECTED: Final = frozenset({200, 202, 400, 401, 404, 413, 415})
MODERN, LEGACY = "2026-07-28", "2025-11-25"
ENVELOPE: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"roots": {}},
    "io.modelcontextprotocol/clientInfo": {"name": "fuzz", "version": "1"},
}
WRITING: Final = "skill://acme/skills/writing/release-notes/SKILL.md"
ARGUMENTS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"operation": "list", "query": "notes for a release", "limit": 3},
    {"operation": "list", "surface": "CC", "plugin": "writing", "category": "writing"},
    {"operation": "fetch", "skill": "release-notes"},
    {"operation": "fetch", "skill": "data/csv-profile", "paths": ["SKILL.md", "scripts/profile.py"]},
    {"operation": "fetch", "skill": "brand-kit@acme/skills", "paths": ["assets/logo.png"]},
    {"operation": "fetch", "skill": "release-notes", "version": "1.0.0"},
    {"operation": "version", "skill": "release-notes"},
    {"operation": "version", "installed": [{"name": "writing/release-notes", "version": "0.1.0"}, {"name": "x"}]},
    {"operation": "install", "skill": "review", "target": "package"},
    {"operation": "auth", "purpose": "scripts"},
    {"operation": "whoami"},
)  # fmt: skip
REQUESTS: Final[tuple[tuple[str, Any], ...]] = (
    *(("tools/call", {"name": "skillport", "arguments": arguments}) for arguments in ARGUMENTS * 2),
    ("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "fuzz", "version": "1"}}),
    ("ping", {}),
    ("tools/list", {}),
    ("tools/list", {"cursor": "x"}),
    ("server/discover", {}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": WRITING}),
    ("resources/directory/read", {"uri": WRITING.rpartition("/")[0]}),
    ("skills/list", {}),
    ("skills/get", {"uri": WRITING}),
    ("notifications/initialized", {}),
    ("logging/setLevel", {"level": "debug"}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}}),
)
WORDS: Final = (
    "skillport", "operation", "list", "fetch", "version", "install", "auth", "whoami", "query", "skill", "paths", "cursor",
    "limit", "installed",
    "name", "arguments", "tools/call", "resources/read", "_meta", "2.0", MODERN, LEGACY, "release-notes",
    "writing/release-notes", WRITING,
    "skill://acme/skills/", "file:///etc/passwd", *ENVELOPE, base64.urlsafe_b64encode(b'[1,"x",[2]]').decode(),
)  # fmt: skip


def targets() -> list[Target]:
    return [
        Target("mcp-handshake", 8_000, LIMIT_S, _opened(legacy)),
        Target("mcp-modern", 8_000, LIMIT_S, _opened(modern)),
    ]


Request = Callable[[Random], tuple[Any, dict[str, str]]]
"""A message and the headers of its era."""


def legacy(rng: Random) -> tuple[Any, dict[str, str]]:
    method, params = of(rng, REQUESTS)
    return _message(rng, method, dict(params)), {"MCP-Protocol-Version": LEGACY}


def modern(rng: Random) -> tuple[Any, dict[str, str]]:
    method, params = of(rng, REQUESTS)
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    for key in ("name", "uri"):
        if key in params:
            headers["Mcp-Name"] = str(params[key])
    return _message(rng, method, {"_meta": ENVELOPE, **params}), headers


def _message(rng: Random, method: str, params: dict[str, Any]) -> Any:
    kind = rng.random()
    if kind < 0.45 and params.get("arguments"):
        params = spoiled_below(rng, params, "arguments", WORDS)
    elif kind < 0.6 and "uri" in params:
        params["uri"] = spoiled_text(rng, params["uri"])
    elif kind < 0.7:
        params = spoiled_json(rng, params, WORDS)
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": rng.randrange(1_000), "method": method, "params": params}
    if method.startswith("notifications/"):
        del message["id"]
    if 0.7 <= kind < 0.95:
        message = spoiled_json(rng, message, WORDS)
    return [message, message] if rng.random() < 0.01 else message


def _opened(request: Request) -> Callable[[Path], AbstractAsyncContextManager[Attempt]]:
    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Attempt]:
        async with open_house(folder) as house:
            wire = Wire(house.url)

            async def attempt(rng: Random) -> None:
                await call(rng, wire, house, request)

            yield attempt
            await wire.close()

    return opened


async def call(rng: Random, wire: Wire, house: House, request: Request) -> None:
    message, headers = request(rng)
    token = house.reader if rng.random() < 0.9 else house.editor
    headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if rng.random() < 0.12:
        headers = _spoiled_headers(rng, headers)
    if rng.random() < 0.1:
        headers["Accept"] = rng.choice(("text/event-stream", "application/json, text/event-stream", "*/*", ""))
    body = as_json(rng, message)
    if rng.random() < 0.05:
        body = spoiled_bytes(rng, body)
    answer = await wire.ask("POST", "/mcp", [*headers.items()], body, expected=EXPECTED)
    if answer.kind == "application/json" and answer.body:
        said = answer.json
        error = said.get("error") if isinstance(said, dict) else None
        if isinstance(error, dict) and error.get("code") == INTERNAL_ERROR:
            raise WrongError(f"{error} to {shown(body)} with {shown(headers)}")
        if token == house.reader and b"quarter-close" in answer.body and b"quarter-close" not in body:
            raise WrongError(f"a reader is told of what they may not read: {shown(answer.body)} to {shown(body)}")


def _spoiled_headers(rng: Random, headers: dict[str, str]) -> dict[str, str]:
    made = dict(headers)
    name = str(of(rng, [*made, "Mcp-Session-Id", "Last-Event-ID", "Mcp-Name", "X-Forwarded-For", "traceparent"]))
    match rng.randrange(4):
        case 0:
            made.pop(name, None)
        case 1:
            made[name] = printable(odd_text(rng))
        case 2:
            made[name] = str(of(rng, WORDS))
        case _:
            made[name.swapcase()] = printable(odd_text(rng))
    return made
