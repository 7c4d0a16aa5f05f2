"""Owns a small marketplace, published: files → verified blobs → the real store → the real snapshot → Current, without GitHub.

``published`` has it, ``wire`` serves it at ``/mcp`` to Alice, an editor, and Bob, who may not read ``salaries``.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcp_server.api_tokens import ApiTokens
from mcp_server.archives.shelf import Shelf
from mcp_server.authentication import API_TOKEN, Authenticator, Caller, ConnectorAuthentication
from mcp_server.endpoint import mcp_routes
from mcp_server.install.installs import unnoted
from mcp_server.install.links import InstallLinks
from mcp_server.oauth.metadata import Addresses
from mcp_server.reads import Read
from mcp_server.tool import Giving
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.catalog.model import OWN_SOURCE, SourceKey
from skillport_sync.catalog.sources import wanted_sources
from skillport_sync.clock import SystemEntropy
from skillport_sync.config import LogSettings
from skillport_sync.current import Current
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import CommitId, Mode, TreeId, blob_id
from skillport_sync.log import configure_logging
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Publication, PublicationId, Published
from skillport_sync.quarantine import Scan
from skillport_sync.queries import Queries
from skillport_sync.restoring import Restoring
from skillport_sync.snapshot import PARSER_VERSION, Snapshot, SourceInput, SourceState, assemble
from skillport_sync.store.drafts import PublicationDraft, SkillRow, SourceDraft
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.template.own_skill import own_skill

BASE_URL = "https://skills.acme.example"
ACME = MarketplaceName("acme")
NOBODY, NOTHING = CommitId("0" * 40), TreeId("0" * 40)
ALICE = Principal(PrincipalId("token:alice"), "Alice", "alice@acme.example", frozenset({"staff"}))
BOB = Principal(PrincipalId("token:bob"), "Bob")

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(range(256))

Files = dict[str, str | bytes]


def skill_md(name: str, description: str, body: str = "Do it well.\n") -> str:
    return f"---\nname: {name}\ndescription: {description}\n---\n\n{body}"


def plugin_json(name: str, version: str) -> str:
    return json.dumps({"name": name, "version": version})


def marketplace(*plugins: str, **extra: object) -> str:
    entries = [{"name": name, "source": f"./plugins/{name}"} for name in plugins]
    return json.dumps({"name": "acme-skills", "owner": {"name": "Acme"}, "plugins": entries, **extra})


def access(**readers: list[str]) -> str:
    """A policy where everybody reads, but these skills only the people named."""
    rules = {name.replace("_", "-"): {"read": [{"id": who} for who in ids]} for name, ids in readers.items()}
    editors = [{"id": ALICE.id, "label": "Alice"}]
    return json.dumps(
        {"version": "1.0", "editors": editors, "skills": rules, "defaults": {"read": "*", "write": "editors"}}
    )


def many(count: int, **readers: list[str]) -> Files:
    """A marketplace of ``count`` skills in ten plugins."""
    plugins = [f"plugin-{at}" for at in range(10)]
    files: Files = {".claude-plugin/marketplace.json": marketplace(*plugins)}
    for at in range(count):
        path = f"plugins/plugin-{at % 10}/skills/skill-{at:03}/SKILL.md"
        files[path] = skill_md(f"skill-{at:03}", f"Handles case {at}, the {'odd' if at % 2 else 'even'} way.")
    if readers:
        files[".skillport/access.json"] = access(**readers)
    return files


SMALL: Files = {
    ".claude-plugin/marketplace.json": marketplace("docs", "finance", "people"),
    ".skillport/access.json": access(salaries=[ALICE.id]),
    "plugins/docs/.claude-plugin/plugin.json": plugin_json("docs", "1.2.0"),
    "plugins/docs/skills/pdf/SKILL.md": skill_md("pdf", "Fills PDF forms from a table."),
    "plugins/docs/skills/pdf/scripts/fill.py": "print('filled')\n",
    "plugins/docs/skills/pdf/assets/logo.png": PNG,
    "plugins/docs/skills/pdf/crlf.txt": b"one\r\ntwo\r\n",
    "plugins/docs/skills/pdf/bom.txt": b"\xef\xbb\xbfwith a mark",
    "plugins/docs/skills/pdf/empty.txt": b"",
    "plugins/docs/skills/pdf/nul.txt": b"a\0b",
    "plugins/docs/skills/pdf/späße/☃ 100%.md": "snow\n",
    "plugins/docs/skills/report/SKILL.md": skill_md("report", "Writes a report about documents."),
    "plugins/finance/.claude-plugin/plugin.json": plugin_json("finance", "2.0.0"),
    "plugins/finance/skills/report/SKILL.md": skill_md("report", "Writes the quarterly report."),
    "plugins/people/skills/salaries/SKILL.md": skill_md("salaries", "Knows what everybody earns."),
    "plugins/people/skills/salaries/table.csv": "alice,1\n",
}
"""Four skills; Bob may read all but ``salaries``."""


class StillClock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, 10, 0, 0, 250_000, tzinfo=UTC)
        self._monotonic_s = 1_000.0

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds


class Publisher:
    """Publishes files as commits, through the real store and the real snapshot."""

    alice, bob = ALICE, BOB
    small = SMALL
    skill_md = staticmethod(skill_md)
    plugin_json = staticmethod(plugin_json)
    marketplace = staticmethod(marketplace)
    access = staticmethod(access)
    many = staticmethod(many)

    def __init__(self, store: MirrorStore, clock: StillClock) -> None:
        self.store = store
        self.clock = clock
        self.current = Current(clock, stale_after_s=600)
        self.why_absent = "the first sync is under way (3 of 5 requests)"
        self.quarantine: frozenset[Scan] = frozenset()
        self.queries = Queries(self.current, store, self.restoring, clock, lambda: self.why_absent)
        self._heads: dict[MarketplaceName, Published] = {}

    def restoring(self, name: MarketplaceName) -> Restoring:
        return Restoring(name, self.store, "github.com", self.quarantine)

    async def publish(
        self,
        files: Mapping[str, str | bytes],
        *,
        name: MarketplaceName = ACME,
        executable: frozenset[str] = frozenset({"plugins/docs/skills/pdf/scripts/fill.py"}),
        symlinks: frozenset[str] = frozenset(),
        not_held: frozenset[str] = frozenset(),
        others: Mapping[str, Files] | None = None,
    ) -> Published:
        """Make these files the head of the marketplace and serve it; ``others`` are those of other repositories it takes plugins
        from, by source key."""
        published = await self.prepare(files, name, executable, symlinks, not_held, others)
        self.serve(published)
        return published

    def serve(self, published: Published) -> None:
        self.current.swap(published)
        self.current.confirm(published.snapshot.marketplace)

    async def prepare(
        self,
        files: Mapping[str, str | bytes],
        name: MarketplaceName = ACME,
        executable: frozenset[str] = frozenset(),
        symlinks: frozenset[str] = frozenset(),
        not_held: frozenset[str] = frozenset(),
        others: Mapping[str, Files] | None = None,
    ) -> Published:
        """Make these files the head of the marketplace, without serving it yet."""
        before = self._heads.get(name)
        own = await self._source(
            SourceState(OWN_SOURCE, f"{name}/skills", NOBODY, NOTHING), files, executable, symlinks, not_held
        )
        manifest = own.contents.get(own.entries[b".claude-plugin/marketplace.json"].oid, b"")
        wishes = {
            wish.key: wish for wish in wanted_sources(manifest, host="github.com", repository=own.state.repository)
        }
        sources = [own]
        for key, theirs in sorted((others or {}).items()):
            wish = wishes[SourceKey(key)]
            source = await self._source(SourceState(wish.key, wish.repository, NOBODY, NOTHING), theirs)
            sources.append(replace(source, directories=wish.directories))
        held = {oid: fact for source in sources for oid, fact in source.held.items()}
        snapshot = assemble(
            name,
            [replace(source, held=held) for source in sources],
            before.snapshot if before else None,
            quarantine=self.quarantine,
        )
        assert isinstance(snapshot, Snapshot), str(snapshot)
        published = Published(await self._store(snapshot, sources, before), snapshot)
        self._heads[name] = published
        return published

    async def _source(
        self,
        state: SourceState,
        files: Mapping[str, str | bytes],
        executable: frozenset[str] = frozenset(),
        symlinks: frozenset[str] = frozenset(),
        not_held: frozenset[str] = frozenset(),
    ) -> SourceInput:
        """These files as a source at some commit, their contents in the store."""
        raw = {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}
        entries = {
            path.encode(): Entry(
                Mode.EXECUTABLE if path in executable else Mode.SYMLINK if path in symlinks else Mode.FILE,
                blob_id(content),
                len(content),
            )
            for path, content in raw.items()
        }
        contents = {blob_id(content): content for path, content in raw.items() if path not in not_held}
        trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
        commit = CommitId(hashlib.sha1(repr((trees[b""], len(self._heads), self.clock.now())).encode()).hexdigest())
        held = await self.store.put_blobs(list(contents.items()))
        return SourceInput(replace(state, commit=commit, tree=trees[b""]), entries, trees, held, contents)

    async def _store(
        self,
        snapshot: Snapshot,
        sources: Sequence[SourceInput],
        before: Published | None,
    ) -> Publication:
        await self.store.remember(snapshot.marketplace, snapshot.repository)
        rows = [
            SkillRow(str(skill.plugin.name), skill.directory, skill.name, skill.version, skill.revision)
            for skill in snapshot.catalog.skills
        ]
        expected = PublicationId(before.publication.id) if before else None
        stored = await self.store.publish(
            PublicationDraft(
                snapshot.marketplace,
                [SourceDraft(source.state, source.entries) for source in sources],
                rows,
                PARSER_VERSION,
                "push",
                self.clock.now(),
                expected,
                snapshot.file_count,
                frozenset(
                    entry.oid for one in sources for entry in one.entries.values() if entry.oid not in one.contents
                ),
            )
        )
        assert isinstance(stored, Publication)
        return stored


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def publisher(tmp_path: Path, clock: StillClock) -> AsyncIterator[Publisher]:
    """Nothing is published yet."""
    store = await MirrorStore.open(tmp_path / "mirror.db", clock=clock)
    yield Publisher(store, clock)
    await store.close()


@pytest.fixture
async def published(publisher: Publisher) -> Publisher:
    """The small marketplace is published."""
    await publisher.publish(SMALL)
    return publisher


TOKENS = {"alice": "sps_of-alice", "bob": "sps_of-bob"}
MODERN = "2026-07-28"
LEGACY = "2025-11-25"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"roots": {}},
    "io.modelcontextprotocol/clientInfo": {"name": "a test", "version": "1"},
}


@dataclass(frozen=True)
class Seen:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """An endpoint on a loopback port, and the requests a client of either era would send to it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def send(self, body: object, *, method: str = "POST", who: str | None = "bob", **headers: str | None) -> Seen:
        """One request; ``headers`` by their name with ``_`` for ``-``, None to leave one out."""
        sent: dict[str, str | None] = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        sent["Authorization"] = f"Bearer {TOKENS[who]}" if who is not None else None
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in sent.items() if value is not None}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        data = raw if raw is None or len(raw) < 1024 * 1024 else io.BytesIO(raw)
        skipped = {name for name, value in sent.items() if value is None}
        async with self._session.request(
            method, self.url, data=data, headers=kept, skip_auto_headers=skipped, allow_redirects=False
        ) as response:
            return Seen(response.status, response.headers, await response.read())

    async def request(
        self,
        method: str,
        params: Mapping[str, object] | None = None,
        *,
        modern: bool = True,
        request_id: object = 1,
        who: str | None = "bob",
        **headers: str | None,
    ) -> Seen:
        """One JSON-RPC request as a client of that era sends it."""
        message: dict[str, object] = {"jsonrpc": "2.0", "id": request_id, "method": method}
        if not modern:
            if params is not None:
                message["params"] = params
            return await self.send(message, who=who, **{"MCP_Protocol_Version": LEGACY, **headers})
        message["params"] = {"_meta": ENVELOPE, **(params or {})}
        routing: dict[str, str | None] = {"MCP_Protocol_Version": MODERN, "Mcp_Method": method}
        if params and "name" in params:
            routing["Mcp_Name"] = str(params["name"])
        return await self.send(message, who=who, **{**routing, **headers})

    async def call(self, arguments: Mapping[str, object] | None = None, **how: Any) -> Any:
        """The result of one call of the tool, which must have gone well as HTTP and as JSON-RPC."""
        params = {"name": "skillport"} | ({} if arguments is None else {"arguments": arguments})
        seen = await self.request("tools/call", params, **how)
        assert seen.status == 200, seen.body
        return seen.json["result"]


