"""Owns the fence: a network namespace of Linux in which only this machine's loopback exists.

Behind it everything that a client does stays on this machine: who needs the network to work, or calls home, is found out.
``python -m tests.clients.fence`` exits 0 when it stands behind one that holds.
"""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import sys

_COMMAND = ("unshare", "--user", "--map-root-user", "--net", "--")
_SIOCSIFFLAGS = 0x8914  # linux/sockios.h
_IFF_UP = 0x1  # linux/if.h
_IFREQ = "16sh22x"


def behind() -> tuple[str, ...] | None:
    """What to put before a command to run it behind the fence; None where this machine has none to offer."""
    if shutil.which(_COMMAND[0]) is None:
        return None
    probe = subprocess.run(
        [*_COMMAND, sys.executable, "-m", "tests.clients.fence"], capture_output=True, check=False, timeout=60
    )
    return _COMMAND if probe.returncode == 0 else None


def raise_loopback() -> None:
    """Behind a new fence even loopback is down. Raises OSError where it may not be raised, or where there is more than it."""
    import fcntl  # not everywhere, and neither is the fence

    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack(_IFREQ, b"lo", _IFF_UP))
        try:
            any_socket.connect(("192.0.2.1", 9))  # RFC 5737: nobody's address; nothing is sent
        except OSError:
            return
    raise OSError(f"there is a way out: {', '.join(others)}")


if __name__ == "__main__":
    raise_loopback()
    with socket.create_server(("127.0.0.1", 0)):
        pass
