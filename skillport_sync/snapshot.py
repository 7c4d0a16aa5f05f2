"""Owns the turning of verified files into a Snapshot: what one commit publishes, content and policy together.

A Snapshot is immutable and complete: whoever holds one sees one commit, whatever is published meanwhile. Never fetches,
stores or logs; the contents that have to be parsed are looked up in the mapping that it is given.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from skillport_sync.access.model import Absent, AccessPolicy, Malformed
from skillport_sync.access.policy import POLICY_PATH, read_policy
from skillport_sync.access.unused import unused_rules
from skillport_sync.catalog.discover import Memo, Undiscoverable, discover
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Problem, Skill, SourceFiles, SourceKey
from skillport_sync.catalog.owners import Owners
from skillport_sync.files import BlobFact, HeldFile, PublishableFiles, publishable, within
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId
from skillport_sync.git.paths import RepoPath
from skillport_sync.ports import MarketplaceName
from skillport_sync.quarantine import Quarantine, Scan, Scanned

PARSER_VERSION = 3
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
    directories: tuple[str, ...] = ("",)
    """What of it is published: the files below these."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one commit of a marketplace publishes. ``problems`` are the catalog's and the files' together, sorted."""

    marketplace: MarketplaceName
    sources: tuple[SourceState, ...]
    """The marketplace's own repository first."""
    publishable: Mapping[SourceKey, PublishableFiles]
    catalog: Catalog
    policy: AccessPolicy | Absent
    problems: tuple[Problem, ...]
    memo: Memo
    owners: Owners
    """Whose each file is."""
    _by_name: Mapping[str, tuple[Skill, ...]]
    policy_problems: tuple[Problem, ...] = ()
    """Those of ``problems`` that tell of rules which mean nothing here."""
    scans: frozenset[Scan] = frozenset()
    scanned: Scanned = field(default_factory=dict)
    """What was looked for in the files, and what was found: saves the next look."""

    @property
    def files(self) -> Mapping[RepoPath, HeldFile]:
        """Every file of the marketplace's own repository that may be published."""
        return self.publishable[OWN_SOURCE].held

    @property
    def file_count(self) -> int:
        """Of all sources together."""
        return sum(len(files.held) for files in self.publishable.values())

    @property
    def repository(self) -> str:
        return self.sources[0].repository

    @property
    def commit(self) -> CommitId:
        return self.sources[0].commit

    def files_of(self, skill: Skill) -> list[tuple[str, HeldFile]]:
        """The skill's files, ``(path relative to the skill, file)``, sorted by path; those of skills nested in it included."""
        return [(relative, file) for relative, _, file in self.located(skill)]

    def located(self, skill: Skill) -> list[tuple[str, RepoPath, HeldFile]]:
        """The same with each file's real path in the skill's source, where links lead to another than it is reached by."""
        files = self.publishable[skill.plugin.source]
        if skill.linked is not None:
            return [(relative, path, files.held[path]) for relative, path in skill.linked.files.items()]
        skip = len(skill.directory) + 1 if skill.directory else 0
        below = (files.paths[at] for at in _below(files.paths, skill.directory))
        return [(path[skip:], path, files.held[path]) for path in below]

    def size_of(self, skill: Skill) -> int:
        """How many files ``located`` finds, without looking at any."""
        if skill.linked is not None:
            return len(skill.linked.files)
        return len(_below(self.publishable[skill.plugin.source].paths, skill.directory))

    def skills_named(self, label: str) -> tuple[Skill, ...]:
        """The skills that ``name``, ``plugin/name`` or either with ``@marketplace`` may mean; several when it is ambiguous."""
        bare, at, marketplace = label.rpartition("@")
        if at and bare and marketplace in (self.marketplace, self.catalog.title):
            label = bare
        return self._by_name.get(label, ())


