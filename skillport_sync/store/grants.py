"""Owns the rows of ``grants`` and ``codes``: what a person let a client do, how it begins, and how it ends.

However a grant ends, its access tokens are taken away in the same transaction, and whoever ended it says which they were.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.store import links, minted_tokens, oauth_clients, oauth_transactions
from skillport_sync.store.database import moment
from skillport_sync.store.principals import principal_of
from skillport_sync.store.readers import Row
from skillport_sync.store.sign_in import CodeFacts, GrantId, Replayed, SessionRow

_ENDED_KEPT_US: Final = 24 * 3600 * 1_000_000

_SESSIONS: Final = (
    "SELECT g.id, p.id, p.name, p.email, c.client_id, c.name, g.redirect_uri, g.created_at_us, g.last_used_at_us, "
    "g.expires_at_us FROM grants g JOIN people p ON p.id = g.person JOIN clients c ON c.client_id = g.client_id "
    "WHERE g.person = coalesce(?1, g.person) AND g.revoked_at_us IS NULL AND g.expires_at_us > ?2 "
    "AND p.disabled_at_us IS NULL AND EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = g.id "
    "AND r.rotated_at_us IS NULL AND r.expires_at_us > ?2) ORDER BY g.last_used_at_us DESC, g.id DESC"
)
"""Grants that are alive: somebody can still go on with them."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as it is now. ``over`` is why nothing comes of it any more; None while it is alive."""

    id: GrantId
    principal: Principal
    client_id: str
    redirect_uri: str
    scope: str
    resource: str
    expires_at_us: int
    over: str | None


def load(connection: sqlite3.Connection, grant_id: GrantId, now_us: int) -> Grant | None:
    row = connection.execute(
        "SELECT p.id, p.name, p.email, p.groups_json, p.claims_json, g.client_id, g.redirect_uri, g.scope, g.resource, "
        "g.expires_at_us, g.reason, p.disabled_at_us FROM grants g JOIN people p ON p.id = g.person WHERE g.id = ?",
        (grant_id,),
    ).fetchone()
    if row is None:
        return None
    *described, client_id, redirect_uri, scope, resource, expires_at_us, reason, disabled_at_us = row
    over = reason or ("disabled" if disabled_at_us is not None else "expired" if expires_at_us <= now_us else None)
    return Grant(grant_id, principal_of(*described), client_id, redirect_uri, scope, resource, expires_at_us, over)


def begin(
    connection: sqlite3.Connection,
    transaction: bytes,
    person: PrincipalId,
    code_hash: bytes,
    code_expires_at_us: int,
    grant_expires_at_us: int,
    now_us: int,
) -> GrantId | None:
    """A grant and its code, of what the sign-in asked for; None where that is not upstream, or the person may not."""
    asked = oauth_transactions.finish(connection, transaction, person, now_us)
    if asked is None:
        return None
    [[grant_id]] = connection.execute(
        "INSERT INTO grants(person, client_id, redirect_uri, scope, resource, created_at_us, last_used_at_us, expires_at_us) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) RETURNING id",
        (person, asked.client_id, asked.redirect_uri, asked.scope, asked.resource, now_us, grant_expires_at_us),
    ).fetchall()
    connection.execute(
        "INSERT INTO codes(code_hash, grant_id, code_challenge, expires_at_us) VALUES(?, ?, ?, ?)",
        (code_hash, grant_id, asked.code_challenge, code_expires_at_us),
    )
    oauth_clients.approve(connection, asked.client_id, now_us)
    return GrantId(grant_id)


