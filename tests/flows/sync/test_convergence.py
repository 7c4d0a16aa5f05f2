"""Whatever happens to branch, deliveries, GitHub, disk and process: in the end the mirror serves the branch's head."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from skillport_sync.standin import RefChange
from skillport_sync.store.ledger import DeliveryState

STEPS = ["GET /commits/HEAD", "GET /git/commits", "GET /git/trees", "GET /git/blobs", "GET /tarball", "GET codeload:*"]


class Chaos:
    """One history of a repository, and of everything between it and the mirror, decided by a seed."""

    def __init__(self, mirror, make, seed: int) -> None:
        self.mirror = mirror
        self.make = make
        self.random = random.Random(seed)
        self.heads = [mirror.repository.head()]
        self.undelivered: list[RefChange] = []
        self.count = 0

    async def step(self) -> None:
        actions: dict[Callable[[], Awaitable[None]], int] = {
            self.push: 8,
            self.force: 2,
            self.delete_and_recreate: 1,
            self.break_the_policy: 1,
            self.deliver: 8,
            self.lag: 2,
            self.fail: 3,
            self.reconcile: 1,
            self.let_time_pass: 6,
            self.restart: 1,
            self.damage: 1,
        }
        (action,) = self.random.choices(list(actions), weights=list(actions.values()))
        await action()
        self.assert_whole()

    def assert_whole(self) -> None:
        """What is served is one commit that the branch was at, with that commit's files and policy."""
        published = self.mirror.published
        if published is None:
            return
        snapshot, repository = published.snapshot, self.mirror.repository
        assert snapshot.commit == published.publication.commit
        assert snapshot.commit in self.heads
        assert snapshot.sources[0].tree == repository.tree(snapshot.commit)
        for path, held in snapshot.files.items():
            assert repository.objects.put_blob(repository.read(path, snapshot.commit)) == held.oid

    def _moved(self, commit: str) -> None:
        self.heads.append(commit)
        self.undelivered.append(self.mirror.repository.changes[-1])

    def _edits(self) -> dict[str | bytes, object]:
        self.count += 1
        numbers = self.random.sample(range(30), self.random.choice([1, 2, 20]))
        return {self.make.path(n): self.make.skill(f"s{n:05}", f"{self.count} {n}") for n in numbers} | {
            ".skillport/access.json": self.make.policy(f"google:{self.count}")
        }

    async def push(self) -> None:
        for _ in range(self.random.choice([1, 1, 1, 3])):
            self._moved(self.mirror.repository.commit(self._edits()))

    async def force(self) -> None:
        base = self.random.choice(self.heads)
        if self.random.random() < 0.5:
            self.mirror.repository.force("main", base)
            self._moved(base)
        else:
            self._moved(self.mirror.repository.commit(self._edits(), base=base))

    async def delete_and_recreate(self) -> None:
        self.undelivered.append(self.mirror.repository.delete_branch("main"))
        await self.let_time_pass()
        commit = self.random.choice(self.heads)
        self.mirror.repository.move("refs/heads/main", commit)
        self._moved(commit)

    async def break_the_policy(self) -> None:
        self._moved(self.mirror.repository.commit({".skillport/access.json": b"{"}))

    async def deliver(self) -> None:
        """Late, out of order, twice, or never."""
        self.random.shuffle(self.undelivered)
        for change in self.undelivered[: self.random.randint(1, 4)]:
            for _ in range(self.random.choice([1, 1, 2])):
                await self.mirror.receive(change, guid=change.guid)
        self.undelivered = self.undelivered[self.random.randint(1, 6) :]

    async def lag(self) -> None:
        faults, recent = self.mirror.standin.faults, self.heads[-3:]
        faults.answer_stale_head(times=self.random.randint(1, 2), commit=self.random.choice(recent))
        faults.hide_commit(self.random.choice(recent), times=self.random.randint(1, 4))

    async def fail(self) -> None:
        faults, step = self.mirror.standin.faults, self.random.choice(STEPS)
        match self.random.randrange(4):
            case 0:
                faults.fail_next(step, status=self.random.choice([401, 403, 404, 409, 422, 429, 500, 502]))
            case 1:
                faults.cut_next(step, after_bytes=self.random.randrange(2_000))
            case 2:
                faults.corrupt_next(step, flip_byte=-self.random.randint(1, 20))
            case _:
                faults.fail_next(step, status=200)

    async def reconcile(self) -> None:
        await self.mirror.reconcile(verify=self.random.random() < 0.3)

    async def let_time_pass(self) -> None:
        await self.mirror.time.skip(self.random.choice([0.1, 0.5, 1.0, 5.0, 10.0, 70.0]))
        for _ in range(self.random.choice([5, 50, 500])):
            await self.mirror.time.skip(0)

    async def restart(self) -> None:
        await self.mirror.restart()

    async def damage(self) -> None:
        """The disk changes a byte."""
        await self.mirror.stop()
        with closing(sqlite3.connect(self.mirror.directory / "mirror.db", isolation_level=None)) as rows:
            ids = [identity for (identity,) in rows.execute("SELECT id FROM blobs WHERE size > 0")]
            if ids:
                rows.execute(
                    "UPDATE blobs SET content = CAST(x'00' || substr(content, 2) AS BLOB) WHERE id = ?",
                    (self.random.choice(ids),),
                )
        await self.mirror.start()


@pytest.mark.parametrize("seed", range(25))
async def test_any_history_ends_at_the_head_of_the_branch(mirror, make, seed):
    mirror.max_removed_share = None  # these authors remove what they like
    await mirror.start()
    chaos = Chaos(mirror, make, seed)
    for _ in range(40):
        await chaos.step()
    mirror.standin.faults.clear()
    head = mirror.repository.commit(chaos._edits())  # an author mends what may be broken; nobody is told
    for _ in range(5):
        before = mirror.loop.last
        mirror.loop.wake("reconcile")
        await mirror.time.skip(61.0)
        await mirror.pulled(before)
    await mirror.settled()
    await mirror.reconcile(verify=True)
    await mirror.assert_serves(head)
    assert mirror.loop.last_failure is None
    assert await mirror.owed() == 0
    states = {entry.state for entry in await mirror.state.recent_deliveries(1_000)}
    assert states <= {DeliveryState.DONE}
