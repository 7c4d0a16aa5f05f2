"""Owns the bytes of an archive: the same members, added in the same order, make the same bytes.

Nothing of this machine goes in: times are fixed, nobody owns the files, and of a mode only "executable" is left. Written a member
at a time, so that memory holds one content and not the archive. Synchronous: whoever writes chooses the thread. Never closes the
file it writes to.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from contextlib import suppress
from typing import BinaryIO, Final, Protocol

from mcp_server.archives.layout import Format

LEVEL: Final = 6
"""Of deflate. 9 saves one percent more and takes twice as long."""

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name."""
_UNIX: Final = 3
"""``create_system``: who unpacks reads a mode in the upper half of ``external_attr``."""


class Writing(Protocol):
    """An archive that is being written."""

    def add(self, path: str, executable: bool, content: bytes) -> None: ...

    def end(self) -> None:
        """Write what comes after the last member. Without it there is no archive."""
        ...

    def abandon(self) -> None:
        """Let go of the file, whatever is in it. May be called at any time."""
        ...


def writing(kind: Format, file: BinaryIO) -> Writing:
    """``file`` is empty and can be read back and sought in."""
    return _Zip(file) if kind == "zip" else _TarGz(file)


def _mode(executable: bool) -> int:
    return 0o755 if executable else 0o644


class _Zip:
    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w")

    def add(self, path: str, executable: bool, content: bytes) -> None:
        member = zipfile.ZipInfo(path, _EARLIEST)
        member.create_system = _UNIX
        member.external_attr = (stat.S_IFREG | _mode(executable)) << 16
        self._zip.writestr(member, content, zipfile.ZIP_DEFLATED, LEVEL)

    def end(self) -> None:
        self._zip.close()

    def abandon(self) -> None:
        with suppress(OSError, ValueError):  # not closed, it would try to finish the archive when it is collected
            self._zip.close()


class _TarGz:
    """In GNU's format and not in pax: busybox takes neither a long name nor one that is not ASCII from pax headers."""

    def __init__(self, file: BinaryIO) -> None:
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=file, mtime=0)
        self._tar = tarfile.TarFile(fileobj=self._gzip, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8")

    def add(self, path: str, executable: bool, content: bytes) -> None:
        member = tarfile.TarInfo(path)  # its times are 0, and its owners root without a name
        member.mode = _mode(executable)
        member.size = len(content)
        self._tar.addfile(member, io.BytesIO(content))

    def end(self) -> None:
        self._tar.close()
        self._gzip.close()

    def abandon(self) -> None:
        with suppress(OSError, ValueError):
            self._gzip.close()
