"""Owns the reading side of a database file: a few ``mode=ro`` connections, each used by one task at a time.

Reads wait for no writer. Never holds a transaction open between two calls, which would keep the WAL from being reset.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import aiosqlite

from skillport_sync.store.database import STOPPING, closed, open_for_reading, reading_uri, told_apart

P = ParamSpec("P")
T = TypeVar("T")

Row = tuple[Any, ...]


class Readers:
    """Connections for single statements, and one-off connections for work that would hold up the loop."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._idle: list[aiosqlite.Connection] = []
        self._free = asyncio.Semaphore(size)
        self._closed: str | None = None
        """Why."""
        self._loop = asyncio.get_running_loop()
        self._counting = Lock()
        self._one_offs = 0
        self._no_one_off = asyncio.Event()

    @classmethod
    async def open(cls, path: Path, *, size: int) -> Self:
        readers = cls(path, size)
        try:
            with told_apart(path):
                for _ in range(size):
                    readers._idle.append(
                        await aiosqlite.connect(reading_uri(path), uri=True, timeout=1.0, isolation_level=None)
                    )
        except BaseException:
            await readers.close()
            raise
        return readers

    async def fetch(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of one statement. A cancelled caller's statement finishes on its connection before the next one's begins."""
        async with self._free:
            if self._closed is not None:
                raise closed(self._path, self._closed)
            connection = self._idle.pop()
            try:
                with told_apart(self._path):
                    return [tuple(row) for row in await connection.execute_fetchall(sql, parameters)]
            finally:
                self._idle.append(connection)

    async def in_thread(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``function(connection, …)`` in a worker thread on a read connection of its own, closed afterwards."""

        def run() -> T:
            with self.one_off() as connection:
                return function(connection, *args, **kwargs)

        return await asyncio.to_thread(run)

    @contextmanager
    def one_off(self) -> Iterator[sqlite3.Connection]:
        """A read connection for one piece of work, closed afterwards. May be entered and left in any thread.

        Raises: as ``open_for_reading``; Unavailable from ``close`` on, which waits for those that are open.
        """
        with self._counting:
            if self._closed is not None:
                raise closed(self._path, self._closed)
            self._one_offs += 1
        try:
            with told_apart(self._path), closing(open_for_reading(self._path)) as connection:
                yield connection
        finally:
            self._leave()

    async def close(self, why: str = STOPPING) -> None:
        """Close every connection, after what runs on it. An aiosqlite connection left open keeps the process from ending.

        ``why`` is told to whoever asks from now on.
        """
        if self._closed is not None:
            return
        with self._counting:
            self._closed = why
            if not self._one_offs:
                self._no_one_off.set()
        await self._no_one_off.wait()
        for _ in range(self._size):
            await self._free.acquire()
        for connection in self._idle:
            await connection.close()
        self._idle.clear()
        for _ in range(self._size):
            self._free.release()

    def _leave(self) -> None:
        with self._counting:
            self._one_offs -= 1
            is_last = self._closed is not None and not self._one_offs
        if is_last:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._no_one_off.set)
