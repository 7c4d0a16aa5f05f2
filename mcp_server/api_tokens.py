"""Owns the tokens that people make for what cannot sign in: a script for some minutes, Claude Code's own marketplace for months.

Each speaks for its person as they are now, opens REST and the marketplace and never ``/mcp``, and cannot make another one. Shown
once; never logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import structlog

from mcp_server.authentication import Caller
from skillport_sync.errors import Conflict, Denied
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.audit import Audit, AuditAction, AuditEvent
from skillport_sync.store.minted_tokens import MintedTokens, NewToken, NotWelcome, TooMany
from skillport_sync.store.tokens import TokenRow
from skillport_sync.tokens import TokenKind, hash_of, mint

log = structlog.get_logger()

MOST_OF_ONE: Final = 50
"""So many live tokens for one purpose one person can have."""


class Purpose(StrEnum):
    """What a token is made for. It decides how long it lives and what it may do."""

    SCRIPTS = "scripts"
    """A conversation's own calls of the REST interface."""
    CLAUDE_CODE = "claude-code"
    """Stands in a settings file, from where Claude Code updates by itself."""


@dataclass(frozen=True, slots=True)
class _Terms:
    lives: timedelta
    read_only: bool
    makes_room: bool
    """Whether the oldest goes where there are too many. What stands in somebody's settings must not end unasked."""


_TERMS: Final[Mapping[Purpose, _Terms]] = MappingProxyType(
    {
        Purpose.SCRIPTS: _Terms(timedelta(minutes=15), read_only=False, makes_room=True),
        Purpose.CLAUDE_CODE: _Terms(timedelta(days=90), read_only=True, makes_room=False),
    }
)


@dataclass(frozen=True, slots=True)
class MintedToken:
    """A token just made. ``token`` is told this once; only its hash is kept."""

    token: str = field(repr=False)
    purpose: Purpose
    expires_in_s: int
    expires_at: datetime
    """Earlier than usual where it was asked for with an API token that ends before."""
    read_only: bool


class ApiTokens:
    """Makes them."""

    def __init__(self, tokens: MintedTokens, audit: Audit, clock: Clock, entropy: Entropy) -> None:
        self._tokens = tokens
        self._audit = audit
        self._clock = clock
        self._entropy = entropy

    async def mint(self, caller: Caller, purpose: Purpose, *, surface: str = "mcp") -> MintedToken:
        """A new token that speaks for whoever asks; ``surface`` is where they do, for the audit.

        Raises: Denied, where they came with such a token themselves, or are kept out since; Conflict (``too_many_tokens``) where
        they have too many that must not end unasked; Unavailable when it cannot be stored.
        """
        if caller.purpose is not None or caller.read_only:
            raise Denied(
                "A token that was made this way cannot make another one. Ask through Claude, or with an operator's API token.",
                code="token_cannot_mint",
            )
        terms, token = _TERMS[purpose], mint(self._entropy, TokenKind.MINTED)
        expires_at = self._clock.now() + terms.lives
        new = NewToken(hash_of(token), caller.principal, purpose, terms.read_only, caller.client_id, expires_at)
        made = await self._tokens.make(new, most=MOST_OF_ONE, makes_room=terms.makes_room)
        match made:
            case TooMany():
                raise Conflict(
                    f"{caller.principal.id} has {MOST_OF_ONE} live tokens for {purpose} already. An operator sees them with "
                    "`skillport-sync token list` and ends one with `skillport-sync token revoke`.",
                    code="too_many_tokens",
                )
            case NotWelcome():
                raise Denied("Whoever asks may not use the service any more.", code="not_allowed_any_more")
            case TokenRow(id=identity, expires_at=ends_at):
                ends_at = ends_at or expires_at
                lasts_s = int((ends_at - self._clock.now()).total_seconds())
                self._note(caller, purpose, identity, ends_at, surface)
                return MintedToken(token, purpose, lasts_s, ends_at, terms.read_only)

    def _note(self, caller: Caller, purpose: Purpose, identity: int, ends_at: datetime, surface: str) -> None:
        person = caller.principal.id
        log.info("token_minted", person=person, token_id=identity, purpose=purpose.value, client=caller.client_id)
        self._audit.append_soon(
            AuditEvent(
                self._clock.now(),
                AuditAction.TOKEN_ISSUED,
                "ok",
                person,
                caller.client_id,
                surface=surface,
                detail=f"token {identity} for {purpose}, until {ends_at:%Y-%m-%d %H:%M} UTC",
            )
        )
