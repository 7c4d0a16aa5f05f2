"""Owns what a commit would publish: its own files, what it takes from other repositories, and whether it may take that much away.

Resolves the other repositories, assembles the snapshot, and holds back a commit that removes too much. Never publishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.catalog.model import SourceKey, SourceWish
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import BlobId
from skillport_sync.publication import Published
from skillport_sync.reports import Verified
from skillport_sync.snapshot import Refused, Snapshot, SourceState
from skillport_sync.sync.outcomes import HeldBack, NowPublished, Request
from skillport_sync.sync.plan import FileChanges, TooMuch
from skillport_sync.sync.reading import OnBlobs
from skillport_sync.sync.removal import is_mass_removal, removed
from skillport_sync.sync.serving import Serving
from skillport_sync.sync.sources import Resolved, Sources, Trouble


@dataclass(slots=True)
class Made:
    """A snapshot that may be published, and what it was made of."""

    snapshot: Snapshot
    listing: Listing
    others: Mapping[SourceKey, Resolved]
    facts: dict[BlobId, BlobFact]
    files_changed: int = 0
    bytes_fetched: int = 0

    def __post_init__(self) -> None:
        self.files_changed = sum(other.files_changed for other in self.others.values())
        self.bytes_fetched = sum(other.bytes_fetched for other in self.others.values())

    def count(self, changes: FileChanges, bytes_fetched: int) -> None:
        self.files_changed += len(changes)
        self.bytes_fetched += bytes_fetched

    def published(
        self,
        published: Published,
        before: Published | None,
        checked: Verified | None,
        *,
        from_hint: bool,
        awaited: bool,
        rewritten: bool,
    ) -> NowPublished:
        was = () if before is None else before.snapshot.sources
        return NowPublished(
            published,
            None if before is None else before.publication.commit,
            self.files_changed,
            self.bytes_fetched,
            from_hint,
            awaited,
            rewritten,
            checked,
            tuple(state for state in self.snapshot.sources[1:] if state not in was),
        )


class Maker:
    """Makes snapshots of one marketplace's commits."""

    def __init__(self, serving: Serving, sources: Sources, max_removed_share: float | None) -> None:
        self._serving = serving
        self._sources = sources
        self._max_removed_share = max_removed_share
        self.wishes: tuple[SourceWish, ...] = ()
        """The other repositories that the commit made last takes plugins from."""
        self.troubles: tuple[Trouble, ...] = ()
        """Which of them could not be looked at, and what stands for them."""

    @property
    def followed_repositories(self) -> frozenset[tuple[str, str | None]]:
        """The other repositories by each name they go by, with the branch or tag that is followed; pinned commits never move."""
        served = self._serving.others
        return frozenset(
            (repository, wish.ref)
            for wish in self.wishes
            if wish.sha is None
            for repository in (wish.repository, *([served[wish.key].state.repository] if wish.key in served else []))
        )

    def recall(self) -> None:
        """What is served was restored: what it takes plugins from is known again."""
        self.wishes = tuple(other.wish for other in self._serving.others.values())

    async def make(
        self,
        request: Request,
        state: SourceState,
        listing: Listing,
        facts: dict[BlobId, BlobFact],
        on_blobs: OnBlobs,
        *,
        keep_others: bool = False,
    ) -> Made | Refused | HeldBack:
        """What this commit publishes; its own contents are held already.

        ``keep_others``: other repositories are taken as they are served, to save a round trip; their own pushes and the next
        reconcile tell the rest. Raises: as ``Sources.resolve``.
        """
        wishes = await self._serving.wishes(state, listing)
        resolved = await self._resolve(wishes, listing, request, on_blobs, keep=keep_others)
        if isinstance(resolved, TooMuch):
            return Refused(resolved.code, resolved.message)
        for other in resolved:
            facts |= other.facts
        snapshot = await self._serving.assemble(state, listing, resolved, facts)
        if isinstance(snapshot, Refused):
            return snapshot
        held_back = self._held_back(request, snapshot)
        if held_back is not None:
            return held_back
        return Made(snapshot, listing, {other.state.key: other for other in resolved}, facts)

    async def _resolve(
        self, wishes: Sequence[SourceWish], listing: Listing, request: Request, on_blobs: OnBlobs, *, keep: bool
    ) -> list[Resolved] | TooMuch:
        """The other repositories, in the order of their keys."""
        self.wishes = tuple(wishes)
        held = self._serving.others
        kept = {
            wish.key: held[wish.key] for wish in wishes if keep and wish.key in held and held[wish.key].wish == wish
        }
        asked = [wish for wish in wishes if wish.key not in kept]
        if asked:
            answer = await self._sources.resolve(asked, held, full=request.full, on_blobs=on_blobs, own=listing)
            if isinstance(answer, TooMuch):
                return answer
            resolved, troubles = answer
            kept |= {other.state.key: other for other in resolved}
            kept |= {trouble.wish.key: trouble.kept for trouble in troubles if trouble.kept is not None}
        else:
            troubles = []
        if not keep:
            self.troubles = tuple(troubles)
        return [kept[key] for key in sorted(kept)]

    def _held_back(self, request: Request, snapshot: Snapshot) -> HeldBack | None:
        """The commit, where it removes more skills than may go unasked."""
        served, share = self._serving.published, self._max_removed_share
        if served is None or share is None or request.pin is not None or request.confirms(snapshot.commit):
            return None
        before = served.snapshot.catalog.skills
        gone = removed(before, snapshot.catalog)
        return HeldBack(snapshot.commit, gone, len(before)) if is_mass_removal(len(gone), len(before), share) else None
