"""Owns the reading of one commit: its listing, proved down to the last name, and every content that is not held yet.

Believes nothing: a listing counts once its recomputed root is the commit's tree, a content once its id is right. Never decides
which commit to read or whether to publish it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.errors import Broken, Missing
from skillport_sync.files import BlobFact, within
from skillport_sync.git.listing import Listing, RawEntry, Unverified, verified
from skillport_sync.git.names import is_lossy, recover_names
from skillport_sync.git.objects import EMPTY_TREE, BlobId, CommitId, Mode, TreeId
from skillport_sync.github.client import GitHub
from skillport_sync.github.wire import CommitFact, TreeAnswer
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.fetch import Fetcher
from skillport_sync.sync.plan import WHOLE, Bounds, TooMuch, plan_transfer, prefixes_of
from skillport_sync.sync.together import together

SUBTREES_AT_ONCE = 100

OnBlobs = Callable[[int, int | None], None]
"""Called with how many blobs were fetched so far, and how many it will be in all, None while that is not known."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A commit and the entries of its tree as GitHub lists them: nothing of it is proved."""

    commit: CommitFact
    entries: Sequence[RawEntry]


@dataclass(frozen=True, slots=True)
class Read:
    """A commit, proved. Contents are in the store; ``facts`` lacks what is too large to be held."""

    commit: CommitId
    listing: Listing
    facts: dict[BlobId, BlobFact]
    bytes_fetched: int


class CommitReader:
    """Reads commits of one repository: what is below some of its directories, or all of it."""

    def __init__(self, github: GitHub, store: MirrorStore, bounds: Bounds) -> None:
        self._github = github
        self._store = store
        self._bounds = bounds
        self._fetcher = Fetcher(github, store, bounds)

    async def look_up(self, repository: str, commit: CommitId) -> Listed | TooMuch:
        """The commit and its tree in one round trip: trees accept a commit's id, and the commit's tree id proves the answer."""
        async with together() as steps:
            fact = steps.begin(self._github.commit(repository, commit))
            tree = steps.begin(self._tree_of(repository, commit))
        answer = tree.result()
        if answer is None:
            # GitHub does not keep the empty tree as an object.
            if fact.result().tree != EMPTY_TREE:
                raise Missing(f"GitHub shows commit {commit} of {repository} without its tree", code="tree_missing")
            return Listed(fact.result(), ())
        if not answer.truncated:
            return Listed(fact.result(), answer.entries)
        walked = await self._walk(repository, fact.result().tree)
        return walked if isinstance(walked, TooMuch) else Listed(fact.result(), walked)

    async def prove(
        self,
        repository: str,
        listed: Listed,
        known: Listing | None,
        on_blobs: OnBlobs,
        directories: Sequence[str] = WHOLE,
    ) -> Listing | TooMuch:
        """The listing, once it adds up to the commit's tree. ``known`` is the one published before.

        Names that are not UTF-8 are recovered from it or, where that is not enough, from the commit's archive; what the archive
        holds is kept on the way.

        Raises:
            Broken (``tree_mismatch``): GitHub's listing is not the commit's tree.
        """
        tree = listed.commit.tree
        listing = await asyncio.to_thread(_proved, listed.entries, tree, known)
        if isinstance(listing, Unverified) and any(is_lossy(entry.path) for entry in listed.entries):
            if sum(entry.size_bytes or 0 for entry in listed.entries) > self._bounds.tarball_max_bytes:
                return TooMuch(
                    "names_not_utf8",
                    "some file names are not UTF-8, which only an archive can tell, and the repository's is larger than "
                    f"sync.tarball_max_bytes ({self._bounds.tarball_max_bytes:,} bytes): rename the files",
                )
            prefixes = prefixes_of(directories)
            wanted = {
                BlobId(entry.oid)
                for entry in listed.entries
                if entry.mode.has_content
                and (entry.size_bytes or 0) <= self._bounds.max_file_bytes
                and entry.path.startswith(prefixes)
            }
            wanted -= (await self._store.held(wanted)).keys()
            fetched = _Count(on_blobs)
            _, names = await self._fetcher.fetch_archive(repository, listed.commit.id, wanted, fetched.add)
            listing = await asyncio.to_thread(verified, recover_names(listed.entries, names), tree)
        if isinstance(listing, Unverified):
            where = listing.directory.decode("utf-8", "backslashreplace") or "the root"
            raise Broken(
                f"{repository}@{listed.commit.id}: GitHub's listing of {where} does not add up to the commit's tree",
                code="tree_mismatch",
            )
        return listing

    async def fill(
        self,
        repository: str,
        commit: CommitId,
        listing: Listing,
        known: Mapping[BlobId, BlobFact] | None,
        on_blobs: OnBlobs,
        directories: Sequence[str] = WHOLE,
    ) -> Read | TooMuch:
        """Fetch what is missing below ``directories``. ``known`` are blobs that are surely held; None: fetch as if nothing were.

        Raises: as ``Fetcher.fetch``.
        """
        facts, unknown = await asyncio.to_thread(_split, listing, directories, known or {})
        if unknown and known is not None:
            facts |= await self._store.held(unknown)
        transfer = await asyncio.to_thread(plan_transfer, listing, facts.keys(), self._bounds, directories)
        if isinstance(transfer, TooMuch):
            return transfer
        fetched = _Count(on_blobs, total=len(transfer.blobs))
        if transfer.blobs:
            on_blobs(0, len(transfer.blobs))
            facts |= await self._fetcher.fetch(repository, commit, transfer, fetched.add)
        return Read(commit, listing, facts, fetched.size_bytes)

    async def _tree_of(self, repository: str, commit: CommitId) -> TreeAnswer | None:
        try:
            return await self._github.tree(repository, commit)
        except Missing:
            return None

    async def _walk(self, repository: str, root: TreeId) -> list[RawEntry] | TooMuch:
        """Every entry of a tree that is too large for one answer: directory by directory, each with all that is below it."""
        top = await self._github.subtree(repository, root, recursive=False)
        entries = list(top.entries)
        pending = _directories(b"", top)
        files = len(entries) - len(pending)
        while pending:
            wave, pending = pending[:SUBTREES_AT_ONCE], pending[SUBTREES_AT_ONCE:]
            async with together() as steps:
                answers = [(prefix, steps.begin(self._below(repository, tree))) for prefix, tree in wave]
            for prefix, task in answers:
                answer, is_whole = task.result()
                entries += [entry._replace(path=prefix + entry.path) for entry in answer.entries]
                files += sum(entry.mode is not Mode.TREE for entry in answer.entries)
                if not is_whole:
                    pending += _directories(prefix, answer)
            if files > self._bounds.max_files:
                return TooMuch(
                    "too_many_files",
                    f"more than {files:,} files, and sync.max_files is {self._bounds.max_files:,}: "
                    "raise it or split the repository",
                )
        return entries

    async def _below(self, repository: str, tree: TreeId) -> tuple[TreeAnswer, bool]:
        """A directory's entries, and whether they are all that is below it."""
        answer = await self._github.subtree(repository, tree, recursive=True)
        if not answer.truncated:
            return answer, True
        return await self._github.subtree(repository, tree, recursive=False), False


