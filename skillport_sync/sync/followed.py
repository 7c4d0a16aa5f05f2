"""Owns one other repository that a marketplace takes plugins from: which commit it is at, and what of it is in the store.

Where it cannot be looked at, it keeps the commit it had, and the trouble is a value: only what would hit every repository alike
(credentials, a limit on everything, our own disk) is raised. Never decides what is published.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import structlog

from skillport_sync.catalog.model import SourceKey, SourceWish
from skillport_sync.errors import (
    Broken,
    Conflict,
    Missing,
    RateLimited,
    SkillportError,
    Unauthenticated,
    Unavailable,
)
from skillport_sync.files import BlobFact, within
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import BlobId, CommitId
from skillport_sync.github.archive import LIMITED
from skillport_sync.github.client import DEFAULT_BRANCH, GitHub
from skillport_sync.github.wire import Head
from skillport_sync.ports import MarketplaceName
from skillport_sync.snapshot import SourceState
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.plan import Bounds, TooMuch, diff, plan_transfer, shared
from skillport_sync.sync.reading import CommitReader, OnBlobs

log = structlog.get_logger(__name__)

HEAD_WITHIN_S = 10.0
"""So long a repository may take to say where it is: the marketplace's own push waits for it."""
READ_WITHIN_S = 45.0
"""So long its listing may take, and again its contents. What arrived by then is kept, and the next look goes on from there."""
SLOWEST_BYTES_PER_S = 256 * 1024
"""Contents may take as long as they need at this speed, on top of that: a large archive that is cut off has to come again."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One other repository at one commit. ``facts`` are the contents below the wish's directories, all in the store."""

    wish: SourceWish
    state: SourceState
    """``repository`` is its present name."""
    listing: Listing
    facts: dict[BlobId, BlobFact]
    bytes_fetched: int
    files_changed: int
    """Of those below the wish's directories, compared with what was held."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """It could not be looked at now. ``code`` is stable. ``kept`` is what it was resolved to before and goes on being served, as
    far as the wish still asks for it; None: nothing of it is served."""

    wish: SourceWish
    code: str
    message: str
    kept: Resolved | None
    is_passing: bool = False
    """Likely to be over in a moment, whoever does what: worth another look before the next interval."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A source whose commit and files are known; its contents are still to be fetched."""

    wish: SourceWish
    before: Resolved | None
    state: SourceState
    listing: Listing
    missing_bytes: int
    """At most: the store may have some of them from elsewhere."""


