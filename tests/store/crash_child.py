"""A process that is there to be killed: it publishes, collects and records as fast as it can, and says what it was told is done.

Each line on stdin, ``<directory> <seed> <publications> <milliseconds>``, forks a child (importing once keeps forty deaths cheap),
kills it that long after it acknowledged that many publications, and answers one line. What it acknowledged is appended to
``<directory>/acknowledged``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from skillport_sync.errors import Conflict
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import CommitId, Mode, TreeId, blob_id
from skillport_sync.snapshot import SourceState
from skillport_sync.store.data_directory import DataDirectory
from skillport_sync.store.drafts import Fenced, PublicationDraft, SkillRow, SourceDraft
from skillport_sync.store.ledger import Concern, DeliveryFacts
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore

NAME = "acme/skills"


class HurriedClock:
    """A second is a day, so that what was put a moment ago is soon old enough to be collected."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=time.time() % 1e6)

    def monotonic_s(self) -> float:
        return time.monotonic()


def files_of(seed: int) -> dict[bytes, bytes]:
    """The files of commit ``seed``: most as in its neighbours, some its own, one large enough for many pages."""
    rng = random.Random(seed)
    files = {b"skills/s%02d/SKILL.md" % n: b"# %d\n" % (n + seed // 10) * 40 for n in range(30)}
    files |= {b"notes/%d" % rng.randrange(50): b"%d\n" % rng.randrange(5) * 500 for _ in range(10)}
    files[b"large.bin"] = rng.randbytes(60_000)
    return files


def commit_id(seed: int) -> CommitId:
    return CommitId(f"{seed:040x}")


async def _live(directory: Path, seed: int, acknowledgements: int) -> None:
    def acknowledge(text: str) -> None:
        os.write(acknowledgements, f"{text}\n".encode())

    clock = HurriedClock()
    held = DataDirectory(directory)
    mirror = await MirrorStore.open(held.mirror, clock=clock)
    state = await StateStore.open(held.state, clock=clock)
    assert mirror.rebuilt is None, mirror.rebuilt
    stored = await mirror.load(NAME)
    head = stored.publication.id if stored else None

    async def record() -> None:
        for n in range(10**9):
            guid = f"{seed}-{n}"
            await state.record(DeliveryFacts(guid, 1, "push"), [Concern(NAME, "push", hinted=True)])
            acknowledge(f"recorded {guid}")

    async with asyncio.TaskGroup() as group:
        group.create_task(record())
        for n in range(10**9):
            head = await _publish(mirror, head, seed * 1000 + n, clock.now())
            acknowledge(f"published {head}")
            await mirror.collect_garbage(NAME, keep_publications=3, keep_younger_than=timedelta(0))
            await state.settle(NAME, (await state.owed(NAME)).want, commit_id(n))


async def _publish(mirror: MirrorStore, head: int | None, seed: int, now: datetime) -> int:
    files = files_of(seed)
    entries = {path: Entry(Mode.FILE, blob_id(data), len(data)) for path, data in files.items()}
    blobs = {blob_id(data): data for data in files.values()}
    tree = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})[b""]
    skills = [
        SkillRow("p", f"skills/s{n:02}", f"s{n:02}", str(seed), TreeId(hashlib.sha1(b"").hexdigest())) for n in range(3)
    ]
    draft = PublicationDraft(
        NAME,
        [SourceDraft(SourceState("", NAME, commit_id(seed), tree), entries)],
        skills,
        1,
        "push",
        now,
        head,
        len(files),
    )
    while True:
        missing = blobs.keys() - (await mirror.held(blobs)).keys()
        for oid in sorted(missing):
            await mirror.put_blobs([(oid, blobs[oid])])
        try:
            publication = await mirror.publish(draft)
        except Conflict:
            continue  # the clock is in such a hurry that what was put is collected already
        assert not isinstance(publication, Fenced), publication
        return publication.id


def main() -> None:
    for line in sys.stdin:
        directory, seed, publications, milliseconds = line.split()
        acknowledgements, told = os.pipe()
        child = os.fork()
        if child == 0:
            asyncio.run(_live(Path(directory), int(seed), told))
            os._exit(1)
        os.close(told)
        heard = b""
        while heard.count(b"published") < int(publications) and (more := os.read(acknowledgements, 65_536)):
            heard += more
        time.sleep(int(milliseconds) / 1000)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        while more := os.read(acknowledgements, 65_536):
            heard += more
        os.close(acknowledgements)
        with (Path(directory) / "acknowledged").open("ab") as file:
            file.write(heard)
        print("killed" if os.WIFSIGNALED(status) else f"died by itself: {status}", flush=True)


if __name__ == "__main__":
    main()
