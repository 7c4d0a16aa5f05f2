"""Owns how a body is read from a sender who has proved nothing yet: not too long, not too large, not too many at once.

Never looks at the bytes. aiohttp's own ``request.read`` is not used: its limit is the whole application's, it knows no
deadline, and nobody counts what all requests hold together.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from types import TracebackType

from aiohttp import StreamReader, web

from webhooks.refusals import BODY_TOO_LARGE, BODY_TOO_SLOW, BODY_UNREADABLE, RECEIVER_BUSY, Refusal

MIB = 1024 * 1024
SMALL_BYTES = MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What deliveries may cost. GitHub sends 25 MB at most, and waits 10 s for an answer (Enterprise Server 30 s):
    https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks."""

    body_bytes: int = 26 * MIB
    body_deadline_s: float = 10.0
    held_bytes: int = 64 * MIB
    """All bodies together, from the first byte until they are understood."""
    record_deadline_s: float = 8.0


class Account:
    """What all unfinished bodies hold together."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_bytes = 0

    def has_room_for(self, body_bytes: int, more_bytes: int) -> bool:
        """Whether a body of ``body_bytes`` may grow.

        A quarter is kept for small ones: they are what GitHub sends all day, and a few of the largest must not keep them out.
        The only one there always may, its own limit bounds it.
        """
        if self.held_bytes == body_bytes:
            return True
        is_small = body_bytes + more_bytes <= SMALL_BYTES
        limit_bytes = self._limit_bytes if is_small else self._limit_bytes * 3 // 4
        return self.held_bytes + more_bytes <= limit_bytes


class IncomingBody:
    """One body on its way in. On the account until its ``with`` ends, however that comes."""

    def __init__(self, stream: StreamReader, account: Account, limits: Limits) -> None:
        self._stream = stream
        self._account = account
        self._limits = limits
        self._size_bytes = 0

    def __enter__(self) -> IncomingBody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._account.held_bytes -= self._size_bytes

    async def read(self) -> bytes | Refusal:
        """All of it, or why not."""
        buffer = io.BytesIO()  # getvalue() hands out the buffer itself, so that 25 MB are not held twice
        try:
            async with asyncio.timeout(self._limits.body_deadline_s):
                while chunk := await self._stream.readany():
                    if self._size_bytes + len(chunk) > self._limits.body_bytes:
                        return BODY_TOO_LARGE
                    if not self._account.has_room_for(self._size_bytes, len(chunk)):
                        return RECEIVER_BUSY
                    self._size_bytes += len(chunk)
                    self._account.held_bytes += len(chunk)
                    buffer.write(chunk)
        except TimeoutError:
            return BODY_TOO_SLOW
        except (web.RequestPayloadError, ConnectionError):  # broken framing; a sender that went away
            return BODY_UNREADABLE
        return buffer.getvalue()
