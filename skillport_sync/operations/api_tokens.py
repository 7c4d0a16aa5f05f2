"""Owns the operator's orders about API tokens: made for somebody, listed, revoked. A token is told once and kept as a hash."""

from __future__ import annotations

from datetime import timedelta

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Missing
from skillport_sync.operations.auditing import OperatorTrail
from skillport_sync.operations.rows import token_row
from skillport_sync.ports import Clock, Entropy
from skillport_sync.reports import NewToken, TokenRequest, TokenRow
from skillport_sync.store.state import StateStore
from skillport_sync.store.tokens import TokenRow as KeptToken
from skillport_sync.tokens import hash_of, mint


async def create(
    state: StateStore, request: TokenRequest, clock: Clock, entropy: Entropy, trail: OperatorTrail
) -> NewToken:
    """Make a token."""
    token = mint(entropy)
    principal = Principal(PrincipalId(request.principal_id), request.name, request.email, frozenset(request.groups))
    expires_at = None
    if request.expires_in_days is not None:
        expires_at = clock.now() + timedelta(days=request.expires_in_days)
    made = await state.tokens.create(hash_of(token), principal, request.label, expires_at)
    await trail.note("token create", detail=f"token {made.id} ({made.label}) for {principal.id}")
    return NewToken(token, token_row(made))


async def listed(state: StateStore) -> list[TokenRow]:
    """Every token there is or was, oldest first; of those that people made for themselves, all that are not over."""
    return [token_row(row) for row in sorted(await _kept(state), key=lambda row: row.id)]


async def revoke(state: StateStore, token_id: str, trail: OperatorTrail) -> bool:
    """Make a token worthless, and with it what was asked for with it: tokens and links. False when it was already.

    Raises:
        Missing: there is no such token.
    """
    row = next((row for row in await _kept(state) if str(row.id) == token_id), None)
    if row is None:
        raise Missing(f"there is no token {token_id}; `skillport-sync token list` shows them")
    rows = state.tokens if row.purpose is None else state.minted_tokens
    revoked = await rows.revoke(row.id)
    if revoked:
        called = row.label if row.purpose is None else f"for {row.purpose}"
        await trail.note("token revoke", detail=f"token {row.id} ({called}) of {row.principal.id}")
    return revoked


async def _kept(state: StateStore) -> list[KeptToken]:
    """Those that operators made, and those that people made for themselves."""
    return [*state.tokens.list(), *await state.minted_tokens.all()]
