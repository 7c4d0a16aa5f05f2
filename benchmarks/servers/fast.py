"""Owns FastMCP's own way: one tool on its Streamable HTTP app, stateless, JSON answers, on uvicorn, all else as it comes.

It is spared all of our work: the results that it answers with were made before. What it does with a call is its own: it reads
the arguments into the function's, as it does for every tool that people write with it.
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from fastmcp import FastMCP
from fastmcp.tools import FunctionTool, ToolResult
from mcp_types import CallToolResult, Tool

from benchmarks.cores import loop_factory
from benchmarks.servers.lines import answer_until_end, say, told_at_start


async def main() -> None:
    told = told_at_start()
    (tool,) = (Tool.model_validate(described) for described in told["tools"]["tools"])
    results = {
        operation: ToolResult.from_mcp_result(CallToolResult.model_validate(result))
        for operation, result in told["results"].items()
    }

    async def call(operation: str, skill: str | None = None) -> ToolResult:  # noqa: ARG001  one skill's result is all it has
        return results[operation]

    made = FunctionTool.from_function(
        call,
        name=tool.name,
        title=tool.title,
        description=tool.description,
        annotations=tool.annotations,
        output_schema=tool.output_schema,
        meta=tool.meta,
    )
    server = FastMCP("skillport-sync", version="0", tools=[made.model_copy(update={"parameters": tool.input_schema})])
    application = server.http_app(path="/mcp", stateless_http=True, json_response=True)
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
