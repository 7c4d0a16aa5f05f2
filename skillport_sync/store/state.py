"""Owns state.db as a whole: what GitHub delivered, the pulls owed for it, what is pinned, who may come in, and what they did.

It cannot be made again from anywhere. A file that cannot be used is left untouched and the service does not start.
Many writes that come at the same time share one transaction, and so one wait for the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from skillport_sync.errors import Broken, Invalid
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import Clock, Entropy, MarketplaceName
from skillport_sync.store import deadlines, deliveries, pins, repository_facts, secrets, tokens
from skillport_sync.store.audit import Audit
from skillport_sync.store.database import UNUSABLE, DatabaseSize, Schema, database_size, micros
from skillport_sync.store.healing import Healing
from skillport_sync.store.ledger import Concern, DeliveryFacts, LedgerEntry, Owed, Recorded
from skillport_sync.store.links import Links
from skillport_sync.store.minted_tokens import MintedTokens
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.people import People
from skillport_sync.store.pins import Pin
from skillport_sync.store.proposals import Proposals
from skillport_sync.store.readers import Readers
from skillport_sync.store.repository_facts import RepositoryFacts
from skillport_sync.store.tokens import TokenRow, Tokens
from skillport_sync.store.writer import Writer

# secure_delete: what is forgotten is overwritten, not just unlinked.
SCHEMA = Schema("state", 0x534B5053, settings=("secure_delete = ON",))  # "SKPS"
_SHARED_COMMIT = 512
_FORGET_AT_ONCE = 1000


class StateStore:
    """The delivery ledger, the pulls owed, the pins, the tokens, one-time links, sign-in and the audit."""

    def __init__(self, path: Path, clock: Clock, writer: Writer, readers: Readers, known: Sequence[TokenRow]) -> None:
        self._path = path
        self._clock = clock
        self._writer = writer
        self._readers = readers
        self.oauth = OAuthStore(writer, readers, clock)
        self.tokens = Tokens(writer, clock, self.oauth.announce, known)
        self.minted_tokens = MintedTokens(writer, readers, clock, self.oauth.announce)
        self.links = Links(writer, readers, clock)
        self.proposals = Proposals(writer, readers, clock)
        self.healing = Healing(writer, readers, clock)
        self.people = People(writer, readers, clock, self.oauth.announce)
        self.audit = Audit(writer, readers)

    @classmethod
    async def open(cls, path: Path, *, clock: Clock) -> Self:
        """Open or create the file.

        Raises: Broken when it is damaged, not ours or too new, with what to do: nothing is changed; Invalid or Unavailable when
        the disk does not let us.
        """
        try:
            writer = await Writer.open(path, SCHEMA, group=_SHARED_COMMIT)
        except Broken as error:
            if error.code not in UNUSABLE:
                raise
            raise Broken(f"{error.message}. {_what_to_do(path, error)}", code=error.code) from error
        try:
            known = await writer.run_alone(tokens.every)
            return cls(path, clock, writer, await Readers.open(path, size=1), known)
        except BaseException:
            await writer.close()
            raise

    async def close(self) -> None:
        """Finish what was asked for and close every connection. May be called twice."""
        try:
            await self.audit.close()
        finally:
            await self._readers.close()
            await self._writer.close()

    async def record(self, delivery: DeliveryFacts, concerns: Sequence[Concern], *, ignored: bool = False) -> Recorded:
        """Enter a delivery in the ledger, and every pull it asks for, in one write: once this returns, power may fail.

        ``concerns`` names a marketplace once at most; ``ignored``: it has nothing to do with us. Where it is a redelivery, each
        marketplace whose pull failed, or to which it meant nothing then, is owed one (again); for the others it is a duplicate.

        Raises: Unavailable when it cannot be stored; Invalid when it is of a kind that never can.
        """
        try:
            return await self._writer.run(deliveries.record, delivery, concerns, ignored, self._now_us())
        except (UnicodeEncodeError, OverflowError) as error:  # half a surrogate pair, a number beyond 64 bits
            raise Invalid(f"delivery {delivery.guid!a} holds a value that cannot be stored: {error}") from error

    async def owe(self, marketplace: MarketplaceName, cause: str) -> int:
        """Have a pull owed without a delivery; returns its generation."""
        return await self._writer.run(deliveries.owe, marketplace, cause)

    async def owed(self, marketplace: MarketplaceName) -> Owed:
        """What is owed to a marketplace, and what the pushes it is owed for said."""
        return await self._readers.in_thread(deliveries.owed, marketplace)

    async def settle(self, marketplace: MarketplaceName, generation: int, commit: CommitId) -> None:
        """A pull that began when ``generation`` was wanted succeeded, and ``commit`` is served."""
        await self._writer.run(deliveries.settle, marketplace, generation, commit, self._now_us())

    async def fail(
        self, marketplace: MarketplaceName, generation: int, error: str, *, not_before: datetime | None = None
    ) -> None:
        """A pull that began when ``generation`` was wanted failed. It stays owed, until when the caller says."""
        not_before_us = None if not_before is None else micros(not_before)
        await self._writer.run(deliveries.fail, marketplace, generation, error, not_before_us, self._now_us())

    async def recent_deliveries(self, limit: int = 50) -> list[LedgerEntry]:
        """The latest deliveries, newest first."""
        return await self._readers.in_thread(deliveries.recent, limit)

    async def forget_old_deliveries(self, keep: timedelta) -> int:
        """Forget what is older, in small steps, except what is owed; returns how many. GitHub redelivers for three days."""
        before_us, forgotten, step = micros(self._clock.now() - keep), 0, _FORGET_AT_ONCE
        while step == _FORGET_AT_ONCE:
            step = await self._writer.run(deliveries.forget, before_us, _FORGET_AT_ONCE)
            forgotten += step
        return forgotten

    async def note_repository(self, marketplace: MarketplaceName, facts: RepositoryFacts) -> None:
        """Note what GitHub says of the repository; what it does not say stays as it was."""
        await self._writer.run(repository_facts.note, marketplace, facts, self._now_us())

    async def repository_facts(self, marketplace: MarketplaceName) -> RepositoryFacts:
        """The last that GitHub said of the repository."""
        return repository_facts.facts_of(await self._readers.fetch(repository_facts.FACTS, (marketplace,)))

    async def pin(self, marketplace: MarketplaceName, commit: CommitId, reason: str) -> Pin:
        """Note that the marketplace is to stay at this commit, from now on and through restarts.

        Raises: Invalid when the reason cannot be stored.
        """
        try:
            return await self._writer.run(pins.pin, marketplace, commit, reason, self._now_us())
        except UnicodeEncodeError as error:
            raise Invalid(f"the reason {reason!a} cannot be stored: {error}", code="reason_invalid") from error

    async def unpin(self, marketplace: MarketplaceName) -> bool:
        """Note that the marketplace follows its branch again; False where it did already."""
        return await self._writer.run(pins.unpin, marketplace)

    async def pinned(self, marketplace: MarketplaceName) -> Pin | None:
        """Where the marketplace is to stay; None where it follows its branch."""
        return pins.pin_of(await self._readers.fetch(pins.PINNED, (marketplace,)))

    async def bring_deadlines_forward(self, by: timedelta) -> None:
        """The clock was set back by so much: whatever people hold ends when it would have ended."""
        await self._writer.run(deadlines.bring_forward, by // timedelta(microseconds=1))

    async def server_key(self, entropy: Entropy) -> bytes:
        """32 random bytes that are this service's own, made when they are first asked for. Never shown, never logged."""
        return await self._writer.run(secrets.keep, secrets.SERVER_KEY, entropy.token_bytes(secrets.SERVER_KEY_BYTES))

    async def size(self) -> DatabaseSize:
        """What the file takes on disk."""
        return await self._readers.in_thread(database_size, self._path)

    def _now_us(self) -> int:
        return micros(self._clock.now())


def _what_to_do(path: Path, error: Broken) -> str:
    if error.code == "database_newer":
        return "Start the version that wrote it, or restore a backup from before the update"
    return (
        "Nothing was changed. Restore the newest backup made with `skillport-sync backup`: `skillport-sync restore FILE`; "
        f"without one, move {path} away, and the service starts with no tokens and no delivery history"
    )
