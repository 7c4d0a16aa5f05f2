"""Owns the reading of a request's body: no larger and no slower than was agreed. Never looks at what it says."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from mcp_server.refusals import refusal

BODY_TIMEOUT_S: Final = 30.0


async def read_body(request: web.Request, limit: int) -> bytes | web.Response:
    """The whole body, or the refusal of one that is larger than ``limit`` bytes, too slow or garbled."""
    content = request.content
    if (request.content_length or 0) > limit:
        return _too_large(limit)
    chunks = bytearray()
    try:
        if content.is_eof():
            # It came with its headers, as nearly all do: neither a wait nor a timer.
            body = content.read_nowait()
            return body if len(body) <= limit else _too_large(limit)
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while chunk := await content.readany():
                chunks += chunk
                if len(chunks) > limit:
                    return _too_large(limit)
    except web.RequestPayloadError:
        return refusal(400, "body_garbled", "The body is not what its Content-Encoding says.")
    except TimeoutError:
        return refusal(408, "body_too_slow", f"The body did not arrive within {BODY_TIMEOUT_S:.0f} seconds.")
    return bytes(chunks)


def _too_large(limit: int) -> web.Response:
    return refusal(413, "body_too_large", f"A message may be {limit:,} bytes long.")
