"""Owns saving state.db and putting it back: one file, whole and proved, or none.

Only state.db: mirror.db is rebuilt from GitHub, and configuration and secrets are the operator's own files. Needs no running
service and disturbs none: a backup reads the database itself, as whoever may write the file that is asked for.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from skillport_sync.errors import Broken, Invalid, Missing
from skillport_sync.reports.backups import BackupReport, RestoreReport
from skillport_sync.store.copies import copy_database, prove_database
from skillport_sync.store.data_directory import DataDirectory
from skillport_sync.store.state import SCHEMA

STATE = "state.db"
_COMPANIONS = ("-wal", "-shm", "-journal")


def back_up(data_dir: Path, file: Path, *, overwrite: bool, now: datetime) -> BackupReport:
    """Save ``data_dir``'s state.db in ``file``, as of one moment, whether or not a service writes to it meanwhile.

    Raises:
        Missing: there is nothing to save. Invalid: ``file`` is there already, or is no place for a backup.
        Broken: what was copied is damaged; no backup was made. Unavailable: the disk does not let us.
    """
    source = data_dir / STATE
    if not source.exists():
        raise Missing(f"there is no {source} yet: nothing to save", code="state_database_missing")
    _check_place(data_dir, file, overwrite=overwrite)
    began_s = time.monotonic()
    with _beside(file) as copy:
        schema = _proved_copy(source, copy, "no backup was made; keep those you have")
        size_bytes = copy.stat().st_size
        _settle(copy)
        _check_place(data_dir, file, overwrite=overwrite)
        copy.rename(file)
    _settle(file.parent)
    return BackupReport(str(file), size_bytes, schema, now, time.monotonic() - began_s)


def restore(data_dir: Path, file: Path, *, now: datetime) -> RestoreReport:
    """Make a backup ``data_dir``'s state.db. What is there now is renamed, never removed. The next start migrates it if need be.

    Raises:
        Conflict: a service, or another command, holds the data directory. Missing: there is no such backup.
        Broken: it is damaged, not ours, or of a newer version; nothing was changed. Unavailable: the disk does not let us.
    """
    if not file.is_file():
        raise Missing(f"there is no backup {file}", code="backup_missing")
    with DataDirectory(data_dir) as directory, _beside(directory.state) as copy:
        if directory.state.exists() and file.samefile(directory.state):
            raise Invalid(f"{file} is the database itself, not a backup of it", code="backup_in_use")
        schema = _proved_copy(file, copy, "nothing was changed")
        size_bytes = copy.stat().st_size
        _settle(copy)
        aside = _set_aside(directory.state, now)
        copy.rename(directory.state)
        _settle(data_dir)
    return RestoreReport(str(file), str(directory.state), size_bytes, schema, None if aside is None else str(aside))


def _proved_copy(source: Path, copy: Path, otherwise: str) -> int:
    """Fill ``copy`` and prove it; returns its schema's version."""
    try:
        copy_database(source, copy)
        return prove_database(copy, SCHEMA)
    except Broken as error:  # it may speak of our copy, the operator knows what that was made of, and where it is
        said = error.message
        spoken_of = next((each for each in (str(copy), copy.name, source.name) if said.startswith(f"{each} ")), "")
        told = f"{source}{said.removeprefix(spoken_of)}" if spoken_of else said
        raise Broken(f"{told}; {otherwise}", code=error.code) from error


def _check_place(data_dir: Path, file: Path, *, overwrite: bool) -> None:
    if not file.parent.is_dir():
        raise Invalid(f"there is no directory {file.parent}; make it first", code="backup_place_missing")
    if file.parent.samefile(data_dir):
        raise Invalid(
            f"{file} lies among the service's own files and would be lost with them; write backups to another directory",
            code="backup_place_unfit",
        )
    if file.is_dir() or (file.exists() and not overwrite):
        raise Invalid(f"{file} is there already; name another file, or say --force", code="backup_exists")


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """An empty file that only its owner may read, in the directory of ``file``; gone afterwards unless it was renamed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        for suffix in ("", *_COMPANIONS):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _set_aside(state: Path, now: datetime) -> Path | None:
    """Rename the database with what belongs to it. Its WAL goes first: SQLite would play it into whatever file it lies beside."""
    if not state.exists():
        for suffix in _COMPANIONS:
            state.with_name(state.name + suffix).unlink(missing_ok=True)
        return None
    aside = state.with_name(f"{state.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    if aside.exists():
        raise Invalid(f"{aside} is there already; move it away, or wait a second", code="restore_in_the_way")
    for suffix in (*_COMPANIONS, ""):
        part = state.with_name(state.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _settle(path: Path) -> None:
    """What was written to a file, or renamed in a directory, survives a power failure from here on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
