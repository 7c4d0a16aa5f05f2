"""Owns the least that aiohttp can do: a handler that reads the body and answers with bytes that it was told."""

from __future__ import annotations

import asyncio
import base64

from aiohttp import web

from benchmarks.cores import loop_factory
from benchmarks.servers.lines import answer_until_end, say, told_at_start


async def main() -> None:
    answers = {name: base64.b64decode(body) for name, body in told_at_start()["answers"].items()}

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=answers[request.match_info["name"]], content_type="application/json")

    application = web.Application()
    application.router.add_post("/{name}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say({"port": runner.addresses[0][1]})
    await answer_until_end()
    await runner.cleanup()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as loop:
        loop.run(main())
