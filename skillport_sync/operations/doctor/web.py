"""Owns the asking over HTTP: one request, an answer of limited size, and in words why there is none.

Follows no redirect. Never repeats an address in what it says: one may carry a code or a state.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import orjson
from multidict import CIMultiDictProxy
from yarl import URL

WITHIN_S: Final = 10.0
"""As long as Claude waits for discovery, registration and tokens."""
_MAX_BODY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Mapping[str, object] | None:
        """The body as a JSON object; None where it is none."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return value if isinstance(value, dict) else None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    @property
    def error(self) -> str:
        """What went wrong, as far as the answer says: its status, and OAuth's word for it."""
        said = (self.json() or {}).get("error")
        return f"status {self.status}, {said[:60]}" if isinstance(said, str) else f"status {self.status}"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """``error`` ends a sentence."""

    error: str


class Web:
    """Asks through one session, whose cookies are the caller's business."""

    def __init__(self, session: aiohttp.ClientSession, within_s: float = WITHIN_S) -> None:
        self._session = session
        self._limits = aiohttp.ClientTimeout(total=within_s)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | NoAnswer:
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=form,
                json=json,
                headers=headers,
                allow_redirects=False,
                timeout=self._limits,
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > _MAX_BODY_BYTES:
                        return NoAnswer("the answer is larger than any of ours")
                return Answer(response.status, response.headers, bytes(body))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return NoAnswer(_why(error))


def why_not(error: OSError) -> str:
    """Why there is no connection, as the system says it; asyncio says it with the address, or with several."""
    return os.strerror(error.errno).lower() if error.errno else "no connection"


def _why(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as refused):
            return f"its certificate is not to be trusted: {refused.verify_message}"
        case aiohttp.ClientConnectorSSLError():
            return "it does not speak TLS there"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known here"
        case aiohttp.ClientConnectorError():
            return why_not(error)
        case TimeoutError():
            return f"no answer within {WITHIN_S:g} s"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            return "the connection ended in the middle"
        case _:
            return f"no answer that HTTP allows ({type(error).__name__})"