def _below(paths: Sequence[RepoPath], directory: str) -> range:
    """Where the paths below this directory stand; they are sorted, so that one follows the other."""
    if not directory:
        return range(len(paths))
    return range(bisect_left(paths, f"{directory}/"), bisect_left(paths, f"{directory}0"))  # "0" comes next after "/"


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
    marketplace: MarketplaceName,
    sources: Sequence[SourceInput],
    previous: Snapshot | None,
    *,
    host: str = "github.com",
    quarantine: frozenset[Scan] = frozenset(),
) -> Snapshot | Refused:
    """Make the snapshot of these verified sources; the first is the marketplace repository itself.

    ``host`` is where these repositories live; ``quarantine`` names what keeps a skill out of the publication. ``previous`` only
    saves work: the result is the same with None.
    """
    own = sources[0]
    files = {source.state.key: _files(source, previous) for source in sources}
    policy = _policy(own, files[OWN_SOURCE].entries, previous)
    if isinstance(policy, Refused):
        return policy
    meant = {source.state.key: _meant(source, files[source.state.key]) for source in sources}
    discovered = discover(
        meant.pop(OWN_SOURCE),
        previous.memo if previous is not None else None,
        others=meant,
        host=host,
        repository=own.state.repository,
    )
    if isinstance(discovered, Undiscoverable):
        return Refused(discovered.code, discovered.message, discovered.path, discovered.line)
    catalog, memo = discovered
    snapshot = Snapshot(
        marketplace=marketplace,
        sources=tuple(source.state for source in sources),
        publishable=files,
        catalog=catalog,
        policy=policy,
        problems=(),
        memo=memo,
        owners=Owners.of(catalog),
        _by_name=_by_name(catalog.skills),
    )
    snapshot = _with_problems(snapshot, previous)
    return _without_quarantined(snapshot, sources, previous, quarantine) if quarantine else snapshot


def _meant(source: SourceInput, files: PublishableFiles) -> SourceFiles:
    return SourceFiles(files.entries, _readable_trees(source.trees), source.contents, files.absent)


def _without_quarantined(
    snapshot: Snapshot, sources: Sequence[SourceInput], previous: Snapshot | None, scans: frozenset[Scan]
) -> Snapshot:
    """The snapshot without the skills whose files hold what must not be published."""
    contents = {source.state.key: source.contents for source in sources}
    same_scans = previous is not None and previous.scans == scans
    quarantine = Quarantine(scans, previous.scanned if previous is not None and same_scans else {})
    kept: list[Skill] = []
    withheld: list[Skill] = []
    found: set[Problem] = set()
    for skill in snapshot.catalog.skills:
        reasons = quarantine.judge(skill, snapshot.located(skill), contents[skill.plugin.source])
        (withheld if reasons else kept).append(skill)
        found.update(reasons)
    if not withheld:
        return replace(snapshot, scans=scans, scanned=quarantine.scanned)
    catalog = replace(snapshot.catalog, skills=tuple(kept), withheld=tuple(withheld))
    return replace(
        snapshot,
        catalog=catalog,
        owners=Owners.of(catalog),
        problems=tuple(sorted({*snapshot.problems, *found})),
        scans=scans,
        scanned=quarantine.scanned,
        _by_name=_by_name(kept),
    )


def _files(source: SourceInput, previous: Snapshot | None) -> PublishableFiles:
    before = previous.publishable.get(source.state.key) if previous is not None else None
    return publishable(within(source.entries, source.directories), source.held, before)


def _with_problems(snapshot: Snapshot, previous: Snapshot | None) -> Snapshot:
    """The snapshot with everything that is wrong with it. Rules are held against the names again only where either changed."""
    policy, catalog = snapshot.policy, snapshot.catalog
    if previous is not None and policy is previous.policy and _names(catalog) == _names(previous.catalog):
        of_policy = previous.policy_problems
    else:
        of_policy = tuple(remark.at(POLICY_PATH) for remark in unused_rules(policy, catalog))
    of_files = (
        replace(problem, source=key) if key else problem
        for key, listing in snapshot.publishable.items()
        for problem in listing.problems
    )
    problems = tuple(sorted({*of_files, *of_policy, *catalog.problems}))
    return replace(snapshot, problems=problems, policy_problems=of_policy)


def _names(catalog: Catalog) -> list[tuple[str, str, str]]:
    """What rules are looked up by."""
    return [(skill.plugin.name, skill.name, skill.real_directory) for skill in catalog.skills]


def _by_name(skills: Sequence[Skill]) -> Mapping[str, tuple[Skill, ...]]:
    named: dict[str, list[Skill]] = {}
    for skill in skills:
        named.setdefault(skill.name, []).append(skill)
        named.setdefault(skill.label, []).append(skill)
    return {name: tuple(found) for name, found in named.items()}


_POLICY_RAW = POLICY_PATH.encode()
_NO_FILE: Mapping[Mode, str] = {Mode.SYMLINK: "a symbolic link", Mode.SUBMODULE: "a submodule"}


def _policy(
    own: SourceInput, files: Mapping[RepoPath, Entry], previous: Snapshot | None
) -> AccessPolicy | Absent | Refused:
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
    if previous is not None and isinstance(previous.policy, AccessPolicy):
        before = previous.publishable[OWN_SOURCE].entries.get(POLICY_PATH)
        if before is not None and before.oid == written.oid:
            return previous.policy
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
