"""Owns clients that are known by the document at their id, a URL: which URLs may be read, and for how long what was read holds.

The document is the client's own word for itself, and the URL's host is what makes it worth anything. Never fetches by itself:
``cimd_fetch`` does. A document that was good is believed up to a day longer when it cannot be read again: hosts have served
something else in its place for hours.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import structlog

from mcp_server.oauth.cimd_fetch import CONCURRENCY, FetchDocument, Fetched, NotFetched
from mcp_server.oauth.client_metadata import ClientMetadata, Unacceptable, of_document
from mcp_server.oauth.limits import Buckets
from mcp_server.oauth.settings import OAuthSettings
from skillport_sync.ports import Clock
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.sign_in import Client

log = structlog.get_logger()

FRESH_S: Final = (5 * 60, 24 * 3600)
"""However short or long its server says, a document is read again after this."""
STALE_S: Final = 24 * 3600
RETRY_S: Final = 60
MAX_URL_CHARS: Final = 1000
_MAX_DOCUMENTS: Final = 1000

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: whatever else a host may be that ends in a number, it is an IPv4 address in some spelling.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+")
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NoClient:
    """Nobody here is known by this id. ``why`` is a sentence; ``is_passing`` when trying again may help."""

    why: str
    is_passing: bool = False


@dataclass(slots=True)
class _Held:
    metadata: ClientMetadata
    fresh_until_s: float
    stale_until_s: float


def is_url(client_id: str) -> bool:
    """Whether an id asks to be looked up, rather than to be found among those who registered."""
    return client_id.startswith("https://")


def host_of(url: str) -> str:
    return urlsplit(url).netloc


def check_url(url: str, hosts: Collection[str]) -> NoClient | None:
    """Why this URL is not one to be read; None when it is.

    https, a name and no address, no port, no query, a path without tricks: in such a URL every parser sees the same host. aiohttp
    connects to an address that stands in a URL without asking its resolver, so it must never get one.
    """
    if not is_url(url) or len(url) > MAX_URL_CHARS:
        return NoClient("A client id that is a URL begins with https:// and is not too long.")
    host, slash, path = url.removeprefix("https://").partition("/")
    if not _HOST.fullmatch(host) or len(host) > 253:
        return NoClient("The host of this client id is not a plain host name.")
    if not _PATH.fullmatch(slash + path) or _DOTS.search(slash + path):
        return NoClient("The path of this client id is missing, or is not a plain one.")
    if hosts and host not in hosts:
        return NoClient("Apps of its host are not among those that this service lets in (auth.cimd_hosts).")
    return None


class Documents:
    """The clients that are known by their documents."""

    def __init__(self, fetch: FetchDocument, oauth: OAuthStore, settings: OAuthSettings, clock: Clock) -> None:
        self._fetch = fetch
        self._oauth = oauth
        self._settings = settings
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # One turn of the fetcher's is kept for documents that were good before: strangers whose hosts are slow cannot take it.
        self._strangers = asyncio.Semaphore(CONCURRENCY - 1)
        self._rates = Buckets(settings.limits.documents_of_one_host, clock)

    async def client(self, url: str) -> Client | NoClient:
        """Whoever is known by this URL, as their document says now, or said not long ago."""
        refused = check_url(url, self._settings.cimd_hosts)
        if refused is not None:
            return refused
        stored = await self._oauth.client(url)
        metadata = await self._metadata(url, is_known=stored is not None)
        if isinstance(metadata, NoClient):
            return metadata
        if stored is not None and (stored.name, stored.redirect_uris) == (metadata.name, metadata.redirect_uris):
            return stored
        now = self._clock.now()
        client = Client(url, "cimd", metadata.name, metadata.redirect_uris, now, now, approved=False)
        return await self._oauth.register(hashlib.sha256(url.encode()).digest(), client)

    async def _metadata(self, url: str, *, is_known: bool) -> ClientMetadata | NoClient:
        # Whoever asks meanwhile finds what the first one read.
        async with self._reading.setdefault(url, asyncio.Lock()):
            held = self._held.get(url)
            if held is not None and self._clock.monotonic_s() < held.fresh_until_s:
                return held.metadata
            return await self._read(url, held, is_known=is_known)

    async def _read(self, url: str, held: _Held | None, *, is_known: bool) -> ClientMetadata | NoClient:
        # Made-up addresses must not use up what the real ones of the same host need.
        if self._rates.take(url if is_known else host_of(url)):
            return self._stale(url, held) or NoClient("Too many clients of this host were looked up.", is_passing=True)
        fetched = await (self._fetch(url) if is_known else self._fetch_of_stranger(url))
        now_s = self._clock.monotonic_s()
        if isinstance(fetched, NotFetched):
            log.warning("client_document_not_read", client=url, reason=fetched.why)
            return self._stale(url, held) or NoClient("Its client id could not be read.", is_passing=True)
        metadata = of_document(fetched.body, url, self._settings.redirect_hosts)
        if isinstance(metadata, Unacceptable):
            log.warning("client_document_refused", client=url, reason=metadata.why)
            return self._stale(url, held) or NoClient(f"Its client id was read. {metadata.why}")
        fresh_s = min(max(fetched.max_age_s or 0, FRESH_S[0]), FRESH_S[1])
        self._held[url] = _Held(metadata, now_s + fresh_s, now_s + fresh_s + STALE_S)
        self._held.move_to_end(url)
        if len(self._held) > _MAX_DOCUMENTS:
            self._held.popitem(last=False)
        return metadata

    async def _fetch_of_stranger(self, url: str) -> Fetched | NotFetched:
        if self._strangers.locked():
            return NotFetched("busy")
        async with self._strangers:
            return await self._fetch(url)

    def _stale(self, url: str, held: _Held | None) -> ClientMetadata | None:
        """What was read before, if that is not too long ago; it is then not asked for again at once."""
        now_s = self._clock.monotonic_s()
        if held is None or now_s >= held.stale_until_s:
            self._held.pop(url, None)
            return None
        held.fresh_until_s = now_s + RETRY_S
        return held.metadata
