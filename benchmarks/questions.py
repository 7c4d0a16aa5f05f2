"""Owns the questions that are asked of ``/mcp``, in the words of both protocol eras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import orjson

from benchmarks.content import Size, skill_label

Arguments = dict[str, object]

QUESTIONS: Final[Mapping[str, Callable[[Size], Arguments]]] = {
    "list": lambda _: {"operation": "list"},
    "list, query": lambda _: {"operation": "list", "query": "quarter report", "limit": 20},
    "fetch": lambda size: {"operation": "fetch", "skill": skill_label(size, 0)},
    "fetch, paths": lambda size: {"operation": "fetch", "skill": skill_label(size, 1), "paths": ["SKILL.md"]},
    "version": lambda size: {"operation": "version", "skill": skill_label(size, 2)},
    "version, installed": lambda size: {
        "operation": "version",
        "installed": [{"name": skill_label(size, 3), "version": "1.0.0"}],
    },
    "whoami": lambda _: {"operation": "whoami"},
}

_MODERN: Final = "2026-07-28"
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "benchmarks", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_COMMON: Final = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

Call = tuple[dict[str, str], bytes]
"""Headers and body."""


def modern(arguments: Arguments, *, odd: bool = False) -> Call:
    """A call as clients of 2026-07-28 make it. ``odd``: with a key too many, which every server ignores, so that it is answered
    but does not look like the usual message."""
    headers = {"MCP-Protocol-Version": _MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "skillport"}
    params = {"name": "skillport", "arguments": arguments, "_meta": _META}
    return {**_COMMON, **headers}, message("tools/call", params, odd=odd)


def legacy(arguments: Arguments, *, odd: bool = False) -> Call:
    """The same of 2025-11-25, without a handshake before."""
    params = {"name": "skillport", "arguments": arguments}
    return {**_COMMON, "MCP-Protocol-Version": "2025-11-25"}, message("tools/call", params, odd=odd)


def modern_tools() -> Call:
    """``tools/list`` of 2026-07-28."""
    return {**_COMMON, "MCP-Protocol-Version": _MODERN, "Mcp-Method": "tools/list"}, message(
        "tools/list", {"_meta": _META}
    )


def legacy_tools() -> Call:
    return {**_COMMON, "MCP-Protocol-Version": "2025-11-25"}, message("tools/list", {})


def message(method: str, params: Mapping[str, object], *, odd: bool = False) -> bytes:
    """The body of any request."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return orjson.dumps({**body, "odd": True} if odd else body)
