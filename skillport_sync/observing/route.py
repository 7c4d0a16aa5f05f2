"""Owns ``GET /metrics``. Who may reach it is decided by which listener it is given to: nobody is asked who they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

PATH: Final = "/metrics"


def metrics_route(scrape: Callable[[], Awaitable[bytes]]) -> web.RouteDef:
    """``scrape`` gives the text of all metrics."""

    async def answer(_request: web.Request) -> web.Response:
        headers = {hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST, hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=await scrape(), headers=headers)

    return web.get(PATH, answer)
