"""Owns the way out: the HTTP session that GitHub and identity providers are asked through, and its proxy.

The environment decides about proxies and about nothing else. Never reads a ``.netrc``: whom a request shows which credentials is
decided where the request is made.
"""

from __future__ import annotations

import asyncio
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL


def open_session() -> aiohttp.ClientSession:
    """A session without cookies, to be closed by whoever opens it.

    Not ``trust_env``: with it aiohttp adds the password that a ``.netrc`` has for a host, and refuses a request that brings an
    Authorization of its own there: https://docs.aiohttp.org/en/stable/client_reference.html#aiohttp.ClientSession.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        middlewares=(_through_proxy,),
    )


def proxy_for(url: URL) -> URL | None:
    """What ``http_proxy``, ``https_proxy`` and ``no_proxy`` say, as other programs read them. May block."""
    host, configured = url.host, getproxies().get(url.scheme)
    if host is None or not configured or proxy_bypass(host):
        return None
    return URL(configured if "://" in configured else f"http://{configured}")


async def _through_proxy(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    proxy = await asyncio.to_thread(proxy_for, request.url)
    if proxy is not None:
        request.update_proxy(proxy, None, None)
    return await send(request)
