"""Owns a whole service that skills are changed through over real HTTP: REST, the real Saver, the real mirror and its loop; only
GitHub is a stand-in.

Alice and Dora are editors, Carol may change the plugin ``docs``, Bob reads; only Alice may read ``salaries``.
``Scripted`` stands in for a Saver where an outcome is hard to come by: in these tests only.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import get_unused_port_socket
from yarl import URL

from mcp_server.archives.shelf import Shelf
from mcp_server.authentication import API_TOKEN, MINTED_TOKEN, Caller, ConnectorAuthentication
from mcp_server.edit.links import EditLinks
from mcp_server.edit.routes import edit_routes
from mcp_server.front_door import FrontDoor
from mcp_server.rest.editing import Editing, Saves
from mcp_server.rest.routes import rest_routes
from mcp_server.rest.writes import Write
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.clock import SystemClock, SystemEntropy
from skillport_sync.current import Current
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken
from skillport_sync.github.writing import GitHubWriter
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries import Queries
from skillport_sync.restoring import Restoring
from skillport_sync.standin import Repository, StandInGitHub
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.sync.branch import Source
from skillport_sync.sync.clashes import Clashes
from skillport_sync.sync.landing import Landing
from skillport_sync.sync.loop import Loop
from skillport_sync.sync.plan import Bounds
from skillport_sync.sync.preparing import Preparer
from skillport_sync.sync.proposals import Proposals
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.save import Saver
from skillport_sync.sync.saves import CannotWrite, SaveOutcome, Wanted
from skillport_sync.tokens import TokenHash, hash_of

ACME = MarketplaceName("acme")
READ, WRITE = "token-of-the-mirror", "token-that-may-write"
SOON_S = 60.0

ALICE = Principal(PrincipalId("token:alice"), "Alice", "alice@acme.example")
BOB = Principal(PrincipalId("token:bob"), "Bob")
CAROL = Principal(PrincipalId("token:carol"), "Carol")
DORA = Principal(PrincipalId("token:dora"), "Dora")
TOKENS = {
    "alice": ("sps_of-alice", Caller(ALICE, "token:1")),
    "bob": ("sps_of-bob", Caller(BOB, "token:2")),
    "carol": ("sps_of-carol", Caller(CAROL, "token:3")),
    "dora": ("sps_of-dora", Caller(DORA, "token:5")),
    "settings": ("sp_api_of-alice", Caller(ALICE, "token:4", read_only=True, purpose="claude-code")),
}
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(range(256))


def skill_md(name: str, description: str = "Does it.", body: str = "Do it well.\n") -> str:
    return f"---\nname: {name}\ndescription: {description}\n---\n\n{body}"


def files(**more: object) -> dict[str | bytes, object]:
    """The marketplace as it is at first."""
    entries = [{"name": name, "source": f"./plugins/{name}"} for name in ("docs", "finance", "people")]
    policy = {
        "version": "1.0",
        "editors": [{"id": ALICE.id, "label": "Alice"}, {"id": DORA.id, "label": "Dora"}],
        "skills": {"salaries": {"read": [{"id": ALICE.id}]}, "docs": {"write": [{"id": CAROL.id}, {"id": ALICE.id}]}},
        "defaults": {"read": "*", "write": "editors"},
    }
    tree: dict[str | bytes, object] = {
        ".claude-plugin/marketplace.json": json.dumps({"name": "acme", "owner": {"name": "Acme"}, "plugins": entries}),
        ".skillport/access.json": json.dumps(policy),
        "plugins/docs/.claude-plugin/plugin.json": json.dumps({"name": "docs", "version": "1.2.0"}),
        "plugins/docs/skills/pdf/SKILL.md": skill_md("pdf", "Fills PDF forms."),
        "plugins/docs/skills/pdf/scripts/fill.py": "print('filled')\n",
        "plugins/docs/skills/pdf/assets/logo.png": PNG,
        "plugins/docs/skills/report/SKILL.md": skill_md("report"),
        "plugins/finance/skills/ledger/SKILL.md": skill_md("ledger"),
        "plugins/people/skills/salaries/SKILL.md": skill_md("salaries"),
        "plugins/draft/.claude-plugin/plugin.json": json.dumps({"name": "draft", "version": "0.1.0"}),
        "plugins/draft/skills/memo/SKILL.md": skill_md("memo"),
    }
    every = {**tree, **more}
    return {path: content.encode() if isinstance(content, str) else content for path, content in every.items()}


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Scripted:
    """A stand-in for a Saver: answers what it was told to, and remembers what was wanted."""

    def __init__(self, *answers: SaveOutcome | Exception, cannot_write: CannotWrite | None = None) -> None:
        self.cannot_write = cannot_write
        self.wanted: list[Wanted] = []
        self._answers = list(answers)

    async def save(self, wanted: Wanted) -> SaveOutcome:
        self.wanted.append(wanted)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class World:
    """The service, reached at ``url``, and what stands behind it."""

    url: str
    session: aiohttp.ClientSession
    standin: StandInGitHub
    repository: Repository
    queries: Queries
    state: StateStore
    loop: Loop
    saver: Saver
    current: Current
    writes: list[tuple[str, Write]] = field(default_factory=list)
    reads: list[tuple[str, str, str]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        who: str | None = "alice",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One request; a ``body`` that is no bytes is sent as JSON."""
        sent = dict(headers or {})
        if who is not None:
            sent["Authorization"] = f"Bearer {TOKENS[who][0]}"
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        data = raw if raw is None or len(raw) < 1024 * 1024 else io.BytesIO(raw)
        async with (
            asyncio.timeout(SOON_S),
            self.session.request(method, URL(self.url + path, encoded=True), data=data, headers=sent) as response,
        ):
            return Answered(response.status, response.headers, await response.read())

    async def post(self, path: str, body: object = None, **how: Any) -> Answered:
        return await self.ask(path, method="POST", body=body, **how)

    async def done(self, path: str, body: object = None, **how: Any) -> Any:
        """The JSON of a change that must have gone well."""
        seen = await self.post(path, body, **how)
        assert seen.status == 200, seen.body
        return seen.json

    async def get(self, path: str, who: str = "alice") -> Any:
        seen = await self.ask(path, who=who)
        assert seen.status == 200, seen.body
        return seen.json

    async def refused(self, path: str, body: object = None, *, method: str = "POST", **how: Any) -> tuple[int, str]:
        """Status and code of what must have gone wrong."""
        seen = await self.ask(path, method=method, body=body, **how)
        assert seen.status >= 400, seen.body
        assert seen.json.keys() >= {"error", "message", "code"}
        return seen.status, seen.json["code"]

    def head(self) -> str | None:
        return self.repository.head()

    def content(self, path: str) -> bytes | None:
        """A file at the branch's head."""
        try:
            return self.repository.read(path)
        except (KeyError, FileNotFoundError, LookupError):
            return None


