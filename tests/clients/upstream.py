"""Owns identity providers that others wrote, as the company's: people sign in through them with the Python SDK's client."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx2

from mcp_server.oauth.metadata import Addresses
from tests.clients.checks import Bench, Result
from tests.clients.conversation import conversation
from tests.clients.person import Person
from tests.clients.scripted import MJS, PYTHON, Scripted
from tests.clients.signing_in import Upstream, free_port, signing_in
from tests.clients.story import TOOL, Looked

NAME, CLIENT, SECRET = "acme", "skillport", "a-secret-of-the-clients-that-is-long-enough"
STARTS_WITHIN_S = 20.0


async def oidc_provider(name: str, bench: Bench) -> AsyncIterator[Result]:
    """npm's ``oidc-provider``: certified, and nothing of it is ours. Its pages are a login and a consent."""
    for file in MJS.glob("*.mjs"):
        shutil.copy(file, bench.package.folder)
    port, own = free_port(), free_port()
    told = {
        "port": port,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uri": Addresses(f"http://127.0.0.1:{own}").callback(NAME),
    }
    command = [bench.node.binary, bench.package.folder / "oidc_provider.mjs"]
    person = Person({"provider": NAME, "login": "ada", "password": "whatever"})
    environ = {**bench.environ, "PROVIDER": json.dumps(told)}
    async for result in _through(name, bench, command, environ, f"http://127.0.0.1:{port}", own, person):
        yield result


async def oidc_provider_mock(name: str, bench: Bench) -> AsyncIterator[Result]:
    """PyPI's ``oidc-provider-mock``. It takes any client that comes by, and anybody."""
    port, own = free_port(), free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    person = Person({"provider": NAME, "sub": "ada"})
    async for result in _through(name, bench, command, bench.environ, f"http://127.0.0.1:{port}", own, person):
        yield result


async def _through(
    name: str,
    bench: Bench,
    command: Sequence[str | Path],
    environ: Mapping[str, str],
    issuer: str,
    port: int,
    person: Person,
) -> AsyncIterator[Result]:
    async with conversation(command, bench.folder, environ) as provider:
        # What it says is never in the way of what it does.
        listening = asyncio.create_task(_listen(provider.lines()))
        try:
            if not await _answers(f"{issuer}/.well-known/openid-configuration"):
                yield Result(name, "upstream", "starts", "failed", provider.why)
                return
            upstream = Upstream(NAME, issuer, CLIENT, SECRET)
            async with signing_in(bench.folder / "company", upstream=upstream, port=port) as there:
                memory = bench.folder / "memory"
                memory.mkdir()
                peer = Scripted([sys.executable, PYTHON], bench.environ, there, "DCR", forgets=False, person=person)
                for what, asked in (("signs people in", 1), ("its people come back", 0)):
                    looked = await peer.look(memory)
                    yield _judged(name, what, looked, asked)
                there.outlive_access_token()
                yield _judged(name, "its people's tokens are refreshed", await peer.look(memory), 0)
        finally:
            listening.cancel()


def _judged(name: str, what: str, looked: Looked, asked: int) -> Result:
    if (looked.person, looked.tools, looked.asked) == (f"{NAME}:ada", (TOOL,), asked):
        return Result(name, "upstream", what, "passed", looked.person or "")
    return Result(name, "upstream", what, "failed", repr(looked)[:900])


async def _listen(lines: AsyncIterator[str]) -> None:
    async for _ in lines:
        pass


async def _answers(url: str) -> bool:
    """Whether somebody answers there before long."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        loop = asyncio.get_running_loop()
        end = loop.time() + STARTS_WITHIN_S
        while loop.time() < end:
            try:
                if (await http.get(url)).status_code == 200:
                    return True
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.1)
    return False