def consume_code(
    connection: sqlite3.Connection, code_hash: bytes, now_us: int
) -> tuple[CodeFacts | Replayed | None, list[bytes]]:
    """Burn a code; also returns the access tokens to forget. Whatever comes of it, it is burnt."""
    burnt = connection.execute(
        "UPDATE codes SET used_at_us = ? WHERE code_hash = ? AND used_at_us IS NULL "
        "RETURNING grant_id, code_challenge, expires_at_us",
        (now_us, code_hash),
    ).fetchone()
    if burnt is None:
        return _replayed(connection, code_hash, now_us)
    grant_id, code_challenge, expires_at_us = burnt
    grant = load(connection, grant_id, now_us)
    if grant is None or grant.over is not None:
        return None, []
    if expires_at_us <= now_us:  # nothing can come of the grant any more
        return None, end(connection, grant.id, "code_expired", now_us) or []
    return (
        CodeFacts(
            grant.id,
            grant.principal.id,
            grant.client_id,
            grant.redirect_uri,
            code_challenge,
            grant.scope,
            grant.resource,
        ),
        [],
    )


def _replayed(connection: sqlite3.Connection, code_hash: bytes, now_us: int) -> tuple[Replayed | None, list[bytes]]:
    row = connection.execute("SELECT grant_id FROM codes WHERE code_hash = ?", (code_hash,)).fetchone()
    grant = None if row is None else load(connection, row[0], now_us)
    if grant is None:
        return None, []
    ended = end(connection, grant.id, "code_replayed", now_us)
    return Replayed(grant.id, grant.principal.id, grant.client_id), ended or []


def end(connection: sqlite3.Connection, grant_id: GrantId, reason: str, now_us: int) -> list[bytes] | None:
    """End a grant; returns the access tokens that opened something until now. None where it was over before."""
    ended = connection.execute(
        "UPDATE grants SET revoked_at_us = ?1, reason = ?2 WHERE id = ?3 AND revoked_at_us IS NULL AND expires_at_us > ?1",
        (now_us, reason, grant_id),
    )
    if ended.rowcount == 0:
        return None
    return _hashes(
        connection.execute("DELETE FROM access_tokens WHERE grant_id = ? RETURNING token_hash", (grant_id,)).fetchall()
    )


def end_all_of(connection: sqlite3.Connection, person: PrincipalId, reason: str, now_us: int) -> list[bytes]:
    """End every grant of somebody, every token they made for themselves and every link they asked for; returns the tokens that
    opened something until now."""
    connection.execute(
        "UPDATE grants SET revoked_at_us = ?1, reason = ?2 WHERE person = ?3 AND revoked_at_us IS NULL AND expires_at_us > ?1",
        (now_us, reason, person),
    )
    links.forget_of(connection, person)
    ended = connection.execute(
        "DELETE FROM access_tokens WHERE grant_id IN (SELECT id FROM grants WHERE person = ?) RETURNING token_hash",
        (person,),
    ).fetchall()
    return [*_hashes(ended), *minted_tokens.end_all_of(connection, person, now_us)]


def note_use(connection: sqlite3.Connection, grant: Grant, now_us: int) -> None:
    """Tokens were handed out for it."""
    connection.execute("UPDATE grants SET last_used_at_us = ? WHERE id = ?", (now_us, grant.id))
    oauth_clients.note_use(connection, grant.client_id, now_us)


def forget(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Forget grants nothing can come of, a day after they were last used, ended or not: without a refresh token, nothing does.

    The refresh tokens are to be forgotten before.
    """
    return connection.execute(
        "DELETE FROM grants WHERE id IN (SELECT id FROM grants g WHERE last_used_at_us <= ? "
        "AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = g.id) LIMIT ?)",
        (now_us - _ENDED_KEPT_US, limit),
    ).rowcount


def sessions(connection: sqlite3.Connection, person: PrincipalId | None, now_us: int) -> list[SessionRow]:
    """Grants that are alive, of one person or of all, the last used first."""
    return [
        SessionRow(
            GrantId(grant_id),
            PrincipalId(person),
            name,
            email,
            client_id,
            client_name,
            redirect_uri,
            *(moment(at_us) for at_us in times),
        )
        for grant_id, person, name, email, client_id, client_name, redirect_uri, *times in connection.execute(
            _SESSIONS, (person, now_us)
        )
    ]


def _hashes(rows: Sequence[Row]) -> list[bytes]:
    return [token_hash for (token_hash,) in rows]
