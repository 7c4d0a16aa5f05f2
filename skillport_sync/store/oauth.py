"""Owns what the OAuth server asks of state.db, each thing one transaction or one read. Never holds SQL: that is in the modules
of the tables. Never sees a token, a code or a state, only their SHA-256.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Concatenate, Final, ParamSpec, TypeVar

from skillport_sync.access.model import PrincipalId
from skillport_sync.ports import Clock
from skillport_sync.store import grants, oauth_clients, oauth_tokens, oauth_transactions
from skillport_sync.store.database import micros
from skillport_sync.store.readers import Readers
from skillport_sync.store.sign_in import (
    AccessFacts,
    Client,
    CodeFacts,
    Forget,
    GrantId,
    Issued,
    NewTokens,
    Purged,
    RefreshFacts,
    Replayed,
    Rotation,
    SessionRow,
    Stage,
    Transaction,
)
from skillport_sync.store.text import is_storable, refused
from skillport_sync.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

UNAPPROVED_LIMIT: Final = 1000
TRANSACTION_LIMIT: Final = 10_000
_FORGET_AT_ONCE: Final = 500


class OAuthStore:
    """Clients, sign-ins under way, grants and their tokens."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._told: list[Forget] = []

    def tell(self, forget: Forget) -> None:
        """From now on, have this called for tokens that end before their time, of every kind and whatever ended them: a
        revocation, a replay, a person who is disabled. If the caller of that was cancelled, nobody is told: remember tokens
        briefly."""
        self._told.append(forget)

    def announce(self, token_hashes: Sequence[bytes]) -> None:
        """Tell whoever asked to be told that these open nothing any more."""
        if token_hashes:
            for forget in self._told:
                forget(token_hashes)

    async def register(self, meta_key: bytes, client: Client, *, unapproved_limit: int = UNAPPROVED_LIMIT) -> Client:
        """Enter a client. A ``dcr`` one is known by ``meta_key``, the SHA-256 of its metadata: whoever registered with the same
        before is returned. A ``cimd`` or ``static`` one is known by its client_id, and brought up to date.

        Where clients that nobody ever signed in through are too many, those that did nothing for longest make room.

        Raises: Invalid when it holds text that cannot be stored.
        """
        with refused("the client's metadata"):
            return await self._writer.run(oauth_clients.register, meta_key, client, unapproved_limit)

    async def client(self, client_id: str) -> Client | None:
        if not is_storable(client_id):
            return None
        rows = await self._readers.fetch(oauth_clients.CLIENT, (client_id,))
        return next(iter(oauth_clients.clients_of(rows)), None)

    async def count_unapproved(self) -> int:
        """Clients that nobody ever signed in through."""
        [[count]] = await self._readers.fetch(oauth_clients.COUNT_UNAPPROVED)
        return int(count)

    async def begin(self, transaction: Transaction, *, limit: int = TRANSACTION_LIMIT) -> bool:
        """Enter a sign-in. False: its client is unknown. Where there are ``limit`` already, the oldest make room, and those who
        agreed and are at their provider last.

        Raises: Invalid when it holds text that cannot be stored.
        """
        with refused("the request"):
            return await self._writer.run(oauth_transactions.begin, transaction, limit)

    async def transaction(self, id_hash: bytes) -> Transaction | None:
        """A sign-in by its id, at whatever stage; None when there is none, or it expired."""
        rows = await self._readers.fetch(oauth_transactions.BY_ID, (id_hash, self._now_us()))
        return oauth_transactions.transaction_of(rows)

    async def transaction_of_state(self, state_hash: bytes) -> Transaction | None:
        """The same, by what the provider sent back."""
        rows = await self._readers.fetch(oauth_transactions.BY_STATE, (state_hash, self._now_us()))
        return oauth_transactions.transaction_of(rows)

    async def advance(
        self,
        id_hash: bytes,
        *,
        expect: Stage,
        to: Stage,
        provider: str | None = None,
        bind_hash: bytes | None = None,
        nonce: str | None = None,
        upstream_verifier: str | None = None,
        state_hash: bytes | None = None,
    ) -> Transaction | None:
        """Take a sign-in from one stage to the next, exactly once; what is None stays as it was. Returns it as it is now.

        None: it is not at that stage (any more), or expired. A denied one no longer holds nonce and verifier. What is upstream is
        done by ``grant_and_code`` only.
        """
        learned = oauth_transactions.Learned(provider, bind_hash, nonce, upstream_verifier, state_hash)
        return await self._writer.run(oauth_transactions.advance, id_hash, expect, to, learned, self._now_us())

    async def grant_and_code(
        self,
        transaction: bytes,
        person: PrincipalId,
        *,
        code_hash: bytes,
        code_expires_at: datetime,
        grant_expires_at: datetime,
    ) -> GrantId | None:
        """Finish a sign-in that is upstream: a grant and its code of what the transaction says, the transaction done, the client
        approved; all or nothing.

        None: it is not upstream (any more), or expired, or the person is unknown, kept out, or of another provider than the
        transaction's. Enter the person before (``People.signed_in``).
        """
        return await self._writer.run(
            grants.begin,
            transaction,
            person,
            code_hash,
            micros(code_expires_at),
            micros(grant_expires_at),
            self._now_us(),
        )

    async def consume_code(self, code_hash: bytes) -> CodeFacts | Replayed | None:
        """Burn a code. Its first use returns what it stands for; a second ends its grant. None: unknown, expired, or over."""
        return await self._ending(grants.consume_code, code_hash, self._now_us())

    async def issue(self, grant_id: GrantId, tokens: NewTokens) -> Issued | None:
        """Store the first pair of a grant. None: the grant is over, or has tokens already."""
        return await self._writer.run(oauth_tokens.issue, grant_id, tokens, self._now_us())

    async def find_refresh(self, refresh_hash: bytes) -> RefreshFacts | None:
        """Whose it is, without using it up; None where ``rotate`` would say Unknown or Ended."""
        rows = await self._readers.fetch(oauth_tokens.FIND_REFRESH, (refresh_hash, self._now_us()))
        return oauth_tokens.refresh_of(rows)

    async def rotate(self, old_hash: bytes, *, client_id: str, tokens: NewTokens, window_s: int) -> Rotation:
        """Exchange a refresh token for the pair ``tokens``, whose refresh token must be the one successor of the old.

        An old one that was rotated at most ``window_s`` ago, or whose successor nobody used yet, gets the same successor again
        with another access token. Any other use of it ends the grant.
        """
        return await self._ending(
            oauth_tokens.rotate, old_hash, client_id, tokens, window_s * 1_000_000, self._now_us()
        )

    async def find_access(self, access_hash: bytes) -> AccessFacts | None:
        """What an access token opens. None: unknown, expired, revoked, its grant over, its person kept out."""
        rows = await self._readers.fetch(oauth_tokens.FIND_ACCESS, (access_hash, self._now_us()))
        return oauth_tokens.access_of(rows)

    async def revoke_token(self, token_hash: bytes, client_id: str) -> bool:
        """Have an access token open nothing any more; with a refresh token its whole grant ends. False: not this client's."""
        if not is_storable(client_id):
            return False
        return await self._ending(oauth_tokens.revoke, token_hash, client_id, self._now_us())

    async def revoke_grant(self, grant_id: GrantId, reason: str) -> bool:
        """End a grant and every token of it; False where it was over before."""
        ended = await self._writer.run(grants.end, grant_id, reason, self._now_us())
        self.announce(ended or ())
        return ended is not None

    async def revoke_person(self, person: PrincipalId, reason: str) -> list[bytes]:
        """End every grant, code and token of somebody, those they made for themselves too, and every link they asked for;
        returns the tokens to forget, of which whoever asked to be told is told."""
        if not is_storable(person):
            return []
        ended = await self._writer.run(grants.end_all_of, person, reason, self._now_us())
        self.announce(ended)
        return ended

    async def sessions(self, person: PrincipalId | None = None) -> list[SessionRow]:
        """Grants that are alive, of one person or of all, the last used first."""
        if person is not None and not is_storable(person):
            return []
        return await self._readers.in_thread(grants.sessions, person, self._now_us())

    async def purge(self) -> Purged:
        """Forget what is over, in small steps: sign-ins, tokens, grants; clients nobody ever signed in through after a day,
        others 90 days after their last use; never one that has a grant, nor a static one."""
        return Purged(
            transactions=await self._forget(oauth_transactions.forget),
            tokens=await self._forget(oauth_tokens.forget_access) + await self._forget(oauth_tokens.forget_refresh),
            grants=await self._forget(grants.forget),
            clients=await self._forget(oauth_clients.forget),
        )

    async def _forget(self, step: Callable[[sqlite3.Connection, int, int], int]) -> int:
        """Repeat a step until it finds less than it might take."""
        now_us, forgotten, taken = self._now_us(), 0, _FORGET_AT_ONCE
        while taken == _FORGET_AT_ONCE:
            taken = await self._writer.run(step, now_us, _FORGET_AT_ONCE)
            forgotten += taken
        return forgotten

    async def _ending(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], tuple[T, list[bytes]]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run what may end access tokens, and tell of those once it is committed."""
        outcome, ended = await self._writer.run(function, *args, **kwargs)
        self.announce(ended)
        return outcome

    def _now_us(self) -> int:
        return micros(self._clock.now())
