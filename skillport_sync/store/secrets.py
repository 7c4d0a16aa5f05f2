"""Owns the rows of ``secrets``: random bytes that this service made once for itself. They never leave the process."""

from __future__ import annotations

import sqlite3

SERVER_KEY = "server_key"
SERVER_KEY_BYTES = 32


def keep(connection: sqlite3.Connection, name: str, fresh: bytes) -> bytes:
    """The secret of this name; ``fresh`` becomes it if there is none yet."""
    connection.execute("INSERT INTO secrets(name, value) VALUES(?, ?) ON CONFLICT DO NOTHING", (name, fresh))
    row = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
    return bytes(row[0])
