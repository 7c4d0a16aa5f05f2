"""Owns one connection to a service, over which anything can be sent: headers that no client library would let through too.

Every answer is looked at the same way: it is HTTP, it is no server error, and what it says is JSON where it says so.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from tests.fuzz.target import WrongError, shown

LIMIT_S: Final = 20.0
"""Longer than any wait that the service itself sets for a body."""
PATIENCE_S: Final = 0.1
"""With a request that cannot be answered before more of it comes."""
_MOST_OF_A_LINE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By name in small letters; of several the last."""
    body: bytes
    cookies: Mapping[str, str]

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Wire:
    """A client of the service at ``url``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.authority = parts.netloc
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def ask(
        self,
        method: str,
        target: str | bytes,
        headers: Collection[tuple[str, str | bytes]] = (),
        body: bytes = b"",
        *,
        expected: Collection[int] | None = None,
    ) -> Answer:
        """One request with a true length. ``expected``: the statuses that the description allows; no server error, if None.

        Raises: WrongError.
        """
        lines = [f"{method} ".encode() + _line(target) + b" HTTP/1.1", b"Host: " + self.authority.encode()]
        lines += [_line(name) + b": " + _line(value) for name, value in headers]
        if body or method in ("POST", "PUT"):
            lines.append(b"Content-Length: %d" % len(body))
        sent = b"\r\n".join(lines) + b"\r\n\r\n" + body
        answer = await self._asked(sent)
        if answer is None:
            raise WrongError(f"the connection was closed without an answer to {shown(sent)}")
        judge(answer, sent, expected)
        return answer

    async def throw(self, sent: bytes) -> Answer | None:
        """Whatever bytes, on a connection of their own, which is closed where no answer comes at once: then None."""
        await self.close()
        answer = None
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._asked(sent)
        await self.close()
        if answer is not None:
            judge(answer, sent, None)
        return answer

    async def _asked(self, sent: bytes) -> Answer | None:
        for _ in range(2):
            is_fresh = self._writer is None
            if self._writer is None or self._reader is None:
                self._reader, self._writer = await asyncio.open_connection(
                    self._host, self._port, limit=_MOST_OF_A_LINE
                )
            try:
                self._writer.write(sent)
                answer = await _read(self._reader, is_head=sent.startswith(b"HEAD "))
            except (ConnectionError, asyncio.IncompleteReadError):
                answer = None
            if answer is not None and answer.headers.get("connection", "").lower() != "close":
                return answer
            await self.close()
            # A connection that was idle may have been closed meanwhile: that says nothing of this request.
            if answer is not None or is_fresh:
                return answer
        return None


def judge(answer: Answer, sent: bytes, expected: Collection[int] | None) -> None:
    """Raises: WrongError."""
    is_wrong = answer.status >= 500 if expected is None else answer.status not in expected
    if is_wrong:
        raise WrongError(f"{answer.status} {shown(answer.body)} to {shown(sent)}")
    if answer.kind == "application/json" and answer.body:
        try:
            said = answer.json
        except orjson.JSONDecodeError:
            raise WrongError(f"{shown(answer.body)} is no JSON, to {shown(sent)}") from None
        if answer.status >= 400 and not (isinstance(said, dict) and isinstance(said.get("error"), str | dict)):
            raise WrongError(f"{answer.status} without an error in it: {shown(answer.body)}")


async def _read(reader: asyncio.StreamReader, *, is_head: bool) -> Answer | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].decode("utf-8", "surrogateescape").split("\r\n")
    status = int(first.split(" ")[1])
    headers: dict[str, str] = {}
    cookies: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
        if name.lower() == "set-cookie":
            key, _, kept = value.strip().partition(";")[0].partition("=")
            cookies[key] = kept
    if is_head or status in (204, 304):
        body = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body, headers["connection"] = await reader.read(), "close"
    if headers.get("content-encoding") in ("gzip", "deflate") and body:
        body = zlib.decompress(body, 32 + zlib.MAX_WBITS)  # either, by its header
    return Answer(status, headers, body, cookies)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return bytes(body)


def _line(value: str | bytes) -> bytes:
    """What may stand in a line: everything but what ends it."""
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return raw.replace(b"\r", b" ").replace(b"\n", b" ")
