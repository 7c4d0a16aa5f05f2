"""state.db cannot be made again: one that cannot be used is left as it is, and the refusal says what to do."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from skillport_sync.errors import Broken
from skillport_sync.store.database import Schema, open_for_writing
from skillport_sync.store.ledger import Concern
from skillport_sync.store.state import StateStore


@pytest.fixture
async def filled(tmp_path: Path, clock, push) -> Path:
    """A closed state.db with some deliveries."""
    path = tmp_path / "filled" / "state.db"
    path.parent.mkdir()
    store = await StateStore.open(path, clock=clock)
    for n in range(200):
        await store.record(push(f"{n}"), [Concern("acme/skills", "push", hinted=True)])
    await store.close()
    return path


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(bytes(4096 * 2))


def replace_by_text(path: Path) -> None:
    path.write_text("not a database " * 500)


def replace_by_the_other_file(path: Path) -> None:
    path.unlink()
    open_for_writing(path, Schema("mirror", 0x534B504D)).close()


def come_from_the_future(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        (cut, "Restore the newest backup"),
        (zero_pages, "Restore the newest backup"),
        (replace_by_text, "Restore the newest backup"),
        (replace_by_the_other_file, "Restore the newest backup"),
        (come_from_the_future, "Start the version that wrote it"),
    ],
)
async def test_it_is_refused_left_alone_and_the_way_out_named(filled: Path, damage, advice: str, clock) -> None:
    damage(filled)
    before = _everything(filled)
    with pytest.raises(Broken, match=advice) as refusal:
        await StateStore.open(filled, clock=clock)
    assert str(filled) in refusal.value.message
    assert _everything(filled) == before


def _everything(path: Path) -> dict[str, bytes]:
    return {found.name: found.read_bytes() for found in path.parent.iterdir()}
