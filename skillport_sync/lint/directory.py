"""Owns the reading of a local directory as git would commit it: its files, their modes, links as links, nothing of .git.

The only module of the room that touches a file system. What it reads is anybody's: every size is bounded, links are never
followed, git is asked with everything switched off that a repository could have it run.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from skillport_sync.errors import Invalid
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import ZERO_ID, BlobId, Mode, blob_id
from skillport_sync.lint.arrangement import LocalFiles, arranged
from skillport_sync.lint.reporting import lint_unpublished
from skillport_sync.reports.lint import LintReport

MAX_FILE_BYTES = 10_000_000
"""As ``sync.max_file_bytes`` is by default: of what is larger only the size is known."""
MAX_FILES = 100_000
MAX_TOTAL_BYTES = 1024 * 1024 * 1024

_GIT_WITHIN_S = 60.0
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "core.hooksPath=/dev/null")
_LEFT_OUT = frozenset(
    b".git .hg .svn .DS_Store Thumbs.db node_modules __pycache__ .venv .mypy_cache .pytest_cache .ruff_cache".split()
)


def lint_directory(path: Path, environ: Mapping[str, str]) -> LintReport:
    """Lint what lies in ``path``: a marketplace, a plugin or a skill.

    Raises: as ``read_directory``; Invalid too where it is none of the three.
    """
    files = read_directory(path, environ)
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return lint_unpublished(arranged(str(path), name, files))


def read_directory(path: Path, environ: Mapping[str, str]) -> LocalFiles:
    """The files of ``path``: in a git work tree those that are tracked, and those that are new and not ignored; elsewhere all
    but the usual leftovers. ``environ`` is what git may know of the environment.

    Raises:
        Invalid: it is no directory, or holds more than is read.
        OSError: it cannot be read.
    """
    if not path.is_dir():
        raise Invalid(f"{path} is not a directory: name one that holds a marketplace, a plugin or a skill")
    reader = _Reader(path)
    listed = tracked_by_git(path, environ) or found_by_walking(path)
    for name, mode in sorted(listed.items()):
        reader.add(name, mode)
    return LocalFiles(reader.entries, reader.held, reader.contents)


class _Reader:
    """Files as they are read: entries and facts in memory, contents left on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = os.fsencode(root)
        self._total_bytes = 0
        self.entries: dict[bytes, Entry] = {}
        self.held: dict[BlobId, BlobFact] = {}
        self.contents = _OnDisk()

    def add(self, name: bytes, mode: Mode | None) -> None:
        """Read one file. ``mode`` is what git's index says of it; None: the file itself says."""
        if mode is Mode.SUBMODULE:
            self.entries[name] = Entry(mode, BlobId(ZERO_ID), 0)
            return
        place = Path(os.fsdecode(self._root + b"/" + name))
        try:
            facts = place.lstat()
        except FileNotFoundError:
            return  # deleted, and git has not been told yet
        if stat.S_ISLNK(facts.st_mode):
            self._keep(name, Mode.SYMLINK, os.fsencode(place.readlink()), None)
        elif stat.S_ISREG(facts.st_mode):
            self._read(name, _mode_of(facts, mode), place, facts.st_size)

    def _read(self, name: bytes, mode: Mode, place: Path, size_bytes: int) -> None:
        self._total_bytes += size_bytes
        if self._total_bytes > MAX_TOTAL_BYTES:
            raise Invalid(f"more than {MAX_TOTAL_BYTES:,} bytes: name a smaller directory")
        content = _content_of(place)
        if content is None:
            # An id of its own is all it needs: nobody asks for this content.
            self.entries[name] = Entry(mode, blob_id(b"not read: " + name), size_bytes)
        else:
            self._keep(name, mode, content, place)

    def _keep(self, name: bytes, mode: Mode, content: bytes, place: Path | None) -> None:
        oid = blob_id(content)
        self.entries[name] = Entry(mode, oid, len(content))
        if oid not in self.held:
            self.held[oid] = BlobFact(len(content), hashlib.sha256(content).digest())
            self.contents.remember(oid, content if place is None else place)


class _OnDisk(Mapping[BlobId, bytes]):
    """Contents, read again when they are asked for. Looked up, never iterated."""

    def __init__(self) -> None:
        self._places: dict[BlobId, Path | bytes] = {}

    def remember(self, oid: BlobId, place: Path | bytes) -> None:
        self._places[oid] = place

    def __getitem__(self, oid: BlobId) -> bytes:
        place = self._places[oid]
        content = place if isinstance(place, bytes) else _content_of(place)
        if content is None or blob_id(content) != oid:
            raise KeyError(oid)  # changed meanwhile
        return content

    def __iter__(self) -> Iterator[BlobId]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _content_of(place: Path) -> bytes | None:
    """All of a file; None where it is too large, or not there any more."""
    try:
        with place.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    return content if len(content) <= MAX_FILE_BYTES else None


def _mode_of(facts: os.stat_result, known: Mode | None) -> Mode:
    if known is Mode.SYMLINK:
        return known  # a system without links keeps its target in a plain file
    executable = bool(facts.st_mode & stat.S_IXUSR) if os.name == "posix" else known is Mode.EXECUTABLE
    return Mode.EXECUTABLE if executable else Mode.FILE


# --- which files -------------------------------------------------------------------------------------------------------------


def tracked_by_git(path: Path, environ: Mapping[str, str]) -> dict[bytes, Mode | None]:
    """The files below ``path`` that git tracks or would add, with their mode where it is known; empty where git does not tell."""
    index = _git(path, environ, "--cached", "--stage")
    new = _git(path, environ, "--others", "--exclude-standard")
    if index is None or new is None:
        return {}
    listed: dict[bytes, Mode | None] = {}
    for row in index:
        facts, _, name = row.partition(b"\t")
        listed[name] = Mode(int(facts.partition(b" ")[0], 8))
    return _bounded({**listed, **dict.fromkeys(new)})


def _git(path: Path, environ: Mapping[str, str], *which: str) -> list[bytes] | None:
    """What ``git ls-files`` lists; None where this is no work tree, or git is not there or refuses."""
    # A hook runs with git's own variables set, which mean another directory than the one that is asked about.
    known = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - every word of the command is ours
            [*_GIT, "ls-files", "-z", *which],
            cwd=path,
            env={**known, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_WITHIN_S,
            check=False,
        )
    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
        return None
    return [row for row in done.stdout.split(b"\0") if row] if done.returncode == 0 else None


def found_by_walking(path: Path) -> dict[bytes, Mode | None]:
    """Every file below ``path`` but the usual leftovers. Links are files here, and never followed."""
    found: dict[bytes, Mode | None] = {}
    pending = [b""]
    looked_at = 0
    while pending:
        directory = pending.pop()
        with os.scandir(os.fsencode(path) + b"/" + directory) as entries:
            for entry in entries:
                looked_at += 1
                if looked_at > 2 * MAX_FILES:
                    raise _too_many()
                name = directory + entry.name
                if entry.name in _LEFT_OUT:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name + b"/")
                else:
                    found[name] = None
    return _bounded(found)


def _bounded(files: dict[bytes, Mode | None]) -> dict[bytes, Mode | None]:
    if len(files) > MAX_FILES:
        raise _too_many()
    return files


def _too_many() -> Invalid:
    return Invalid(f"more than {MAX_FILES:,} files: name a smaller directory")
