"""Owns the rows of ``clients``: the programs that people may let in. A client nobody ever signed in through costs its maker
nothing, so there are never more than a few of them, and not for long.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from skillport_sync.store.database import micros, moment
from skillport_sync.store.readers import Row
from skillport_sync.store.sign_in import Client

UNAPPROVED_KEPT: Final = timedelta(hours=24)
UNUSED_KEPT: Final = timedelta(days=90)

CLIENT: Final = (
    "SELECT client_id, kind, name, redirect_uris_json, created_at_us, last_used_at_us, approved "
    "FROM clients WHERE client_id = ?"
)
"""One client; no row where there is none."""
COUNT_UNAPPROVED: Final = "SELECT count(*) FROM clients WHERE approved = 0"


def register(connection: sqlite3.Connection, meta_key: bytes, client: Client, unapproved_limit: int) -> Client:
    """Enter a client, or note that one that is known came again."""
    # Of those that register themselves, the same words make the same client; the others are what their client_id says, and what
    # they say of themselves may change.
    rows = connection.execute(
        "INSERT INTO clients(client_id, kind, meta_key, name, redirect_uris_json, created_at_us, last_used_at_us, approved) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT(meta_key) WHERE kind = 'dcr' DO UPDATE SET last_used_at_us = excluded.last_used_at_us "
        "ON CONFLICT(client_id) DO UPDATE SET kind = excluded.kind, meta_key = excluded.meta_key, name = excluded.name, "
        "redirect_uris_json = excluded.redirect_uris_json, last_used_at_us = excluded.last_used_at_us, "
        "approved = max(approved, excluded.approved) "
        "RETURNING client_id, kind, name, redirect_uris_json, created_at_us, last_used_at_us, approved",
        (
            client.client_id,
            client.kind,
            meta_key if client.kind == "dcr" else None,
            client.name,
            json.dumps(client.redirect_uris),
            micros(client.created_at),
            micros(client.last_used_at),
            client.approved,
        ),
    ).fetchall()
    [entered] = clients_of(rows)
    _make_room(connection, entered, unapproved_limit)
    return entered


def _make_room(connection: sqlite3.Connection, entered: Client, unapproved_limit: int) -> None:
    """Take what is too many of those nobody signed in through, those first that did nothing for longest."""
    [[count]] = connection.execute(COUNT_UNAPPROVED).fetchall()
    if count > unapproved_limit:
        connection.execute(
            "DELETE FROM clients WHERE client_id IN (SELECT client_id FROM clients WHERE approved = 0 AND client_id <> ? "
            "ORDER BY last_used_at_us LIMIT ?)",
            (entered.client_id, count - unapproved_limit),
        )


def note_use(connection: sqlite3.Connection, client_id: str, now_us: int) -> bool:
    """Note that it did something; False where there is no such client."""
    used = connection.execute("UPDATE clients SET last_used_at_us = ? WHERE client_id = ?", (now_us, client_id))
    return used.rowcount == 1


def approve(connection: sqlite3.Connection, client_id: str, now_us: int) -> None:
    """Somebody signed in through it."""
    connection.execute("UPDATE clients SET approved = 1, last_used_at_us = ? WHERE client_id = ?", (now_us, client_id))


def forget(connection: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Forget clients that did nothing for long, never one that has a grant, or that the configuration names."""
    return connection.execute(
        "DELETE FROM clients WHERE client_id IN (SELECT client_id FROM clients c WHERE kind <> 'static' "
        "AND last_used_at_us <= iif(approved, ?, ?) "
        "AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.client_id) LIMIT ?)",
        (now_us - _us(UNUSED_KEPT), now_us - _us(UNAPPROVED_KEPT), limit),
    ).rowcount


def clients_of(rows: Sequence[Row]) -> list[Client]:
    """The clients in rows of ``CLIENT``."""
    return [
        Client(
            client_id, kind, name, tuple(json.loads(redirect_uris)), moment(created), moment(last_used), bool(approved)
        )
        for client_id, kind, name, redirect_uris, created, last_used, approved in rows
    ]


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