ServeWorld = Callable[..., Awaitable[World]]


@pytest.fixture
async def world_of(tmp_path: Path) -> AsyncIterator[ServeWorld]:
    """``await world_of(savers=…, mode=…, more={path: content})``: the service, ``savers`` in the Saver's place."""
    async with AsyncExitStack() as stack:

        async def serve(
            savers: Mapping[MarketplaceName, Saves] | None = None,
            mode: str = "commit",
            can_write: bool = True,
            more: Mapping[str, object] | None = None,
        ) -> World:
            clock = SystemClock()
            standin = StandInGitHub()
            standin.accept_token(READ)
            standin.accept_token(WRITE, permissions={"metadata": "read", "contents": "write", "pull_requests": "write"})
            await standin.start()
            stack.push_async_callback(standin.close)
            repository = standin.create_repository("acme/skills")
            repository.commit(files(**(more or {})))
            store = await MirrorStore.open(tmp_path / "mirror.db", clock=clock)
            stack.push_async_callback(store.close)
            state = await StateStore.open(tmp_path / "state.db", clock=clock)
            stack.push_async_callback(state.close)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            current = Current(clock, stale_after_s=600)
            github = GitHub(session, StaticToken(READ), api_url=standin.api_url, clock=clock)

            def restoring(name: MarketplaceName) -> Restoring:
                return Restoring(name, store, "github.com", frozenset())

            pull = Pull(
                Source(ACME, repository.full_name, None),
                github=github,
                store=store,
                current=current,
                bounds=Bounds(),
                clock=clock,
                restoring=restoring(ACME),
                max_removed_share=None,
            )
            await store.remember(ACME, repository.full_name)
            loop = Loop(pull, github=github, state=state, clock=clock, entropy=SystemEntropy(), interval_s=3_600)
            running = asyncio.create_task(loop.run())
            stack.push_async_callback(_ended, running)
            loop.wake("start")
            async with asyncio.timeout(SOON_S):
                await loop.settled()
            saver = _saver(pull, loop, github, state, store, session, standin, mode, can_write)
            sock = get_unused_port_socket("127.0.0.1")
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            queries = Queries(current, store, restoring, clock)
            world = World(url, session, standin, repository, queries, state, loop, saver, current)
            routes = _routes(world, savers or {ACME: saver}, Shelf(tmp_path / "archives", store, clock))
            app = web.Application()
            app.add_routes(routes)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, sock).start()
            standin.journal.reset()
            return world

        yield serve


