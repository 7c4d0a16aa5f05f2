"""Owns a server that answers what a test tells it to, byte for byte: the wire-level truths that no well-behaved GitHub shows."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import orjson
import pytest
from aiohttp import web

from skillport_sync.git.objects import CommitId
from skillport_sync.github.budget import Limits
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken
from skillport_sync.github.transport import Credentials

SECRET = "ghp_averysecrettoken0123456789"


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]
    cut_after: int | None
    hold: asyncio.Event | None


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Script:
    """What the server answers, per path, in order; the last answer is given again. Anything else is a 404."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        self._replies: dict[str, deque[Reply]] = {}

    def on(
        self,
        path: str,
        body: object = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cut_after: int | None = None,
        hold: asyncio.Event | None = None,
    ) -> None:
        """One more answer. What is not bytes goes as JSON. ``hold`` keeps the answer back until it is set; with
        ``cut_after`` the whole body is announced, but the connection ends (after ``hold``) behind so many bytes of it."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        own = {} if isinstance(body, bytes) else {"content-type": "application/json; charset=utf-8"}
        reply = Reply(status, content, own | dict(headers or {}), cut_after, hold)
        self._replies.setdefault(path, deque()).append(reply)

    @property
    def targets(self) -> list[str]:
        return [f"{seen.method} {seen.target}" for seen in self.seen]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(Seen(request.method, request.raw_path, request.headers.copy(), await request.read()))
        self.arrived.set()
        replies = self._replies.get(request.rel_url.raw_path)
        if replies is None:
            return web.json_response({"message": "Not Found"}, status=404)
        reply = replies.popleft() if len(replies) > 1 else replies[0]
        if reply.hold is not None and reply.cut_after is None:
            await reply.hold.wait()
        response = web.StreamResponse(status=reply.status, reason="As scripted", headers=reply.headers)
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[: reply.cut_after])
        if reply.cut_after is None:
            await response.write_eof()
            return response
        if reply.hold is not None:
            await reply.hold.wait()
        assert request.transport is not None
        request.transport.close()
        return response


@dataclass
class HandClock:
    """Stands still until it is moved."""

    at: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)
    monotonic: float = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.monotonic

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.monotonic += seconds


Serve = Callable[[], Awaitable[Script]]
Connect = Callable[..., GitHub]
Archive = Callable[..., bytes]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts scripted servers, each with a loopback port of its own."""
    runners: list[web.AppRunner] = []

    async def start() -> Script:
        script = Script()
        application = web.Application()
        application.router.add_route("*", "/{anything:.*}", script.answer)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return script

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def script(serve: Serve) -> Script:
    return await serve()


@pytest.fixture
async def babbler() -> AsyncIterator[str]:
    """The address of a server whose answers are no HTTP."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 what?\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def connect(session: aiohttp.ClientSession, clock: HandClock) -> Connect:
    """A client of a scripted server, or of whatever has a ``url``."""

    def client(
        server: Script | str,
        *,
        credentials: Credentials | None = None,
        max_concurrency: int = 8,
        **limits: float,
    ) -> GitHub:
        return GitHub(
            session,
            credentials or StaticToken(SECRET),
            api_url=server if isinstance(server, str) else server.url,
            clock=clock,
            max_concurrency=max_concurrency,
            limits=Limits(**limits),  # type: ignore[arg-type]
        )

    return client


@pytest.fixture
def github(connect: Connect, script: Script) -> GitHub:
    return connect(script)


@pytest.fixture
def archive() -> Archive:
    """Makes the bytes of a gzipped archive as GitHub names its parts."""

    def make(files: Mapping[str, bytes], *, commit: CommitId | None = None) -> bytes:
        out = io.BytesIO()
        headers = {"comment": commit} if commit is not None else {}
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(f"acme-skills-1234567/{name}")
                info.mode, info.size = 0o664, len(content)
                tar.addfile(info, io.BytesIO(content))
        return gzip.compress(out.getvalue(), compresslevel=1)

    return make


@pytest.fixture
def secret() -> str:
    return SECRET
