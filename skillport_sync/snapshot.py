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
from skillport_sync.catalog.model import Catalog, Problem, Skill, SourceFiles, SourceKey
from skillport_sync.files import BlobFact, HeldFile, PublishableFiles, publishable
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId
from skillport_sync.git.paths import RepoPath
from skillport_sync.ports import MarketplaceName

PARSER_VERSION = 1
"""Raised whenever the same files would make another Snapshot. Stored with each publication."""


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
    publishable_files: PublishableFiles
    catalog: Catalog
    policy: AccessPolicy | Absent
    problems: tuple[Problem, ...]
    memo: Memo
    _by_name: Mapping[str, tuple[Skill, ...]]

    @property
    def files(self) -> Mapping[RepoPath, HeldFile]:
        """Every file that is published."""
        return self.publishable_files.held

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
        paths = self.publishable_files.paths
        for at in range(bisect_left(paths, prefix), len(paths)):
            if not paths[at].startswith(prefix):
                return
            yield paths[at]


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
    own_files = publishable(own.entries, own.held, previous.publishable_files if previous is not None else None)
    policy = _policy(own, own_files.entries)
    if isinstance(policy, Refused):
        return policy
    discovered = discover(
        SourceFiles(own_files.entries, _readable_trees(own.trees), own.contents),
        previous.memo if previous is not None else None,
    )
    if isinstance(discovered, Undiscoverable):
        return Refused(discovered.code, discovered.message, discovered.path, discovered.line)
    catalog, memo = discovered
    by_name: dict[str, list[Skill]] = {}
    for skill in catalog.skills:
        by_name.setdefault(skill.name, []).append(skill)
        by_name.setdefault(skill.label, []).append(skill)
    return Snapshot(
        marketplace=marketplace,
        sources=tuple(source.state for source in sources),
        publishable_files=own_files,
        catalog=catalog,
        policy=policy,
        problems=tuple(sorted({*own_files.problems, *catalog.problems})),
        memo=memo,
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


def _readable_trees(trees: Mapping[bytes, TreeId]) -> dict[str, TreeId]:
    """Directory ids by text path; a directory whose name is not UTF-8 has no skill that could ask for it."""
    readable: dict[str, TreeId] = {}
    for raw, oid in trees.items():
        try:
            readable[raw.decode("utf-8")] = oid
        except UnicodeDecodeError:
            continue
    return readable
