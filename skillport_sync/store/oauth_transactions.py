"""Owns the rows of ``oauth_transactions``: sign-ins under way. Each goes from one stage to the next exactly once.

Anybody can begin one, so there are never more than a limit, and none is kept for longer than it may take.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from skillport_sync.store import oauth_clients
from skillport_sync.store.database import micros, moment
from skillport_sync.store.readers import Row
from skillport_sync.store.sign_in import Stage, Transaction

BY_ID: Final = (
    "SELECT id_hash, stage, client_id, redirect_uri, client_state, scope, resource, code_challenge, csrf_hash, bind_hash, "
    "created_at_us, expires_at_us, provider, nonce, upstream_verifier, state_hash "
    "FROM oauth_transactions WHERE id_hash = ? AND expires_at_us > ?"
)
BY_STATE: Final = (
    "SELECT id_hash, stage, client_id, redirect_uri, client_state, scope, resource, code_challenge, csrf_hash, bind_hash, "
    "created_at_us, expires_at_us, provider, nonce, upstream_verifier, state_hash "
    "FROM oauth_transactions WHERE state_hash = ? AND expires_at_us > ?"
)
"""By what the provider sent back."""

_WAYS: Final = frozenset(
    {(Stage.CONSENT, Stage.UPSTREAM), (Stage.CONSENT, Stage.DENIED), (Stage.UPSTREAM, Stage.DENIED)}
)
"""From upstream to done goes ``finish`` only: with the grant."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a stage adds to a sign-in. What is None stays as it was."""

    provider: str | None
    bind_hash: bytes | None
    nonce: str | None
    upstream_verifier: str | None
    state_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a sign-in that is done asked for."""

    client_id: str
    redirect_uri: str
    scope: str
    resource: str
    code_challenge: str


def begin(connection: sqlite3.Connection, new: Transaction, limit: int) -> bool:
    """Enter a sign-in; False where its client is unknown."""
    if not oauth_clients.note_use(connection, new.client_id, micros(new.created_at)):
        return False
    [[count]] = connection.execute("SELECT count(*) FROM oauth_transactions").fetchall()
    if count >= limit:
        # Whoever agreed and is at the provider is the last to be driven out by those who only load the page. Some at a time,
        # because all have to be looked at.
        connection.execute(
            "DELETE FROM oauth_transactions WHERE id_hash IN (SELECT id_hash FROM oauth_transactions "
            "ORDER BY CASE stage WHEN 'upstream' THEN 2 WHEN 'consent' THEN 1 ELSE 0 END, created_at_us LIMIT ?)",
            (count - limit + max(1, limit // 100),),
        )
    connection.execute(
        "INSERT INTO oauth_transactions(id_hash, stage, client_id, redirect_uri, client_state, scope, resource, "
        "code_challenge, csrf_hash, bind_hash, created_at_us, expires_at_us, provider, nonce, upstream_verifier, state_hash) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.id_hash,
            new.stage,
            new.client_id,
            new.redirect_uri,
            new.client_state,
            new.scope,
            new.resource,
            new.code_challenge,
            new.csrf_hash,
            new.bind_hash,
            micros(new.created_at),
            micros(new.expires_at),
            new.provider,
            new.nonce,
            new.upstream_verifier,
            new.state_hash,
        ),
    )
    return True


def advance(
    connection: sqlite3.Connection, id_hash: bytes, expect: Stage, to: Stage, learned: Learned, now_us: int
) -> Transaction | None:
    """From one stage to the next; None where it is not at that stage, or expired."""
    if (expect, to) not in _WAYS:
        raise ValueError(f"a sign-in does not go from {expect} to {to}")
    rows = connection.execute(
        "UPDATE oauth_transactions SET stage = ?2, provider = coalesce(?3, provider), bind_hash = coalesce(?4, bind_hash), "
        "nonce = iif(?2 = 'denied', NULL, coalesce(?5, nonce)), "
        "upstream_verifier = iif(?2 = 'denied', NULL, coalesce(?6, upstream_verifier)), "
        "state_hash = coalesce(?7, state_hash) WHERE id_hash = ?1 AND stage = ?8 AND expires_at_us > ?9 "
        "RETURNING id_hash, stage, client_id, redirect_uri, client_state, scope, resource, code_challenge, csrf_hash, bind_hash, "
        "created_at_us, expires_at_us, provider, nonce, upstream_verifier, state_hash",
        (
            id_hash,
            to,
            learned.provider,
            learned.bind_hash,
            learned.nonce,
            learned.upstream_verifier,
            learned.state_hash,
            expect,
            now_us,
        ),
    ).fetchall()
    return transaction_of(rows)


def finish(connection: sqlite3.Connection, id_hash: bytes, person: str, now_us: int) -> Finished | None:
    """From upstream to done, for somebody who is welcome and whom the provider of this very sign-in vouched for."""
    row = connection.execute(
        "UPDATE oauth_transactions SET stage = 'done', nonce = NULL, upstream_verifier = NULL "
        "WHERE id_hash = ? AND stage = 'upstream' AND expires_at_us > ? "
        "AND provider = (SELECT provider FROM people WHERE id = ? AND disabled_at_us IS NULL) "
        "RETURNING client_id, redirect_uri, scope, resource, code_challenge",
        (id_hash, now_us, person),
    ).fetchone()
    return None if row is None else Finished(*row)


def forget(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Forget those whose time is over, however they ended; returns how many."""
    return connection.execute(
        "DELETE FROM oauth_transactions WHERE id_hash IN "
        "(SELECT id_hash FROM oauth_transactions WHERE expires_at_us <= ? LIMIT ?)",
        (now_us, limit),
    ).rowcount


def transaction_of(rows: Sequence[Row]) -> Transaction | None:
    """The sign-in in rows of ``BY_ID`` or ``BY_STATE``."""
    for id_hash, stage, *asked, created_at_us, expires_at_us, provider, nonce, verifier, state_hash in rows:
        client_id, redirect_uri, client_state, scope, resource, challenge, csrf_hash, bind_hash = asked
        return Transaction(
            id_hash,
            Stage(stage),
            client_id,
            redirect_uri,
            client_state,
            scope,
            resource,
            challenge,
            csrf_hash,
            bind_hash,
            moment(created_at_us),
            moment(expires_at_us),
            provider,
            nonce,
            verifier,
            state_hash,
        )
    return None
