"""Owns the other repositories that a marketplace takes plugins from, all of them together: looked at, weighed, fetched.

Each is resolved to one commit, as in a lock file; one in trouble does not keep the others, or the marketplace, waiting. Never
reads another repository's marketplace.json: nothing is followed from there, so that sources cannot go round in a circle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from skillport_sync.catalog.model import SourceKey, SourceWish
from skillport_sync.errors import SkillportError
from skillport_sync.git.listing import Listing
from skillport_sync.github.client import GitHub
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.followed import Followed, Looked, Resolved, Trouble, trouble_of
from skillport_sync.sync.plan import Bounds, Load, TooMuch, check_load, load_of
from skillport_sync.sync.reading import OnBlobs
from skillport_sync.sync.together import together

__all__ = ["Resolved", "Sources", "Trouble"]

AT_ONCE = 8


class Sources:
    """One marketplace's other repositories. One ``resolve`` at a time: its loop sees to that."""

    def __init__(self, marketplace: MarketplaceName, *, github: GitHub, store: MirrorStore, bounds: Bounds) -> None:
        self._marketplace = marketplace
        self._github = github
        self._store = store
        self._bounds = bounds
        self._followed: dict[SourceKey, Followed] = {}

    async def resolve(
        self,
        wishes: Sequence[SourceWish],
        held: Mapping[SourceKey, Resolved],
        *,
        full: bool,
        on_blobs: OnBlobs,
        own: Listing | None = None,
    ) -> tuple[list[Resolved], list[Trouble]] | TooMuch:
        """Every wish, either resolved or in trouble, both in the order of the wishes. ``held`` is what is served, of others too.

        A pinned commit that is held costs no request, a ref that has not moved one that is free. ``full``: as if nothing were
        held. ``own`` is the marketplace's own listing, which shares the bounds with the others.

        Raises:
            Unauthenticated, RateLimited: GitHub answers nobody who asks like this.
            Unavailable, Broken (``database_…``, ``store_…``): our own store fails.
        """
        known = {key: followed for key, followed in self._followed.items() if key in held}
        self._followed = known | {wish.key: self._followed.get(wish.key) or self._follow(wish) for wish in wishes}
        gate, fetched = asyncio.Semaphore(AT_ONCE), _Tally(on_blobs)

        async def look(wish: SourceWish) -> Looked | Trouble:
            before = held.get(wish.key)
            async with gate:
                try:
                    return await self._followed[wish.key].look(wish, before, full, fetched.of(wish))
                except (SkillportError, TimeoutError) as error:
                    return trouble_of(wish, before, error)

        async def fill(found: Looked | Trouble) -> Resolved | Trouble:
            if isinstance(found, Trouble):
                return found
            async with gate:
                try:
                    return await self._followed[found.wish.key].fill(found, full, fetched.of(found.wish))
                except (SkillportError, TimeoutError) as error:
                    return trouble_of(found.wish, found.before, error)

        async with together() as steps:
            looks = [steps.begin(look(wish)) for wish in wishes]
        looked = [task.result() for task in looks]
        too_much = await asyncio.to_thread(_weighed, own, looked, self._bounds)
        if too_much is not None:
            return too_much
        async with together() as steps:
            fills = [steps.begin(fill(found)) for found in looked]
        filled = [task.result() for task in fills]
        return [one for one in filled if isinstance(one, Resolved)], [one for one in filled if isinstance(one, Trouble)]

    def _follow(self, wish: SourceWish) -> Followed:
        return Followed(self._marketplace, wish.key, self._github, self._store, self._bounds)


class _Tally:
    """What is fetched of all sources together, told on."""

    def __init__(self, on_blobs: OnBlobs) -> None:
        self._on_blobs = on_blobs
        self._counts: dict[SourceKey, tuple[int, int | None]] = {}

    def of(self, wish: SourceWish) -> OnBlobs:
        def count(done: int, total: int | None) -> None:
            self._counts[wish.key] = done, total
            totals = [total for _, total in self._counts.values()]
            known = [total for total in totals if total is not None]
            self._on_blobs(
                sum(done for done, _ in self._counts.values()), sum(known) if len(known) == len(totals) else None
            )

        return count


def _weighed(own: Listing | None, looked: Sequence[Looked | Trouble], bounds: Bounds) -> TooMuch | None:
    """Whether everything together is more than may be mirrored."""
    load = load_of(own, bounds) if own is not None else Load()
    for one in looked:
        served = one.kept if isinstance(one, Trouble) else one
        if served is not None:
            load += load_of(served.listing, bounds, served.wish.directories)
    return check_load(load, bounds, "take plugins from fewer repositories") if looked else None
