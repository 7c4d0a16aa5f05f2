"""Owns every request to an identity provider: limits of time and size, no redirects, no cookies, and what failure means.

All of them leave through the session that is handed in, those of authlib's client too, which writes and reads the messages but
opens no connection itself. Whether a proxy is used is thus decided once, where that session is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import httpx2
import orjson
import structlog
from yarl import URL

from mcp_server.identity.failures import failing, nonsense, unreachable
from skillport_sync import __version__
from skillport_sync.ports import Clock

log = structlog.get_logger(__name__)

TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 512 * 1024
"""Entra's signing keys, the largest document that is read, are some 20 kB."""

Document = Mapping[str, object]
"""A JSON object, not checked any further."""

_SENT: Final = ("accept", "authorization", "content-type")
"""The headers of a request that authlib writes. The rest is the connection's own business."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whatever its status. ``headers`` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport(httpx2.AsyncBaseTransport):
    """Asks one identity provider, which messages call ``title``."""

    def __init__(
        self, session: aiohttp.ClientSession, clock: Clock, *, title: str, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.title = title
        self._session = session
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def get(
        self, url: str, *, what: str, authorization: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """``what`` is asked for, in the words of a message. Raises: Unavailable, where no whole answer came."""
        sent = {"accept": "application/json", **(headers or {})}
        if authorization:
            sent["authorization"] = authorization
        return await self._exchange("GET", url, sent, b"", what)

    async def document(self, url: str, *, what: str, authorization: str = "") -> Document:
        """A JSON object, answered with 200. Raises: Unavailable."""
        answer = await self.get(url, what=what, authorization=authorization)
        if answer.status != 200:
            raise failing(self.title, what, answer.status)
        return self.parsed(answer, what=what)

    def parsed(self, answer: Answer, *, what: str) -> Document:
        """The JSON object in an answer. Raises: Unavailable."""
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise nonsense(self.title, what, "it is no JSON object")
        return document

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """What authlib's client sends through."""
        headers = {name: request.headers[name] for name in _SENT if name in request.headers}
        answer = await self._exchange(request.method, str(request.url), headers, await request.aread(), "a token")
        kind = answer.headers.get("content-type", "application/json")
        return httpx2.Response(answer.status, headers={"content-type": kind}, content=answer.body)

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes, what: str) -> Answer:
        began_s = self._clock.monotonic_s()
        status = None
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers={"user-agent": f"skillport-sync/{__version__}", "accept-encoding": "identity", **headers},
                data=body or None,
                allow_redirects=False,
                raise_for_status=False,
                timeout=self._timeout,
            ) as response:
                status = response.status
                # Unasked for: a small answer that unpacks into a large one would be counted only once it is in memory.
                if response.headers.get("content-encoding", "identity").lower() != "identity":
                    raise nonsense(self.title, what, "it is compressed")
                return Answer(
                    status, {k.lower(): v for k, v in response.headers.items()}, await self._read(response, what)
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Not chained: some of aiohttp's errors carry the request, its Authorization included, in their repr.
            raise unreachable(self.title, _why(error)) from None
        finally:
            log.debug(
                "provider_asked",
                provider=self.title,
                what=what,
                status=status,
                duration_ms=round((self._clock.monotonic_s() - began_s) * 1000, 1),
            )

    async def _read(self, response: aiohttp.ClientResponse, what: str) -> bytes:
        """The body, never held beyond its limit: what a header announces is not believed."""
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise nonsense(self.title, what, f"it is larger than {MAX_ANSWER_BYTES} bytes")
        return bytes(body)


def _why(error: Exception) -> str:
    """Why there was no answer, in words that hold no address and no header."""
    match error:
        case TimeoutError():
            return "it took too long"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not trusted here"
        case aiohttp.ClientConnectorDNSError():
            return "its name could not be resolved"
        case aiohttp.ClientConnectorError():
            return "no connection could be made"
        case _:
            return f"the connection was cut ({type(error).__name__})"
