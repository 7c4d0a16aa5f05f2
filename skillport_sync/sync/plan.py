"""Owns the decisions of a pull: which commit to read, whether to believe a head, how to fetch what is missing.

Pure: facts in, decision out. Never asks GitHub, reads no clock, keeps nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from skillport_sync.files import within
from skillport_sync.git.listing import Entry, Listing
from skillport_sync.git.objects import ZERO_ID, BlobId, CommitId

# --- which commit ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PushHint:
    """What a verified push delivery claims: the branch moved from ``before`` to ``after``. A hint, never content."""

    before: CommitId
    after: CommitId


def end_of_pushes(head: CommitId | None, hints: Collection[PushHint]) -> CommitId | None:
    """The commit that a chain of pushes leads to, when every hint is part of one chain that starts at ``head``.

    None where the hints do not explain themselves (one is missing, old, or deletes the branch): then the branch itself has
    to be read. Order of arrival does not matter, duplicates do not either.
    """
    steps = {hint.before: hint.after for hint in hints}
    if head is None or not steps or len(steps) != len(set(hints)) or ZERO_ID in steps or ZERO_ID in steps.values():
        return None
    at, walked = head, 0
    while at in steps and walked < len(steps):
        at, walked = steps[at], walked + 1
    return at if walked == len(steps) and at != head and at not in steps else None


def unfulfilled(hints: Collection[PushHint], seen: Collection[CommitId]) -> bool:
    """True when the pushes end in a commit that was not seen, neither as the head nor earlier: that read may lag behind them."""
    ends = {hint.after for hint in hints} - {hint.before for hint in hints} - {ZERO_ID}
    return not ends <= set(seen)


def _reached(start: Collection[CommitId], hints: Collection[PushHint]) -> set[CommitId]:
    """Every commit that signed pushes moved the branch to, from one of ``start`` on."""
    steps: dict[CommitId, list[CommitId]] = {}
    for hint in hints:
        steps.setdefault(hint.before, []).append(hint.after)
    reached: set[CommitId] = set()
    open_ends = list(start)
    while open_ends:
        for after in steps.get(open_ends.pop(), ()):
            if after not in reached:
                reached.add(after)
                open_ends.append(after)
    return reached


Relation = Literal["ahead", "behind", "diverged", "identical"]


@dataclass(frozen=True, slots=True)
class Believe:
    """Publish this head."""

    rewritten: bool = False
    """History was rewritten: the head does not descend from what is published."""


@dataclass(frozen=True, slots=True)
class AskRelation:
    """One more fact is needed: how the head relates to what is published (``compare``)."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """GitHub's reads can lag behind its webhooks, and an old head looks like a rewritten one: read again before moving back."""

    after_s: float


SECOND_LOOK_S = 5.0


def judge_head(
    head: CommitId,
    *,
    believed: Collection[CommitId],
    parents: Collection[CommitId],
    hinted: Collection[PushHint],
    relation: Relation | Literal["unknown"] | None,
    seen_before_for_s: float | None,
) -> Believe | AskRelation | LookAgain:
    """Whether a head that GitHub just answered may replace what is published.

    ``believed`` are the heads believed so far: what is published and, where the last head was refused, that one; none before
    the first publication. ``parents`` are the head commit's own; ``relation`` is head relative to what is published, None while
    nobody asked; ``seen_before_for_s`` is how long ago an earlier look first saw this same head, None at the first look.

    A child, a descendant, and what signed pushes lead to from a believed head are believed at once. Anything else would move
    backwards or sideways, so it has to be seen twice, ``SECOND_LOOK_S`` apart: a push that arrived late, together with a read
    that lags behind it, must not bring back what was replaced since.
    """
    if not believed or head in believed or not set(believed).isdisjoint(parents):
        return Believe()
    if head in _reached(believed, hinted):
        return Believe()
    if relation is None:
        return AskRelation()
    if relation == "ahead":
        return Believe()
    if seen_before_for_s is not None and seen_before_for_s >= SECOND_LOOK_S:
        return Believe(rewritten=True)
    return LookAgain(SECOND_LOOK_S if seen_before_for_s is None else SECOND_LOOK_S - seen_before_for_s)


# --- how to fetch ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a repository may cost. Defaults: storage-and-reliability.md §6 C5, formats-and-landscape.md §4.2."""

    max_files: int = 100_000
    max_file_bytes: int = 10_000_000
    max_total_bytes: int = 1_000_000_000
    tarball_max_bytes: int = 500_000_000


@dataclass(frozen=True, slots=True)
class Transfer:
    """The blobs to fetch, largest first, and whether an archive of the whole commit is the cheaper way to most of them."""

    blobs: tuple[BlobId, ...]
    bytes_: int
    by_tarball: bool


