"""Owns the way from what somebody may have to what they are given: the catalog with an archive for each plugin, and the archives.

A catalog names its archives by digest, so all of them are made before it is answered: once per content, whoever asks. Where that
takes longer than the 10 seconds that Claude Code 2.1.329 waits for a catalog (measured; for an archive it waits half a minute and
more), they go on being made, and whoever asks again is answered at once. Never decides who may have what: see
``queries.plugins``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import structlog

from mcp_server.archives.layout import Layout
from mcp_server.archives.shelf import Archive, Shelf
from mcp_server.marketplace.document import document
from mcp_server.marketplace.issued import Issued, Offered
from mcp_server.marketplace.plugin_offer import PluginOffer, offer, offer_own
from skillport_sync.access.model import Principal
from skillport_sync.catalog.plugin_files import PLUGIN_MANIFEST
from skillport_sync.errors import Invalid, Missing
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import Basis
from skillport_sync.queries.fetching import BlobReader, read_whole
from skillport_sync.queries.plugins import MarketplaceShelf, PluginShelf, may_still_have
from skillport_sync.template.own_skill import OwnSkill

log = structlog.get_logger()

MAX_CATALOGS: Final = 256


@dataclass(frozen=True, slots=True)
class Catalog:
    """One person's marketplace.json."""

    body: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Given:
    """An archive that somebody may have, and what it is of. ``published`` is None for the plugin that comes with the service."""

    archive: Archive
    plugin: str
    published: Published | None


class Catalogs:
    def __init__(
        self,
        queries: Queries,
        blobs: BlobReader,
        shelf: Shelf,
        own_skill: OwnSkill,
        clock: Clock,
        base_url: str,
    ) -> None:
        self._queries = queries
        self._blobs = blobs
        self._shelf = shelf
        self._own = offer_own(own_skill)
        self._issued = Issued(clock)
        self._base_url = base_url.rstrip("/")
        self._catalogs: OrderedDict[tuple[Basis, MarketplaceName], Catalog] = OrderedDict()

    async def catalog(self, principal: Principal, marketplace: str | None) -> Catalog:
        """The catalog of this marketplace, or of the only one there is.

        Raises: Invalid where there are several and none is named, Missing where there is none of that name; what
        ``Queries.plugins`` and ``Shelf.archive`` raise.
        """
        answer = await self._queries.plugins(principal)
        shelf = _meant(answer.marketplaces, marketplace)
        key = None if answer.basis is None else (answer.basis, shelf.published.snapshot.marketplace)
        known = self._catalogs.get(key) if key is not None else None
        if known is None:
            body = document(shelf, await self._entries(shelf))
            known = Catalog(body, hashlib.sha256(body).hexdigest())
        if key is not None:
            self._catalogs[key] = known
            self._catalogs.move_to_end(key)
            if len(self._catalogs) > MAX_CATALOGS:
                self._catalogs.popitem(last=False)
        return known

    async def archive(self, principal: Principal, plugin: str, sha256: str) -> Given:
        """The archive of this plugin with this digest, if this person may have what is in it, today and by the rules that it came
        with.

        Raises: Missing where there is none, or none for them; what ``Queries.plugins`` and ``Shelf.archive`` raise.
        """
        answer = await self._queries.plugins(principal)
        for offered in self._issued.find(plugin, sha256):
            if may_still_have(offered.published, offered.shelf, principal, answer.in_force):
                return Given(await self._made(offered.offer.layout, sha256), plugin, offered.published)
        # After a restart nothing is remembered, and what is theirs today has the digest that it had.
        for shelf in answer.marketplaces:
            for one in shelf.plugins:
                if one.ground.name == plugin and one.ground.plugin is not None:
                    offered = await self._offered(shelf.published, one)
                    if hmac.compare_digest(offered.sha256, sha256):
                        return Given(await self._made(offered.offer.layout, sha256), plugin, shelf.published)
        if plugin == self._own.name:
            return Given(await self._made(self._own.layout, sha256), plugin, None)
        raise _no_such_archive()

    async def _entries(self, shelf: MarketplaceShelf) -> list[dict[str, object]]:
        """One after the other: making archives takes whole cores, and others are being answered."""
        entries: list[dict[str, object]] = []
        for one in shelf.plugins:
            if one.ground.plugin is None:
                entries.append(dict(one.ground.entry))
                continue
            try:
                offered = await self._offered(shelf.published, one)
            except Invalid as error:
                log.warning("plugin_not_offered", plugin=one.ground.name, reason=error.code)
                continue
            entries.append(self._entry(offered.offer, offered.sha256))
        if self._own.name not in shelf.ground.names:
            entries.append(self._entry(self._own, (await self._shelf.archive(self._own.layout)).sha256))
        return entries

    def _entry(self, of: PluginOffer, sha256: str) -> dict[str, object]:
        return of.entry_at(f"{self._base_url}/archives/{quote(of.name, safe='')}/{sha256}.zip", sha256)

    async def _offered(self, published: Published, shelf: PluginShelf) -> Offered:
        known = self._issued.get(published, shelf)
        if known is not None:
            return known
        files = dict(shelf.files)
        manifest = files.get(PLUGIN_MANIFEST)
        content = None if manifest is None else await read_whole(self._blobs, PLUGIN_MANIFEST, manifest)
        made = offer(shelf, content)
        archive = await self._shelf.archive(made.layout)
        offered = Offered(published, shelf, made, archive.sha256)
        self._issued.add(offered)
        return offered

    async def _made(self, layout: Layout, sha256: str) -> Archive:
        archive = await self._shelf.archive(layout)
        if not hmac.compare_digest(archive.sha256, sha256):
            raise _no_such_archive()
        return archive


def _meant(marketplaces: Sequence[MarketplaceShelf], asked: str | None) -> MarketplaceShelf:
    if asked is None and len(marketplaces) == 1:
        return marketplaces[0]
    names = ", ".join(one.published.snapshot.marketplace for one in marketplaces)
    if asked is None:
        raise Invalid(
            f"There are several marketplaces. Add ?marketplace= with one of: {names}.", code="which_marketplace"
        )
    for one in marketplaces:
        if one.published.snapshot.marketplace == asked:
            return one
    raise Missing(f"There is no marketplace {asked[:80]!r}. There are: {names}.", code="unknown_marketplace")


def _no_such_archive() -> Missing:
    message = "There is no such archive, or not any more. Run: claude plugin marketplace update"
    return Missing(message, code="unknown_archive")
