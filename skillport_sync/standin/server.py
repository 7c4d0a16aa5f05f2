"""Owns the two ports, the API's and codeload's, and what every request passes first: journal, latency, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from skillport_sync.standin import graphql, rest
from skillport_sync.standin.faults import Corrupt, Cut, Delay, Fail, Fault, Hang, Reset
from skillport_sync.standin.gate import Endpoint, guarded
from skillport_sync.standin.journal import JournalEntry, RequestKind
from skillport_sync.standin.rest.call import not_found

if TYPE_CHECKING:
    from skillport_sync.standin.hub import StandInGitHub

MAX_BODY = 150_000_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Reset(Exception):
    """This connection is to end without an answer."""


class Server:
    def __init__(self, hub: StandInGitHub) -> None:
        self._hub = hub
        self._below = "/api/v3" if hub.enterprise else ""
        self._runners: list[web.AppRunner] = []
        self._closing = asyncio.Event()

    async def start(self, host: str, port: int) -> tuple[str, str]:
        """Both base URLs. Raises: OSError."""
        self._closing.clear()
        api = await self._listen(self._api(), host, port) + self._below
        return api, await self._listen(self._codeload(), host, 0)

    async def close(self) -> None:
        self._closing.set()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def _listen(self, application: web.Application, host: str, port: int) -> str:
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        return f"http://{bound[0]}:{bound[1]}"

    def _api(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY)
        graphql_path = self._below.removesuffix("/v3") + "/graphql"
        application.router.add_post(graphql_path, self._received("graphql", guarded(self._hub, graphql.ROUTE)))
        application.add_routes(self.routes(self._below))
        return application

    def routes(self, below: str = "") -> Iterator[web.RouteDef]:
        """The REST API."""
        for route in rest.ROUTES:
            handler = self._received("api", guarded(self._hub, route))
            yield web.route(route.method, below + route.path, handler)
            # Where a renamed repository's redirect leads: by id, which never changes.
            if "/repos/{owner}/{repo}" in route.path:
                by_id = route.path.replace("/repos/{owner}/{repo}", "/repositories/{repository_id}")
                yield web.route(route.method, below + by_id, handler)

    def _codeload(self) -> web.Application:
        application = web.Application()
        path = "/{owner}/{repo}/legacy.tar.gz/{ref:.*}"
        application.router.add_get(path, self._received("codeload", self._archive), allow_head=False)
        application.router.add_route("*", "/{anything:.*}", self._received("codeload", _unknown))
        return application

    async def _archive(self, request: web.Request, entry: JournalEntry) -> web.StreamResponse:
        # The link is the credential. A request that shows another has leaked that to a foreign origin.
        if entry.authorized:
            return web.Response(status=401, text="401: Unauthorized")
        linked = self._hub.linked_archive(request.query.get("token", ""))
        if linked is None:
            return web.Response(status=404, text="404: Not Found")
        repository, commit = linked
        body = await self._hub.tarball(repository, commit)
        name = f"{repository.owner}-{repository.name}-{commit[:7]}.tar.gz"
        headers = {"Content-Disposition": f"attachment; filename={name}", "ETag": f'W/"{commit}"'}
        return web.Response(body=body, content_type="application/x-gzip", headers=headers)

    def _received(self, kind: RequestKind, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            clock = asyncio.get_running_loop().time
            entry = JournalEntry(
                request.method,
                ("codeload:" if kind == "codeload" else "") + request.path,
                dict(request.query),
                kind,
                request.headers.get(hdrs.ACCEPT, ""),
                hdrs.AUTHORIZATION in request.headers,
                clock(),
            )
            self._hub.journal.entries.append(entry)
            try:
                response = await self._through_faults(request, entry, endpoint)
                entry.status = response.status
            except _Reset:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=500)
            finally:
                entry.ended_s = clock()
            return response

        return handle

    async def _through_faults(
        self, request: web.Request, entry: JournalEntry, endpoint: Endpoint
    ) -> web.StreamResponse:
        faults = self._hub.faults
        entry.body = await request.read()
        if self._hub.latency_s:
            await asyncio.sleep(self._hub.latency_s)
        self._refuse_when_down()
        scripted = faults.take(entry.method, entry.path)
        for gate in faults.gates_of(entry.method, entry.path):
            await self._wait_for(gate.hold())
        for fault in scripted:
            match fault:
                case Delay(asyncio.Event() as event):
                    await self._wait_for(event.wait())
                case Delay(float() | int() as seconds):
                    await self._wait_for(asyncio.sleep(seconds))
                case _:
                    pass
        self._refuse_when_down()
        failed = await self._failed(scripted, late=False)
        if failed is not None:
            return failed
        response = await endpoint(request, entry)
        return await self._failed(scripted, late=True) or await _spoilt(request, response, scripted)

    async def _failed(self, scripted: list[Fault], *, late: bool) -> web.Response | None:
        """What is answered instead, or nothing at all: before the request is carried out, or after. Raises: _Reset."""
        for fault in scripted:
            match fault:
                case Hang() if fault.late == late:
                    await self._closing.wait()
                    raise _Reset
                case Reset() if fault.late == late:
                    raise _Reset
                case Fail() if fault.late == late:
                    return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
                case _:
                    pass
        return None

    def _refuse_when_down(self) -> None:
        if self._hub.faults.is_down:
            raise _Reset

    async def _wait_for(self, waiting: Awaitable[object]) -> None:
        """Wait, but not beyond the end of the stand-in."""
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if self._closing.is_set():
            raise _Reset


async def _unknown(request: web.Request, entry: JournalEntry) -> web.StreamResponse:
    del request, entry
    return not_found().response()


async def _spoilt(request: web.Request, response: web.StreamResponse, scripted: list[Fault]) -> web.StreamResponse:
    """The answer with a wrong byte, or with its end missing."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    for fault in scripted:
        if isinstance(fault, Corrupt) and response.body:
            spoilt = bytearray(response.body)
            spoilt[fault.flip_byte] ^= 0x01
            response.body = bytes(spoilt)
    cut = next((fault for fault in scripted if isinstance(fault, Cut)), None)
    if cut is None:
        return response
    body = response.body
    partial = web.StreamResponse(status=response.status, headers=response.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: cut.after_bytes])
    # close, not abort: what was written arrives, then the connection ends, so that a test sees the same every time.
    if request.transport is not None:
        request.transport.close()
    return partial