@dataclass(frozen=True, slots=True)
class TooMuch:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Load:
    """What a source weighs against the bounds: all its files, and the bytes of those that are to be held."""

    files: int = 0
    size_bytes: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(self.files + other.files, self.size_bytes + other.size_bytes)


WHOLE: tuple[str, ...] = ("",)
"""The directories of a source of which everything is wanted."""
FEW_BLOBS = 16
"""Up to so many are fetched one by one: two waves of eight take as long as an archive does, its redirect and its download."""


def prefixes_of(directories: Sequence[str]) -> tuple[bytes, ...]:
    """What the raw paths of all files below these directories begin with."""
    return tuple(f"{directory}/".encode() if directory else b"" for directory in directories)


def shared(some: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """The directories that cover what is below both, sorted."""
    pairs = [(inner, outer) for one, other in ((some, others), (others, some)) for inner in one for outer in other]
    return tuple(
        sorted({inner for inner, outer in pairs if not outer or inner == outer or inner.startswith(f"{outer}/")})
    )


def load_of(listing: Listing, bounds: Bounds, directories: Sequence[str] = WHOLE) -> Load:
    """What a listing weighs where only what is below ``directories`` is held."""
    return _load_of(listing, _wanted(listing, bounds, directories))


def check_load(load: Load, bounds: Bounds, advice: str = "split the repository") -> TooMuch | None:
    """Why this is more than may be mirrored; None where it is not. ``advice`` is what helps beside raising the bound."""
    if load.files > bounds.max_files:
        return TooMuch(
            "too_many_files",
            f"{load.files:,} files, and sync.max_files is {bounds.max_files:,}: raise it or {advice}",
        )
    if load.size_bytes > bounds.max_total_bytes:
        return TooMuch(
            "too_many_bytes",
            f"{load.size_bytes:,} bytes, and sync.max_total_bytes is {bounds.max_total_bytes:,}: raise it or {advice}",
        )
    return None


def plan_transfer(
    listing: Listing, held: Collection[BlobId], bounds: Bounds, directories: Sequence[str] = WHOLE
) -> Transfer | TooMuch:
    """What has to be fetched so that every file within bounds, and below ``directories``, is held.

    Sizes are GitHub's claims; fetching caps them again.
    """
    wanted = _wanted(listing, bounds, directories)
    too_much = check_load(_load_of(listing, wanted), bounds)
    if too_much is not None:
        return too_much
    missing = {entry.oid: entry.size_bytes for entry in wanted if entry.oid not in held}
    missing_bytes = sum(missing.values())
    by_tarball = len(missing) > FEW_BLOBS and _is_worth_an_archive(listing, missing_bytes, bounds)
    return Transfer(tuple(sorted(missing, key=lambda oid: (-missing[oid], oid))), missing_bytes, by_tarball)


def _wanted(listing: Listing, bounds: Bounds, directories: Sequence[str]) -> list[Entry]:
    return [entry for entry in within(listing.entries, directories).values() if is_wanted(entry, bounds)]


def _load_of(listing: Listing, wanted: Sequence[Entry]) -> Load:
    return Load(len(listing.entries), sum([entry.size_bytes for entry in wanted]))


def _is_worth_an_archive(listing: Listing, missing_bytes: int, bounds: Bounds) -> bool:
    # An archive has every file in it, those too that are not wanted.
    archived = sum([entry.size_bytes for entry in listing.entries.values()])
    return archived <= bounds.tarball_max_bytes and missing_bytes * 10 >= archived


def is_wanted(entry: Entry, bounds: Bounds) -> bool:
    """True where the entry's content is to be held."""
    return entry.mode.has_content and entry.size_bytes <= bounds.max_file_bytes


# --- what changed ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileChanges:
    """How two listings differ. Content and mode both count."""

    changed: Mapping[bytes, Entry] = field(default_factory=dict)
    removed: Sequence[bytes] = ()

    def __len__(self) -> int:
        return len(self.changed) + len(self.removed)


def diff(before: Mapping[bytes, Entry], after: Mapping[bytes, Entry]) -> FileChanges:
    """The entries of ``after`` that ``before`` lacks or has otherwise, and the paths that only ``before`` has."""
    changed = {
        path: entry
        for path, entry in after.items()
        if (was := before.get(path)) is None or was.oid != entry.oid or was.mode is not entry.mode
    }
    removed = (
        () if len(before) + sum(path not in before for path in changed) == len(after) else before.keys() - after.keys()
    )
    return FileChanges(changed, sorted(removed))
