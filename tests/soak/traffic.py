"""Owns what is done to the service all at once: pushes, faults, questions over MCP and REST, installs, saves, sign-ins."""

from __future__ import annotations

import asyncio
import base64
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata
from pydantic import AnyUrl

from skillport_sync.demo.browser import RETURN_ADDRESS, Browser, ClientMemory
from skillport_sync.standin import Repository, StandInGitHub
from tests.soak.evidence import PLUGIN, Evidence, said_files, said_list

SKILLS: Final = 40
GOOD: Final = frozenset({200, 201, 202})
POLITE: Final = frozenset({401, 404, 409, 410, 422, 429, 503})
"""What a client may be told while everything goes wrong at once. Any other status is a failure of the service."""
GONE: Final = (aiohttp.ClientError, httpx2.HTTPError, ConnectionError, TimeoutError)
"""Nobody answers, because nobody is there."""


def skill_md(name: str, number: int, random_: random.Random) -> bytes:
    words = " ".join(random_.choice(("alpha", "beta", "gamma", "delta")) for _ in range(random_.randrange(20, 200)))
    return f"---\nname: {name}\ndescription: number {number}\n---\n{words}\n".encode()


@dataclass
class Traffic:
    """One world under load. Every worker ends by itself when ``stopping`` is set."""

    github: StandInGitHub
    repository: Repository
    url: str
    http: aiohttp.ClientSession
    random: random.Random
    token: str
    """An API token of an editor."""
    evidence: Evidence = field(default_factory=Evidence)
    done: Counter[str] = field(default_factory=Counter)
    """How often each thing was done."""
    failures: Counter[str] = field(default_factory=Counter)
    """What must not happen, in words."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    written: int = 0
    _number: int = 0

    # --- what is going on --------------------------------------------------------------------------------------------------

    def workers(self) -> list[Callable[[], Awaitable[None]]]:
        questions = (self._list, self._fetch, self._rest_list, self._rest_skill, self._version)
        return [
            *(lambda ask=ask: self._again("question", ask, 0.02, 0.2) for ask in questions for _ in range(2)),
            lambda: self._again("push", self._push, 0.2, 1.0),
            lambda: self._again("save", self._save, 0.5, 2.0),
            lambda: self._again("install", self._install, 0.3, 1.0),
            lambda: self._again("catalog", self._catalog, 0.5, 2.0),
            lambda: self._again("sign-in", self._sign_in, 1.0, 4.0),
            lambda: self._again("fault", self._fault, 0.5, 3.0),
        ]

    async def _again(self, what: str, step: Callable[[], Awaitable[bool]], least_s: float, most_s: float) -> None:
        while not self.stopping.is_set():
            try:
                if await step():
                    self.done[what] += 1
            except GONE:
                self.done["(nobody answered)"] += 1
            except Exception as error:
                self.failures[f"{what}: {type(error).__name__}: {str(error)[:160]}"] += 1
            await self._pause(self.random.uniform(least_s, most_s))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            pass

    async def _asked(self, method: str, path: str, body: object = None, token: str | None = None) -> Any:
        """The JSON of a good answer; None for a polite refusal; anything else is written down as a failure."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        async with self.http.request(method, f"{self.url}{path}", json=body, headers=headers) as response:
            self.written += 1
            if response.status in GOOD:
                return await response.json()
            said = (await response.text())[:160]
        if response.status in POLITE:
            self.done[f"(refused: {response.status})"] += 1
        else:
            self.failures[f"{method} {path.split('?')[0][:24]}: {response.status} {said}"] += 1
        return None

    async def _told(self, token: str | None = None, **arguments: object) -> Mapping[str, Any] | None:
        """The result of a call of the tool; None where it was refused."""
        params = {"name": "skillport", "arguments": arguments}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = await self._asked("POST", "/mcp", call, token)
        if answer is None:
            return None
        if "error" in answer:
            self.failures[f"mcp {arguments.get('operation')}: {str(answer['error'])[:160]}"] += 1
            return None
        result: Mapping[str, Any] = answer["result"]
        return None if result.get("isError") else result

    def _some_skill(self) -> str:
        return f"s{self.random.randrange(SKILLS):02}"

    # --- questions ---------------------------------------------------------------------------------------------------------

    async def _list(self) -> bool:
        result = await self._told(operation="list", limit=100)
        if result is None:
            return False
        said = result["structuredContent"]
        skills = [(each["name"], each["description"]) for each in said["skills"]]
        if said.get("next_cursor") is None:
            self.evidence.add("list", "", said["snapshot"]["commit"], said_list(skills))
        return True

    async def _rest_list(self) -> bool:
        said = await self._asked("GET", "/api/skills")
        if said is None:
            return False
        skills = [(each["name"], each["description"]) for each in said["skills"]]
        self.evidence.add("list", "", said["snapshot"]["commit"], said_list(skills))
        return True

    async def _fetch(self) -> bool:
        name = self._some_skill()
        result = await self._told(operation="fetch", skill=name, paths=["SKILL.md"])
        if result is None:
            return False
        (text,) = [block["resource"]["text"] for block in result["content"] if block["type"] == "resource"]
        commit = result["structuredContent"]["snapshot"]["commit"]
        self.evidence.add("file", f"{name}:SKILL.md", commit, said_files({"SKILL.md": text.encode()}))
        return True

    async def _rest_skill(self) -> bool:
        name = self._some_skill()
        said = await self._asked("GET", f"/api/skills/{PLUGIN}/{name}")
        if said is None:
            return False
        content = said_files({"SKILL.md": said["skill_md"].encode()})
        self.evidence.add("file", f"{name}:SKILL.md", said["snapshot"]["commit"], content)
        return True

    async def _version(self) -> bool:
        return await self._told(operation="version", skill=self._some_skill()) is not None

    # --- installs ----------------------------------------------------------------------------------------------------------

    async def _install(self) -> bool:
        name = self._some_skill()
        offer = await self._asked("GET", f"/api/skills/{PLUGIN}/{name}/install")
        if offer is None:
            return False
        given = await self._asked("GET", f"/api/install/{offer['install_token']}")
        if given is None:
            return False
        files = {file["path"]: _content(file) for file in given["files"] if file["path"] != ".skillport.json"}
        self.evidence.add("skill", name, offer["snapshot"]["commit"], said_files(files))
        return True

    async def _catalog(self) -> bool:
        catalog = await self._asked("GET", "/marketplace.json")
        if catalog is None:
            return False
        source = catalog["plugins"][0]["source"]
        async with self.http.get(source["url"], headers={"Authorization": f"Bearer {self.token}"}) as archive:
            body = await archive.read()
            if archive.status not in GOOD | POLITE:
                self.failures[f"archive: {archive.status}"] += 1
        return bool(body)

    # --- changes -----------------------------------------------------------------------------------------------------------

    def next_files(self) -> dict[str, bytes | None]:
        """What somebody changes next: some skills, now and then one that goes or comes back, and a file of noise."""
        self._number += 1
        names = self.random.sample(range(SKILLS), self.random.randrange(1, 4))
        files: dict[str, bytes | None] = {}
        for name in (f"s{number:02}" for number in names):
            files[f"{PLUGIN}/skills/{name}/SKILL.md"] = skill_md(name, self._number, self.random)
            files[f"{PLUGIN}/skills/{name}/noise.bin"] = self.random.randbytes(self.random.randrange(1, 20_000))
        return files

    async def _push(self) -> bool:
        self.repository.commit(self.next_files())
        for delivery in await self.github.deliver(self.repository, self.repository.changes[-1]):
            self.written += 1
            if delivery.status_code is not None and delivery.status_code not in {0, 202, 502, 503}:
                self.failures[f"delivery: {delivery.status_code}"] += 1
        return True

    async def _save(self) -> bool:
        name = self._some_skill()
        self._number += 1
        content = skill_md(name, self._number, self.random)
        said = await self._asked(
            "POST", f"/api/skills/{PLUGIN}/{name}", {"files": [{"path": "SKILL.md", "content": content.decode()}]}
        )
        if said is None:
            return False
        self.evidence.add("file", f"{name}:SKILL.md", said["commit"], said_files({"SKILL.md": content}))
        return True

    async def _sign_in(self) -> bool:
        """Somebody connects, asks, renews, and leaves."""
        person = self.random.choice(("ada", "grace"))
        browser, memory = Browser({"provider": "demo", "person": person}), ClientMemory()
        metadata = OAuthClientMetadata(client_name="soak", redirect_uris=[AnyUrl(RETURN_ADDRESS)])
        auth = OAuthClientProvider(f"{self.url}/mcp", metadata, memory, browser.open, browser.came_back)
        async with httpx2.AsyncClient(auth=auth, trust_env=False) as client:
            try:
                await client.get(f"{self.url}/mcp")
            except AssertionError:
                self.done["(sign-in cut short)"] += 1  # the service went away between two pages
                return False
        if memory.tokens is None or memory.client is None:
            return False
        result = await self._told(memory.tokens.access_token, operation="whoami")
        if result is not None and result["structuredContent"]["id"] != f"demo:{person}":
            self.failures["somebody is somebody else"] += 1
        form = {"client_id": memory.client.client_id or "", "refresh_token": memory.tokens.refresh_token or ""}
        async with httpx2.AsyncClient(trust_env=False) as client:
            renewed = await client.post(f"{self.url}/oauth/token", data={"grant_type": "refresh_token", **form})
            if renewed.status_code == 200 and self.random.random() < 0.8:
                token = {"token": renewed.json()["refresh_token"], "client_id": form["client_id"]}
                await client.post(f"{self.url}/oauth/revoke", data=token)
        return True

    # --- faults ------------------------------------------------------------------------------------------------------------

    async def _fault(self) -> bool:
        """One thing that goes wrong with GitHub, for a moment."""
        faults, any_read = self.github.faults, "GET /repos/*"
        match self.random.randrange(12):
            case 0 | 1:
                faults.fail_next(any_read, status=self.random.choice((500, 502, 503, 520)), times=2)
            case 2:
                faults.reset_next(any_read, times=2)
            case 3:
                faults.cut_next(any_read, after_bytes=self.random.randrange(200))
            case 4:
                faults.corrupt_next("GET /repos/*/git/*")
            case 5:
                faults.delay_next(any_read, self.random.uniform(0.1, 1.0), times=3)
            case 6:
                faults.answer_stale_head(times=2)
            case 7:
                faults.lose_next_deliveries()
            case 8:
                faults.repeat_next_deliveries()
            case 9:
                headers = {"Retry-After": "1"}
                faults.fail_next(any_read, status=429, body='{"message": "slow down"}', headers=headers)
            case 10:
                faults.fail_next(any_read, status=200, body="<html>not what you asked for</html>")
            case _:
                faults.down()
                await self._pause(self.random.uniform(0.2, 2.0))
                faults.up()
        return True


def _content(file: Mapping[str, Any]) -> bytes:
    content: str = file["content"]
    return base64.b64decode(content) if file.get("encoding") == "base64" else content.encode()
