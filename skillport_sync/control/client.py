"""Owns the asking side of the control socket."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

from skillport_sync.control import address
from skillport_sync.control.wire import MAX_LINE_BYTES, SILENCE_S, error_from_json
from skillport_sync.errors import Broken, Denied, Unavailable
from skillport_sync.reports import JsonObject

ANSWER_WITHIN_S = 60.0
"""For questions that are answered at once; listening to parts of an answer has no end, only a limit on silence."""


class ControlClient:
    """Asks the service that holds ``data_dir``. Every call is a connection of its own."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def is_answered(self) -> bool:
        """Whether a service is there. False where nobody listens.

        Raises:
            Denied: somebody may, but this user is not allowed to ask.
            Unavailable: somebody listens and does not answer.
        """
        if address.find(self._data_dir) is None:
            return False
        try:
            await self.call("ping", {}, within_s=10.0)
        except Unavailable as error:
            if error.code == "service_not_running":
                return False
            raise
        return True

    async def call(self, command: str, arguments: JsonObject, *, within_s: float = ANSWER_WITHIN_S) -> JsonObject:
        """One question, one answer.

        Raises:
            SkillportError: what the service raised; Unavailable where it cannot be asked.
        """
        async with self._ask(command, arguments, aiohttp.ClientTimeout(total=within_s)) as response:
            value = orjson.loads(await response.read())
        if not isinstance(value, dict) or not isinstance(value.get("answer"), dict):
            raise error_from_json(value.get("error") if isinstance(value, dict) else None)
        answer: JsonObject = value["answer"]
        return answer

    async def stream(self, command: str, arguments: JsonObject) -> AsyncGenerator[JsonObject, None]:
        """One question, its answer in parts as they come.

        Raises:
            SkillportError: what the service raised, also after some parts; Unavailable where it went away in between.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=SILENCE_S)
        async with self._ask(command, arguments, limits) as response:
            async for line in response.content:
                if not line.strip():
                    continue  # a heartbeat
                value = orjson.loads(line)
                if "item" not in value:
                    if "end" in value:
                        return
                    raise error_from_json(value.get("error"))
                yield value["item"]
        raise Unavailable(
            "the service stopped while it answered; `skillport-sync status` shows what came of it", code="service_left"
        )

    @asynccontextmanager
    async def _ask(
        self, command: str, arguments: JsonObject, limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        path = address.find(self._data_dir)
        if path is None:
            raise _not_running(self._data_dir)
        connector = aiohttp.UnixConnector(str(path))
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=limits, read_bufsize=MAX_LINE_BYTES) as session,
                session.post(f"http://skillport-sync/{command}", data=orjson.dumps(arguments)) as response,
            ):
                yield response
        except aiohttp.ClientConnectorError as error:
            if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
                raise _not_running(self._data_dir) from error
            if error.errno in (errno.EACCES, errno.EPERM):
                what = f"the service's control socket {path} is not open to this user; run the command as the service's user"
                raise Denied(what, code="control_socket_denied") from error
            raise Unavailable(f"cannot ask the service at {path}: {error.strerror}", code="service_silent") from error
        except TimeoutError as error:
            raise Unavailable(
                f"the service at {path} does not answer; is it stopped or busy?", code="service_silent"
            ) from error
        except aiohttp.ClientError as error:
            what = "the service stopped while it answered; `skillport-sync status` shows what came of it"
            raise Unavailable(what, code="service_left") from error
        except orjson.JSONDecodeError as error:
            raise Broken(f"what answers at {path} is not a service of this version") from error


def _not_running(data_dir: Path) -> Unavailable:
    return Unavailable(
        f"no service is running on {data_dir}; start it with `skillport-sync serve`", code="service_not_running"
    )
