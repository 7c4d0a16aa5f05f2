"""Owns the writing side of a database file: one thread, one connection, and the transactions that run on it.

A transaction is one synchronous function. Nothing that happens to the task that asked for it, cancellation included, can leave
it half done or leave it open: aiosqlite's shared connection allows both. Never holds any SQL of the application.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import structlog

from skillport_sync.store.database import STOPPING, Schema, closed, meaning_of, open_for_writing

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[sqlite3.Connection], object]
    future: asyncio.Future[Any]
    transaction: bool


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


class Writer:
    """The only connection of a file that writes or checkpoints.

    SQLite before 3.51.3 can corrupt a WAL that two connections checkpoint: https://sqlite.org/wal.html#walresetbug
    """

    def __init__(self, path: Path, schema: Schema, group: int) -> None:
        self._path = path
        self._schema = schema
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: _Job | None = None
        self._closed: asyncio.Future[None] | None = None
        self._why_closed = STOPPING
        self.commits = 0
        """Transactions committed so far."""
        # A daemon, so that a store somebody forgot to close cannot keep the process from ending: SQLite survives that as it
        # survives kill -9.
        self._thread = Thread(target=self._work, name=f"{path.name} writer", daemon=True)

    @classmethod
    async def open(cls, path: Path, schema: Schema, *, group: int = 1) -> Self:
        """Open the file and start its thread. Up to ``group`` jobs that wait at the same time share one transaction.

        Raises: as ``open_for_writing``.
        """
        writer = cls(path, schema, group)
        opened = writer._loop.create_future()
        writer._jobs.put(_Job(lambda _: None, opened, transaction=False))
        writer._thread.start()
        try:
            await opened
        except asyncio.CancelledError:
            writer._jobs.put(None)
            raise
        return writer

    async def run(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``function(connection, …)`` in a transaction: committed when this returns, gone when it raises.

        If the caller is cancelled while waiting, the transaction still happens as a whole.

        Raises: what ``function`` raises; Unavailable or Broken when the disk or the file fails, or the store is closed.
        """
        return await self._submit(partial(_called, function, args, kwargs), transaction=True)

    async def run_alone(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As ``run``, outside any transaction: for what SQLite does not do inside one."""
        return await self._submit(partial(_called, function, args, kwargs), transaction=False)

    async def close(self, why: str = STOPPING) -> None:
        """Finish what was asked for, close the connection and end the thread. May be called twice.

        ``why`` is told to whoever asks from now on.
        """
        if self._closed is None:
            self._why_closed = why
            self._closed = self._loop.create_future()
            self._jobs.put(None)
        if self._thread.is_alive():
            await asyncio.shield(self._closed)
            self._thread.join()

    async def _submit(self, run: Callable[[sqlite3.Connection], T], *, transaction: bool) -> T:
        if self._closed is not None:
            raise closed(self._path, self._why_closed)
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(run, future, transaction))
        return await future

    # Everything below runs on the writer's thread.

    def _work(self) -> None:
        first = self._jobs.get()
        assert first is not None
        try:
            connection = open_for_writing(self._path, self._schema)
        except Exception as error:
            self._settle([first], [_Failed(error)])
            return
        self._settle([first], [None])
        try:
            while jobs := self._next_jobs():
                self._settle(jobs, self._outcomes(connection, jobs))
        finally:
            connection.close()
            if self._closed is not None:
                self._call_loop(_resolve, self._closed, None)

    def _next_jobs(self) -> Sequence[_Job]:
        """The next job, with all that may share its transaction; none when the store is closed."""
        first = self._waiting or self._jobs.get()
        self._waiting = None
        if first is None:
            return []
        jobs = [first]
        while first.transaction and len(jobs) < self._group:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            if not job.transaction:
                self._waiting = job
                break
            jobs.append(job)
        return jobs

    def _outcomes(self, connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[object]:
        try:
            if not jobs[0].transaction:
                return [jobs[0].run(connection)]
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [jobs[0].run(connection)] if len(jobs) == 1 else [_saved(connection, job) for job in jobs]
            connection.execute("COMMIT")
        except BaseException as error:
            outcomes = [_Failed(self._told_apart(error))] * len(jobs)
        else:
            self.commits += 1
            return [_Failed(self._told_apart(o.error)) if isinstance(o, _Failed) else o for o in outcomes]
        if connection.in_transaction:  # some errors, a full disk among them, have ended it already
            connection.execute("ROLLBACK")
        return outcomes

    def _told_apart(self, error: BaseException) -> BaseException:
        meaning = meaning_of(error, self._path) if isinstance(error, sqlite3.Error) else None
        if meaning is not None:
            meaning.__cause__ = error
        return meaning or error

    def _settle(self, jobs: Sequence[_Job], outcomes: Sequence[object]) -> None:
        self._call_loop(_resolve_all, [(job.future, outcome) for job, outcome in zip(jobs, outcomes, strict=True)])

    def _call_loop(self, function: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.debug("outcome_unheard", database=self._path.name)  # the loop is closed: nobody waits any more


def _called(
    function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object], connection: sqlite3.Connection
) -> T:
    return function(connection, *args, **kwargs)


def _saved(connection: sqlite3.Connection, job: _Job) -> object:
    """One job of a shared transaction: its failure takes back its own work and nobody else's."""
    connection.execute("SAVEPOINT job")
    try:
        outcome = job.run(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO job")
        outcome = _Failed(error)
    connection.execute("RELEASE job")
    return outcome


def _resolve_all(outcomes: Sequence[tuple[asyncio.Future[Any], object]]) -> None:
    for future, outcome in outcomes:
        _resolve(future, outcome)


def _resolve(future: asyncio.Future[Any], outcome: object) -> None:
    if not future.done():
        if isinstance(outcome, _Failed):
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome)
    elif isinstance(outcome, _Failed):
        log.warning("abandoned_write_failed", error=repr(outcome.error))
