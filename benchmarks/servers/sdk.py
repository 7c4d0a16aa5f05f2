"""Owns the SDK's own way: its low-level server behind its own Streamable HTTP app, stateless, JSON answers, on uvicorn.

It is spared all of our work: the results that it answers with were made before.
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from benchmarks.cores import loop_factory
from benchmarks.servers.lines import answer_until_end, say, told_at_start


async def main() -> None:
    told = told_at_start()
    tools = ListToolsResult.model_validate(told["tools"])
    results = {operation: CallToolResult.model_validate(result) for operation, result in told["results"].items()}

    async def list_tools(_context: ServerRequestContext, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return tools

    async def call_tool(_context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        return results[str((params.arguments or {})["operation"])]

    server = Server("skillport-sync", version="0", on_list_tools=list_tools, on_call_tool=call_tool)
    application = server.streamable_http_app(stateless_http=True, json_response=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application, log_level="error", access_log=False, lifespan="on")
        serving = uvicorn.Server(config)
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        while not serving.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.01)
        say({"port": listening.getsockname()[1]})
        await answer_until_end()
        serving.should_exit = True
        await task


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as loop:
        loop.run(main())
