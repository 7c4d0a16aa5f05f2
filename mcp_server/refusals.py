"""Owns how HTTP says no: ``{"error", "message", "code"}`` with a status, and the one table from errors to statuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import hdrs, web

from skillport_sync.errors import (
    Broken,
    Conflict,
    Denied,
    Invalid,
    Missing,
    SkillportError,
    Unauthenticated,
    Unavailable,
)

STATUS: Final[Mapping[type[SkillportError], int]] = {
    Invalid: 400,
    Unauthenticated: 401,
    Denied: 403,
    Missing: 404,
    Conflict: 409,
    Unavailable: 503,
    Broken: 500,
}
_NOT_NOW: Final = frozenset(
    {
        *("content_damaged", "database_damaged", "database_foreign", "database_newer"),
        *("github_answer_broken", "github_answer_too_large"),
    }
)
"""Codes of Broken that are said of what was found and not of this program: the next pull fetches what is damaged here anew, and
GitHub's next answer may be a whole one. Whoever asks may ask again."""
_AGAIN_IN_S: Final = 60.0


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """``error`` is the status in words, ``message`` what to do, ``code`` for machines."""
    body = {"error": HTTPStatus(status).phrase, "message": message, "code": code}
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)


def refused(error: SkillportError, headers: Mapping[str, str] | None = None) -> web.Response:
    """What an error is over HTTP, with the seconds to wait where waiting helps."""
    told = dict(headers or {})
    if isinstance(error, Unavailable):
        told[hdrs.RETRY_AFTER] = str(max(1, math.ceil(error.retry_after_s or 1)))
    elif is_not_now(error):
        told[hdrs.RETRY_AFTER] = str(math.ceil(_AGAIN_IN_S))
    return refusal(status_of(error), error.code, error.message, told)


def status_of(error: SkillportError) -> int:
    if is_not_now(error):
        return STATUS[Unavailable]
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def is_not_now(error: SkillportError) -> bool:
    """Whether it is Broken and yet something that passes. Somebody must look all the same: it belongs in the log."""
    return isinstance(error, Broken) and error.code in _NOT_NOW
