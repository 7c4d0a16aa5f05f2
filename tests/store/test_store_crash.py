"""Killed anywhere, the next start holds exactly one whole publication, everything acknowledged, and nothing half."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from skillport_sync.git.objects import blob_id
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore

KILLS = int(os.environ.get("SKILLPORT_TEST_KILLS", "48"))
_CHILD = Path(__file__).with_name("crash_child.py")
_SPEC = importlib.util.spec_from_file_location("crash_child", _CHILD)
assert _SPEC is not None
assert _SPEC.loader is not None
crash_child = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(crash_child)


@pytest.fixture
def killer() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, str(_CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.timeout(30 + 2 * KILLS)
async def test_every_death_leaves_one_whole_publication_and_all_that_was_acknowledged(
    tmp_path: Path, clock, killer: subprocess.Popen[str]
) -> None:
    rng = random.Random(7)
    deaths = 0
    while deaths < KILLS:
        directory = tmp_path / f"life-{deaths}"
        directory.mkdir()
        publications = 0
        for _ in range(8):  # deaths of one data directory, one after the other
            deaths += 1
            publications += (wanted := rng.randrange(4))
            life = f"{directory} {deaths} {wanted} {rng.randrange(40)}\n"
            assert await asyncio.to_thread(_kill, killer, life) == "killed\n"
            assert await _check(directory, clock) >= publications


def _kill(killer: subprocess.Popen[str], life: str) -> str:
    assert killer.stdin is not None
    assert killer.stdout is not None
    killer.stdin.write(life)
    return killer.stdout.readline()


async def _check(directory: Path, clock) -> int:
    acknowledged = _acknowledged(directory)
    published = [int(value) for kind, value in acknowledged if kind == "published"]
    recorded = {value for kind, value in acknowledged if kind == "recorded"}
    mirror = await MirrorStore.open(directory / "mirror.db", clock=clock)
    state = await StateStore.open(directory / "state.db", clock=clock)
    try:
        assert mirror.rebuilt is None
        stored = await mirror.load(crash_child.NAME)
        assert stored is not None or not published
        if stored is not None:
            assert stored.publication.id >= max(published, default=0)
            files = crash_child.files_of(int(stored.publication.commit, 16))
            [source] = stored.sources
            assert {path: entry.oid for path, entry in source.listing.entries.items()} == {
                path: blob_id(data) for path, data in files.items()
            }
            report = await mirror.verify(crash_child.NAME)
            assert (report.corrupt, report.absent, report.root_matches) == ((), (), True)
        entries = await state.recent_deliveries(limit=1_000_000)
        assert recorded <= {entry.delivery.guid for entry in entries}
        owed = await state.owed(crash_child.NAME)
        assert owed.want == len(entries)
        assert owed.done <= owed.want
    finally:
        await mirror.close()
        await state.close()
    _check_rows(directory / "mirror.db")
    _check_rows(directory / "state.db")
    return len(published)


def _acknowledged(directory: Path) -> list[tuple[str, str]]:
    lines = (directory / "acknowledged").read_text().splitlines()
    return [(kind, value) for kind, value in (line.split() for line in lines)]


def _check_rows(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
