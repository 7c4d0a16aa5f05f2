"""Owns how a body is read from somebody who proved nothing: not too long, not too slow, and unpacked for nobody."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import hdrs, web

from mcp_server.oauth import parameters
from mcp_server.oauth.parameters import Garbled, Parameters

FORM_BYTES: Final = 16 * 1024
BODY_TIMEOUT_S: Final = 10.0

_FORM: Final = "application/x-www-form-urlencoded"


async def read(request: web.Request, limit_bytes: int) -> bytes | Garbled:
    """The whole body."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        return Garbled("Send the body as it is, not compressed.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > limit_bytes:
                    return Garbled(f"Send at most {limit_bytes:,} bytes.")
    except web.RequestPayloadError:
        return Garbled("The body ended early, or its framing is broken.")
    except TimeoutError:
        return Garbled(f"The body did not arrive within {BODY_TIMEOUT_S:.0f} seconds.")
    return bytes(body)


async def read_form(request: web.Request) -> Parameters | Garbled:
    """The parameters of a form."""
    if request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower() != _FORM:
        return Garbled(f"Send Content-Type: {_FORM}.")
    body = await read(request, FORM_BYTES)
    return body if isinstance(body, Garbled) else parameters.of_form(body)


def read_query(request: web.Request) -> Parameters | Garbled:
    """The parameters of the address, as it stood on the wire."""
    return parameters.of_query(request.raw_path.partition("?")[2].partition("#")[0])
