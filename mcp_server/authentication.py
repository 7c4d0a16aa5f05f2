"""Owns the question who is asking, as far as a bearer token says. The token itself is never stored, logged or repeated."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from skillport_sync.access.model import Principal
from skillport_sync.errors import Unauthenticated
from skillport_sync.ports import Clock

PREFIX: Final = "sps_"
REMEMBERED_S: Final = 10.0
_MAX_TOKEN_LENGTH: Final = 200
_MAX_REMEMBERED: Final = 4096

FindToken = Callable[[bytes], Awaitable[Principal | None]]
"""The person bound to the token with this SHA-256 digest; None if there is none, or it was revoked or has expired."""


class Authenticator(Protocol):
    async def principal(self, authorization: str | None) -> Principal:
        """Whoever this ``Authorization`` header proves.

        Raises: Unauthenticated, with a code that tells a missing token (``token_missing``) from a wrong one
        (``token_invalid``); Unavailable if it cannot be looked up now.
        """
        ...


class NoAuthentication:
    """Everybody is the same person. Only for a service that is bound to loopback, which is checked where it is built."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def principal(self, authorization: str | None) -> Principal:  # noqa: ARG002  whatever is sent
        return self._principal


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until_s: float


class TokenAuthentication:
    """Static API tokens, ``sps_…``. A token that was found is believed for ten seconds, or until it is forgotten."""

    def __init__(self, find: FindToken, clock: Clock, *, remembered_s: float = REMEMBERED_S) -> None:
        self._find = find
        self._clock = clock
        self._remembered_s = remembered_s
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._revocations = 0

    async def principal(self, authorization: str | None) -> Principal:
        digest = _digest(authorization)
        remembered = self._remembered.get(digest)
        if remembered is not None and self._clock.monotonic_s() < remembered.until_s:
            return remembered.principal
        revocations = self._revocations
        principal = await self._find(digest)
        if principal is None:
            self._remembered.pop(digest, None)
            raise Unauthenticated(
                "This token is unknown, revoked or expired. Ask an operator for a new one.", code="token_invalid"
            )
        # A token may have been revoked while the database was asked: what it said then is not remembered.
        if revocations == self._revocations:
            self._remembered[digest] = _Remembered(principal, self._clock.monotonic_s() + self._remembered_s)
            self._remembered.move_to_end(digest)
            if len(self._remembered) > _MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return principal

    def forget(self, token_hash: bytes) -> None:
        """Ask again from now on: this token was revoked."""
        self._revocations += 1
        self._remembered.pop(token_hash, None)


def _digest(authorization: str | None) -> bytes:
    if authorization is None:
        raise Unauthenticated("Send an API token: Authorization: Bearer sps_…", code="token_missing")
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.startswith(PREFIX) or len(token) > _MAX_TOKEN_LENGTH:
        raise Unauthenticated("This is not an API token: send Authorization: Bearer sps_…", code="token_invalid")
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
