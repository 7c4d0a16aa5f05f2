"""Owns the recognition of the usual message: a well-formed ``tools/call`` of our one tool, in either era of the protocol.

What it recognises, the SDK's kernel would accept too and run; about everything else it says nothing, and the kernel decides.
Envelope of 2026-07-28: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
)
from mcp_types.methods import validate_client_request
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION
from multidict import CIMultiDictProxy, istr
from pydantic import ValidationError

from mcp_server.announced import TOOL_NAME

VERSION_HEADER: Final = istr("MCP-Protocol-Version")
METHOD_HEADER: Final = istr("Mcp-Method")
NAME_HEADER: Final = istr("Mcp-Name")

_METHOD: Final = "tools/call"
_PARAMS: Final = frozenset({"name", "arguments", "_meta"})
_HANDSHAKE: Final = frozenset(HANDSHAKE_PROTOCOL_VERSIONS)
_MAX_ENVELOPES: Final = 1024
_MAX_ENVELOPE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class UsualCall:
    """A call that will be run. ``modern``: the answer is in the words of 2026-07-28."""

    request_id: int | str
    arguments: Mapping[str, object]
    modern: bool


class Recogniser:
    """Remembers the envelopes it has had checked: a client sends the same one with every request."""

    def __init__(self) -> None:
        self._valid: set[bytes] = set()

    def recognise(self, message: object, headers: CIMultiDictProxy[str]) -> UsualCall | None:
        """The call, or None for anything out of the ordinary."""
        if type(message) is not dict or len(message) != 4 or message.get("method") != _METHOD:
            return None
        request_id = message.get("id")
        params = message.get("params")
        if isinstance(request_id, bool) or not isinstance(request_id, int | str):
            return None
        if message.get("jsonrpc") != "2.0" or type(params) is not dict:
            return None
        arguments = params.get("arguments", {})
        if params.get("name") != TOOL_NAME or type(arguments) is not dict or not params.keys() <= _PARAMS:
            return None
        meta = params.get("_meta", {})
        if type(meta) is not dict or type(meta.get("progressToken", 0)) not in (int, str):
            return None
        version = headers.get(VERSION_HEADER)
        modern = version == LATEST_MODERN_VERSION
        if modern:
            if not (_routed(headers) and meta.get(PROTOCOL_VERSION_META_KEY) == version and self._accepts(meta)):
                return None
        elif PROTOCOL_VERSION_META_KEY in meta or (version is not None and version not in _HANDSHAKE):
            return None
        return UsualCall(request_id, arguments, modern)

    def _accepts(self, meta: dict[str, object]) -> bool:
        """Whether the SDK takes what the client says of itself. Other keys of ``_meta`` are anybody's."""
        if CLIENT_CAPABILITIES_META_KEY not in meta:
            return False
        said = (meta[CLIENT_CAPABILITIES_META_KEY], meta.get(CLIENT_INFO_META_KEY), meta.get(LOG_LEVEL_META_KEY))
        try:
            key = orjson.dumps(said)
        except orjson.JSONEncodeError:  # nested too deep
            return False
        if key in self._valid:
            return True
        if len(key) > _MAX_ENVELOPE_BYTES:
            return False
        try:
            validate_client_request(_METHOD, LATEST_MODERN_VERSION, {"name": TOOL_NAME, "_meta": meta})
        except ValidationError:
            return False
        if len(self._valid) >= _MAX_ENVELOPES:
            self._valid.clear()
        self._valid.add(key)
        return True


def _routed(headers: CIMultiDictProxy[str]) -> bool:
    """The headers that say the same as the body, each once."""
    return (
        headers.getall(METHOD_HEADER, None) == [_METHOD]
        and headers.getall(NAME_HEADER, None) == [TOOL_NAME]
        and len(headers.getall(VERSION_HEADER)) == 1
    )
