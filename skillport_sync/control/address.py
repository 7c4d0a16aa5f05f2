"""Owns where the control socket is: in the data directory, or, where that path is too long for one, beside it in private.

The holder of the data directory's lock is the only server, so whatever stands in the socket's place when it starts is left
over and is replaced.
"""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from skillport_sync.errors import Conflict

SOCKET = "control.sock"
POINTER = "control.path"
"""Holds the socket's path when the socket itself is elsewhere."""
MAX_PATH_BYTES = 100
"""sockaddr_un takes 108 bytes on Linux and 104 on macOS, the final NUL included: https://man7.org/linux/man-pages/man7/unix.7.html."""


def bind(data_dir: Path) -> tuple[socket.socket, Path]:
    """Take the socket's place, replacing what a process that died left there. Only this user may open it, from the start.

    Raises:
        Conflict: something that is not a socket has its name.
        OSError: the directory cannot be written.
    """
    unbind(data_dir)
    path = data_dir / SOCKET
    if _is_too_long(path):
        path = Path(tempfile.mkdtemp(prefix="skillport-")) / SOCKET
        pointer = data_dir / POINTER
        pointer.write_text(str(path), encoding="utf-8")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Not chmod after bind: between the two, others could already connect.
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(mask)
    sock.setblocking(False)
    return sock, path


def unbind(data_dir: Path) -> None:
    """Remove the socket, and where it was elsewhere its private directory and what points to it. Again is harmless."""
    path = data_dir / SOCKET
    if path.exists() and not path.is_socket():
        raise Conflict(f"{path} is in the way and is not a socket; move it away", code="control_socket_blocked")
    path.unlink(missing_ok=True)
    elsewhere = _pointed_to(data_dir)
    if elsewhere is not None:
        elsewhere.unlink(missing_ok=True)
        with suppress(OSError):  # something else lies in it: leave it
            elsewhere.parent.rmdir()
    (data_dir / POINTER).unlink(missing_ok=True)


def find(data_dir: Path) -> Path | None:
    """Where the socket is; None where there is none."""
    path = data_dir / SOCKET
    try:
        return path if path.is_socket() else _pointed_to(data_dir)
    except PermissionError:
        return path  # it may be there: trying to connect says what is the matter


def _pointed_to(data_dir: Path) -> Path | None:
    """The socket that the pointer names, where its directory is as private as we made it.

    After a restart of the machine the name is free in the temporary directory, and anybody may have taken it.
    """
    try:
        path = Path((data_dir / POINTER).read_text(encoding="utf-8"))
        facts = path.parent.stat()
        owners = {data_dir.stat().st_uid, os.geteuid()}
    except (OSError, UnicodeDecodeError):
        return None
    private = stat.S_IMODE(facts.st_mode) == stat.S_IRWXU and facts.st_uid in owners
    return path if path.name == SOCKET and private else None


def _is_too_long(path: Path) -> bool:
    return len(os.fsencode(path)) > MAX_PATH_BYTES
