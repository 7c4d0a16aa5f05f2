"""Owns the publications that are not served any more and that somebody asks for: found by commit, made into snapshots again.

The last few are kept in memory. Making one again takes as long as a publication takes to parse, so only one is made at a time,
away from the event loop. Never decides who may read of them.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import structlog

from skillport_sync.errors import Invalid, Missing
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Publication, PublicationId, Published
from skillport_sync.queries.cursors import PublicationKey, key_of
from skillport_sync.queries.naming import quoted
from skillport_sync.restoring import Restoring
from skillport_sync.snapshot import Refused
from skillport_sync.store.drafts import StoredPublication

log = structlog.get_logger(__name__)

MAX_MADE = 4
_PREFIX = re.compile("[0-9a-f]{7,40}")


class Kept(Protocol):
    """The publications that are kept."""

    async def find_publications(self, marketplace: MarketplaceName, commit_prefix: str) -> list[Publication]:
        """Those of commits that begin like this, newest first. Raises: Unavailable."""
        ...

    async def load(
        self, marketplace: MarketplaceName, publication: PublicationId | None = None
    ) -> StoredPublication | None:
        """One of them with all its files. Raises: Broken, Unavailable."""
        ...


class Earlier:
    """Publications of before, readable again."""

    def __init__(
        self, kept: Kept, restoring: Callable[[MarketplaceName], Restoring], *, max_made: int = MAX_MADE
    ) -> None:
        self._kept = kept
        self._restoring = restoring
        self._max_made = max_made
        self._made: OrderedDict[PublicationKey, Published] = OrderedDict()
        self._making = asyncio.Lock()

    async def at_commit(self, prefix: str, in_force: tuple[Published, ...]) -> tuple[Published, ...]:
        """The publication of this commit: of several the one in force, else the newest. More than one only where marketplaces
        share the commit.

        Raises: Invalid where that is no commit id or stands for several, Missing where nothing of it is kept.
        """
        prefix = prefix.strip().lower()
        if not _PREFIX.fullmatch(prefix):
            raise Invalid(
                f"commit must be the first 7 to 40 hexadecimal digits of a commit's id, not {quoted(prefix)}.",
                code="commit_invalid",
            )
        served: dict[MarketplaceName, Published] = {}
        before: dict[MarketplaceName, Publication] = {}
        commits: set[CommitId] = set()
        for one in in_force:
            marketplace = one.snapshot.marketplace
            if one.snapshot.commit.startswith(prefix):
                served[marketplace] = one
                commits.add(one.snapshot.commit)
            for publication in await self._kept.find_publications(marketplace, prefix):
                before.setdefault(marketplace, publication)
                commits.add(publication.commit)
        if len(commits) > 1:
            raise Invalid(
                f"Several commits begin with {prefix}. Send more of the one you mean.", code="commit_ambiguous"
            )
        found: list[Published] = []
        for one in in_force:
            marketplace = one.snapshot.marketplace
            if marketplace in served:
                found.append(served[marketplace])
            elif marketplace in before:
                publication = before[marketplace]
                again = await self.again(PublicationKey.of(marketplace, publication.id, publication.commit), in_force)
                found += [again] if again is not None else []
        if not found:
            raise not_kept(prefix)
        return tuple(found)

    async def again(self, key: PublicationKey, in_force: tuple[Published, ...]) -> Published | None:
        """The publication of this key; None where it is not kept, or cannot be read any more."""
        now = next((one for one in in_force if one.snapshot.marketplace == key.marketplace), None)
        if now is None or key_of(now) == key:
            return now
        made = self._known(key)
        if made is None:
            async with self._making:
                made = self._known(key) or await self._make(key, now)
        return made

    def _known(self, key: PublicationKey) -> Published | None:
        made = self._made.get(key)
        if made is not None:
            self._made.move_to_end(key)
        return made

    async def _make(self, key: PublicationKey, now: Published) -> Published | None:
        marketplace = now.snapshot.marketplace
        stored = await self._kept.load(marketplace, PublicationId(key.id))
        # A number may mean another publication since mirror.db was made anew.
        if stored is None or PublicationKey.of(marketplace, key.id, stored.publication.commit) != key:
            return None
        restored = await self._restoring(marketplace).restore(stored, stored.held, now.snapshot)
        if isinstance(restored, Refused):
            log.warning("earlier_publication_refused", marketplace=marketplace, commit=key.commit, reason=str(restored))
            return None
        made = self._made[key] = Published(stored.publication, restored.snapshot)
        while len(self._made) > self._max_made:
            self._made.popitem(last=False)
        log.info("earlier_publication_read", marketplace=marketplace, commit=stored.publication.commit)
        return made


def not_kept(commit: str) -> Missing:
    return Missing(
        f"Nothing that was published of commit {quoted(commit)} is kept. version of a skill shows the commits there are; "
        "leave commit out to fetch what is served.",
        code="commit_not_kept",
    )
