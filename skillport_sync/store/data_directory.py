"""Owns the data directory: that it exists, can be written, and belongs to one process at a time.

Two processes with the same files would each be right alone and wrong together: only one may write, and only one may checkpoint.
The lock is the kernel's, so it ends with the process, however that ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from skillport_sync.errors import Conflict, Invalid

_LOCK = "writer.lock"


class DataDirectory:
    """The directory, held from construction until ``close`` or the end of a ``with`` block."""

    def __init__(self, path: Path) -> None:
        """Make the directory if need be, and take it.

        Raises: Conflict (``data_directory_in_use``) naming the process that holds it; Invalid when it cannot be made or written.
        """
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            self._take()
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def mirror(self) -> Path:
        return self.path / "mirror.db"

    @property
    def state(self) -> Path:
        return self.path / "state.db"

    def close(self) -> None:
        """Let another process have it. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            process = f"process {holder}" if holder else "another process"
            raise Conflict(
                f"{self.path} is in use by {process}; stop it, or give this one a data_dir of its own",
                code="data_directory_in_use",
            ) from error
        except OSError as error:
            raise _unusable(self.path, error) from error


def _unusable(path: Path, error: OSError) -> Invalid:
    if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP):
        return Invalid(f"{path} is on a file system without locks; use a local disk", code="data_directory_unsuitable")
    return Invalid(
        f"{path} cannot be used as data_dir: {error.strerror}; make it writable for user {os.getuid()}, or set another",
        code="data_directory_unwritable",
    )
