"""Owns the branch that a marketplace follows: where it is, under which name, and whether its head is to be believed.

Asks GitHub for as little as the decision needs; the decision itself is ``plan.judge_head``. Never reads a commit's files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import structlog

from skillport_sync.git.objects import CommitId
from skillport_sync.github.client import GitHub
from skillport_sync.github.wire import CommitFact
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.identity import Identity
from skillport_sync.sync.outcomes import Doubtful, Request, Suspect
from skillport_sync.sync.plan import AskRelation, Believe, LookAgain, Relation, judge_head

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """Which branch of which repository. ``branch`` None follows the repository's default branch, whatever it is called."""

    marketplace: MarketplaceName
    repository: str
    branch: str | None

    @property
    def ref(self) -> str:
        return f"heads/{self.branch}" if self.branch else "HEAD"


class Branch:
    """One branch on GitHub. ``source`` has the repository's present name."""

    def __init__(
        self, source: Source, *, github: GitHub, store: MirrorStore, clock: Clock, identity: Identity | None = None
    ) -> None:
        """``identity``: a head that was not known is believed of the repository that was recognised only, whatever
        has its name. Which one that is, is noted after the first pull."""
        self.source = source
        self.identity = identity
        self._github = github
        self._store = store
        self._clock = clock

    async def head(self, known: CommitId | None) -> CommitId:
        """The commit it is at. Free of charge where that is ``known``.

        Raises: as ``GitHub.head``; Denied (``repository_replaced``) where another repository has the name now.
        """
        head = await self._github.head(self.source.repository, self.source.ref, known)
        if head.renamed_to is not None:
            log.info("repository_renamed", marketplace=self.source.marketplace, repository=head.renamed_to)
            self.source = replace(self.source, repository=head.renamed_to)
            await self._store.remember(self.source.marketplace, head.renamed_to)
        if self.identity is not None and not head.unchanged and await self.identity.recall() is not None:
            await self.identity.prove(self.source.repository)
        return head.commit

    async def judge(
        self, head: CommitFact, request: Request, served: CommitId | None, refused: CommitId | None
    ) -> Believe | Doubtful:
        """Whether ``head`` may take the place of what is served. ``refused`` is a head that was believed and not published."""
        believed = {commit for commit in (served, refused) if commit is not None}

        def judge(
            relation: Relation | Literal["unknown"] | None, seen_for_s: float | None = None
        ) -> Believe | AskRelation | LookAgain:
            return judge_head(
                head.id,
                believed=believed,
                parents=head.parents,
                hinted=request.hints,
                relation=relation,
                seen_before_for_s=seen_for_s,
            )

        verdict = judge(None)
        if isinstance(verdict, Believe):
            return verdict
        relation = await self._relation(served, head.id)
        verdict = judge(relation)
        first_seen_s = now_s = self._clock.monotonic_s()
        if isinstance(verdict, LookAgain) and request.suspect is not None and await self._grew(request.suspect, head):
            first_seen_s = request.suspect.first_seen_s
            verdict = judge(relation, now_s - first_seen_s)
        if isinstance(verdict, LookAgain):
            return Doubtful(Suspect(head.id, first_seen_s), verdict.after_s)
        assert isinstance(verdict, Believe)
        return verdict

    async def _grew(self, suspect: Suspect, head: CommitFact) -> bool:
        """Whether this is what was suspected before, or grew out of it: a rewritten branch may be pushed to between two looks."""
        if suspect.commit == head.id or suspect.commit in head.parents:
            return True
        return await self._relation(suspect.commit, head.id) == "ahead"

    async def _relation(self, base: CommitId | None, head: CommitId) -> Relation | Literal["unknown"]:
        relation = None if base is None else await self._github.compare(self.source.repository, base, head)
        return relation or "unknown"