class Followed:
    """One repository that is followed, and what is remembered of it between two looks."""

    def __init__(
        self, marketplace: MarketplaceName, key: SourceKey, github: GitHub, store: MirrorStore, bounds: Bounds
    ) -> None:
        self._marketplace = marketplace
        self._key = key
        self._github = github
        self._bounds = bounds
        self._reader = CommitReader(github, store, bounds)
        self._is_tag = False
        self._left: CommitId | None = None
        """The commit that it was at before the one it is at."""

    async def look(self, wish: SourceWish, before: Resolved | None, full: bool, on_blobs: OnBlobs) -> Looked | Trouble:
        """Which commit is wanted now, and its files. Raises: as ``GitHub``, Broken, TimeoutError."""
        known = None if full else before
        self._is_tag = self._is_tag and not full
        if known is not None and wish.sha is not None:
            return await self._planned(wish, before, known.state, known.listing, full)
        # The name it had last: each question under a name that was given up is two.
        repository = known.state.repository if known is not None else wish.repository
        async with asyncio.timeout(HEAD_WITHIN_S):
            head = await self._head(wish, repository, known.state.commit if known is not None else None)
        if head.renamed_to is not None:
            repository = head.renamed_to
            if before is None or before.state.repository != repository:
                log.info("source_renamed", marketplace=self._marketplace, source=self._key, repository=repository)
        if known is not None and head.commit == known.state.commit:
            state = replace(known.state, repository=repository)
            return await self._planned(wish, before, state, known.listing, full)
        if known is not None and self._seems_to_lag(head.commit):
            message = f"{repository} is at {head.commit} again, which it had left: believed when it is seen once more"
            return Trouble(wish, "source_lags", message, _still_wanted(wish, before), is_passing=True)
        async with asyncio.timeout(READ_WITHIN_S):
            listing = await self._list(wish, before, repository, head.commit, on_blobs)
        if isinstance(listing, TooMuch):
            return too_much_of(wish, before, repository, listing)
        state = SourceState(self._key, repository, head.commit, listing.root)
        return await self._planned(wish, before, state, listing, full)

    async def fill(self, found: Looked, full: bool, on_blobs: OnBlobs) -> Resolved | Trouble:
        """Fetch what is not held of it. Raises: as ``CommitReader.fill``, TimeoutError."""
        wish, before, state = found.wish, found.before, found.state
        known = None if full else before.facts if before is not None else {}
        async with asyncio.timeout(READ_WITHIN_S + found.missing_bytes / SLOWEST_BYTES_PER_S):
            read = await self._reader.fill(
                state.repository, state.commit, found.listing, known, on_blobs, wish.directories
            )
        if isinstance(read, TooMuch):
            return too_much_of(wish, before, state.repository, read)
        if before is not None and before.state.commit != state.commit:
            self._left = before.state.commit
        changed = await asyncio.to_thread(_files_changed, before, found)
        return Resolved(wish, state, found.listing, read.facts, read.bytes_fetched, changed)

    async def _planned(
        self, wish: SourceWish, before: Resolved | None, state: SourceState, listing: Listing, full: bool
    ) -> Looked | Trouble:
        """The source as it was found, unless it is too much by itself."""
        known = before.facts if before is not None and not full else {}
        transfer = await asyncio.to_thread(plan_transfer, listing, known, self._bounds, wish.directories)
        if isinstance(transfer, TooMuch):
            return too_much_of(wish, before, state.repository, transfer)
        return Looked(wish, before, state, listing, transfer.bytes_)

    async def _head(self, wish: SourceWish, repository: str, known: CommitId | None) -> Head:
        """The commit that is wanted. Free of charge where that is ``known``, or pinned."""
        names: list[str]
        if wish.sha is not None:
            names, wanted, known = [wish.sha], f"commit {wish.sha}", wish.sha
        elif wish.ref is not None:
            # As ``git clone --branch`` looks for it: a bare name would be an abbreviated commit to GitHub as well.
            names, wanted = [f"heads/{wish.ref}", f"tags/{wish.ref}"], f"branch or tag {wish.ref}"
        else:
            names, wanted = [DEFAULT_BRANCH], "default branch"
        for name in sorted(names, key=lambda name: name.startswith("tags/") != self._is_tag):
            try:
                head = await self._github.head(repository, name, known)
            except Missing:
                continue
            self._is_tag = name.startswith("tags/")
            return head
        await self._github.repository(repository)  # raises where it is the whole repository that is not there
        raise Missing(
            f"{repository} has no {wanted}. Check the plugin's source in marketplace.json.", code="source_ref_missing"
        )

    def _seems_to_lag(self, commit: CommitId) -> bool:
        """Whether a head that moved is likely to be a read that lags behind the read before.

        Whether its history is rewritten is that repository's own business, and nothing else is doubted. But a read that lags
        shows what was there before, and that is known. Seen a second time it is believed.
        """
        left, self._left = self._left, None
        return commit == left

    async def _list(
        self, wish: SourceWish, before: Resolved | None, repository: str, commit: CommitId, on_blobs: OnBlobs
    ) -> Listing | TooMuch:
        try:
            listed = await self._reader.look_up(repository, commit)
        except (Missing, Conflict) as error:
            raise Unavailable(
                f"{repository} is at {commit}, and GitHub does not show that commit yet: {error.message}",
                code="commit_not_visible",
            ) from error
        if isinstance(listed, TooMuch):
            return listed
        known = before.listing if before is not None else None
        return await self._reader.prove(repository, listed, known, on_blobs, wish.directories)


def trouble_of(wish: SourceWish, before: Resolved | None, error: SkillportError | TimeoutError) -> Trouble:
    """What is wrong with one source. Raises ``error`` where it is not the source's."""
    if isinstance(error, TimeoutError):
        message = f"{wish.repository} did not answer in time: it is asked again later"
        return Trouble(wish, "source_slow", message, _still_wanted(wish, before), is_passing=True)
    limits_everything = isinstance(error, RateLimited) and error.code != LIMITED
    if limits_everything or isinstance(error, Unauthenticated) or error.code.startswith(("database_", "store_")):
        raise error
    passing = isinstance(error, Unavailable | Broken)
    return Trouble(wish, error.code, error.message, _still_wanted(wish, before), is_passing=passing)


def too_much_of(wish: SourceWish, before: Resolved | None, repository: str, too_much: TooMuch) -> Trouble:
    return Trouble(wish, too_much.code, f"{repository}: {too_much.message}", _still_wanted(wish, before))


def _still_wanted(wish: SourceWish, before: Resolved | None) -> Resolved | None:
    """What was resolved before, narrowed to what is wanted now and was wanted then."""
    if before is None:
        return None
    directories = shared(wish.directories, before.wish.directories)
    kept = replace(before, wish=replace(wish, directories=directories), bytes_fetched=0, files_changed=0)
    return kept if directories else None


def _files_changed(before: Resolved | None, found: Looked) -> int:
    if before is None:
        return len(within(found.listing.entries, found.wish.directories))
    if found.listing is before.listing and found.wish.directories == before.wish.directories:
        return 0
    then = within(before.listing.entries, before.wish.directories)
    return len(diff(then, within(found.listing.entries, found.wish.directories)))
