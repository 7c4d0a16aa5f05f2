"""Owns the question who is asking, as far as a bearer token says. The token itself is never stored, logged or repeated."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

from skillport_sync.access.model import Principal
from skillport_sync.errors import Unauthenticated
from skillport_sync.ports import Clock
from skillport_sync.tokens import TokenKind

API_TOKEN: Final = TokenKind.API.value
"""How each begins that an operator made, for a script or a machine."""
MINTED_TOKEN: Final = TokenKind.MINTED.value
"""Made by somebody for themselves, for REST and the marketplace."""
ACCESS_TOKEN: Final = "sp_at_"  # noqa: S105
"""Given to a client that somebody signed in through."""
REMEMBERED_S: Final = 10.0
_MAX_TOKEN_LENGTH: Final = 200
_MAX_REMEMBERED: Final = 4096
_FOREIGN: Final = "This is no token of this service"

_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and through what."""

    principal: Principal
    client_id: str | None = None
    """The client that the person signed in through, or ``token:<number>`` of a token that somebody made."""
    until: datetime | None = None
    """When what proves it ends; None: an operator ends it."""
    read_only: bool = False
    """Whether what proves it is good for reading only, whatever the person may do."""
    purpose: str | None = None
    """What they made the token for that they come with; None where it is no such token."""


Find = Callable[[bytes], Awaitable[Caller | None]]
"""Whom the token with this SHA-256 digest stands for now; None for nobody, whatever the reason.

Raises: Unavailable if it cannot be looked up."""


class Authenticator(Protocol):
    async def caller(self, authorization: str | None) -> Caller:
        """Whoever this ``Authorization`` header proves.

        Raises: Unauthenticated, with a code that tells a missing token (``token_missing``) from a wrong one
        (``token_invalid``); Unavailable if it cannot be looked up now.
        """
        ...


class NoAuthentication:
    """Everybody is the same person. Only for a service that is bound to loopback, which is checked where it is built."""

    def __init__(self, principal: Principal) -> None:
        self._caller = Caller(principal)

    async def caller(self, authorization: str | None) -> Caller:  # noqa: ARG002  whatever is sent
        return self._caller


@dataclass(frozen=True, slots=True)
class _Remembered:
    caller: Caller
    until_s: float


class ConnectorAuthentication:
    """Bearer tokens, by how they begin. One that was found is believed for ten seconds, but never beyond its own end, nor after
    it was forgotten."""

    def __init__(self, finds: Mapping[str, Find], clock: Clock, *, remembered_s: float = REMEMBERED_S) -> None:
        """``finds``: who looks up the tokens that begin with ``API_TOKEN``, with ``ACCESS_TOKEN``."""
        self._finds = tuple(finds.items())
        self._clock = clock
        self._remembered_s = remembered_s
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._read_before: OrderedDict[bytes, tuple[Find, bytes]] = OrderedDict()
        self._marking = secrets.token_bytes(32)
        self._revocations = 0

    async def caller(self, authorization: str | None) -> Caller:
        if authorization is None:
            raise Unauthenticated(f"{self._what_to_do}.", code="token_missing")
        mark = self._mark(authorization)
        find, digest = self._read_before.get(mark) or self._read(authorization)
        remembered = self._remembered.get(digest)
        if remembered is not None and self._clock.monotonic_s() < remembered.until_s:
            return remembered.caller
        revocations = self._revocations
        caller = await find(digest)
        if caller is None:
            self._remembered.pop(digest, None)
            raise Unauthenticated(
                f"This token is unknown, revoked or expired. {self._what_to_do}.", code="token_invalid"
            )
        if remembered is not None and remembered.caller == caller:
            caller = remembered.caller  # the very same: whatever is kept for this person is found faster
        # A token may have been revoked while the database was asked: what it said then is not remembered.
        if revocations == self._revocations:
            self._remember(digest, caller)
            _keep(self._read_before, mark, (find, digest))
        return caller

    def forget(self, token_hash: bytes) -> None:
        """Ask again from now on: this token was revoked."""
        self.forget_all((token_hash,))

    def forget_all(self, token_hashes: Iterable[bytes]) -> None:
        """The same of several."""
        self._revocations += 1
        for token_hash in token_hashes:
            self._remembered.pop(token_hash, None)

    def _mark(self, authorization: str) -> bytes:
        """What this header is recognised by while this process lives: nothing that could be used as a token is kept. SHA-256, by
        which the database knows tokens, is OpenSSL's and added 10 µs to a call of 65 µs where this adds 4.
        """
        return hashlib.blake2b(
            authorization.encode("utf-8", "surrogateescape"), key=self._marking, digest_size=16
        ).digest()

    def _read(self, authorization: str) -> tuple[Find, bytes]:
        """Who knows this token, and what it is known by."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if len(token) <= _MAX_TOKEN_LENGTH and scheme.lower() == "bearer":
            for beginning, find in self._finds:
                if token.startswith(beginning):
                    return find, hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        what = "A token that begins with sp_api_ opens nothing here" if token.startswith(MINTED_TOKEN) else _FOREIGN
        raise Unauthenticated(f"{what}. {self._what_to_do}.", code="token_invalid")

    def _remember(self, digest: bytes, caller: Caller) -> None:
        lasts_s = self._remembered_s
        if caller.until is not None:
            lasts_s = min(lasts_s, (caller.until - self._clock.now()).total_seconds())
        _keep(self._remembered, digest, _Remembered(caller, self._clock.monotonic_s() + lasts_s))

    @property
    def _what_to_do(self) -> str:
        sign_in = any(beginning == ACCESS_TOKEN for beginning, _ in self._finds)
        api_token = "an API token: Authorization: Bearer sps_…"  # noqa: S105
        return f"Sign in as WWW-Authenticate says, or send {api_token}" if sign_in else f"Send {api_token}"


def _keep(memory: OrderedDict[bytes, _V], key: bytes, value: _V) -> None:
    """As the newest; the oldest makes room."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _MAX_REMEMBERED:
        memory.popitem(last=False)
