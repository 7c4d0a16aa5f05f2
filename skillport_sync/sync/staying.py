"""Owns a marketplace that an operator rolled back: which commit is meant, that it is served, and that the branch is left alone.

Where the branch is meanwhile is asked for those who wonder, and followed by nobody. What is pinned is in state.db: ``loop``
reads and writes it.
"""

from __future__ import annotations

import asyncio

from skillport_sync.errors import Invalid, Missing, Unavailable
from skillport_sync.git.objects import CommitId
from skillport_sync.snapshot import Refused
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.attempt import Attempt
from skillport_sync.sync.outcomes import NowPublished, Outcome, Pinned
from skillport_sync.sync.plan import TooMuch, diff
from skillport_sync.sync.publishing import Publishing
from skillport_sync.sync.serving import Serving
from skillport_sync.sync.upstream import Upstream


class Staying:
    """One marketplace's stay at an earlier commit."""

    def __init__(self, upstream: Upstream, *, serving: Serving, publishing: Publishing, store: MirrorStore) -> None:
        self._upstream = upstream
        self._serving = serving
        self._publishing = publishing
        self._store = store
        self._passed_by: CommitId | None = None
        """The branch's head, as it was last read while nobody followed it."""

    async def commit_published(self, prefix: str) -> CommitId:
        """The commit of a kept publication that begins like this.

        Raises:
            Missing: there is none. Invalid: there are several.
        """
        marketplace = self._upstream.marketplace
        commits = sorted({kept.commit for kept in await self._store.find_publications(marketplace, prefix)})
        if len(commits) == 1:
            return commits[0]
        if commits:
            shown = ", ".join(commit[:12] for commit in commits[:5])
            raise Invalid(
                f"{prefix} begins several published commits ({shown}): write more of it", code="commit_ambiguous"
            )
        raise Missing(
            f"no publication of {marketplace} with commit {prefix} is kept; "
            "`skillport-sync publications` lists those that are",
            code="publication_missing",
        )

    async def stay(self, attempt: Attempt, pin: CommitId) -> Outcome:
        """Serve ``pin`` and nothing newer. GitHub is needed only where mirror.db lost it.

        Raises: as ``Serving.serve_again``, ``Upstream.listed`` and ``Publishing.publish``.
        """
        before = self._serving.published
        if before is not None and before.publication.commit == pin:
            return Pinned(pin, await self._head_passed_by())
        if not attempt.request.dry_run:
            entries = self._serving.entries
            published = await self._serving.serve_again(pin, attempt.request.cause)
            if published is not None:
                self._publishing.start_over()
                changed = await asyncio.to_thread(diff, entries, self._serving.entries)
                return NowPublished(published, None if before is None else before.publication.commit, len(changed), 0)
        listed = await self._upstream.listed(pin)
        if isinstance(listed, TooMuch):
            return self._publishing.refuse(pin, Refused(listed.code, listed.message))
        return await self._publishing.publish(attempt, listed)

    async def _head_passed_by(self) -> CommitId | None:
        """Where the branch is that is not followed; None where GitHub does not say now."""
        try:
            self._passed_by = await self._upstream.head(self._passed_by)
        except Unavailable:
            return None
        return self._passed_by
