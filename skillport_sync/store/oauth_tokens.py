"""Owns the rows of ``access_tokens`` and ``refresh_tokens``: how a pair is issued, rotated, found and taken away.

The refresh tokens of a grant are a line: each has one successor, always the same, and only the last was not rotated yet. So two
processes that race, or one that never heard the answer, go on with the same token; and one that comes out of time shows that
two have it who do not know of each other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from skillport_sync.store import grants
from skillport_sync.store.database import micros, moment
from skillport_sync.store.grants import Grant
from skillport_sync.store.principals import principal_of
from skillport_sync.store.readers import Row
from skillport_sync.store.sign_in import (
    AccessFacts,
    Ended,
    GrantId,
    Issued,
    NewTokens,
    RefreshFacts,
    Reused,
    Rotation,
    Unknown,
    WrongClient,
)

_ENDED_KEPT_US: Final = 24 * 3600 * 1_000_000

FIND_ACCESS: Final = (
    "SELECT p.id, p.name, p.email, p.groups_json, p.claims_json, g.id, g.client_id, g.resource, g.scope, a.expires_at_us "
    "FROM access_tokens a JOIN grants g ON g.id = a.grant_id JOIN people p ON p.id = g.person WHERE a.token_hash = ?1 "
    "AND a.expires_at_us > ?2 AND g.expires_at_us > ?2 AND g.revoked_at_us IS NULL AND p.disabled_at_us IS NULL"
)
"""What an access token opens; no row where it opens nothing."""
FIND_REFRESH: Final = (
    "SELECT p.id, p.name, p.email, p.groups_json, p.claims_json, g.id, g.client_id, g.scope, g.resource "
    "FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id JOIN people p ON p.id = g.person WHERE r.token_hash = ?1 "
    "AND r.expires_at_us > ?2 AND g.expires_at_us > ?2 AND g.revoked_at_us IS NULL AND p.disabled_at_us IS NULL"
)
"""Whose refresh token it is, rotated or not; no row where its time is over."""


def issue(connection: sqlite3.Connection, grant_id: GrantId, new: NewTokens, now_us: int) -> Issued | None:
    """The first pair of a grant; None where it is over, or has one already."""
    grant = grants.load(connection, grant_id, now_us)
    if grant is None or grant.over is not None:
        return None
    if connection.execute("SELECT 1 FROM refresh_tokens WHERE grant_id = ? LIMIT 1", (grant_id,)).fetchone():
        return None
    _insert_refresh(connection, grant, new, place=0)
    return _insert_access(connection, grant, new, now_us)


def rotate(
    connection: sqlite3.Connection, old_hash: bytes, client_id: str, new: NewTokens, window_us: int, now_us: int
) -> tuple[Rotation, list[bytes]]:
    """Exchange a refresh token for the next pair; also returns the access tokens to forget."""
    row = connection.execute(
        "SELECT grant_id, expires_at_us FROM refresh_tokens WHERE token_hash = ?", (old_hash,)
    ).fetchone()
    grant = None if row is None else grants.load(connection, row[0], now_us)
    if row is None or grant is None:
        return Unknown(), []
    if grant.client_id != client_id:
        return WrongClient(grant.id), []
    if grant.over is not None or row[1] <= now_us:
        return Ended(grant.id, grant.principal.id, grant.over or "idle"), []
    # The old one is kept no longer than its successor: while it is known, so is what came after it.
    first_use = connection.execute(
        "UPDATE refresh_tokens SET rotated_at_us = ?, expires_at_us = min(expires_at_us, ?) "
        "WHERE token_hash = ? AND rotated_at_us IS NULL RETURNING place",
        (now_us, _refresh_expiry(grant, new), old_hash),
    ).fetchone()
    if first_use is not None:
        _insert_refresh(connection, grant, new, place=first_use[0] + 1)
    elif not _may_come_again(connection, old_hash, new.refresh_hash, window_us, now_us):
        ended = grants.end(connection, grant.id, "refresh_reused", now_us)
        return Reused(grant.id, grant.principal.id, grant.client_id), ended or []
    return _insert_access(connection, grant, new, now_us), []


def _may_come_again(
    connection: sqlite3.Connection, old_hash: bytes, successor_hash: bytes, window_us: int, now_us: int
) -> bool:
    """Whether a rotated token is an honest retry: it was rotated just now, or nobody went on with its successor yet."""
    row = connection.execute(
        "SELECT old.rotated_at_us, successor.rotated_at_us FROM refresh_tokens old JOIN refresh_tokens successor "
        "ON successor.grant_id = old.grant_id AND successor.place = old.place + 1 "
        "WHERE old.token_hash = ? AND successor.token_hash = ?",
        (old_hash, successor_hash),
    ).fetchone()
    if row is None:  # not the successor that was stored: handing it out would hand out a token that opens nothing
        return False
    rotated_at_us, successor_used_at_us = row
    return successor_used_at_us is None or now_us - rotated_at_us <= window_us


def revoke(connection: sqlite3.Connection, token_hash: bytes, client_id: str, now_us: int) -> tuple[bool, list[bytes]]:
    """Take away a token of this client, with a refresh token its whole grant; also returns the access tokens to forget."""
    access = connection.execute(
        "DELETE FROM access_tokens WHERE token_hash = ? "
        "AND (SELECT client_id FROM grants WHERE id = grant_id) = ? RETURNING token_hash",
        (token_hash, client_id),
    ).fetchone()
    if access is not None:
        return True, [token_hash]
    refresh = connection.execute(
        "SELECT r.grant_id FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id WHERE r.token_hash = ? "
        "AND g.client_id = ?",
        (token_hash, client_id),
    ).fetchone()
    ended = None if refresh is None else grants.end(connection, refresh[0], "signed_out", now_us)
    return refresh is not None, ended or []


def forget_access(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Forget access tokens that expired; returns how many."""
    return connection.execute(
        "DELETE FROM access_tokens WHERE token_hash IN "
        "(SELECT token_hash FROM access_tokens WHERE expires_at_us <= ? LIMIT ?)",
        (now_us, limit),
    ).rowcount


