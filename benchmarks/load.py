"""Owns the load: the same request over keep-alive connections, each sending the next one when its answer is whole.

Written on raw sockets: a general client costs several times what the servers do, and would measure itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, cast

from benchmarks.cores import cpu_s
from benchmarks.questions import Call

CONNECTIONS = 32
WITHIN_S = 120.0
_HEAD_END = b"\r\n\r\n"


class WrongAnswer(Exception):
    """Not 200, or not the length that was expected."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a slice of requests took: the server's CPU time a request, and each answer's time."""

    cpu_s: float
    answered_s: list[float]


def raw(call: Call, port: int, path: str = "/mcp", **more: str) -> bytes:
    """The request as it goes over the wire."""
    headers, body = call
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in {**headers, **more}.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(slots=True)
class Expect:
    """What an answer has to be. ``length`` None takes the first one's; ``slack`` bytes are for the age in it, which grows."""

    status: bytes = b"200"
    length: int | None = None
    slack: int = 8

    def check(self, status: bytes, length: int) -> None:
        if self.length is None:
            self.length = length
        if status != self.status or abs(length - self.length) > self.slack:
            raise WrongAnswer(f"status {status.decode()}, {length} bytes instead of {self.length}")


class Source(Protocol):
    """Where a connection gets its next request; None when there is none any more."""

    def __call__(self) -> bytes | None: ...


def repeated(request: bytes, count: int) -> Callable[[], bytes | None]:
    left = iter(range(count))
    return lambda: request if next(left, None) is not None else None


@dataclass(slots=True)
class Connection(asyncio.Protocol):
    """One keep-alive connection. ``on_answer`` gets the time each answer took, and its status."""

    source: Source
    expect: Expect
    on_answer: Callable[[float, bytes], None]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    body: bytes = b""
    """The latest answer's."""
    _transport: asyncio.Transport | None = None
    _received: bytearray = field(default_factory=bytearray)
    _missing: int | None = None
    _body_at: int = 0
    _status: bytes = b""
    _sent_s: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its base class

    def send(self) -> None:
        """The next request, or the end."""
        request = self.source()
        if request is None:
            if not self.done.done():
                self.done.set_result(None)
            return
        self._sent_s = time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._missing is None:
            end = self._received.find(_HEAD_END)
            if end < 0:
                return
            self._status, length = _head(bytes(self._received[:end]))
            self._body_at = end + len(_HEAD_END)
            self._missing = self._body_at + length
        if len(self._received) < self._missing:
            return
        took_s = time.perf_counter() - self._sent_s
        self.body = bytes(self._received[self._body_at : self._missing])
        self._received.clear()
        self._missing = None
        try:
            self.expect.check(self._status, len(self.body))
        except WrongAnswer as error:
            self._fail(WrongAnswer(f"{error}: {self.body[:300]!r}"))
            return
        self.on_answer(took_s, self._status)
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionResetError("the server closed the connection"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def _head(head: bytes) -> tuple[bytes, int]:
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return head[9:12], int(value)
    raise WrongAnswer(f"no Content-Length: {head!r}")


async def slice_of(
    port: int, request: bytes, count: int, pid: int, expect: Expect, connections: int = CONNECTIONS
) -> Cost:
    """``count`` times this request, and what it cost process ``pid``. Connecting and one round before do not count."""
    answered_s: list[float] = []
    opened = await connect(port, connections, repeated(request, connections), expect, lambda _t, _s: None)
    try:
        await finish(opened)
        source = repeated(request, count)
        for connection in opened:
            connection.source = source
            connection.on_answer = lambda took_s, _status: answered_s.append(took_s)
            connection.done = asyncio.get_running_loop().create_future()
        before_s = cpu_s(pid)
        await finish(opened)
        used_s = cpu_s(pid) - before_s
    finally:
        for connection in opened:
            connection.close()
    assert len(answered_s) == count
    return Cost(used_s / count, answered_s)


async def once(port: int, request: bytes) -> bytes:
    """One answer's body."""
    (opened,) = await connect(port, 1, repeated(request, 1), Expect(), lambda _t, _s: None)
    try:
        await finish([opened])
        return opened.body
    finally:
        opened.close()


async def connect(
    port: int, count: int, source: Source, expect: Expect, on_answer: Callable[[float, bytes], None]
) -> list[Connection]:
    """Connections that have sent nothing yet."""
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    for _ in range(count):
        _, connection = await loop.create_connection(lambda: Connection(source, expect, on_answer), "127.0.0.1", port)
        opened.append(connection)
    return opened


async def finish(connections: list[Connection]) -> None:
    """Send all that there is to send, and wait for the last answer."""
    for connection in connections:
        connection.send()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(connection.done for connection in connections))
    for connection in connections:
        with suppress(asyncio.InvalidStateError):
            connection.done.result()
