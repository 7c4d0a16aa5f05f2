"""Owns a whole mirror of one marketplace: real loop, pull, client and databases, against the stand-in, in a time of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.catalog.change.wishes import Wish
from skillport_sync.current import Current
from skillport_sync.git.objects import blob_id
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken
from skillport_sync.github.host import Host
from skillport_sync.github.writing import GitHubWriter
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.quarantine import Scan
from skillport_sync.reports import Progress, PullReport
from skillport_sync.restoring import Restoring
from skillport_sync.standin import RefChange, Repository, StandInGitHub
from skillport_sync.store.ledger import Concern, DeliveryFacts
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.sync.branch import Source
from skillport_sync.sync.clashes import Clashes
from skillport_sync.sync.landing import Landing
from skillport_sync.sync.loop import Last, Loop, Order
from skillport_sync.sync.plan import Bounds
from skillport_sync.sync.preparing import Preparer
from skillport_sync.sync.proposals import Proposals
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.save import Saver, WriteMode
from skillport_sync.sync.saves import SaveOutcome, Wanted

ACME = MarketplaceName("acme")
TOKEN = "token-of-the-mirror"
WRITE_TOKEN = "token-that-may-write"
INTERVAL_S = 300.0

Files = Mapping[str | bytes, object]


class SkippableTime:
    """The event loop's own time, of which a test may skip some: every timer then rings as if it had passed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._real = self._loop.time
        self._skipped_s = 0.0
        self._began_s = self._real()
        self._loop.time = lambda: self._real() + self._skipped_s  # type: ignore[method-assign]

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 12, 0, tzinfo=UTC) + timedelta(seconds=self._loop.time() - self._began_s)

    def monotonic_s(self) -> float:
        return self._loop.time()

    async def skip(self, seconds: float) -> None:
        self._skipped_s += seconds
        for _ in range(10):  # timers ring, and whoever they wake begins
            await everybodys_turn()


async def everybodys_turn() -> None:
    """Whatever can go on now goes one step on."""
    await asyncio.sleep(0)


class LongestJitter:
    """Dice that always fall the same way."""

    def token_bytes(self, size: int) -> bytes:
        return bytes(size)

    def uniform(self, low: float, high: float) -> float:
        return high


