"""Owns copies of a database file: made while others write to it, and proved to be whole before anybody relies on one.

A copy is one file without WAL, so that it can be moved, kept on read-only media, and opened anywhere. Never changes the file that
is copied: it is read through ``mode=ro``, which can neither write nor checkpoint.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from skillport_sync.errors import Broken
from skillport_sync.store.database import Schema, open_for_reading, reading_uri, told_apart

_ALL = -1
"""Pages a step. Fewer, and every commit of somebody else begins the copy anew: under load it never ends."""


def copy_database(source: Path, target: Path) -> None:
    """Copy ``source``, with whatever its WAL holds, as of one moment, into the empty file ``target``.

    Raises: Broken when the source cannot be read as a database; Unavailable when the disk does not let us.
    """
    with closing(open_for_reading(source)) as reading:
        with told_apart(source):
            reading.execute("PRAGMA schema_version").close()
        with told_apart(target), closing(sqlite3.connect(target, isolation_level=None)) as writing:
            reading.backup(writing, pages=_ALL)
            writing.execute("PRAGMA journal_mode = DELETE").close()


def prove_database(path: Path, schema: Schema) -> int:
    """Look through the whole of a copy that nobody has open; returns its schema's version, which may be an earlier one.

    Raises: Broken: it is not ours (``database_foreign``), of a newer version (``database_newer``), or damaged.
    """
    with told_apart(path), closing(sqlite3.connect(reading_uri(path), uri=True, isolation_level=None)) as connection:
        application_id, version = _number(connection, "application_id"), _number(connection, "user_version")
        scripts = schema.migrations()
        if application_id != schema.application_id:
            raise Broken(f"{path} is not a {schema.name}.db of Skillport Sync", code="database_foreign")
        if version > len(scripts):
            raise Broken(
                f"{path} was written by a newer version of Skillport Sync (schema {version}, known here up to {len(scripts)})",
                code="database_newer",
            )
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found == "ok" and connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            found = "a row refers to one that is not there"
        if found == "ok" and _definitions(connection) != _expected(scripts[:version]):
            found = "its tables are not as they were made"
        if found != "ok":
            raise Broken(f"{path} is damaged: {found}", code="database_damaged")
        return version


def _expected(scripts: Sequence[str]) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in scripts:
            connection.executescript(script)
        return _definitions(connection)


def _definitions(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
