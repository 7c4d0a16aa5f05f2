"""Owns the seams: the few places where the outside is let in, so that tests can stand there instead.

Four of them: ``Clock`` and ``Entropy`` here, ``Wake`` here, and the transport, which is an ``aiohttp.ClientSession`` given to
``github.client``. SQLite is not a seam: tests use the real one. Nothing here does anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import NewType, Protocol

MarketplaceName = NewType("MarketplaceName", str)
"""The label an operator gave a marketplace, or its repository's ``owner/name`` when none was given. Unique in one service."""


class Clock(Protocol):
    """Two clocks, because they answer two questions."""

    def now(self) -> datetime:
        """What time it is: aware, UTC. For what people read and what is stored."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump. For every interval, deadline and age inside one process."""
        ...


class Entropy(Protocol):
    def token_bytes(self, size: int) -> bytes:
        """``size`` bytes that nobody can guess."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """A number between, for jitter. Needs no secrecy."""
        ...


class Wake(Protocol):
    def __call__(self, marketplace: MarketplaceName, cause: str) -> None:
        """Say that a pull is owed. Returns at once, never raises, may be called from any task of the loop's thread."""
        ...
