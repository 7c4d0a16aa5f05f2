"""Owns a relay in front of the service that does not let on that clients may have documents, and changes nothing else.

Claude Code registers only with a service that does not say so, and this one always does. An older service would be such a one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

_HOP = {hdrs.CONNECTION, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_LENGTH, hdrs.DATE, hdrs.SERVER, hdrs.KEEP_ALIVE}
_SAID = "client_id_metadata_document_supported"


@asynccontextmanager
async def relay(port: int, to: int) -> AsyncIterator[None]:
    """From one port of this machine to another, until left."""
    async with aiohttp.ClientSession(
        auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None)
    ) as session:

        async def pass_on(request: web.Request) -> web.StreamResponse:
            url = URL(f"http://127.0.0.1:{to}{request.raw_path}", encoded=True)
            headers = {name: value for name, value in request.headers.items() if name not in _HOP}
            async with session.request(
                request.method, url, headers=headers, data=await request.read(), allow_redirects=False
            ) as answer:
                kept = [(name, value) for name, value in answer.headers.items() if name not in _HOP]
                if request.path.startswith("/.well-known/oauth-authorization-server"):
                    document = {name: value for name, value in (await answer.json()).items() if name != _SAID}
                    return web.Response(status=answer.status, body=json.dumps(document).encode(), headers=kept)
                response = web.StreamResponse(status=answer.status)
                response.headers.extend(kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        application = web.Application(client_max_size=16 << 20)
        application.router.add_route(hdrs.METH_ANY, "/{tail:.*}", pass_on)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield
        finally:
            await runner.cleanup()
