"""Owns what an operator asks of the people who signed in: who is connected through what, and that it ends."""

from __future__ import annotations

from urllib.parse import urlsplit

from skillport_sync.access.model import PrincipalId
from skillport_sync.errors import Missing
from skillport_sync.operations.auditing import OperatorTrail
from skillport_sync.operations.rows import token_row
from skillport_sync.ports import Clock
from skillport_sync.reports import RevokedSessions, RevokeRequest, SessionRow
from skillport_sync.store.sign_in import SessionRow as KeptSession
from skillport_sync.store.state import StateStore

REVOKED = "revoked_by_operator"


async def listed(state: StateStore, user: str | None) -> list[SessionRow]:
    """Every session that is alive, of one person or of all, the last used first."""
    return [_row(kept) for kept in await state.oauth.sessions(None if user is None else PrincipalId(user))]


async def revoke(state: StateStore, request: RevokeRequest, clock: Clock, trail: OperatorTrail) -> RevokedSessions:
    """End every grant, code and token of somebody, those they made for themselves too, and every link they asked for. Whoever
    remembers one of them is told in the same moment.

    Raises:
        Missing: nobody of this id ever signed in, and no API token speaks for them.
    """
    person, now = PrincipalId(request.principal_id), clock.now()
    speaking = tuple(
        token_row(token) for token in state.tokens.list() if token.principal.id == person and token.is_valid(now)
    )
    if await state.people.find(person) is None and not speaking:
        raise Missing(
            f"nobody called {person} ever signed in; `skillport-sync sessions list` shows who is connected",
            code="unknown_person",
        )
    alive = await state.oauth.sessions(person)
    ended = frozenset(await state.oauth.revoke_person(person, REVOKED))
    minted = tuple(token_row(token) for token in await state.minted_tokens.all() if token.token_sha256 in ended)
    for session in alive:
        await trail.note_ended(person, session.client_id, request.reason)
    because = f" ({request.reason})" if request.reason else ""
    tokens = f", {len(minted)} tokens" if minted else ""
    await trail.note("sessions revoke", detail=f"{person}, {len(alive)} ended{tokens}{because}")
    return RevokedSessions(person, tuple(map(_row, alive)), len(ended) - len(minted), speaking, minted)


def _row(kept: KeptSession) -> SessionRow:
    return SessionRow(
        principal_id=kept.person,
        client_id=kept.client_id,
        created_at=kept.created_at,
        last_used_at=kept.last_used_at,
        expires_at=kept.expires_at,
        name=kept.person_name,
        email=kept.email,
        client_name=kept.client_name,
        return_host=urlsplit(kept.redirect_uri).hostname or "",
    )
