"""No answer ever mixes two commits: readers in this process and in another one run through a thousand publications."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from skillport_sync.standin import StandInGitHub

PUBLICATIONS = 1_000
SKILLS = 3
READERS = 3
ANSWERS_A_PUSH = 5

MANIFEST = json.dumps(
    {"name": "acme", "owner": {"name": "Acme"}, "plugins": [{"name": "all", "source": "./all", "version": "1.0.0"}]}
).encode()


def files_of(number: int) -> dict[str, bytes]:
    """A commit in which every file names the commit's number."""
    return {
        f"all/skills/s{skill}/{name}": f"---\nname: s{skill}\ndescription: number {number}\n---\n{number}\n".encode()
        for skill in range(SKILLS)
        for name in ("SKILL.md", "notes.md")
    }


def numbers_in(result: Mapping[str, Any]) -> set[int]:
    """Every commit number that an answer mentions, whatever its operation."""
    listed = [skill["description"] for skill in result["structuredContent"].get("skills", [])]
    bodies = [block["resource"]["text"] for block in result["content"] if block["type"] == "resource"]
    return {int(text.split()[-1]) for text in [*listed, *bodies]}


OTHER_PROCESS = """
import asyncio, json, sys
import aiohttp

async def main(url, token):
    seen = set()
    headers = {"Authorization": "Bearer " + token, "MCP-Protocol-Version": "2025-11-25"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "skillport", "arguments":
        {"operation": "fetch", "skill": "s1", "paths": ["SKILL.md", "notes.md"]}}}
    async with aiohttp.ClientSession(headers=headers) as http:
        print("ready", flush=True)
        stop = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        while not stop.done():
            async with http.post(url, json=call) as response:
                result = (await response.json())["result"]
            commit = result["structuredContent"]["snapshot"]["commit"]
            numbers = {int(b["resource"]["text"].split()[-1]) for b in result["content"] if b["type"] == "resource"}
            seen.add((commit, tuple(sorted(numbers))))
            await asyncio.sleep(0.003)
    print(json.dumps(sorted(seen)))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.timeout(300)
async def test_no_answer_mixes_two_commits(
    standin: StandInGitHub, build_world: Callable[..., Awaitable[Any]], tmp_path: Path
) -> None:
    standin.limits.off = True  # a thousand pushes are more than GitHub's hourly limit pays for
    repository = standin.create_repository("acme/skills")
    first = repository.commit({".claude-plugin/marketplace.json": MANIFEST, **files_of(0)})
    world = await build_world(repository)
    number_of = {first: 0}
    done = False
    answers = 0
    next_push = asyncio.Event()

    async def read(question: Mapping[str, object]) -> None:
        """Read some times around each push: all the time would leave the service little time to publish."""
        nonlocal answers
        newest = 0
        while not done:
            after_this = next_push
            for _ in range(ANSWERS_A_PUSH):
                result = await world.ask(**question)
                number = number_of[result["structuredContent"]["snapshot"]["commit"]]
                assert numbers_in(result) == {number}
                assert number >= newest, "went back in time"
                newest = number
                answers += 1
            await after_this.wait()

    questions: list[dict[str, object]] = [
        {"operation": "list"},
        *({"operation": "fetch", "skill": f"s{at}", "paths": ["SKILL.md", "notes.md"]} for at in range(READERS - 1)),
    ]
    other = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        OTHER_PROCESS,
        f"{world.service.url}/mcp",
        world.token,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    assert other.stdout is not None
    async with asyncio.timeout(240), asyncio.TaskGroup() as readers:
        assert await other.stdout.readline() == b"ready\n"
        for question in questions:
            readers.create_task(read(question))
        swapped = asyncio.Event()
        world.service.parts.current.on_swap(lambda _published: swapped.set())
        for number in range(1, PUBLICATIONS + 1):
            swapped.clear()
            # The number is known before the push: an answer from the new commit may arrive before the push returns.
            commit = repository.commit(files_of(number))
            number_of[commit] = number
            next_push.set()
            next_push = asyncio.Event()
            await repository.deliver(repository.changes[-1])
            await swapped.wait()
        done = True
        next_push.set()
    seen_elsewhere, _ = await asyncio.wait_for(other.communicate(b"stop\n"), 30)
    for commit, numbers in json.loads(seen_elsewhere):
        assert numbers == [number_of[commit]]
    publications = await world.service.operator.publications(None, 1)
    assert publications[0].id == PUBLICATIONS + 1
    assert answers > PUBLICATIONS / 10, "the readers hardly ran"
