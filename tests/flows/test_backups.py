"""A backup is whole and proved, or not there; a restore changes nothing until it is sure, and loses nothing that was there."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.cli import main
from skillport_sync.clock import SystemClock
from skillport_sync.errors import Broken, Conflict, Invalid, Missing
from skillport_sync.operations.backups import back_up, restore
from skillport_sync.reports.backups import RestoreReport
from skillport_sync.store.data_directory import DataDirectory
from skillport_sync.store.database import Schema, open_for_writing
from skillport_sync.store.ledger import DeliveryFacts
from skillport_sync.store.state import SCHEMA, StateStore

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def state(data: Path) -> AsyncIterator[StateStore]:
    """A state.db that somebody writes to, with one token in it."""
    with DataDirectory(data) as directory:
        store = await StateStore.open(directory.state, clock=SystemClock())
        await store.tokens.create(b"\1" * 32, Principal(PrincipalId("token:ci")), "CI")
        yield store
        await store.close()


async def record(store: StateStore, guid: str) -> None:
    await store.record(DeliveryFacts(guid, hook_id=1, event="push"), [], ignored=True)


async def closed_with(data: Path, *guids: str) -> None:
    """A state.db that nobody has open, with these deliveries."""
    with DataDirectory(data) as directory:
        store = await StateStore.open(directory.state, clock=SystemClock())
        for guid in guids:
            await record(store, guid)
        await store.close()


def rows(path: Path, sql: str = "SELECT guid FROM deliveries") -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {value for (value,) in connection.execute(sql)}


def save(data: Path, file: Path, *, overwrite: bool = False) -> Path:
    back_up(data, file, overwrite=overwrite, now=NOW)
    return file


def everything(folder: Path) -> dict[str, bytes]:
    return {found.name: found.read_bytes() for found in folder.iterdir() if found.name != "writer.lock"}


# --- backup -------------------------------------------------------------------------------------------------------------------


async def test_a_backup_holds_all_that_was_acknowledged_before_it_while_writes_go_on(
    state: StateStore, data: Path, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    done = asyncio.Event()

    async def write(writer: int) -> None:
        number = 0
        while not done.is_set():
            await record(state, f"{writer}-{number}")
            acknowledged.append(f"{writer}-{number}")
            number += 1

    async def enough() -> None:
        while len(acknowledged) < 200:
            await record(state, f"more-{len(acknowledged)}")

    async with asyncio.TaskGroup() as group:
        for writer in range(8):
            group.create_task(write(writer))
        await enough()
        for number in range(5):
            before = set(acknowledged)
            file = await asyncio.to_thread(save, data, tmp_path / f"{number}.db")
            assert before <= await asyncio.to_thread(rows, file)
        written = len(acknowledged)
        await record(state, "after")
        done.set()
    assert len(acknowledged) >= written
    assert rows(tmp_path / "4.db", "SELECT label FROM tokens") == {"CI"}


async def test_a_backup_is_one_file_that_only_its_owner_may_read(state: StateStore, data: Path, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    report = back_up(data, place / "state.backup", overwrite=False, now=NOW)
    assert [found.name for found in place.iterdir()] == ["state.backup"]
    assert stat.S_IMODE((place / "state.backup").stat().st_mode) == 0o600
    assert report.size_bytes == (place / "state.backup").stat().st_size
    assert report.schema == len(SCHEMA.migrations())
    # No WAL is asked for (https://www.sqlite.org/fileformat.html#file_format_version_numbers): read-only media will do.
    assert (place / "state.backup").read_bytes()[18:20] == b"\1\1"


async def test_a_backup_replaces_another_only_where_that_is_meant(
    state: StateStore, data: Path, tmp_path: Path
) -> None:
    file = save(data, tmp_path / "state.backup")
    await record(state, "later")
    with pytest.raises(Invalid, match="is there already"):
        save(data, file)
    assert "later" not in rows(file)
    save(data, file, overwrite=True)
    assert "later" in rows(file)


@pytest.mark.parametrize("name", ["state.db", "state.db-wal", "new.db"])
async def test_nothing_is_written_among_the_services_own_files(state: StateStore, data: Path, name: str) -> None:
    before = everything(data)
    with pytest.raises(Invalid, match="another directory"):
        save(data, data / name, overwrite=True)
    assert everything(data) == before


async def test_a_place_that_is_not_there_is_named(state: StateStore, data: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="there is no directory"):
        save(data, tmp_path / "nowhere" / "state.backup")
    with pytest.raises(Invalid, match="is there already"):
        save(data, tmp_path, overwrite=True)


def test_without_a_database_there_is_nothing_to_save(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="nothing to save"):
        save(data, tmp_path / "state.backup")
    assert not data.exists()


def zero_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(bytes(4096 * 2))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replace_by_text(path: Path) -> None:
    path.write_text("not a database " * 500)


def replace_by_the_other_file(path: Path) -> None:
    path.unlink()
    open_for_writing(path, Schema("mirror", 0x534B504D)).close()


def come_from_the_future(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def lose_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE pins")


DAMAGES = {
    zero_pages: "database_damaged",
    cut: "database_damaged",
    replace_by_text: "database_damaged",
    lose_a_table: "database_damaged",
    replace_by_the_other_file: "database_foreign",
    come_from_the_future: "database_newer",
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_is_damaged_makes_no_backup_and_keeps_the_last_one(
    damage: Callable[[Path], None], data: Path, tmp_path: Path
) -> None:
    await closed_with(data, *map(str, range(200)))
    place = tmp_path / "backups"
    place.mkdir()
    kept = save(data, place / "state.backup").read_bytes()
    damage(data / "state.db")
    with pytest.raises(Broken, match="no backup was made") as refusal:
        save(data, place / "state.backup", overwrite=True)
    assert refusal.value.code == DAMAGES[damage]
    assert str(data / "state.db") in refusal.value.message
    assert everything(place) == {"state.backup": kept}


# --- restore ------------------------------------------------------------------------------------------------------------------


async def restored(data: Path, file: Path) -> RestoreReport:
    return await asyncio.to_thread(lambda: restore(data, file, now=NOW))


async def test_what_was_saved_is_back_and_what_was_there_is_kept(data: Path, tmp_path: Path) -> None:
    await closed_with(data, "before")
    file = save(data, tmp_path / "state.backup")
    await closed_with(data, "since")
    report = await restored(data, file)
    assert rows(data / "state.db") == {"before"}
    assert report.set_aside == str(data / "state.db.before-restore-20261121T120000Z")
    assert rows(Path(report.set_aside)) == {"before", "since"}
    assert stat.S_IMODE((data / "state.db").stat().st_mode) == 0o600
    assert file.exists()
    await closed_with(data, "after")
    assert rows(data / "state.db") == {"before", "after"}


async def test_what_lay_in_the_wal_when_the_power_failed_is_kept_with_it(
    state: StateStore, data: Path, tmp_path: Path
) -> None:
    await record(state, "in the wal")
    file = save(data, tmp_path / "state.backup")
    await record(state, "since")
    died = tmp_path / "died"
    died.mkdir()
    for part in ("state.db", "state.db-wal"):
        (died / part).write_bytes((data / part).read_bytes())
    assert (died / "state.db-wal").stat().st_size > 0
    report = await restored(died, file)
    assert rows(died / "state.db") == {"in the wal"}
    assert report.set_aside is not None
    assert rows(Path(report.set_aside)) == {"in the wal", "since"}


async def test_an_empty_data_directory_is_filled(data: Path, tmp_path: Path) -> None:
    await closed_with(data, "before")
    file = save(data, tmp_path / "state.backup")
    report = await restored(tmp_path / "new", file)
    assert report.set_aside is None
    assert rows(tmp_path / "new" / "state.db") == {"before"}


async def test_a_running_service_keeps_its_database(state: StateStore, data: Path, tmp_path: Path) -> None:
    file = save(data, tmp_path / "state.backup")
    await record(state, "since")
    with pytest.raises(Conflict, match="in use by process"):
        await restored(data, file)
    await record(state, "after")
    assert rows(save(data, tmp_path / "another.backup")) == {"since", "after"}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_backup_that_cannot_be_used_changes_nothing(
    damage: Callable[[Path], None], data: Path, tmp_path: Path
) -> None:
    await closed_with(data, *map(str, range(200)))
    file = save(data, tmp_path / "state.backup")
    damage(file)
    before = everything(data)
    with pytest.raises(Broken, match="nothing was changed") as refusal:
        await restored(data, file)
    assert refusal.value.code == DAMAGES[damage]
    assert str(file) in refusal.value.message
    assert everything(data) == before


def test_a_backup_that_is_not_there_is_said_to_be_missing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="there is no backup"):
        restore(data, tmp_path / "nothing", now=NOW)
    assert not data.exists()


async def test_the_database_itself_is_no_backup_of_it(data: Path) -> None:
    await closed_with(data, "before")
    with pytest.raises(Invalid, match="the database itself"):
        await restored(data, data / "state.db")
    assert rows(data / "state.db") == {"before"}


async def test_a_backup_of_an_earlier_version_is_brought_up_to_date_by_the_next_start(
    data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "old.backup"
    scripts = SCHEMA.migrations()
    with closing(sqlite3.connect(file)) as old:
        for script in scripts[:-1]:
            old.executescript(script)
        old.execute(f"PRAGMA application_id = {SCHEMA.application_id}")
        old.execute(f"PRAGMA user_version = {len(scripts) - 1}")
    assert (await restored(data, file)).schema == len(scripts) - 1
    await closed_with(data, "after")
    assert rows(data / "state.db") == {"after"}


# --- as it is typed -----------------------------------------------------------------------------------------------------------


async def test_both_are_commands_that_say_what_they_did_and_what_comes_next(data: Path, tmp_path: Path) -> None:
    await closed_with(data, "before")
    config = tmp_path / "config.toml"
    config.write_text('data_dir = "data"\n[[marketplaces]]\nrepository = "acme/skills"\n')

    def types(*words: str | Path) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, ["--config", str(config), *map(str, words)], prog_name="skillport-sync")
        return result.exit_code, result.stdout, result.stderr

    file = tmp_path / "state.backup"
    code, out, err = types("backup", file)
    assert (code, err) == (0, "")
    assert out.startswith("saved ")
    assert str(file) in out
    assert types("backup", file)[0] == 2
    code, out, _ = types("backup", file, "--force", "--json")
    assert (code, json.loads(out)["file"]) == (0, str(file))
    await closed_with(data, "since")
    code, out, err = types("restore", file)
    assert (code, err) == (0, "")
    assert "before-restore" in out
    assert "skillport-sync serve" in out
    assert "valid again" in out
    with DataDirectory(data):
        assert types("restore", file)[0] == 4
    assert types("restore", tmp_path / "nothing")[0] == 2