def forget_refresh(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Forget refresh tokens that expired, and those of grants that ended a day ago; returns how many."""
    return connection.execute(
        "DELETE FROM refresh_tokens WHERE (grant_id, place) IN "
        "(SELECT grant_id, place FROM refresh_tokens WHERE expires_at_us <= ?1 UNION ALL "
        "SELECT grant_id, place FROM grants g JOIN refresh_tokens r ON r.grant_id = g.id WHERE g.revoked_at_us <= ?2 LIMIT ?3)",
        (now_us, now_us - _ENDED_KEPT_US, limit),
    ).rowcount


def access_of(rows: Sequence[Row]) -> AccessFacts | None:
    """What the access token in rows of ``FIND_ACCESS`` opens."""
    for *described, grant_id, client_id, resource, scope, expires_at_us in rows:
        return AccessFacts(
            principal_of(*described), GrantId(grant_id), client_id, resource, scope, moment(expires_at_us)
        )
    return None


def refresh_of(rows: Sequence[Row]) -> RefreshFacts | None:
    """Whose refresh token is in rows of ``FIND_REFRESH``."""
    for *described, grant_id, client_id, scope, resource in rows:
        return RefreshFacts(GrantId(grant_id), principal_of(*described), client_id, scope, resource)
    return None


def _insert_refresh(connection: sqlite3.Connection, grant: Grant, new: NewTokens, *, place: int) -> None:
    connection.execute(
        "INSERT INTO refresh_tokens(grant_id, place, token_hash, expires_at_us) VALUES(?, ?, ?, ?)",
        (grant.id, place, new.refresh_hash, _refresh_expiry(grant, new)),
    )


def _insert_access(connection: sqlite3.Connection, grant: Grant, new: NewTokens, now_us: int) -> Issued:
    expires_at_us = min(micros(new.access_expires_at), grant.expires_at_us)
    connection.execute(
        "INSERT INTO access_tokens(token_hash, grant_id, expires_at_us) VALUES(?, ?, ?)",
        (new.access_hash, grant.id, expires_at_us),
    )
    grants.note_use(connection, grant, now_us)
    return Issued(grant.id, grant.principal, grant.client_id, grant.scope, grant.resource, moment(expires_at_us))


def _refresh_expiry(grant: Grant, new: NewTokens) -> int:
    return min(micros(new.refresh_expires_at), grant.expires_at_us)
