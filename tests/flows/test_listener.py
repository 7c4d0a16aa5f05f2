"""The sockets: taken ports are said clearly, and nobody holds a connection by never finishing what he began to say."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web

from skillport_sync.errors import Conflict, Invalid
from skillport_sync.listener import bind, site


async def answer(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.method} {len(await request.read())}")


async def converse(port: int, *pieces: bytes) -> bytes:
    """What comes back until the connection ends; an abort, with or without a reset, ends it with nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def test_a_taken_port_is_one_clear_sentence() -> None:
    first = bind("127.0.0.1", 0)
    try:
        with pytest.raises(Conflict, match=rf"127\.0\.0\.1:{first.port} is taken") as caught:
            bind("127.0.0.1", first.port)
        assert caught.value.code == "port_taken"
    finally:
        first.sock.close()


def test_an_address_that_is_not_here_is_one_clear_sentence() -> None:
    with pytest.raises(Invalid, match="cannot listen on"):
        bind("203.0.113.7", 0)


@pytest.mark.parametrize(
    "begun",
    [(), (b"GET / HTT",), (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-Slow: 1\r\n")],
    ids=["silence", "half a line", "headers without an end"],
)
async def test_headers_that_never_end_are_cut_off(begun: tuple[bytes, ...]) -> None:
    listener = bind("127.0.0.1", 0)
    async with (
        asyncio.timeout(10),
        site(listener, [web.get("/", answer)], max_body_bytes=99, header_timeout_s=0.05, keepalive_s=9, drain_s=1),
    ):
        assert await converse(listener.port, *begun) == b""


async def test_a_request_in_pieces_and_a_slow_body_are_waited_for() -> None:
    listener = bind("127.0.0.1", 0)
    async with (
        asyncio.timeout(10),
        site(listener, [web.post("/", answer)], max_body_bytes=99, header_timeout_s=5, keepalive_s=9, drain_s=1),
    ):
        received = await converse(
            listener.port,
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r",
            b"\n\r\nab",
            b"cd",
        )
        assert received.endswith(b"POST 4")


def test_a_listener_knows_whether_only_this_machine_can_connect() -> None:
    for host, is_loopback in (("127.0.0.1", True), ("0.0.0.0", False)):
        listener = bind(host, 0)
        assert listener.is_loopback is is_loopback
        assert listener.sock.type is socket.SOCK_STREAM
        listener.sock.close()