@dataclass(slots=True)
class _Count:
    """What was fetched so far, told on."""

    on_blobs: OnBlobs
    total: int | None = None
    blobs: int = 0
    size_bytes: int = 0

    def add(self, blobs: int, size_bytes: int) -> None:
        self.blobs += blobs
        self.size_bytes += size_bytes
        self.on_blobs(self.blobs, self.total)


def _proved(entries: Sequence[RawEntry], tree: TreeId, known: Listing | None) -> Listing | Unverified:
    listing = verified(entries, tree, known)
    if isinstance(listing, Unverified) and known is not None and any(is_lossy(path) for path in known.entries):
        names = [(path, known.entries[path].oid) for path in sorted(known.entries) if is_lossy(path)]
        again = verified(recover_names(entries, names), tree)
        return listing if isinstance(again, Unverified) else again
    return listing


def _split(
    listing: Listing, directories: Sequence[str], known: Mapping[BlobId, BlobFact]
) -> tuple[dict[BlobId, BlobFact], set[BlobId]]:
    """What is known of the listing's blobs below ``directories``, and those of which nothing is."""
    facts: dict[BlobId, BlobFact] = {}
    unknown: set[BlobId] = set()
    for entry in within(listing.entries, directories).values():
        fact = known.get(entry.oid)
        if fact is not None:
            facts[entry.oid] = fact
        elif entry.mode.has_content:
            unknown.add(entry.oid)
    return facts, unknown


def _directories(prefix: bytes, answer: TreeAnswer) -> list[tuple[bytes, TreeId]]:
    return [(prefix + entry.path + b"/", TreeId(entry.oid)) for entry in answer.entries if entry.mode is Mode.TREE]
