"""Owns the story of a sign-in that every client goes through, however it is built: in, back, refreshed, twice at once, forgotten,
out. A ``Peer`` says how its client is started and where it keeps what it was given.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tests.clients.checks import Result
from tests.clients.person import Stuck
from tests.clients.signing_in import DOCUMENT, SigningIn

Way = Literal["DCR", "CIMD"]
PERSON, TOOL = "demo:ada", "skillport"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a client keeps of the service."""

    client_id: str
    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One start of a client. ``asked``: how often a person had to sign in. ``person`` None: it got nowhere, and ``why``."""

    person: str | None
    tools: tuple[str, ...]
    asked: int
    stuck: Stuck | None = None
    why: str = ""


class Peer(Protocol):
    """A client with a memory in a folder. ``forgets``: it registers anew by itself when the service knows it no more."""

    forgets: bool

    async def look(self, memory: Path) -> Looked:
        """Start it, sign in where it asks for that, list the tools, call one."""

    def kept(self, memory: Path) -> Kept: ...

    async def log_out(self, memory: Path) -> str:
        """Make it forget, and tell the service so. What did it."""


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    way: Way
    peer: Peer
    there: SigningIn
    folder: Path
    document: str = DOCUMENT

    async def told(self) -> AsyncIterator[Result]:
        """Each check starts where the one before it ended; after a failed first one there is nothing to tell."""
        first = await self._judged("signs in, tools/list, a tool call", self._signs_in())
        yield first
        if first.outcome == "failed":
            return
        for what, check in (
            ("comes back without asking anybody", self._comes_back()),
            ("refreshes an expired token", self._refreshes()),
            ("two processes refresh at once, and go on", self._refreshes_twice()),
            ("signs in again after state.db was lost", self._is_forgotten()),
            ("logs out: nothing of it opens anything", self._logs_out()),
        ):
            yield await self._judged(what, check)

    @property
    def _memory(self) -> Path:
        return self.folder / "memory"

    async def _judged(self, what: str, check: Awaitable[str]) -> Result:
        try:
            return Result(self.name, self.way, what, "passed", await check)
        except Exception as error:  # whatever a client does, the others have their turn
            return Result(self.name, self.way, what, "failed", f"{error!r}"[:900])

    async def _look(self, *, asked: int, memory: Path | None = None) -> None:
        looked = await self.peer.look(memory or self._memory)
        assert _is_right(looked, asked=asked), f"{looked}, where a person was to be asked {asked} times"

    async def _signs_in(self) -> str:
        self._memory.mkdir()
        await self._look(asked=1)
        client_id = self.peer.kept(self._memory).client_id
        assert (client_id == self.document) == (self.way == "CIMD"), client_id
        return f"as {PERSON}"

    async def _comes_back(self) -> str:
        before = self.peer.kept(self._memory)
        await self._look(asked=0)
        assert self.peer.kept(self._memory) == before
        return ""

    async def _refreshes(self) -> str:
        before = self.peer.kept(self._memory)
        self.there.outlive_access_token()
        assert not await self.there.opens(before.access_token)
        await self._look(asked=0)
        after = self.peer.kept(self._memory)
        assert after.access_token != before.access_token
        assert after.refresh_token != before.refresh_token, "the refresh token was not rotated"
        return "rotated"

    async def _refreshes_twice(self) -> str:
        other = self.folder / "memory-of-another"
        shutil.copytree(self._memory, other)
        self.there.outlive_access_token()
        looked = await asyncio.gather(self.peer.look(self._memory), self.peer.look(other))
        assert all(_is_right(each, asked=0) for each in looked), looked
        same = self.peer.kept(self._memory).refresh_token == self.peer.kept(other).refresh_token
        assert same, "the two have different successors of one token"
        self.there.outlive_access_token()
        await self._look(asked=0)
        await self._look(asked=0, memory=other)
        return "both get the same successor"

    async def _is_forgotten(self) -> str:
        before = self.peer.kept(self._memory)
        await self.there.lose_state()
        note = "by itself"
        if self.way == "DCR" and not self.peer.forgets:
            looked = await self.peer.look(self._memory)
            assert looked.stuck is not None, looked
            assert looked.stuck.status == 400, looked
            assert "remove this connector and add it again" in looked.stuck.words, looked
            shutil.rmtree(self._memory)
            self._memory.mkdir()
            note = "it keeps its old id; the page says to remove and add it, which helps"
        await self._look(asked=1)
        after = self.peer.kept(self._memory)
        assert (after.client_id == before.client_id) == (self.way == "CIMD"), "the id it had is worth nothing now"
        return note

    async def _logs_out(self) -> str:
        kept = self.peer.kept(self._memory)
        assert await self.there.opens(kept.access_token)
        note = await self.peer.log_out(self._memory)
        assert not await self.there.opens(kept.access_token), "the access token still opens"
        assert not await self.there.refreshes(kept.client_id, kept.refresh_token), "the refresh token still refreshes"
        await self._look(asked=1)
        return note


def _is_right(looked: Looked, *, asked: int) -> bool:
    return (looked.person, looked.tools, looked.asked) == (PERSON, (TOOL,), asked)
