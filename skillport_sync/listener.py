"""Owns the listening sockets: taken before anything else is started, so that a taken port is one clear sentence; and patience
with those who connect."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from aiohttp import web

from skillport_sync.errors import Conflict, Invalid
from skillport_sync.request_ids import OnRefused, unheard, with_request_id

BACKLOG = 1024
LINGER_S = 2.0
"""How long a refused request's body is still read and thrown away, so that its sender gets to see the answer."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket, and where others reach it."""

    sock: socket.socket
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can connect."""
        return ipaddress.ip_address(self.sock.getsockname()[0]).is_loopback

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def bind(host: str, port: int) -> Listener:
    """Take the port; 0 takes any free one.

    Raises:
        Conflict: somebody else has it.
        Invalid: it cannot be had: no right to it, no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=False)
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"{where} is taken: stop what listens there, or set another server.port", code="port_taken"
            ) from error
        raise Invalid(
            f"cannot listen on {where} ({error.strerror or error}): correct server.host and server.port",
            code="cannot_listen",
        ) from error
    sock.setblocking(False)
    return Listener(sock, host, sock.getsockname()[1])


@asynccontextmanager
async def site(
    listener: Listener,
    routes: Sequence[web.RouteDef],
    *,
    max_body_bytes: int,
    header_timeout_s: float,
    keepalive_s: float,
    drain_s: float,
    on_refused: OnRefused = unheard,
) -> AsyncIterator[None]:
    """Serve ``routes`` on the socket until left; requests under way then have ``drain_s`` to finish.

    A new connection has ``header_timeout_s`` to send its first request's headers, an idle one is kept for ``keepalive_s``. Every
    request has an id in the log; ``on_refused`` is told of those that were answered with an error.
    """
    app = web.Application(client_max_size=max_body_bytes)
    app.add_routes(_identified(route, on_refused) for route in routes)
    # The access log prints query strings, and a query string can hold a one-time token: each surface writes its own line.
    # Compressed bodies are refused by each surface, unread: unpacked for nobody, they only make aiohttp log a traceback.
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=keepalive_s,
        lingering_time=LINGER_S,
        shutdown_timeout=drain_s,
    )
    await runner.setup()
    accept = runner.server
    assert accept is not None
    server = await asyncio.get_running_loop().create_server(
        lambda: _FirstHeaders(accept(), header_timeout_s), sock=listener.sock, backlog=BACKLOG
    )
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


def _identified(route: web.RouteDef, on_refused: OnRefused) -> web.RouteDef:
    assert not isinstance(route.handler, type)  # no view classes here: handlers are functions
    handler = with_request_id(route.path, route.handler, on_refused)
    return web.RouteDef(route.method, route.path, handler, route.kwargs)


class _FirstHeaders(asyncio.Protocol):
    """Stands before aiohttp until a connection has sent the headers of its first request, then steps out of the way.

    aiohttp itself waits for them for ever: a connection that never finishes them would be held as long.
    """

    def __init__(self, server: asyncio.Protocol, timeout_s: float) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._end = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._transport.abort)
        self._server.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        seen = self._end + data
        self._end = seen[-3:]
        if b"\r\n\r\n" in seen:
            self._timer.cancel()
            self._transport.set_protocol(self._server)
        self._server.data_received(data)

    def eof_received(self) -> bool | None:
        return self._server.eof_received()

    def pause_writing(self) -> None:
        self._server.pause_writing()

    def resume_writing(self) -> None:
        self._server.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._server.connection_lost(exc)
