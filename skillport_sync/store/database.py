"""Owns the opening of a database file: whose file it is, its settings, its migrations, and what SQLite's errors mean to us.

Two files, two schemas, one way to open them. Never runs a statement of the application and never decides what becomes of a
file that cannot be used: mirror.db is made anew, state.db refuses to start.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from skillport_sync.errors import Broken, Invalid, SkillportError, Unavailable

PAGE_BYTES = 4096
FOREVER = 2**63 - 1
"""``to_seq`` of an interval row that is still so."""
UNUSABLE = frozenset({"database_damaged", "database_foreign", "database_newer"})
"""Codes of Broken that are said of the file itself."""

STOPPING = "the service is stopping"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BUSY_TIMEOUT_S = 5.0
_READER_BUSY_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Schema:
    """Which file this is: the number that marks it as ours, its migrations, and the settings it adds to the common ones."""

    name: str
    application_id: int
    settings: tuple[str, ...] = ()
    max_bytes: int | None = None
    """The file never grows beyond this. None: as the disk allows."""

    def migrations(self) -> list[str]:
        """The numbered scripts, oldest first.

        Raises: Broken if a number is missing, which only a damaged installation can cause.
        """
        directory = resources.files(__package__).joinpath("migrations", self.name)
        scripts = sorted(
            (entry.name, entry.read_text("utf-8")) for entry in directory.iterdir() if entry.name.endswith(".sql")
        )
        for number, (name, _) in enumerate(scripts, start=1):
            if not re.fullmatch(rf"{number:04d}_\w+\.sql", name):
                raise Broken(f"migration {number} of {self.name}.db is missing; install the package again")
        return [script for _, script in scripts]


def micros(at: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def moment(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def open_for_writing(path: Path, schema: Schema) -> sqlite3.Connection:
    """The one read-write connection of a file, which is created or brought up to date first.

    Raises: Broken when the file is damaged (``database_damaged``), not ours (``database_foreign``) or of a newer version
    (``database_newer``); Unavailable or Invalid when the disk does not let us.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise Invalid(
            f"{path} cannot be opened for writing: {error.strerror}", code="data_directory_unwritable"
        ) from error
    with told_apart(path):
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, cached_statements=256)
        try:
            _prepare(connection, path, schema)
        except sqlite3.Error as error:
            connection.close()  # these are our own statements: whatever SQLite says is said of the file
            raise meaning_of(error, path) or _damaged(path, error) from error
        except BaseException:
            connection.close()
            raise
        return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint (``query_only`` would still checkpoint, ``mode=ro`` cannot).

    May be handed from one thread to another, and used by one at a time. No mmap: with it a disk error is a SIGBUS.

    Raises: Broken (``database_damaged``) where somebody took the file away, or emptied it: to SQLite that is no error yet;
    Unavailable when the disk does not let us.
    """
    try:
        size_bytes = _size_of(path)
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be opened: {error.strerror}", code="database_unavailable") from error
    if size_bytes == 0:
        raise _damaged(path, "it is gone, or empty")
    with told_apart(path):
        return sqlite3.connect(
            reading_uri(path), uri=True, timeout=_READER_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )


def reading_uri(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """What a database takes on disk. ``free_bytes`` is the part of the file that is empty and will be used again."""

    file_bytes: int
    wal_bytes: int
    free_bytes: int


def database_size(connection: sqlite3.Connection, path: Path) -> DatabaseSize:
    return DatabaseSize(
        _size_of(path),
        _size_of(path.with_name(f"{path.name}-wal")),
        _number(connection, "freelist_count") * PAGE_BYTES,
    )


def _size_of(path: Path) -> int:
    """In bytes; 0 where there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def set_aside(path: Path, at: datetime) -> Path:
    """Rename a file that nobody has open, so that a new one can be made; only the latest such file is kept.

    The WAL goes first: left beside a new file, SQLite would play the old pages into it.

    Raises: Unavailable when the disk does not let us.
    """
    aside = path.with_name(f"{path.name}.corrupt-{at:%Y%m%dT%H%M%SZ}")
    try:
        for old in path.parent.glob(f"{path.name}.corrupt-*"):
            old.unlink()
        for suffix in ("-wal", "-shm", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be renamed: {error.strerror}", code="database_unwritable") from error
    return aside


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Every statement inside sees the database as it was at the first."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _prepare(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    scripts = schema.migrations()
    application_id, version = _number(connection, "application_id"), _number(connection, "user_version")
    fresh = application_id == version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    if not fresh and application_id != schema.application_id:
        raise Broken(f"{path} is not a {schema.name}.db of Skillport Sync", code="database_foreign")
    if version > len(scripts):
        raise Broken(
            f"{path} was written by a newer version of Skillport Sync (schema {version}, known here up to {len(scripts)})",
            code="database_newer",
        )
    if fresh:  # both must be set before the first page is written
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise Invalid(
            f"{path} is on a file system without shared memory; use a local disk", code="data_directory_unsuitable"
        )
    for setting in (
        "synchronous = FULL",  # NORMAL loses acknowledged rows when the power fails
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "temp_store = MEMORY",
        "wal_autocheckpoint = 1000",
        "journal_size_limit = 16777216",  # a large publication's WAL shrinks again
        *schema.settings,
    ):
        connection.execute(f"PRAGMA {setting}").close()
    if schema.max_bytes is not None:
        connection.execute(f"PRAGMA max_page_count = {max(1, schema.max_bytes // PAGE_BYTES)}").close()
    # Finds torn pages, broken trees, and indexes that point elsewhere (quick_check, at half the cost, does not). Flipped bytes in
    # content it does not find: those are hashed when they are read.
    if (found := connection.execute("PRAGMA integrity_check(1)").fetchone()) != ("ok",):
        raise _damaged(path, found[0] if found else "no answer")
    for number, script in enumerate(scripts[version:], start=version + 1):
        _migrate(connection, schema, number, script)
    _check_tables(connection, path, scripts)


def _check_tables(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    """The tables are those that the migrations make: otherwise a damaged definition would look like a mistake of ours."""
    with closing(sqlite3.connect(":memory:")) as expected:
        for script in scripts:
            expected.executescript(script)
        definitions = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
        if connection.execute(definitions).fetchall() != expected.execute(definitions).fetchall():
            raise _damaged(path, "its tables are not as they were made")


def _migrate(connection: sqlite3.Connection, schema: Schema, number: int, script: str) -> None:
    """All of a migration and its number, or nothing: one script, because Python would commit before the first statement."""
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\nPRAGMA application_id = {schema.application_id};\n{script}\n"
            f"PRAGMA user_version = {number};\nCOMMIT;"
        )
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    with closing(connection.execute(f"PRAGMA {pragma}")) as rows:
        return int(rows.fetchone()[0])


@contextmanager
def told_apart(path: Path) -> Iterator[None]:
    """Turn SQLite's complaints about the file or the disk into ours. What is a mistake in a statement stays what it is."""
    try:
        yield
    except sqlite3.Error as error:
        meaning = meaning_of(error, path)
        if meaning is None:
            raise
        raise meaning from error


def meaning_of(error: sqlite3.Error, path: Path) -> SkillportError | None:
    """Ours for an error of the file or the disk, None for one of the statement. It is told to whoever asks, far away too: so it
    names the file and not where that is."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # from Python's own layer, which says OperationalError of text that is not UTF-8
        return _damaged(path, error) if isinstance(error, sqlite3.OperationalError) else None
    match code & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _damaged(path, error)
        case sqlite3.SQLITE_FULL:
            return Unavailable(
                f"{path.name} cannot grow: the disk, or the size allowed for it, is full", code="database_full"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return Unavailable(f"{path.name} cannot be opened or written: {error}", code="database_unwritable")
        case (
            sqlite3.SQLITE_IOERR
            | sqlite3.SQLITE_NOMEM
            | sqlite3.SQLITE_BUSY
            | sqlite3.SQLITE_LOCKED
            | sqlite3.SQLITE_PROTOCOL  # a WAL whose locks were not to be had in ten seconds
        ):
            return Unavailable(f"{path.name}: {error}", code="database_unavailable")
        case sqlite3.SQLITE_ERROR if str(error).startswith("no such table: "):
            # All were there when it was opened: this is another file by now, or an empty one.
            return _damaged(path, error)
        case _:
            return None


def closed(path: Path, why: str) -> Unavailable:
    """What whoever asks a closed file is told."""
    return Unavailable(f"{path.name} is closed: {why}", code="store_closed")


def _damaged(path: Path, finding: object) -> Broken:
    return Broken(f"{path.name} is damaged: {finding}", code="database_damaged")
