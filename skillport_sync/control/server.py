"""Owns the answering side of the control socket. Knows handlers by name and nothing of what they do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import orjson
import structlog
from aiohttp import web

from skillport_sync.control import address
from skillport_sync.control.wire import HEARTBEAT_S, LINES, MAX_REQUEST_BYTES, STATUS, error_to_json, line_of
from skillport_sync.errors import Broken, Invalid, SkillportError
from skillport_sync.reports import JsonObject

log = structlog.get_logger(__name__)

Handler = Callable[[JsonObject], Awaitable[JsonObject] | AsyncGenerator[JsonObject, None]]
"""Answers one question: with one object, or with several as they come. Raises SkillportError for what the asker can mend."""

_AHEAD = 64
"""How many parts of an answer may wait for a slow reader before the handler waits too."""


class ControlServer:
    """Answers questions by name. ``on`` opens the socket."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    @asynccontextmanager
    async def on(self, data_dir: Path) -> AsyncIterator[Path]:
        """Listen in ``data_dir`` until left; the caller holds its lock. Answers under way are then cut short."""
        sock, path = address.bind(data_dir)
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.add_routes([web.post("/{command}", self._answer)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.25)
        try:
            await runner.setup()
            await web.SockSite(runner, sock).start()
            yield path
        finally:
            await runner.cleanup()
            sock.close()
            address.unbind(data_dir)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        command = request.match_info["command"]
        try:
            answer = self._handler(command)(_arguments(await request.read()))
            if isinstance(answer, AsyncGenerator):
                return await _in_parts(request, command, answer)
            return web.json_response(body=orjson.dumps({"answer": await answer}))
        except SkillportError as error:
            return _failed(error)
        except Exception:
            return _failed(_unexpected(command))

    def _handler(self, command: str) -> Handler:
        try:
            return self._handlers[command]
        except KeyError:
            known = ", ".join(sorted(self._handlers))
            what = f"the running service does not know {command!r}, only {known}: restart it after an update"
            raise Invalid(what, code="command_unknown") from None


def _arguments(body: bytes) -> JsonObject:
    try:
        arguments = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Invalid("the arguments are not JSON") from error
    if not isinstance(arguments, dict):
        raise Invalid("the arguments are not a JSON object")
    return arguments


def _failed(error: SkillportError) -> web.Response:
    answer = error_to_json(error)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return web.json_response(body=orjson.dumps({"error": answer}), status=status)


def _unexpected(command: str) -> Broken:
    """For what is not ours: the asker gets a number, the log gets the story under it."""
    error_id = os.urandom(4).hex()
    log.exception("control_request_failed", command=command, error_id=error_id)
    return Broken(f"the service failed unexpectedly (error {error_id}); its log has the story", code="unexpected")


async def _in_parts(request: web.Request, command: str, items: AsyncGenerator[JsonObject, None]) -> web.StreamResponse:
    """One line for each item as it comes, then ``end`` or ``error``. The items are asked for by one task from first to last."""
    response = web.StreamResponse(headers={"Content-Type": LINES})
    await response.prepare(request)
    lines: asyncio.Queue[JsonObject] = asyncio.Queue(maxsize=_AHEAD)

    async def pump() -> None:
        try:
            async with aclosing(items):
                async for item in items:
                    await lines.put({"item": item})
            last: JsonObject = {"end": True}
        except SkillportError as error:
            last = {"error": error_to_json(error)}
        except Exception:
            last = {"error": error_to_json(_unexpected(command))}
        await lines.put(last)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(pump())
            line: JsonObject = {"item": None}
            while "item" in line:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        line = await lines.get()
                except TimeoutError:
                    await response.write(b"\n")
                else:
                    await response.write(line_of(line))
    except* ConnectionResetError:
        log.debug("control_reader_left", command=command)
    return response
