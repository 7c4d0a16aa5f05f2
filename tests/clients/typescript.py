"""Owns the checks through the TypeScript SDKs: scripts in ``mjs/`` that say one line of JSON for each check."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from tests.clients.checks import LEGACY, MODERN, Bench, Result

SCRIPTS = Path(__file__).parent / "mjs"


async def version_1(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``@modelcontextprotocol/sdk``: the handshake era only."""
    async for result in _told(name, bench, LEGACY, "sdk_1.mjs"):
        yield result


async def version_2(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``@modelcontextprotocol/client``: told to stay in the handshake era, and left to find out."""
    for mode, era in (("legacy", LEGACY), ("auto", MODERN)):
        async for result in _told(name, bench, era, "sdk_2.mjs", mode, era):
            yield result


async def _told(name: str, bench: Bench, era: str, script: str, *words: str) -> AsyncIterator[Result]:
    # Node looks for packages upwards from a script, not from where it is started: so the scripts go where the package is.
    for file in SCRIPTS.glob("*.mjs"):
        shutil.copy(file, bench.package.folder)
    company = bench.company
    told = json.dumps({"url": company.url, "token": company.token, "truth": company.truth.as_json})
    finished = await bench.run([bench.node.binary, bench.package.folder / script, *words], COMPANY=told)
    lines = [json.loads(line) for line in finished.out.splitlines() if line.startswith("{")]
    for line in lines:
        yield Result(name, era, line["check"], "passed" if line["passed"] else "failed", line["note"])
    if finished.code != 0 or not lines:
        yield Result(name, era, "runs to its end", "failed", finished.why)
