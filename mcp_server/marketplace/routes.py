"""Owns ``GET /marketplace.json`` and ``GET /archives/{plugin}/{sha256}.zip``: what Claude Code installs from.

Measured with Claude Code 2.1.329, behind a fence, over https at a private address with an authority of its own
(``NODE_EXTRA_CA_CERTS``): the headers of the marketplace's settings are sent for the catalog and for archives at the same origin;
no request is conditional; ``plugin update`` downloads the archive each time; an answer of 401 leaves installed what is installed.
Never decides anything: see ``catalogs``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from mcp_server.authentication import Caller
from mcp_server.install.installs import Install, OnInstall, unnoted
from mcp_server.marketplace.catalogs import Catalogs
from skillport_sync.errors import Missing

if TYPE_CHECKING:
    from mcp_server.archives.shelf import Shelf
    from mcp_server.front_door import FrontDoor
    from skillport_sync.ports import Clock
    from skillport_sync.queries import Queries
    from skillport_sync.queries.fetching import BlobReader
    from skillport_sync.template.own_skill import OwnSkill

CATALOG_PATH: Final = "/marketplace.json"
ARCHIVE_PATH: Final = "/archives/{plugin}/{file}"
TARGET: Final = "plugin"
"""What installs of this kind are called in the audit."""

_ARCHIVE: Final = re.compile(r"([0-9a-f]{64})\.zip")
_REVALIDATED: Final = "private, no-cache"
"""Whoever keeps a copy asks whether it is still good: what somebody may have can change at any time."""


def marketplace_routes(
    *,
    door: FrontDoor,
    queries: Queries,
    blobs: BlobReader,
    shelf: Shelf,
    base_url: str,
    own_skill: OwnSkill,
    clock: Clock,
    on_install: OnInstall = unnoted,
) -> list[web.RouteDef]:
    """The routes of Claude Code's native install.

    ``base_url`` is what every address in the catalog begins with; ``own_skill`` is offered where a marketplace has no plugin of
    that name. ``on_install`` is told of every archive that is sent or refused, with the plugin's name for the skill's.
    """
    routes = _Routes(Catalogs(queries, blobs, shelf, own_skill, clock, base_url), shelf, on_install)
    return [
        door.resource(CATALOG_PATH, {hdrs.METH_GET: door.known(routes.catalog)}),
        door.resource(ARCHIVE_PATH, {hdrs.METH_GET: door.known(routes.archive)}),
    ]


class _Routes:
    def __init__(self, catalogs: Catalogs, shelf: Shelf, on_install: OnInstall) -> None:
        self._catalogs = catalogs
        self._shelf = shelf
        self._on_install = on_install

    async def catalog(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        catalog = await self._catalogs.catalog(caller.principal, request.query.get("marketplace") or None)
        headers = {hdrs.ETAG: f'"{catalog.digest}"', hdrs.CACHE_CONTROL: _REVALIDATED, hdrs.VARY: hdrs.AUTHORIZATION}
        if _has(request, catalog.digest):
            return web.Response(status=304, headers=headers)
        response = web.Response(body=catalog.body, content_type="application/json", headers=headers)
        response.enable_compression()
        return response

    async def archive(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        plugin, named = request.match_info["plugin"], _ARCHIVE.fullmatch(request.match_info["file"])
        if named is None:
            raise Missing("An archive is called by its SHA-256: 64 digits, then .zip.", code="unknown_archive")
        sha256 = named[1]
        try:
            given = await self._catalogs.archive(caller.principal, plugin, sha256)
        except Missing as error:
            self._on_install(caller, Install(plugin, TARGET, outcome=error.code))
            raise
        headers = {hdrs.CACHE_CONTROL: _REVALIDATED, hdrs.VARY: hdrs.AUTHORIZATION, "X-Skillport-Sha256": sha256}
        if _has(request, sha256):
            return web.Response(status=304, headers={hdrs.ETAG: f'"{sha256}"', **headers})
        if request.method == hdrs.METH_GET and given.published is not None:
            snapshot = given.published.snapshot
            self._on_install(caller, Install(plugin, TARGET, snapshot.marketplace, snapshot.commit))
        filename = f"{plugin}-{sha256[:12]}.zip"
        return self._shelf.response(given.archive, filename=filename, content_type="application/zip", headers=headers)


def _has(request: web.Request, digest: str) -> bool:
    """Whether whoever asks has this already."""
    return any(tag.value in (digest, "*") for tag in request.if_none_match or ())
