"""Owns the form of what passes through the control socket: names, limits, and how an error crosses to the other process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from skillport_sync.errors import (
    Broken,
    Conflict,
    Denied,
    Invalid,
    Missing,
    RateLimited,
    SkillportError,
    Unauthenticated,
    Unavailable,
)
from skillport_sync.reports import JsonObject

LINES: Final = "application/x-ndjson"
MAX_REQUEST_BYTES: Final = 1024 * 1024
MAX_LINE_BYTES: Final = 16 * 1024 * 1024
HEARTBEAT_S: Final = 5.0
"""An empty line is sent this often while there is nothing to say, so that silence means that nobody is there."""
SILENCE_S: Final = 30.0
"""How long the asking side listens to silence."""

_KINDS: dict[str, type[SkillportError]] = {
    kind.default_code: kind
    for kind in (Invalid, Unauthenticated, Denied, Missing, Conflict, Unavailable, RateLimited, Broken)
}
STATUS: Mapping[type[SkillportError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Denied: 403,
    Missing: 404,
    Conflict: 409,
    Unavailable: 503,
    RateLimited: 503,
    Broken: 500,
}


def line_of(value: JsonObject) -> bytes:
    return orjson.dumps(value) + b"\n"


def error_to_json(error: SkillportError) -> JsonObject:
    """An error as the other side can raise it again."""
    return {
        "kind": next((name for name, kind in reversed(_KINDS.items()) if isinstance(error, kind)), Broken.default_code),
        "code": error.code,
        "message": error.message,
        "retry_after_s": error.retry_after_s if isinstance(error, Unavailable) else None,
    }


def error_from_json(value: object) -> SkillportError:
    """The error that ``error_to_json`` described; ``Broken`` where it cannot be understood."""
    if not isinstance(value, dict):
        return Broken("the service failed in a way that it could not describe; its log has the story")
    kind = _KINDS.get(str(value.get("kind")), Broken)
    code, message, retry_after_s = str(value.get("code")), str(value.get("message")), value.get("retry_after_s")
    if issubclass(kind, Unavailable):
        wait_s = float(retry_after_s) if isinstance(retry_after_s, int | float) else None
        return kind(message, code=code, retry_after_s=wait_s)
    return kind(message, code=code)
