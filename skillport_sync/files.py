"""Owns which files of a verified source may be published, and what is wrong with the others. Pure.

A path is published when it is safe everywhere and collides with no other; a content when it is held. Never decides what a file
means: that is the catalog's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.catalog.model import Problem, Severity
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import PathProblem, RepoPath, check_path, collisions


@dataclass(frozen=True, slots=True)
class BlobFact:
    """What the store knows of a blob it holds."""

    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file of a snapshot. ``sha256`` is None where the content is not held: a submodule, or a file too large to mirror."""

    mode: Mode
    oid: BlobId
    size_bytes: int
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class PublishableFiles:
    """The files of one source that may be published. ``paths`` are sorted; ``read_from`` is what all of it was read from."""

    entries: Mapping[RepoPath, Entry]
    held: Mapping[RepoPath, HeldFile]
    paths: tuple[RepoPath, ...]
    problems: tuple[Problem, ...]
    read_from: Mapping[bytes, Entry]
    absent: frozenset[RepoPath] = frozenset()
    """Those whose content is not held."""


def within(entries: Mapping[bytes, Entry], directories: Sequence[str]) -> Mapping[bytes, Entry]:
    """The entries below any of these directories, in the same order; ``""`` stands for everything."""
    if "" in directories:
        return entries
    prefixes = tuple(f"{directory}/".encode() for directory in directories)
    return {path: entry for path, entry in entries.items() if path.startswith(prefixes)}


def publishable(
    raw: Mapping[bytes, Entry], held: Mapping[BlobId, BlobFact], previous: PublishableFiles | None
) -> PublishableFiles:
    """The files among these verified leaves that may be published. ``previous`` only saves work."""
    if previous is not None:
        listing = _changed_in_place(raw, held, previous)
        if listing is not None:
            return listing
    known: Mapping[RepoPath, HeldFile] = previous.held if previous is not None else {}
    entries, problems = _safe(raw, held, known)
    files = {path: _held(entry, held, known.get(path)) for path, entry in entries.items()}
    absent = frozenset([path for path, file in files.items() if file.sha256 is None])
    return PublishableFiles(entries, files, tuple(sorted(files)), tuple(problems), raw, absent)


def _changed_in_place(
    raw: Mapping[bytes, Entry], held: Mapping[BlobId, BlobFact], previous: PublishableFiles
) -> PublishableFiles | None:
    """The everyday case, a hundredth of the work: the same paths as before, none of them a problem, some with other content."""
    if previous.problems or len(raw) != len(previous.read_from):
        return None
    before = previous.read_from
    changed = {
        path: entry for path, entry in raw.items() if before.get(path) is not entry and before.get(path) != entry
    }
    if not before.keys() >= changed.keys() or any(entry.oid not in held for entry in changed.values()):
        return None
    entries = {RepoPath(path.decode()): entry for path, entry in changed.items()}
    files = {path: _held(entry, held, None) for path, entry in entries.items()}
    return PublishableFiles({**previous.entries, **entries}, {**previous.held, **files}, previous.paths, (), raw)


def _held(entry: Entry, held: Mapping[BlobId, BlobFact], known: HeldFile | None) -> HeldFile:
    if known is not None and known.oid == entry.oid and known.mode == entry.mode and known.sha256 is not None:
        return known  # the same content has the same facts; sharing them keeps a large snapshot small
    fact = held.get(entry.oid) if entry.mode.has_content else None
    if fact is None:
        return HeldFile(entry.mode, entry.oid, entry.size_bytes, None)
    return HeldFile(entry.mode, entry.oid, fact.size_bytes, fact.sha256)


_PATH_MESSAGES: Mapping[PathProblem, str] = {
    PathProblem.EMPTY: "an empty path",
    PathProblem.NOT_UTF8: "the name is not UTF-8; rename the file",
    PathProblem.CONTROL: "the name holds a control character; rename the file",
    PathProblem.ABSOLUTE: "the path is absolute; move the file",
    PathProblem.TRAVERSAL: "the path leaves its directory; move the file",
    PathProblem.BACKSLASH: "the name holds a backslash, which is a separator on Windows; rename the file",
    PathProblem.GIT_DIRECTORY: "the name can be read as .git on some system; rename the file",
    PathProblem.TOO_LONG: "the path is longer than 1,024 bytes; shorten it",
    PathProblem.TOO_DEEP: "the path is deeper than 64 directories; move the file up",
    PathProblem.COLLISION: "the name differs from another only in case or Unicode form",
}


def _safe(
    raw_entries: Mapping[bytes, Entry], held: Mapping[BlobId, BlobFact], known: Mapping[RepoPath, HeldFile]
) -> tuple[dict[RepoPath, Entry], list[Problem]]:
    """The entries whose paths may be served, and what is wrong with the others and with contents that are not held.

    ``known`` are paths that passed before; what passed once, and did not collide with the others, passes again with them.
    """
    files: dict[RepoPath, Entry] = {}
    problems: list[Problem] = []
    for raw, entry in raw_entries.items():
        path = _known_path(raw, known) or check_path(raw)
        if isinstance(path, PathProblem):
            problems.append(_path_problem(raw.decode("utf-8", "backslashreplace"), path, _PATH_MESSAGES[path]))
            continue
        files[path] = entry
        if entry.oid not in held:
            problems.append(_not_held(path, entry))
    clashing = {} if files.keys() == known.keys() else collisions(files)
    for path, other in clashing.items():
        del files[path]
        problems.append(_path_problem(path, PathProblem.COLLISION, f"{_PATH_MESSAGES[PathProblem.COLLISION]}: {other}"))
    return files, problems


def _known_path(raw: bytes, known: Mapping[RepoPath, HeldFile]) -> RepoPath | None:
    try:
        path = RepoPath(raw.decode())
    except UnicodeDecodeError:
        return None
    return path if path in known else None


def _not_held(path: RepoPath, entry: Entry) -> Problem:
    if entry.mode is Mode.SUBMODULE:
        return Problem(path, "submodule", Severity.WARNING, "a submodule: its files are not mirrored")
    message = f"{entry.size_bytes:,} bytes: larger than the limit, so its content is not served"
    return Problem(path, "file_too_large", Severity.WARNING, message)


def _path_problem(path: str, problem: PathProblem, message: str) -> Problem:
    return Problem(path, problem.value, Severity.WARNING, message)
