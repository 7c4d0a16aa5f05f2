"""What is sent is the archive, to its last byte, whatever becomes of its place on the shelf; who has to knows whether it was."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from mcp_server.archives.shelf import Shelf
from skillport_sync.errors import Broken, Unavailable

WITHIN_S = 30.0
LARGE = 8_000_000
"""More than the buffers between a server and a client that does not read."""


@pytest.fixture
def shelf(shelf_of) -> Shelf:
    """There is room for one large archive."""
    return shelf_of(max_bytes=LARGE + 1_000_000)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Served:
    runner: web.AppRunner
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
async def serving(shelf, contents) -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """``await serving()``: the archive "pdf" at ``/``; ``await serving(answer)``: what this answers. Few bytes are in flight.

    Run as the service runs: aiohttp's own test server cancels whoever answers when the connection breaks.
    """
    runners: list[web.AppRunner] = []

    async def pdf(request: web.Request) -> web.StreamResponse:
        archive = await shelf.archive(contents.layout("pdf", LARGE))
        return shelf.response(archive, filename="pdf.skill", content_type="application/zip", headers={"X-More": "1"})

    async def serve(answer: Answer = pdf) -> Served:
        application = web.Application()
        application.router.add_get("/", answer)
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
        runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        return Served(runner, listening.getsockname()[1])

    yield serve
    for runner in runners:
        await runner.cleanup()


async def reader_of(server: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has asked, and reads as slowly as it likes."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=65_536)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_an_archive_is_sent_as_a_download(serving, shelf, contents):
    server = await serving()
    archive = await shelf.archive(contents.layout("pdf", LARGE))
    async with aiohttp.ClientSession() as session, session.get(server.url) as answer:
        body = await answer.read()
    assert hashlib.sha256(body).hexdigest() == archive.sha256
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) == archive.size_bytes
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="pdf.skill"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-More"] == "1"
    assert "Content-Encoding" not in answer.headers


async def test_head_and_a_part_are_answered_as_of_any_file(serving, shelf, contents):
    server = await serving()
    archive = await shelf.archive(contents.layout("pdf", LARGE))
    whole = archive.path.read_bytes()
    async with aiohttp.ClientSession() as session:
        async with session.head(server.url) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
            assert int(answer.headers["Content-Length"]) == archive.size_bytes
        async with session.get(server.url, headers={"Range": "bytes=100-199"}) as answer:
            assert (answer.status, await answer.read()) == (206, whole[100:200])
        async with session.get(server.url, headers={"Range": "bytes=99999999-"}) as answer:
            assert answer.status == 416
        async with session.get(server.url, headers={"Accept-Encoding": "gzip"}) as answer:
            assert await answer.read() == whole


async def test_what_makes_room_while_it_is_sent_is_sent_to_its_end_and_then_gone(serving, shelf, contents, folder):
    server = await serving()
    archive = await shelf.archive(contents.layout("pdf", LARGE))
    async with asyncio.timeout(WITHIN_S):
        reader, writer = await reader_of(server)
        received = hashlib.sha256(await reader.readexactly(100_000))
        other = await shelf.archive(contents.layout("other", LARGE))
        assert archive.path.exists()
        with pytest.raises(Unavailable):
            shelf.response(archive, filename="pdf.skill")
        received.update(await reader.read(-1))
        writer.close()
        assert received.hexdigest() == archive.sha256
        await server.runner.cleanup()  # waits for the answer to be over
    assert list(folder.iterdir()) == [other.path]


async def test_an_archive_that_is_made_again_while_the_first_is_sent_stays(serving, shelf, contents, folder):
    server = await serving()
    described = contents.layout("pdf", LARGE)
    archive = await shelf.archive(described)
    async with asyncio.timeout(WITHIN_S):
        reader, writer = await reader_of(server)
        received = hashlib.sha256(await reader.readexactly(100_000))
        await shelf.archive(contents.layout("other", LARGE))
        assert await shelf.archive(described) == archive
        received.update(await reader.read(-1))
        writer.close()
        assert received.hexdigest() == archive.sha256
        async with aiohttp.ClientSession() as session, session.get(server.url) as answer:
            assert hashlib.sha256(await answer.read()).hexdigest() == archive.sha256
    assert list(folder.iterdir()) == [archive.path]


async def test_an_archive_that_is_whole_again_in_the_moment_the_first_was_sent_stays(shelf, contents):
    described = contents.layout("pdf", LARGE)
    archive = await shelf.archive(described)
    async with asyncio.timeout(WITHIN_S):
        with shelf.sending(archive.path):
            await shelf.archive(contents.layout("other", LARGE))
            contents.begun.clear()
            with contents.shut():
                making = asyncio.create_task(shelf.archive(described))
                await contents.begun.wait()
            first = archive.path.stat().st_ino
            while archive.path.stat().st_ino == first:
                pass  # the loop is kept from hearing that it was made
        await making
    assert archive.path.stat().st_size == archive.size_bytes


async def test_nothing_is_left_where_the_first_was_sent_and_making_it_again_fails(shelf, contents, folder):
    described = contents.layout("pdf", LARGE)
    archive = await shelf.archive(described)
    async with asyncio.timeout(WITHIN_S):
        with ExitStack() as door:
            with shelf.sending(archive.path):
                other = await shelf.archive(contents.layout("other", LARGE))
                contents.begun.clear()
                contents.fails = Broken("damaged", code="content_damaged")
                door.enter_context(contents.shut())
                making = asyncio.create_task(shelf.archive(described))
                await contents.begun.wait()
            assert archive.path.exists(), "it may be about to be made"
        with pytest.raises(Broken):
            await making
    assert list(folder.iterdir()) == [other.path]


async def test_whoever_prepares_the_answer_knows_that_all_went_out_and_it_goes_out_once(
    serving, shelf, contents, caplog
):
    sent: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        response = shelf.response(await shelf.archive(contents.layout("pdf", LARGE)), filename="pdf.skill")
        await response.prepare(request)
        await response.write_eof()
        sent.append("all of it")
        return response

    server = await serving(answer)
    archive = await shelf.archive(contents.layout("pdf", LARGE))
    async with asyncio.timeout(WITHIN_S), aiohttp.ClientSession() as session:
        for _ in range(2):  # on one connection: a byte too many would be read as the second answer
            async with session.get(server.url) as received:
                assert hashlib.sha256(await received.read()).hexdigest() == archive.sha256
    assert sent == ["all of it", "all of it"]
    assert caplog.messages == [], "the server prepares what comes back once more, and must find nothing to do"


async def test_whoever_prepares_the_answer_learns_that_the_connection_broke(serving, shelf, contents):
    told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = shelf.response(await shelf.archive(contents.layout("pdf", LARGE)), filename="pdf.skill")
        try:
            await response.prepare(request)
            await response.write_eof()
        except BaseException as error:
            told.set_result(error)
            raise
        told.set_result(None)
        return response

    server = await serving(answer)
    async with asyncio.timeout(WITHIN_S):
        reader, writer = await reader_of(server)
        await reader.readexactly(100_000)
        # Closed at once and without a farewell, as a network does that goes away.
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        assert isinstance(await told, OSError)


async def test_an_archive_that_made_room_before_it_was_to_be_sent_is_asked_for_again(shelf, contents):
    archive = await shelf.archive(contents.layout("pdf", LARGE))
    await shelf.archive(contents.layout("other", LARGE))
    with pytest.raises(Unavailable) as refused:
        shelf.response(archive, filename="pdf.skill")
    assert refused.value.code == "archive_gone"
    assert shelf.response(await shelf.archive(contents.layout("pdf", LARGE)), filename="pdf.skill").status == 200


@pytest.mark.parametrize(
    ("filename", "told"),
    [
        ("a b.skill", 'attachment; filename="a b.skill"'),
        ("ü.skill", "attachment; filename*=UTF-8''%C3%BC.skill"),
        ('a"\r\n.skill', "attachment; filename*=UTF-8''a%22%0D%0A.skill"),
    ],
)
async def test_any_name_makes_a_header(shelf, contents, filename, told):
    response = shelf.response(await shelf.archive(contents.layout("pdf")), filename=filename)
    assert response.headers["Content-Disposition"] == told