def _saver(
    pull: Pull,
    loop: Loop,
    github: GitHub,
    state: StateStore,
    store: MirrorStore,
    session: aiohttp.ClientSession,
    standin: StandInGitHub,
    mode: str,
    can_write: bool,
) -> Saver:
    clock, preparer = SystemClock(), Preparer(store, pull.would_be)
    writer = GitHubWriter(session, StaticToken(WRITE), api_url=standin.api_url, clock=clock)
    landing = Landing(writer, look_after_s=(0.0, 0.0))
    proposals = Proposals(pull, landing=landing, rows=state.proposals, preparer=preparer, entropy=SystemEntropy())
    return Saver(
        pull,
        loop,
        github=github,
        landing=landing if can_write else None,
        state=state,
        preparer=preparer,
        clashes=Clashes(ACME, store),
        proposals=proposals if can_write else None,
        mode=mode,  # type: ignore[arg-type]
    )


def _routes(world: World, savers: Mapping[MarketplaceName, Saves], shelf: Shelf) -> list[web.RouteDef]:
    people = {hash_of(token): caller for token, caller in TOKENS.values()}

    async def find(digest: bytes) -> Caller | None:
        return people.get(TokenHash(digest))

    clock = SystemClock()
    door = FrontDoor(
        ConnectorAuthentication({API_TOKEN: find, MINTED_TOKEN: find}, clock),
        allowed_hosts=frozenset({"127.0.0.1:*"}),
        allowed_origins=frozenset(),
    )
    links = EditLinks(
        queries=world.queries,
        links=world.state.links,
        shelf=shelf,
        base_url=world.url,
        clock=clock,
        entropy=SystemEntropy(),
        on_read=lambda caller, read: world.reads.append((caller.principal.id, read.skill, read.outcome)),
    )
    editing = Editing(
        door=door,
        queries=world.queries,
        savers=savers,
        links=links,
        proposals=lambda name: world.state.proposals.listed(name, state="open"),
        on_write=lambda caller, write: world.writes.append((caller.principal.id, write)),
        on_query=lambda operation, _, outcome: world.asked.append((operation, outcome)),
    )
    rest = rest_routes(door=door, queries=world.queries, links=None, base_url=world.url, editing=editing)  # type: ignore[arg-type]
    return [*edit_routes(door, links), *rest]


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return


@pytest.fixture
async def world(world_of: ServeWorld) -> World:
    """The service, with a Saver that commits."""
    return await world_of()


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def make() -> Any:
    """Makes files."""

    class Make:
        md = staticmethod(skill_md)
        png = PNG

    return Make
