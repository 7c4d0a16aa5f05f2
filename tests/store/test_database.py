"""A file is opened as ours, brought up to date once, and refused with a reason when it is not ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from skillport_sync.errors import Broken, Invalid, Unavailable
from skillport_sync.store import database
from skillport_sync.store.database import Schema, open_for_reading, open_for_writing

MIRROR = Schema("mirror", 0x534B504D)


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.mark.parametrize("name", ["mirror", "state"])
def test_a_new_file_is_set_up_to_lose_nothing(tmp_path: Path, name: str) -> None:
    schema = Schema(name, 7, settings=("secure_delete = ON",), max_bytes=64 * 4096)
    with closing(open_for_writing(tmp_path / "new.db", schema)) as connection:
        assert {
            setting: pragma(connection, setting)
            for setting in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "trusted_schema",
                "cell_size_check",
                "auto_vacuum",
                "page_size",
                "application_id",
                "secure_delete",
                "max_page_count",
            )
        } == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "trusted_schema": 0,
            "cell_size_check": 1,
            "auto_vacuum": 2,
            "page_size": 4096,
            "application_id": 7,
            "secure_delete": 1,
            "max_page_count": 64,
        }
        tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
        assert all(strict or name.startswith("sqlite_") for name, strict in tables)
    assert (tmp_path / "new.db").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of migrations that a test may add to."""
    scripts = tmp_path / "package" / "migrations" / "mirror"
    scripts.mkdir(parents=True)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path / "package")
    return scripts


def test_each_migration_runs_once_and_in_order(tmp_path: Path, migrations: Path) -> None:
    (migrations / "0001_first.sql").write_text("CREATE TABLE log(text TEXT) STRICT; INSERT INTO log VALUES('1');")
    open_for_writing(tmp_path / "a.db", MIRROR).close()
    (migrations / "0002_second.sql").write_text("INSERT INTO log VALUES('2');")
    (migrations / "0003_third.sql").write_text("INSERT INTO log VALUES('3')  -- no semicolon\n;")
    for _ in range(2):
        with closing(open_for_writing(tmp_path / "a.db", MIRROR)) as connection:
            assert connection.execute("SELECT group_concat(text) FROM log").fetchone() == ("1,2,3",)
            assert pragma(connection, "user_version") == 3


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, migrations: Path) -> None:
    (migrations / "0001_first.sql").write_text("CREATE TABLE log(text TEXT) STRICT;")
    open_for_writing(tmp_path / "a.db", MIRROR).close()
    (migrations / "0002_broken.sql").write_text("INSERT INTO log VALUES('2'); INSERT INTO nowhere VALUES(1);")
    with pytest.raises(Broken, match="no such table: nowhere"):
        open_for_writing(tmp_path / "a.db", MIRROR)
    (migrations / "0002_broken.sql").unlink()
    with closing(open_for_writing(tmp_path / "a.db", MIRROR)) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)
        assert pragma(connection, "user_version") == 1


def test_a_missing_migration_is_a_damaged_installation(tmp_path: Path, migrations: Path) -> None:
    (migrations / "0002_second.sql").write_text("SELECT 1;")
    with pytest.raises(Broken, match=r"migration 1 of mirror\.db is missing"):
        open_for_writing(tmp_path / "a.db", MIRROR)


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs(x)")


def _other_schema(path: Path) -> None:
    open_for_writing(path, Schema("state", 0x534B5053)).close()


def _newer(path: Path) -> None:
    open_for_writing(path, MIRROR).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1000")


def _no_database(path: Path) -> None:
    path.write_bytes(b"once upon a time " * 1000)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_foreign, "database_foreign"),
        (_other_schema, "database_foreign"),
        (_newer, "database_newer"),
        (_no_database, "database_damaged"),
    ],
)
def test_a_file_that_is_not_ours_to_use_is_refused_and_not_touched(tmp_path: Path, make, code: str) -> None:
    path = tmp_path / "a.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(Broken) as refusal:
        open_for_writing(path, MIRROR)
    assert refusal.value.code == code
    assert path.name in refusal.value.message
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    with closing(open_for_writing(tmp_path / "a.db", MIRROR)) as connection:
        assert pragma(connection, "auto_vacuum") == 2


def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"missing/a\.db cannot be opened for writing: No such file"):
        open_for_writing(tmp_path / "missing" / "a.db", MIRROR)


def test_a_reader_can_neither_write_nor_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(open_for_writing(path, MIRROR)) as writer:
        writer.execute("INSERT INTO marketplaces(name, repository) VALUES('a', 'b')")
        with closing(open_for_reading(path)) as reader:
            assert reader.execute("SELECT name FROM marketplaces").fetchall() == [("a",)]
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("DELETE FROM marketplaces")
            before = path.read_bytes()
            with pytest.raises(sqlite3.OperationalError):
                reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert path.read_bytes() == before


def test_a_path_with_odd_characters_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1? é.db"
    open_for_writing(path, MIRROR).close()
    with closing(open_for_writing(path, MIRROR)), closing(open_for_reading(path)) as reader:
        assert reader.execute("SELECT count(*) FROM head").fetchone() == (0,)


def test_times_survive_exactly(tmp_path: Path) -> None:
    at = database.moment(1_795_000_000_123_457)
    assert database.micros(at) == 1_795_000_000_123_457
    assert at.tzinfo is not None


def test_a_mistake_in_a_statement_stays_what_it_is(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "a.db", MIRROR)) as connection:
        with pytest.raises(sqlite3.OperationalError), database.told_apart(tmp_path):
            connection.execute("SELECT nothing")
        with pytest.raises(Unavailable), database.told_apart(tmp_path):
            open_for_reading(tmp_path)


def test_a_database_that_somebody_took_away_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("missing.db", "empty.db"):
        with pytest.raises(Broken) as told:
            open_for_reading(tmp_path / name)
        assert told.value.code == "database_damaged"