class Make:
    """Makes files."""

    @staticmethod
    def skill(name: str, text: str = "") -> bytes:
        return f"---\nname: {name}\ndescription: Does {name}.\n---\n{text}\n".encode()

    @staticmethod
    def policy(editor: str) -> bytes:
        everybody_reads = {"read": "*", "write": "editors"}
        return json.dumps({"version": "1.0", "editors": [{"id": editor}], "defaults": everybody_reads}).encode()

    @classmethod
    def marketplace(cls, files: int = 12) -> dict[str | bytes, object]:
        """A marketplace with one plugin, a policy and ``files`` files in all; no two have the same content."""
        plugins = [{"name": "docs", "source": "./plugins/docs"}]
        manifest = {"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins}
        tree: dict[str | bytes, object] = {
            ".claude-plugin/marketplace.json": json.dumps(manifest).encode(),
            ".skillport/access.json": cls.policy("google:1"),
        }
        return tree | {cls.path(n): cls.skill(f"s{n:05}", "words " * (n % 50)) for n in range(files - len(tree))}

    @staticmethod
    def path(number: int) -> str:
        """The SKILL.md of the marketplace's skill of this number."""
        return f"plugins/docs/skills/s{number:05}/SKILL.md"


class Mirror:
    """A mirror that runs, stops and starts again on the same databases. Everything is waited for, nothing slept for."""

    def __init__(self, directory: Path, standin: StandInGitHub, repository: Repository, time: SkippableTime) -> None:
        self.directory = directory
        self.standin = standin
        self.repository = repository
        self.time = time
        self.bounds = Bounds()
        self.branch: str | None = None
        self.quarantine: frozenset[Scan] = frozenset()
        self.max_removed_share: float | None = 0.5
        self.configured = repository.full_name
        self.progress: list[Progress] = []
        self._stack = AsyncExitStack()
        self._delivered = 0
        self.current: Current
        self.store: MirrorStore
        self.state: StateStore
        self.github: GitHub
        self.pull: Pull
        self.loop: Loop

    # --- life ------------------------------------------------------------------------------------------------------------

    async def start(self, *, wake: bool = True) -> None:
        """As the service does: open, serve what was published, begin to pull."""
        self.store = await MirrorStore.open(self.directory / "mirror.db", clock=self.time)
        self._stack.push_async_callback(self.store.close)
        self.state = await StateStore.open(self.directory / "state.db", clock=self.time)
        self._stack.push_async_callback(self.state.close)
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        self.current = Current(self.time, stale_after_s=2 * INTERVAL_S)
        self.github = GitHub(session, StaticToken(TOKEN), api_url=self.standin.api_url, clock=self.time)
        self.pull = Pull(
            Source(ACME, self.configured, self.branch),
            github=self.github,
            store=self.store,
            current=self.current,
            bounds=self.bounds,
            clock=self.time,
            restoring=Restoring(ACME, self.store, "github.com", self.quarantine),
            max_removed_share=self.max_removed_share,
        )
        await self.store.remember(ACME, self.configured)
        await self.pull.restore()
        self.loop = Loop(
            self.pull,
            github=self.github,
            state=self.state,
            clock=self.time,
            entropy=LongestJitter(),
            interval_s=INTERVAL_S,
        )
        running = asyncio.create_task(self.loop.run())
        self._stack.push_async_callback(_ended, running)
        if wake:
            self.loop.wake("start")

    async def stop(self) -> None:
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def restart(self, *, wake: bool = True) -> None:
        await self.stop()
        await self.start(wake=wake)

    # --- what happens to it ----------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        try:
            async with asyncio.timeout(20):
                await self.loop.settled()
        except TimeoutError:
            pytest.fail(
                f"never settled: {self.loop._pace}, last: {self.loop.last}\n"
                + "\n".join(self.standin.journal.lines()[-20:])
            )

    async def reconcile(self, **order: bool | str) -> PullReport:
        """What ``skillport-sync reconcile`` does."""
        async with asyncio.timeout(20):
            return await self.loop.order(Order(**order), self.progress.append)  # type: ignore[arg-type]

    async def receive(self, change: RefChange, guid: str | None = None) -> Last | None:
        """A push delivery arrives: written down, then the loop woken, as the receiver does. The latest pull until then."""
        before = self.loop.last
        self._delivered += 1
        facts = DeliveryFacts(
            guid or f"guid-{self._delivered}",
            hook_id=1,
            event="push",
            ref=change.ref,
            before=change.before,
            after=change.after,
            forced=change.forced,
        )
        await self.state.record(facts, [Concern(ACME, "push", hinted=True)])
        self.loop.wake("push")
        return before

    async def push(self, files: Files, **how: object) -> str:
        """A commit, its delivery, and everything that follows from it."""
        commit = self.repository.commit(files, **how)  # type: ignore[arg-type]
        await self.receive(self.repository.changes[-1])
        await self.settled()
        return commit

    async def pulled(self, before: Last | None) -> PullReport:
        """Another pull than the one ``before`` has ended; what came of it."""
        async with asyncio.timeout(20):
            while self.loop.last is before:
                await everybodys_turn()
        return self.report

    async def after(self, seconds: float) -> PullReport:
        """What comes of the pull that so many seconds bring about."""
        before = self.loop.last
        await self.time.skip(seconds)
        return await self.pulled(before)

    async def confirmed(self) -> None:
        """The look that follows a publication from a hint has happened."""
        await self.time.skip(10.0)
        await self.settled()

    # --- what it shows ---------------------------------------------------------------------------------------------------

    @property
    def published(self) -> Published | None:
        return self.current.get().get(ACME)

    @property
    def commit(self) -> str | None:
        """What is served."""
        return None if self.published is None else self.published.publication.commit

    @property
    def report(self) -> PullReport:
        """What came of the latest pull."""
        assert self.loop.last is not None
        return self.loop.last.report

    async def content(self, path: str) -> bytes:
        """A served file's bytes."""
        assert self.published is not None
        return await self.store.content(self.published.snapshot.files[path].oid)

    async def assert_serves(self, commit: str) -> None:
        """Served, byte for byte, is exactly this commit of the repository."""
        assert self.published is not None
        snapshot, tree = self.published.snapshot, self.repository.tree(commit)
        assert snapshot.commit == commit
        assert self.published.publication.tree == tree
        assert snapshot.sources[0].tree == tree
        for path, held in snapshot.files.items():
            if held.sha256 is None:
                continue
            content = self.repository.read(path, commit)
            assert held.oid == blob_id(content), path
            assert await self.store.content(held.oid) == content, path
        stored = await self.store.load(ACME)
        assert stored is not None
        assert stored.publication == self.published.publication, "mirror.db and memory serve the same"

    async def owed(self) -> int:
        owed = await self.state.owed(ACME)
        return owed.want - owed.done


async def _ended(task: asyncio.Task[None]) -> None:
    """A loop never ends by itself: whatever it raised but its cancellation is the test's failure."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return


@pytest.fixture
async def time() -> SkippableTime:
    return SkippableTime()


@pytest.fixture
async def standin(time: SkippableTime) -> AsyncIterator[StandInGitHub]:
    github = StandInGitHub(now=time.now)
    github.accept_token(TOKEN)
    await github.start()
    yield github
    await github.close()


@pytest.fixture
def repository(standin: StandInGitHub) -> Repository:
    """``acme/skills`` with one commit: a plugin of ten skills and a policy."""
    repository = standin.create_repository("acme/skills")
    repository.commit(Make.marketplace())
    return repository


@pytest.fixture
async def mirror(
    tmp_path: Path, standin: StandInGitHub, repository: Repository, time: SkippableTime
) -> AsyncIterator[Mirror]:
    """Not started."""
    mirror = Mirror(tmp_path, standin, repository, time)
    yield mirror
    await mirror.stop()


@pytest.fixture
async def running(mirror: Mirror) -> Mirror:
    """Started, and in step with the repository's first commit; the journal is empty."""
    await mirror.start()
    await mirror.settled()
    assert mirror.commit == mirror.repository.head()
    mirror.standin.journal.reset()
    return mirror


@pytest.fixture
def make() -> type[Make]:
    return Make


class Editing:
    """People who change the marketplace of a running mirror, through everything real but GitHub."""

    def __init__(self, mirror: Mirror, writer: GitHubWriter, mode: WriteMode, host: Host) -> None:
        self.mirror = mirror
        self.host = host
        preparer = Preparer(mirror.store, mirror.pull.would_be)
        landing = Landing(writer, look_after_s=(0.0, 0.0))
        self.proposals = Proposals(
            mirror.pull, landing=landing, rows=mirror.state.proposals, preparer=preparer, entropy=Counting()
        )
        self.saver = Saver(
            mirror.pull,
            mirror.loop,
            github=mirror.github,
            landing=landing,
            state=mirror.state,
            preparer=preparer,
            clashes=Clashes(ACME, mirror.store),
            proposals=self.proposals,
            mode=mode,
        )

    async def save(self, wish: Wish, *, who: str = "google:1", new: bool = False, **wanted: Any) -> SaveOutcome:
        """What comes of it. ``who`` is an editor unless it is said otherwise; the skill is there unless it is ``new``."""
        person = Principal(PrincipalId(who), who.title(), f"{who.rpartition(':')[2]}@acme.example")
        existing = None if new else f"docs/{wish.skill}"
        async with asyncio.timeout(60):
            return await self.saver.save(Wanted(person, wish, existing, **wanted))

    @property
    def repository(self) -> Repository:
        return self.mirror.repository

    def history(self) -> list[str]:
        """The headlines of the branch's commits, newest first, down to the one that was there at first."""
        headlines, commit = [], self.repository.head()
        while commit is not None:
            facts = self.repository.objects.commit(commit)
            headlines.append(facts.message.split("\n")[0])
            commit = facts.parents[0] if facts.parents else None
        return headlines


class Counting:
    """Dice that never fall twice the same way."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size)

    def uniform(self, low: float, high: float) -> float:
        return high


@pytest.fixture
async def editing_with(running: Mirror) -> AsyncIterator[Callable[..., Editing]]:
    """Makes an ``Editing`` whose credential may do what is said."""
    async with aiohttp.ClientSession() as session:

        def editing(mode: WriteMode = "commit", **permissions: str) -> Editing:
            allowed = {"metadata": "read", "contents": "write", "pull_requests": "write"} | permissions
            running.standin.accept_token(WRITE_TOKEN, permissions=allowed)
            host = Host(running.time)
            writer = GitHubWriter(
                session, StaticToken(WRITE_TOKEN), api_url=running.standin.api_url, clock=running.time, host=host
            )
            return Editing(running, writer, mode, host)

        yield editing


@pytest.fixture
async def editing(editing_with: Callable[..., Editing]) -> Editing:
    return editing_with()
