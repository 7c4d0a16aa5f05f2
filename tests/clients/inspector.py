"""Owns the checks through the MCP inspector's command line, in both eras."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable

from tests.clients.checks import LEGACY, MODERN, Bench, Finished, Result
from tests.clients.company import FileTruth

Look = Callable[[Finished], str]
"""What was seen, for the table. Raises AssertionError, or whatever reading it raises, when it is not what is true."""


async def check(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``tools/list`` with every schema complaint an error, and ``tools/call`` of each kind."""
    truth = bench.company.truth
    call = ("tools/call", "--tool-name", truth.tool, "--tool-args-json")
    looks: list[tuple[str, tuple[str, ...], Look]] = [
        ("tools/list, schemas strict", ("tools/list", "--strict"), lambda seen: _tools(seen, truth.tool)),
        ("tools/call list", (*call, "{}"), lambda seen: _skills(seen, truth.skills)),
        ("tools/call fetch, a text file", (*call, _fetch(truth.text)), lambda seen: _bytes(seen, truth.text)),
        ("tools/call fetch, a binary file", (*call, _fetch(truth.binary)), lambda seen: _bytes(seen, truth.binary)),
        ("tools/call whoami", (*call, '{"operation":"whoami"}'), lambda seen: _person(seen, truth.person)),
        ("an unknown skill is an error", (*call, '{"operation":"fetch","skill":"no-such-skill"}'), _error),
    ]
    for era, version in (("legacy", LEGACY), ("modern", MODERN)):
        for what, words, look in looks:
            yield _judged(name, version, what, await _inspect(bench, era, *words), look)


async def _inspect(bench: Bench, era: str, method: str, *words: str) -> Finished:
    header = f"Authorization: Bearer {bench.company.token}"
    wire = ("--cli", bench.company.url, "--transport", "http", "--header", header, "--protocol-era", era)
    return await bench.run([bench.package.command("mcp-inspector"), *wire, "--method", method, *words])


def _judged(name: str, era: str, what: str, finished: Finished, look: Look) -> Result:
    try:
        return Result(name, era, what, "passed", look(finished))
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        return Result(name, era, what, "failed", f"{error!r}; {finished.why}")


def _fetch(file: FileTruth) -> str:
    return json.dumps({"operation": "fetch", "skill": file.skill, "paths": [file.path]})


def _tools(seen: Finished, tool: str) -> str:
    assert seen.code == 0
    names = [entry["name"] for entry in json.loads(seen.out)["tools"]]
    assert names == [tool], names
    return "one tool"


def _skills(seen: Finished, skills: tuple[str, ...]) -> str:
    assert seen.code == 0
    names = sorted(skill["name"] for skill in json.loads(seen.out)["structuredContent"]["skills"])
    assert names == list(skills), names
    return f"{len(names)} skills"


def _bytes(seen: Finished, file: FileTruth) -> str:
    assert seen.code == 0
    (resource,) = (block["resource"] for block in json.loads(seen.out)["content"] if block["type"] == "resource")
    content = resource["text"].encode() if "text" in resource else base64.b64decode(resource["blob"], validate=True)
    assert hashlib.sha256(content).hexdigest() == file.sha256, f"{len(content)} other bytes"
    return f"{len(content)} bytes, sha256 {file.sha256[:10]}…"


def _person(seen: Finished, person: str) -> str:
    assert seen.code == 0
    found = json.loads(seen.out)["structuredContent"]["id"]
    assert found == person, found
    return person


def _error(seen: Finished) -> str:
    answer = json.loads(seen.out)
    assert answer["isError"] is True
    assert "'no-such-skill'" in answer["content"][0]["text"]
    return ""
