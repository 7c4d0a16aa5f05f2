"""Owns the turning of verified files into a Snapshot: what one commit publishes, content and policy together.

A Snapshot is immutable and complete: whoever holds one sees one commit, whatever is published meanwhile. Never fetches,
stores or logs; the contents that have to be parsed are looked up in the mapping that it is given.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.access.model import Absent, AccessPolicy, Malformed
from skillport_sync.access.policy import POLICY_PATH, read_policy
from skillport_sync.catalog.discover import Memo, Undiscoverable, discover
from skillport_sync.catalog.model import Catalog, Problem, Severity, Skill, SourceFiles, SourceKey
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId
from skillport_sync.git.paths import PathProblem, RepoPath, check_path, collisions
from skillport_sync.ports import MarketplaceName

PARSER_VERSION = 1
"""Raised whenever the same files would make another Snapshot. Stored with each publication."""


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
class SourceState:
    """One source of a publication and the commit it was resolved to, as in a lock file."""

    key: SourceKey
    repository: str
    commit: CommitId
    tree: TreeId


@dataclass(frozen=True, slots=True)
class SourceInput:
    """A verified source: its state, every leaf by raw path, every directory's id, and what is held of the blobs."""

    state: SourceState
    entries: Mapping[bytes, Entry]
    trees: Mapping[bytes, TreeId]
    held: Mapping[BlobId, BlobFact]
    contents: Mapping[BlobId, bytes]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one commit of a marketplace publishes. ``problems`` are the catalog's and the files' together, sorted."""

    marketplace: MarketplaceName
    sources: tuple[SourceState, ...]
    files: Mapping[RepoPath, HeldFile]
    catalog: Catalog
    policy: AccessPolicy | Absent
    problems: tuple[Problem, ...]
    memo: Memo
    _paths: tuple[RepoPath, ...]
    _by_name: Mapping[str, tuple[Skill, ...]]

    @property
    def repository(self) -> str:
        return self.sources[0].repository

    @property
    def commit(self) -> CommitId:
        return self.sources[0].commit

    def files_of(self, skill: Skill) -> list[tuple[str, HeldFile]]:
        """The skill's files, ``(path relative to the skill, file)``, sorted by path; those of skills nested in it included."""
        prefix = f"{skill.directory}/" if skill.directory else ""
        return [(path[len(prefix) :], self.files[path]) for path in self._paths_below(prefix)]

    def skills_named(self, label: str) -> tuple[Skill, ...]:
        """The skills that ``name``, ``plugin/name`` or either with ``@marketplace`` may mean; several when it is ambiguous."""
        bare, at, marketplace = label.rpartition("@")
        if at and bare and marketplace in (self.marketplace, self.catalog.title):
            label = bare
        return self._by_name.get(label, ())

    def _paths_below(self, prefix: str) -> Iterator[RepoPath]:
        for at in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[at].startswith(prefix):
                return
            yield self._paths[at]


@dataclass(frozen=True, slots=True)
class Refused:
    """This commit is not published; the last good publication, content and policy together, stays."""

    code: str
    message: str
    path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return where + self.message


def assemble(
    marketplace: MarketplaceName, sources: Sequence[SourceInput], previous: Snapshot | None
) -> Snapshot | Refused:
    """Make the snapshot of these verified sources; the first is the marketplace repository itself.

    ``previous`` only saves work: the result is the same with None.
    """
    own = sources[0]
    known: Mapping[RepoPath, HeldFile] = previous.files if previous is not None else {}
    files, file_problems = _publishable(own, known)
    policy = _policy(own, files)
    if isinstance(policy, Refused):
        return policy
    discovered = discover(
        SourceFiles(files, _readable_trees(own.trees), own.contents), previous.memo if previous is not None else None
    )
    if isinstance(discovered, Undiscoverable):
        return Refused(discovered.code, discovered.message, discovered.path, discovered.line)
    catalog, memo = discovered
    held = {path: _held(entry, own.held, known.get(path)) for path, entry in files.items()}
    by_name: dict[str, list[Skill]] = {}
    for skill in catalog.skills:
        by_name.setdefault(skill.name, []).append(skill)
        by_name.setdefault(skill.label, []).append(skill)
    return Snapshot(
        marketplace=marketplace,
        sources=tuple(source.state for source in sources),
        files=held,
        catalog=catalog,
        policy=policy,
        problems=tuple(sorted({*file_problems, *catalog.problems})),
        memo=memo,
        _paths=tuple(sorted(held)),
        _by_name={name: tuple(skills) for name, skills in by_name.items()},
    )


_POLICY_RAW = POLICY_PATH.encode()
_NO_FILE: Mapping[Mode, str] = {Mode.SYMLINK: "a symbolic link", Mode.SUBMODULE: "a submodule"}


def _policy(own: SourceInput, files: Mapping[RepoPath, Entry]) -> AccessPolicy | Absent | Refused:
    """The policy of the commit. A file that only seems to be missing must not open what its author meant to close."""
    for raw, entry in own.entries.items():
        if raw[:1] != b"." or raw == _POLICY_RAW:
            continue
        if raw.lower() == _POLICY_RAW:
            return _unreadable(f"{raw.decode()} is spelled otherwise: rename it to {POLICY_PATH}")
        if raw.lower().startswith(_POLICY_RAW + b"/"):
            return _unreadable("it is a directory, not a file")
        if _POLICY_RAW.startswith(raw.lower() + b"/"):
            return _unreadable(f"{raw.decode()} is {_NO_FILE.get(entry.mode, 'a file')}, not a directory")
    written = own.entries.get(_POLICY_RAW)
    if written is None:
        return Absent()
    if written.mode in _NO_FILE:
        return _unreadable(f"it is {_NO_FILE[written.mode]}, not a file")
    if POLICY_PATH not in files:
        return _unreadable("another name in the repository differs from it only in case")
    try:
        content = own.contents[written.oid]
    except KeyError:
        return _unreadable(f"it is too large to read ({written.size_bytes:,} bytes)")
    policy = read_policy(content)
    if isinstance(policy, Malformed):
        return Refused("policy_malformed", policy.message, policy.path, policy.line)
    return policy


def _unreadable(why: str) -> Refused:
    return Refused("policy_unreadable", f"{why}; nothing is published without the policy", POLICY_PATH)


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


def _publishable(
    source: SourceInput, known: Mapping[RepoPath, HeldFile]
) -> tuple[dict[RepoPath, Entry], list[Problem]]:
    """The entries whose paths may be served, and what is wrong with the others and with contents that are not held.

    ``known`` are paths that passed before; what passed once, and did not collide with the others, passes again with them.
    """
    files: dict[RepoPath, Entry] = {}
    problems: list[Problem] = []
    held = source.held
    for raw, entry in source.entries.items():
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


def _readable_trees(trees: Mapping[bytes, TreeId]) -> dict[str, TreeId]:
    """Directory ids by text path; a directory whose name is not UTF-8 has no skill that could ask for it."""
    readable: dict[str, TreeId] = {}
    for raw, oid in trees.items():
        try:
            readable[raw.decode("utf-8")] = oid
        except UnicodeDecodeError:
            continue
    return readable
