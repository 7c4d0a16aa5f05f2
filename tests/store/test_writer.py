"""A transaction happens as a whole or not at all, whatever becomes of the task that asked for it."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from skillport_sync.errors import Unavailable
from skillport_sync.store.database import Schema
from skillport_sync.store.writer import Writer

# The tests keep their own table in a state.db: what is under test knows no tables.
SCHEMA = Schema("state", 0x534B5053)


def insert(connection: sqlite3.Connection, text: str) -> int:
    cursor = connection.execute("INSERT INTO notes(text) VALUES(?)", (text,))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]


def insert_then_fail(connection: sqlite3.Connection, text: str) -> None:
    insert(connection, text)
    raise ValueError(text)


class Gate:
    """A job that holds the writer's thread until it is let go, so that what is asked for meanwhile queues up."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.entered.set()
        assert self.let_go.wait(10)


@pytest.fixture
async def open_writer(tmp_path: Path) -> AsyncIterator[Callable[[int], Awaitable[Writer]]]:
    opened: list[Writer] = []

    async def open_one(group: int = 1) -> Writer:
        writer = await Writer.open(tmp_path / "notes.db", SCHEMA, group=group)
        opened.append(writer)
        await writer.run(lambda c: c.execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT UNIQUE)") and None)
        return writer

    yield open_one
    for writer in opened:
        await writer.close()


async def _queued(writer: Writer, count: int) -> None:
    await asyncio.sleep(0)  # every task has taken its first step
    assert writer._jobs.qsize() == count


async def test_what_a_function_does_is_committed_when_it_returns(open_writer, tmp_path: Path) -> None:
    writer = await open_writer()
    assert await writer.run(insert, "one") == 1
    with sqlite3.connect(tmp_path / "notes.db") as other:
        assert notes(other) == ["one"]
    other.close()


async def test_what_a_failing_function_did_is_gone_and_the_next_one_works(open_writer) -> None:
    writer = await open_writer()
    with pytest.raises(ValueError, match="broken"):
        await writer.run(insert_then_fail, "broken")
    await writer.run(insert, "fine")
    assert await writer.run(notes) == ["fine"]


async def test_a_cancelled_caller_leaves_a_whole_transaction_and_none_open(open_writer) -> None:
    """aiosqlite: the queued BEGIN still runs, and every later transaction fails inside it."""
    writer = await open_writer()
    gate = Gate()
    holding = asyncio.create_task(writer.run(gate))
    await asyncio.to_thread(gate.entered.wait)
    cancelled = asyncio.create_task(writer.run(insert, "asked for"))
    await _queued(writer, 1)
    cancelled.cancel()
    holding.cancel()
    for task in (cancelled, holding):
        with pytest.raises(asyncio.CancelledError):
            await task
    gate.let_go.set()
    await writer.run(insert, "next")
    assert await writer.run(notes) == ["asked for", "next"]


async def test_an_abandoned_failure_disturbs_nobody(open_writer) -> None:
    writer = await open_writer()
    gate = Gate()
    holding = asyncio.create_task(writer.run(gate))
    abandoned = asyncio.create_task(writer.run(insert_then_fail, "nobody waits"))
    await asyncio.to_thread(gate.entered.wait)
    await _queued(writer, 1)
    abandoned.cancel()
    gate.let_go.set()
    await holding
    assert await writer.run(notes) == []


async def test_two_tasks_never_share_a_rollback(open_writer) -> None:
    """aiosqlite: one task's acknowledged insert vanishes with the other's ROLLBACK."""
    writer = await open_writer(64)
    outcomes = await asyncio.gather(
        *(writer.run(insert_then_fail if n % 3 == 0 else insert, f"{n:02}") for n in range(30)), return_exceptions=True
    )
    failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, ValueError)]
    assert failed == list(range(0, 30, 3))
    assert await writer.run(notes) == [f"{n:02}" for n in range(30) if n % 3]


async def test_what_waits_together_is_committed_together(open_writer) -> None:
    writer = await open_writer(64)
    gate = Gate()
    holding = asyncio.create_task(writer.run(gate))
    await asyncio.to_thread(gate.entered.wait)
    before = writer.commits
    waiting = [asyncio.create_task(writer.run(insert, f"{n:03}")) for n in range(100)]
    await _queued(writer, 100)
    gate.let_go.set()
    await asyncio.gather(holding, *waiting)
    assert writer.commits - before == 3  # the gate's, then 64 and 36
    assert len(await writer.run(notes)) == 100


async def test_one_who_left_costs_nobody_else_the_answer(open_writer) -> None:
    writer = await open_writer(64)
    gate = Gate()
    holding = asyncio.create_task(writer.run(gate))
    await asyncio.to_thread(gate.entered.wait)
    waiting = [asyncio.create_task(writer.run(insert, f"{n}")) for n in range(6)]
    await _queued(writer, 6)
    for left in waiting[::2]:
        left.cancel()
    gate.let_go.set()
    async with asyncio.timeout(10):
        await asyncio.gather(holding, *waiting[1::2])
    assert await writer.run(notes) == [f"{n}" for n in range(6)]


async def test_without_grouping_each_has_its_own_commit(open_writer) -> None:
    writer = await open_writer()
    before = writer.commits
    await asyncio.gather(*(writer.run(insert, f"{n:03}") for n in range(20)))
    assert writer.commits - before == 20


async def test_what_needs_to_be_alone_is_alone_and_in_its_turn(open_writer) -> None:
    writer = await open_writer(64)
    gate = Gate()
    holding = asyncio.create_task(writer.run(gate))
    await asyncio.to_thread(gate.entered.wait)
    first = asyncio.create_task(writer.run(insert, "first"))
    alone = asyncio.create_task(writer.run_alone(lambda connection: (connection.in_transaction, notes(connection))))
    second = asyncio.create_task(writer.run(insert, "second"))
    await _queued(writer, 3)
    gate.let_go.set()
    await asyncio.gather(holding, first, second)
    assert await alone == (False, ["first"])


async def test_a_full_disk_fails_those_who_wrote_and_later_writes_work(open_writer) -> None:
    writer = await open_writer(64)
    pages = await writer.run_alone(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await writer.run_alone(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())
    outcomes = await asyncio.gather(*(writer.run(insert, f"{n}" * 30_000) for n in range(3)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert {outcome.code for outcome in outcomes} == {"database_full"}
    await writer.run(insert, "small")
    assert await writer.run(notes) == ["small"]


async def test_closing_finishes_what_was_asked_for_and_ends_the_thread(open_writer, tmp_path: Path) -> None:
    writer = await open_writer()
    asked = [asyncio.create_task(writer.run(insert, f"{n}")) for n in range(5)]
    await asyncio.sleep(0)  # every task has asked
    await asyncio.gather(writer.close(), writer.close())
    await asyncio.gather(*asked)
    assert not any(thread.name == "notes.db writer" for thread in threading.enumerate())
    with sqlite3.connect(tmp_path / "notes.db") as other:
        assert len(notes(other)) == 5
    other.close()
    with pytest.raises(Unavailable, match=r"notes\.db is closed"):
        await writer.run(insert, "too late")


def test_a_store_that_was_not_closed_does_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    """aiosqlite: the worker thread of an open connection does."""
    script = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from skillport_sync.store.database import Schema\nfrom skillport_sync.store.writer import Writer\n"
        "asyncio.run(Writer.open(Path(sys.argv[1]), Schema('state', 0x534B5053)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "open.db")], timeout=30, check=False)
    assert done.returncode == 0
