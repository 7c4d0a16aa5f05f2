"""Owns what Claude pays in tokens: for the tool being there at all, and for a list.

Counted in o200k, which anybody can count in; Claude's own count is near it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import orjson

from benchmarks.content import Size
from benchmarks.cores import Cores
from benchmarks.figures import Figure
from benchmarks.questions import QUESTIONS, Call, legacy, legacy_tools, message
from benchmarks.servers.standin import OneRepository
from benchmarks.service import folder, in_this_process

TITLE = "Context cost in tokens (o200k)"
SERVES_HERE = True
SIZE = Size(plugins=40, skills=100, files=400, size_bytes=800_000)
SEED_FIXED, SEED_A_SKILL = 241.0, 119.0
"""Measured of the seed connector, whose tool only signs in, and whose list was counted by another tokenizer."""
SEED_INSTALL = 11_000.0
"""What its users report of a skill that is read file by file, and written down again."""
AS_DEPLOYED = "https://skills.acme.example"
"""An address as people have them, in place of this machine's."""


async def measure(_cores: Cores, *, quick: bool) -> list[Figure]:  # noqa: ARG001  there is nothing to make smaller
    """As a client gets them over HTTP."""
    count = _counter()
    if count is None:
        why = 'rs-bpe is not installed: pip install "rs-bpe>=0.1"'
        return [Figure("tool and instructions", None, "tokens", promise=400, note=why)]
    async with AsyncExitStack() as stack:
        github = OneRepository(SIZE)
        url = await github.start()
        stack.push_async_callback(github.github.close)
        service = await stack.enter_async_context(in_this_process(stack.enter_context(folder()), url))
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def ask(call: Call) -> dict[str, Any]:
            headers, body = call
            async with session.post(f"{service.url}/mcp", data=body, headers=headers) as answer:
                return dict(orjson.loads(await answer.read())["result"])

        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "benchmarks", "version": "1"},
        }
        instructions = str((await ask((legacy_tools()[0], message("initialize", hello))))["instructions"])
        (tool,) = (await ask(legacy_tools()))["tools"]
        texts = {
            "name": tool["name"],
            "description": tool["description"],
            "input schema": orjson.dumps(tool["inputSchema"]).decode(),
            "instructions": instructions,
        }
        fixed = {part: count(text) for part, text in texts.items()}
        listed = await ask(legacy(QUESTIONS["list"](SIZE)))
        (content,) = listed["content"]
        skills = len(listed["structuredContent"]["skills"])
        tokens = count(content["text"])
        (offered,) = (
            await ask(legacy({"operation": "install", "skill": listed["structuredContent"]["skills"][0]["name"]}))
        )["content"]
        install = count(offered["text"].replace(service.url, AS_DEPLOYED))
    return [
        Figure(
            "tool and instructions",
            sum(fixed.values()),
            "tokens",
            SEED_FIXED,
            "seed connector's tool, which only signs in",
            400,
            note=", ".join(f"{part} {tokens_}" for part, tokens_ in fixed.items()),
        ),
        Figure("list, a skill", tokens / skills, "tokens", SEED_A_SKILL, "seed connector's list", 45),
        Figure(
            "install", install, "tokens", SEED_INSTALL, "the same skill read through the seed connector's tool", 150
        ),
        Figure(f"list of {skills} skills", tokens, "tokens", SEED_A_SKILL * skills, "the same", 5_000),
    ]


def _counter() -> Callable[[str], int] | None:
    try:
        openai = importlib.import_module("rs_bpe.bpe").openai
    except ImportError:
        return None
    counted: Callable[[str], int] = openai.o200k_base().count
    return counted
