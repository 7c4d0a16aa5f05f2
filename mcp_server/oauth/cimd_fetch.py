"""Owns the one request that strangers can make this service send: for the document at a URL that a client gives as its id.

So it is held short. The host is resolved once, every address it has must be public, and the connection goes to those addresses
and nowhere else. No redirect is followed, no proxy used, nothing unpacked, no cookie kept, no connection used again. Never looks
at what the document says.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from mcp_server.oauth.public_addresses import is_public

MAX_BYTES: Final = 5 * 1024
"""What the draft recommends: https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document."""
TIMEOUT_S: Final = 5.0
CONCURRENCY: Final = 4
PORT: Final = 443

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """``max_age_s``: for how long its server calls it fresh; None where it does not say."""

    body: bytes
    max_age_s: int | None


@dataclass(frozen=True, slots=True)
class NotFetched:
    """``why`` is a word for the log."""

    why: str


FetchDocument = Callable[[str], Awaitable[Fetched | NotFetched]]
"""Given an address that ``cimd.check_url`` let pass."""
Resolve = Callable[[str], Awaitable[Sequence[tuple[str, int]]]]
"""The addresses and ports at which a host is reached over https. Raises: OSError."""


class DocumentFetcher:
    """A ``FetchDocument``. At most four fetches run at a time, of at most five seconds, waiting included."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        is_allowed: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._resolve = resolve or HostNames()
        self._is_allowed = is_allowed
        self._tls = tls or ssl.create_default_context()
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(CONCURRENCY)

    async def __call__(self, url: str) -> Fetched | NotFetched:
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                return await self._fetch(URL(url, encoded=True))
        except TimeoutError:
            return NotFetched("timeout")
        except (OSError, aiohttp.ClientError, ValueError) as error:
            return NotFetched(f"connection: {type(error).__name__}")

    async def _fetch(self, url: URL) -> Fetched | NotFetched:
        addresses = await self._resolve(url.host or "")
        if not addresses or not all(self._is_allowed(address) for address, _ in addresses):
            return NotFetched("address_not_public")
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(addresses), use_dns_cache=False, ssl=self._tls, force_close=True
        )
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            ) as session,
            session.get(
                url,
                allow_redirects=False,
                headers={hdrs.ACCEPT: "application/json", hdrs.ACCEPT_ENCODING: "identity"},
            ) as response,
        ):
            return await _document(response)


async def _document(response: aiohttp.ClientResponse) -> Fetched | NotFetched:
    if response.status != 200:
        return NotFetched(f"status {response.status}")
    if response.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        return NotFetched("encoded")
    if response.content_type != "application/json" and not response.content_type.endswith("+json"):
        return NotFetched("not_json")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            return NotFetched("too_large")
    age = _MAX_AGE.search(response.headers.get(hdrs.CACHE_CONTROL, ""))
    return Fetched(bytes(body), int(age[1]) if age else None)


class HostNames:
    """A ``Resolve`` that asks as this machine does. On threads of its own: a lookup cannot be cut short, and strangers whose name
    servers are slow must not hold those that the rest of the service works on."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="host names")

    async def __call__(self, host: str) -> Sequence[tuple[str, int]]:
        ask = partial(socket.getaddrinfo, host, PORT, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [(str(address[0]), PORT) for *_, address in found]


class _Pinned(AbstractResolver):
    """Answers with the addresses that were looked at, whatever a name server would say by now."""

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=at,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address, at in self._addresses
        ]

    async def close(self) -> None:
        """Holds nothing."""
