"""Owns the making of one archive: a content read, written, the next one, and a name when it is whole.

Memory holds one content at a time, however large the archive gets. Whatever ends the making, the end of this process aside,
leaves no file. Synchronous, for a worker thread. Never decides whether an archive is needed.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Final

from mcp_server.archives.layout import Layout, Member
from mcp_server.archives.writing import writing
from skillport_sync.errors import Invalid, SkillportError, Unavailable
from skillport_sync.git.objects import BlobId

UNFINISHED: Final = ".part"
"""What the name of an archive ends in while it is made."""
AGAIN_IN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Archive:
    """A finished archive. Ask the shelf again rather than keep one: it makes room for others when it has to."""

    path: Path
    size_bytes: int
    sha256: str
    """64 hex digits, of the archive's bytes."""


def make(layout: Layout, contents: Mapping[BlobId, bytes], path: Path, *, max_bytes: int) -> Archive:
    """This archive, at ``path`` from the moment it is whole.

    Raises: Unavailable (a content is not held, the disk is full or cannot be written), Invalid (it gets larger than
    ``max_bytes``), what ``contents`` raises.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        with closing(_opened(unfinished)) as file:
            _write(layout, contents, file, max_bytes)
            size_bytes = file.tell()
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        unfinished.replace(path)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError):
            raise unwritable(error) from error
        raise
    return Archive(path, size_bytes, sha256)


def unwritable(error: OSError) -> SkillportError:
    """What went wrong on the disk, as whoever wanted an archive is told."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            "The server's disk is full, so the archive cannot be made. Tell an operator, then try again.",
            code="disk_full",
            retry_after_s=AGAIN_IN_S,
        )
    return Unavailable(
        f"The server cannot write its archives ({error.strerror or error}). Tell an operator, then try again.",
        code="archives_unwritable",
        retry_after_s=AGAIN_IN_S,
    )


def _write(layout: Layout, contents: Mapping[BlobId, bytes], file: BufferedRandom, max_bytes: int) -> None:
    written = writing(layout.format, file)
    try:
        for member in layout.members:
            written.add(member.path, member.executable, _content(contents, member))
            _check_size(file, max_bytes)
        written.end()
        _check_size(file, max_bytes)
    except BaseException:
        written.abandon()
        raise


def _content(contents: Mapping[BlobId, bytes], member: Member) -> bytes:
    if isinstance(member.content, bytes):
        return member.content
    try:
        return contents[member.content]
    except KeyError as error:
        raise Unavailable(
            f"The content of {member.path!r} is being fetched again. Try again in a minute.",
            code="content_not_held",
            retry_after_s=AGAIN_IN_S,
        ) from error


def _check_size(file: BufferedRandom, max_bytes: int) -> None:
    if file.tell() > max_bytes:
        raise Invalid(
            f"The archive is larger than {max_bytes // 2**20:,} MiB, which is all the room there is. "
            "Take large files out of the plugin or the skill.",
            code="archive_too_large",
        )


def _opened(path: Path) -> BufferedRandom:
    # What is in it is for the people who may read it: nobody else on this machine.
    return open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w+b")  # noqa: PTH123