class Asked(list[tuple[str, str, str]]):
    """What ``on_query`` was told."""

    def __call__(self, operation: str, surface: str, outcome: str) -> None:
        self.append((operation, surface, outcome))


@pytest.fixture
def asked() -> Asked:
    return Asked()


class Reads(list[tuple[str, str | None, Read]]):
    """What ``on_read`` was told: who, through which client, what."""

    def __call__(self, caller: Caller, read: Read) -> None:
        self.append((caller.principal.id, caller.client_id, read))


@pytest.fixture
def reads() -> Reads:
    return Reads()


WireOf = Callable[..., Awaitable[Wire]]


GivingOf = Callable[[Publisher], Awaitable[Giving]]


@pytest.fixture
async def giving_of(tmp_path: Path) -> AsyncIterator[GivingOf]:
    """``await giving_of(publisher)``: what the tool can give away of what it publishes, with databases of its own."""
    count = itertools.count()
    async with AsyncExitStack() as stack:

        async def giving(publisher: Publisher) -> Giving:
            entropy, folder = SystemEntropy(), tmp_path / f"given-{next(count)}"
            folder.mkdir()
            state = await StateStore.open(folder / "state.db", clock=publisher.clock)
            stack.push_async_callback(state.close)
            links = InstallLinks(
                queries=publisher.queries,
                links=state.links,
                shelf=Shelf(folder / "archives", publisher.store, publisher.clock),
                own_skill=own_skill(),
                base_url=BASE_URL,
                clock=publisher.clock,
                entropy=entropy,
                on_install=unnoted,
            )
            return Giving(links, ApiTokens(state.minted_tokens, state.audit, publisher.clock, entropy), BASE_URL)

        yield giving


