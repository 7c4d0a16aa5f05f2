"""Owns the id of an HTTP request: every line that is logged while it is answered carries it, as ``request_id``.

A proxy's own id is kept, where it is one that may stand in a log. What was answered well carries it only where it was sent:
nobody else looks for it.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final

from aiohttp import web
from multidict import istr
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OnRefused = Callable[[str, str], None]
"""Told of every request that a route answered with 400 or above: the route's pattern, and the status. Returns at once, never
raises."""

HEADER: Final = istr("X-Request-Id")
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+/@:-]{0,127}").fullmatch

# structlog's own variable of that name, set directly: `bind_contextvars` takes ten times as long, and this is on the way of every
# answer. A connection's next request sets it anew.
_request_id: Final[ContextVar[str]] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
_REFUSED: Final = 400
_process: Final = secrets.token_hex(4)
_numbers: Final = itertools.count(1)


def unheard(route: str, status: str) -> None:
    """The ``OnRefused`` of a listener that nobody counts for."""


def with_request_id(route: str, handler: Handler, on_refused: OnRefused = unheard) -> Handler:
    """``handler``, with an id of its own for each request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        given = request.headers.get(HEADER)
        if given is not None and _WELL_FORMED(given):
            request_id = given
        else:
            given, request_id = None, f"{_process}-{next(_numbers)}"
        _request_id.set(request_id)
        try:
            response = await handler(request)
        except web.HTTPException as refused:
            on_refused(route, str(refused.status))
            refused.headers[HEADER] = request_id
            raise
        refused_with = response.status
        if refused_with >= _REFUSED:
            on_refused(route, str(refused_with))
        elif given is None:
            return response
        if not response.prepared:
            response.headers[HEADER] = request_id
        return response

    return handle
