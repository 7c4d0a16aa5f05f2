"""One process at a time holds a data directory, and the next one is told who does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from skillport_sync.errors import Conflict, Invalid
from skillport_sync.store.data_directory import DataDirectory

_HOLDER = """
import sys
from pathlib import Path
from skillport_sync.store.data_directory import DataDirectory
directory = DataDirectory(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "a" / "b") as directory:
        assert directory.path.stat().st_mode & 0o777 == 0o700
        assert directory.mirror == tmp_path / "a/b/mirror.db"
        assert directory.state == tmp_path / "a/b/state.db"


def test_a_second_process_is_refused_and_told_the_first_ones_id(tmp_path: Path) -> None:
    with _another_process(tmp_path) as process:
        with pytest.raises(Conflict, match=f"in use by process {process.pid};") as refusal:
            DataDirectory(tmp_path)
        assert refusal.value.code == "data_directory_in_use"


def test_a_killed_process_leaves_it_to_the_next(tmp_path: Path) -> None:
    with _another_process(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with DataDirectory(tmp_path):
            assert (tmp_path / "writer.lock").read_text() == f"{os.getpid()}\n"


def test_a_closed_one_can_be_taken_again(tmp_path: Path) -> None:
    first = DataDirectory(tmp_path)
    first.close()
    first.close()
    with DataDirectory(tmp_path):
        pass


def test_a_child_process_does_not_inherit_the_lock(tmp_path: Path) -> None:
    first = DataDirectory(tmp_path)
    script = "print('started', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        first.close()
        DataDirectory(tmp_path).close()
        child.kill()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A directory that this process may not write in. Root may write anywhere, and so is somebody else for a moment."""
    directory = tmp_path / "read_only"
    directory.mkdir(mode=0o500)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    yield directory
    if was_root:
        os.seteuid(0)
    directory.chmod(0o700)


@pytest.mark.parametrize("below", [".", "data"])
def test_one_that_cannot_be_written_is_named(read_only: Path, below: str) -> None:
    with pytest.raises(Invalid, match=r"cannot be used as data_dir: .*make it writable for user") as refusal:
        DataDirectory(read_only / below)
    assert str(read_only / below) in refusal.value.message
    assert refusal.value.code == "data_directory_unwritable"


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Invalid, match="file cannot be used as data_dir"):
        DataDirectory(tmp_path / "file")