@pytest.fixture
async def wire_of(asked: Asked, reads: Reads, giving_of: GivingOf) -> AsyncIterator[WireOf]:
    """``await wire_of(publisher, hot_bytes=…)``: what it publishes, served; with no bytes every answer goes the kernel's way."""
    people = {
        hashlib.sha256(TOKENS[who].encode()).digest(): Caller(person, f"token:{who}")
        for who, person in (("alice", ALICE), ("bob", BOB))
    }

    async def find(digest: bytes) -> Caller | None:
        return people.get(digest)

    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def serve(
            publisher: Publisher,
            hot_bytes: int = 1024 * 1024,
            authenticator: Authenticator | None = None,
            sign_in: Addresses | None = None,
            giving: Giving | None = None,
        ) -> Wire:
            app = web.Application()
            app.add_routes(
                mcp_routes(
                    queries=publisher.queries,
                    giving=giving or await giving_of(publisher),
                    authenticator=authenticator or ConnectorAuthentication({API_TOKEN: find}, publisher.clock),
                    allowed_hosts=frozenset({"127.0.0.1:*"}),
                    allowed_origins=frozenset({"http://localhost:*", "https://claude.example"}),
                    on_query=asked,
                    on_read=reads,
                    sign_in=sign_in,
                    hot_bytes=hot_bytes,
                )
            )
            server = TestServer(app, host="127.0.0.1")
            await server.start_server()
            stack.push_async_callback(server.close)
            return Wire(str(server.make_url("/mcp")), session)

        yield serve


@pytest.fixture
async def wire(published: Publisher, wire_of: WireOf) -> Wire:
    return await wire_of(published)


@pytest.fixture
async def cold_wire(published: Publisher, wire_of: WireOf) -> Wire:
    """The same publication, where no answer is remembered."""
    return await wire_of(published, hot_bytes=0)


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Leave logging, which commands configure, as it was found; keep a service's log out of the commands' output meanwhile."""
    root = logging.getLogger()
    level, structlog_before = root.level, structlog.get_config()
    configure_logging(LogSettings("error", "json"), io.StringIO())
    yield
    root.setLevel(level)
    root.handlers[:] = [handler for handler in root.handlers if type(handler).__module__ != "skillport_sync.log"]
    logging.getLogger("skillport_sync.sync.report").setLevel(logging.NOTSET)
    structlog.configure(**structlog_before)
