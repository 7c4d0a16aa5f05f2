"""Owns what a pull asks of the marketplace's own repository: where its branch is, which commit that is, what is in it.

``branch`` knows the branch and ``reading`` reads commits; here they meet with what is served already, so that only what is
missing is fetched. Never publishes, keeps nothing.
"""

from __future__ import annotations

from skillport_sync.errors import Conflict, Missing, Unavailable
from skillport_sync.git.objects import CommitId
from skillport_sync.github.wire import CommitFact
from skillport_sync.ports import MarketplaceName
from skillport_sync.sync.attempt import Attempt
from skillport_sync.sync.branch import Branch, Source
from skillport_sync.sync.identity import Identity
from skillport_sync.sync.outcomes import Doubtful, Request
from skillport_sync.sync.plan import Believe, TooMuch, end_of_pushes
from skillport_sync.sync.reading import CommitReader, Listed, Read
from skillport_sync.sync.serving import Serving


class Upstream:
    """One marketplace's own repository on GitHub, under its present name."""

    def __init__(self, branch: Branch, reader: CommitReader, serving: Serving) -> None:
        self._branch = branch
        self._reader = reader
        self._serving = serving

    @property
    def source(self) -> Source:
        """The branch that is followed."""
        return self._branch.source

    @property
    def identity(self) -> Identity | None:
        """What proves that it is still the same repository."""
        return self._branch.identity

    @property
    def marketplace(self) -> MarketplaceName:
        return self._branch.source.marketplace

    @property
    def repository(self) -> str:
        return self._branch.source.repository

    async def head(self, known: CommitId | None) -> CommitId:
        """Where the branch is. Free of charge where that is ``known``. Raises: as ``Branch.head``."""
        return await self._branch.head(known)

    async def judge(
        self, head: CommitFact, request: Request, served: CommitId | None, refused: CommitId | None
    ) -> Believe | Doubtful:
        """Whether ``head`` may take the place of what is served. As ``Branch.judge``."""
        return await self._branch.judge(head, request, served, refused)

    async def followed(self, request: Request, known_head: CommitId | None) -> Listed | None:
        """The commit that the pushes lead to, without asking for the head first. None where they do not say, or GitHub's reads
        do not know it yet, or it is too large: then the head is read, and says so again."""
        pushed = None if request.full else end_of_pushes(known_head, request.hints)
        if pushed is None:
            return None
        try:
            listed = await self._reader.look_up(self.repository, pushed)
        except (Missing, Conflict):
            return None
        return None if isinstance(listed, TooMuch) else listed

    async def listed(self, commit: CommitId) -> Listed | TooMuch:
        """A commit that is said to be there.

        Raises: Unavailable (``commit_not_visible``) where GitHub does not show it yet.
        """
        try:
            return await self._reader.look_up(self.repository, commit)
        except (Missing, Conflict) as error:
            raise Unavailable(
                f"{self.repository} is at {commit}, and GitHub does not show that commit yet: {error.message}",
                code="commit_not_visible",
            ) from error

    async def read(self, attempt: Attempt, listed: Listed) -> Read | TooMuch:
        """The commit, proved, with every content held. Fetches what is not held yet; all of it where the request is ``full``.

        Raises: as ``CommitReader.prove`` and ``CommitReader.fill``.
        """
        repository = self.repository
        listing = await self._reader.prove(repository, listed, self._serving.listing, attempt.on_blobs)
        if isinstance(listing, TooMuch):
            return listing
        known = None if attempt.request.full else self._serving.facts
        return await self._reader.fill(repository, listed.commit.id, listing, known, attempt.on_blobs)
