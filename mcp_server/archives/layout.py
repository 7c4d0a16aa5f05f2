"""Owns what an archive consists of, and which archives are the same one. Pure.

Never reads a content: a member says where its bytes come from. Never writes an archive: see ``writing``.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from skillport_sync.git.objects import BlobId
from skillport_sync.git.paths import PathProblem, check_path

Format = Literal["zip", "tar.gz"]

FORMAT_VERSION = 1
"""Raised whenever ``writing`` makes other bytes of the same members."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive. Directories have no members of their own: whoever unpacks makes them."""

    path: str
    """Inside the archive."""
    executable: bool
    content: BlobId | bytes
    """``BlobId``: read from the mirror when the archive is written."""


@dataclass(frozen=True, slots=True)
class Layout:
    format: Format
    members: tuple[Member, ...]
    """Sorted by path."""
    key: str
    """64 hex digits that stand for everything the archive's bytes depend on. Not a digest of these bytes."""


def layout(kind: Format, members: Iterable[Member]) -> Layout:
    """An archive of these members, in whatever order they come.

    Raises: ValueError for a path that no archive of ours may hold (absolute, ``..``, control characters, ``.git`` …), that is
    there twice, or that is also a directory: paths of a publication never are, so what was put before them is wrong.
    """
    ordered = tuple(sorted(members, key=_path))
    _check(ordered)
    key = hashlib.sha256()
    for line in _lines(kind, ordered):
        key.update(line.encode())
    return Layout(kind, ordered, key.hexdigest())


def _path(member: Member) -> str:
    return member.path


def _check(members: tuple[Member, ...]) -> None:
    paths = {member.path for member in members}
    if len(paths) < len(members):
        raise ValueError("two members have the same path")
    for path in paths:
        problem = check_path(path.encode("utf-8", "surrogatepass"))
        if isinstance(problem, PathProblem):
            raise ValueError(f"{path!r} cannot be in an archive: {problem.value}")
        parent = path
        while parent := parent.rpartition("/")[0]:
            if parent in paths:
                raise ValueError(f"{parent!r} is a file and a directory")


def _lines(kind: Format, members: tuple[Member, ...]) -> Iterator[str]:
    # Another zlib compresses the same bytes to others.
    yield f"{FORMAT_VERSION} {zlib.ZLIB_RUNTIME_VERSION} {kind}\n"
    for path, executable, content in ((each.path, each.executable, each.content) for each in members):
        origin = f"bytes {hashlib.sha256(content).hexdigest()}" if isinstance(content, bytes) else f"blob {content}"
        yield f"{'x' if executable else '-'} {origin} {path}\n"
