"""Owns the checks by the conformance suite's ``authorization`` scenarios, with us as the person at its browser.

It fails none, so ``conformance.yml`` says nothing of them; the suite could not read it for these either.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2

from tests.clients.checks import LEGACY, MODERN, Bench, Result
from tests.clients.conversation import conversation
from tests.clients.person import ASKS, Stuck
from tests.clients.signing_in import ADA, SigningIn, free_port, signing_in

_CHECKED = re.compile(r"Total: (\d+) passed, (\d+) failed")
_SCENARIOS = 2


async def check(name: str, bench: Bench) -> AsyncIterator[Result]:
    """Each version of the protocol, saying what the token is for and leaving it out."""
    async with signing_in(bench.folder / "company") as there:
        for era in (LEGACY, MODERN):
            for words, how in (([], "without a resource"), (["--resource", there.url], "for our resource")):
                yield await _run(name, bench, there, era, how, ["--spec-version", era, *words])


async def _run(name: str, bench: Bench, there: SigningIn, era: str, how: str, words: list[str]) -> Result:
    port, asked = free_port(), 0
    client_id = await _registered(there, f"http://127.0.0.1:{port}/callback")
    told = ["--url", there.issuer, "--client-id", client_id, "--port", str(port), *words]
    command = [bench.package.command("conformance"), "authorization", *told]
    async with conversation(command, bench.folder, bench.environ) as suite:
        try:
            async for line in suite.lines():
                if found := ASKS.search(line):
                    asked += 1
                    end = await ADA.sign_in_and_return(found[0])
                    if isinstance(end, Stuck):
                        return Result(name, era, how, "failed", repr(end)[:500])
            code = await suite.process.wait()
        except TimeoutError:
            return Result(name, era, how, "failed", f"it does not end; {suite.why}")
        said = "\n".join(suite.said)
        total, run = _CHECKED.search(said), len(re.findall(r"^✓ \S+: [1-9]", said, re.MULTILINE))
        # A scenario that was skipped counts as neither.
        if code == 0 and total is not None and total[2] == "0" and run == _SCENARIOS and asked == 1:
            return Result(name, era, how, "passed", f"{total[1]} checks in {run} scenarios")
        return Result(name, era, how, "failed", f"exit code {code}; {suite.why}")


async def _registered(there: SigningIn, redirect_uri: str) -> str:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{there.issuer}/oauth/register", json={"redirect_uris": [redirect_uri]})
    client_id: str = answer.json()["client_id"]
    return client_id
