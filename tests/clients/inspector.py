"""Owns the checks through the MCP inspector's command line, in both eras; of skills over MCP in the one that knows extensions."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from tests.clients.checks import LEGACY, MODERN, Bench, Finished, Result
from tests.clients.company import FileTruth
from tests.clients.scripted import PYTHON, Scripted
from tests.clients.signing_in import signing_in
from tests.clients.story import PERSON, TOOL

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
    async for result in _skills_over_mcp(name, bench):
        yield result


async def _skills_over_mcp(name: str, bench: Bench) -> AsyncIterator[Result]:
    """Every skill listed, every file of it read and held against its manifest; then single files, and a directory."""
    truth = bench.company.truth
    listed = await _inspect(bench, "modern", "skills/list", "--verify")
    yield _judged(name, MODERN, "skills/list, verified", listed, lambda seen: _verified(seen, truth.skills))
    skills = {report["name"]: report["uri"].removesuffix("/SKILL.md") for report in _reports(listed)}
    for kind, file in (("text", truth.text), ("binary", truth.binary)):
        uri = f"{skills.get(file.skill)}/{file.path}"
        read = await _inspect(bench, "modern", "resources/read", "--uri", uri)
        yield _judged(name, MODERN, f"resources/read, a {kind} file", read, partial(_read, file=file))
    directory = f"{skills.get(truth.text.skill)}/{truth.text.path.rpartition('/')[0]}"
    children = await _inspect(bench, "modern", "resources/directory/read", "--uri", directory)
    yield _judged(name, MODERN, "resources/directory/read", children, lambda seen: _lists(seen, truth.text))


async def signed_in(name: str, bench: Bench) -> AsyncIterator[Result]:
    """With the access token of a person: what they may do, until they are out. Its command line cannot sign in by itself."""
    async with signing_in(bench.folder / "company") as there:
        memory = bench.folder / "memory"
        memory.mkdir()
        peer = Scripted([sys.executable, PYTHON], bench.environ, there, "DCR", forgets=False)
        await peer.look(memory)
        kept = peer.kept(memory)
        call = ("tools/call", "--tool-name", bench.company.truth.tool, "--tool-args-json", '{"operation":"whoami"}')

        async def inspect(era: str, *words: str) -> Finished:
            return await _inspect(bench, era, *words, url=there.url, token=kept.access_token)

        for era, version in (("legacy", LEGACY), ("modern", MODERN)):
            listed = await inspect(era, "tools/list", "--strict")
            yield _judged(name, version, "a person's token: tools/list", listed, lambda seen: _tools(seen, TOOL))
            called = await inspect(era, *call)
            yield _judged(name, version, "a person's token: a tool call", called, lambda seen: _person(seen, PERSON))
        await peer.log_out(memory)
        for era, version in (("legacy", LEGACY), ("modern", MODERN)):
            refused = await inspect(era, "tools/list")
            yield _judged(name, version, "a person's token that was revoked is refused", refused, _refused)


async def _inspect(
    bench: Bench, era: str, method: str, *words: str, url: str | None = None, token: str | None = None
) -> Finished:
    header = f"Authorization: Bearer {token or bench.company.token}"
    wire = ("--cli", url or bench.company.url, "--transport", "http", "--header", header, "--protocol-era", era)
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
    return _is(resource, file)


def _read(seen: Finished, file: FileTruth) -> str:
    assert seen.code == 0
    (resource,) = json.loads(seen.out)["contents"]
    return _is(resource, file)


def _is(resource: dict[str, str], file: FileTruth) -> str:
    content = resource["text"].encode() if "text" in resource else base64.b64decode(resource["blob"], validate=True)
    assert hashlib.sha256(content).hexdigest() == file.sha256, f"{len(content)} other bytes"
    return f"{len(content)} bytes, sha256 {file.sha256[:10]}…"


def _reports(seen: Finished) -> list[dict[str, Any]]:
    """What the verification says of each skill, a line of JSON a skill; nothing where it did not come to that."""
    return [json.loads(line) for line in seen.out.splitlines() if line.startswith('{"uri"')]


def _verified(seen: Finished, skills: tuple[str, ...]) -> str:
    assert seen.code == 0
    reports = _reports(seen)
    assert sorted(report["name"] for report in reports) == list(skills), [report["name"] for report in reports]
    files = [file for report in reports for file in report["files"]]
    assert all(file["status"] == "verified" for file in files)
    return f"{len(reports)} skills, {len(files)} files"


def _lists(seen: Finished, file: FileTruth) -> str:
    assert seen.code == 0
    sizes = {child["name"]: child["size"] for child in json.loads(seen.out)["resources"]}
    assert sizes[file.path.rpartition("/")[2]] == file.size_bytes, sizes
    return f"{len(sizes)} {'entry' if len(sizes) == 1 else 'entries'}"


def _person(seen: Finished, person: str) -> str:
    assert seen.code == 0
    found = json.loads(seen.out)["structuredContent"]["id"]
    assert found == person, found
    return person


def _refused(seen: Finished) -> str:
    """It would have a person sign in, which here is nobody."""
    assert seen.code != 0
    told = json.loads(seen.err or seen.out)["error"]["code"]
    assert told == "auth_required", told
    return "it asks for a sign-in"


def _error(seen: Finished) -> str:
    answer = json.loads(seen.out)
    assert answer["isError"] is True
    assert "'no-such-skill'" in answer["content"][0]["text"]
    return ""
