"""Owns the recovery of file names that JSON cannot carry.

GitHub's tree answers are JSON, so a name that is not UTF-8 arrives with U+FFFD where its bytes were, and the tree's id cannot
be recomputed from it. An archive of the same commit carries raw names, and so does the listing that was published before. What
is put together here proves itself: it goes through ``listing.verified`` like any other listing. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from skillport_sync.git.listing import RawEntry
from skillport_sync.git.objects import BlobId, Mode

_LOST = "\N{REPLACEMENT CHARACTER}"
_RUN = re.compile(f"{_LOST}+")


def is_lossy(path: bytes) -> bool:
    """True for a path that JSON cannot carry, and for one that really has U+FFFD in it: nobody can tell them apart."""
    return _LOST in path.decode("utf-8", "replace")


def recover_names(listed: Sequence[RawEntry], known: Iterable[tuple[bytes, BlobId]]) -> list[RawEntry]:
    """The listed entries with raw paths where theirs were replaced. ``known`` are files by raw path, in git's own order.

    Files are matched by readable form and content, a directory's raw name is found from the files below it. Where several
    read the same they are matched in order, which git gives listings and archives alike. What ``known`` does not hold (an
    archive leaves out ``export-ignore``) stays as it was listed, and then fails verification.
    """
    files: dict[tuple[str, str], list[bytes]] = {}
    directories: dict[str, dict[bytes, None]] = {}
    for path, oid in known:
        if not is_lossy(path):
            continue
        files.setdefault((_readable(path), oid), []).append(path)
        directory = path.rpartition(b"/")[0]
        while directory:
            directories.setdefault(_readable(directory), {})[directory] = None
            directory = directory.rpartition(b"/")[0]
    raw_files = {key: iter(paths) for key, paths in files.items()}
    raw_directories = {key: iter(paths) for key, paths in directories.items()}
    return [_with_raw_name(entry, raw_files, raw_directories) for entry in listed]


def _with_raw_name(
    entry: RawEntry, files: dict[tuple[str, str], Iterator[bytes]], directories: dict[str, Iterator[bytes]]
) -> RawEntry:
    readable = _readable(entry.path)
    if _LOST not in readable:
        return entry
    candidates = directories.get(readable) if entry.mode is Mode.TREE else files.get((readable, entry.oid))
    raw = None if candidates is None else next(candidates, None)
    return entry if raw is None else entry._replace(path=raw)


def _readable(path: bytes) -> str:
    """What a JSON writer makes of the bytes. Writers differ in how many U+FFFD a broken sequence becomes: runs count as one."""
    return _RUN.sub(_LOST, path.decode("utf-8", "replace"))
