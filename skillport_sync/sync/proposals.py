"""Owns saving through pull requests: a person's change of a skill is a branch and a pull request of its own, for people to merge.

A later save by the same person to the same skill goes on that branch. Whether one was merged or closed is asked when a webhook
says that something happened, and at every reconcile. Never merges, never deletes a branch.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from skillport_sync.access.model import Denied as NotDecided
from skillport_sync.catalog.change.wishes import Save
from skillport_sync.errors import Conflict, Missing
from skillport_sync.github.message import Message
from skillport_sync.github.writing import Committed, Protected, PullFact, Stale
from skillport_sync.ports import Entropy, MarketplaceName
from skillport_sync.store.proposals import Proposal
from skillport_sync.store.proposals import Proposals as Rows
from skillport_sync.sync.landing import Landing
from skillport_sync.sync.messages import message_of, proposal_text
from skillport_sync.sync.preparing import Preparer, Ready, Standpoint, decided, target_of
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.saves import NotAllowed, Proposed, Rehearsed, SaveOutcome, Unchanged, Wanted

log = structlog.get_logger(__name__)

PREFIX = "skillport"
_ID_BYTES = 4


class Proposals:
    """The pull requests of one marketplace."""

    def __init__(self, pull: Pull, *, landing: Landing, rows: Rows, preparer: Preparer, entropy: Entropy) -> None:
        self._pull = pull
        self._landing = landing
        self._writer = landing.writer
        self._rows = rows
        self._preparer = preparer
        self._entropy = entropy

    async def amend(self, wanted: Wanted, here: Standpoint) -> SaveOutcome | None:
        """The change, on the branch that this person has for this skill; None where they have none.

        Allowed where both the policy that is served and the branch's own allow it. Raises: as ``propose``.
        """
        found = await self._under_way(wanted)
        if found is None:
            return None
        proposal, fact = found
        there = await self._pull.read_standpoint(fact.head_commit)
        allowed = decided(here.snapshot, wanted.principal, wanted.wish, target_of(wanted, here.snapshot))
        if isinstance(allowed, NotDecided):
            return NotAllowed(allowed.because)
        existing = f"{proposal.plugin}/{proposal.skill}"
        named = existing if there.snapshot.skills_named(existing) else None
        ready = await self._preparer.prepare(replace(wanted, existing=named, base=None), there)
        if isinstance(ready, Unchanged):
            return Unchanged(fact.head_commit, proposal)
        if not isinstance(ready, Ready):
            return ready
        if wanted.dry_run:
            return Rehearsed(ready.prepared, await self._preparer.diff(ready))
        message = message_of(wanted, ready.prepared)
        committed = _committed(
            await self._landing.land(self._repository, proposal.branch, there, message, ready.edited)
        )
        # What the pull request says of itself is about all of it: from what is served to what the branch is now.
        whole = replace(ready.prepared, before=here.snapshot)
        text = proposal_text(wanted, whole)
        fact = await self._writer.pulls.update(self._repository, fact.number, body=text)
        await self._note(proposal.branch, fact, committed)
        return Proposed(ready.prepared, committed.commit, await self._row(proposal.branch), False, "it is under way")

    async def propose(
        self, wanted: Wanted, here: Standpoint, ready: Ready, message: Message, base: str, why: str
    ) -> Proposed:
        """A new branch with the change, and a pull request of it into ``base``.

        Raises: as ``GitHubWriter`` and ``land``; Conflict where the branch or the pull request cannot be made.
        """
        planned, person = ready.prepared.planned, wanted.principal
        branch = f"{PREFIX}/{planned.plugin}/{self._entropy.token_bytes(_ID_BYTES).hex()}"
        title = message.first_line
        await self._rows.begin(
            self._marketplace,
            branch,
            person=str(person.id),
            plugin=planned.plugin,
            skill=planned.skill,
            title=title,
        )
        made = await self._writer.create_branch(self._repository, branch, here.commit)
        if isinstance(made, Protected):
            raise Conflict(
                f"Branches called {PREFIX}/… are protected too ({made.said}): nothing can be proposed.",
                code="branch_protected",
            )
        committed = _committed(await self._landing.land(self._repository, branch, here, message, ready.edited))
        text = proposal_text(wanted, ready.prepared)
        fact = await self._writer.pulls.open(self._repository, head=branch, base=base, title=title, body=text)
        await self._note(branch, fact, committed)
        log.info("change_proposed", marketplace=self._marketplace, number=fact.number, branch=branch)
        return Proposed(ready.prepared, committed.commit, await self._row(branch), True, why)

    async def listed(self) -> list[Proposal]:
        """Those that are open, newest first."""
        return await self._rows.listed(self._marketplace, state="open")

    async def refresh(self) -> int:
        """Ask GitHub what became of those that are open; how many are over. Costs nothing where none is.

        Raises: as ``GitHubWriter``.
        """
        ended = 0
        open_here = await self.listed()
        if not open_here:
            return 0
        open_there = {fact.number for fact in await self._writer.pulls.listed(self._repository)}
        for proposal in open_here:
            if proposal.number in open_there or proposal.number is None:
                continue
            ended += await self._look(proposal) is None
        return ended

    async def _under_way(self, wanted: Wanted) -> tuple[Proposal, PullFact] | None:
        plugin, skill = _meant(wanted)
        proposal = await self._rows.under_way(self._marketplace, str(wanted.principal.id), plugin, skill)
        if proposal is None:
            return None
        fact = await self._look(proposal) if proposal.number is not None else await self._adopted(proposal)
        return None if fact is None else (await self._row(proposal.branch), fact)

    async def _adopted(self, proposal: Proposal) -> PullFact | None:
        """The pull request that was being opened when something went wrong, where it was opened all the same. Otherwise there is
        at most a branch that nobody looks at: the next attempt makes its own."""
        fact = await self._writer.pulls.find(self._repository, head=proposal.branch)
        if fact is None:
            await self._rows.ended(self._marketplace, proposal.branch, "closed")
            return None
        await self._rows.opened(
            self._marketplace,
            proposal.branch,
            number=fact.number,
            url=fact.url,
            commit=fact.head_commit,
            title=fact.title,
        )
        return fact

    async def _look(self, proposal: Proposal) -> PullFact | None:
        """The pull request as it is now; None where it is over, which is noted."""
        assert proposal.number is not None
        try:
            fact = await self._writer.pulls.get(self._repository, proposal.number)
        except Missing:
            await self._rows.ended(self._marketplace, proposal.branch, "closed")
            return None
        if fact.state == "open":
            return fact
        await self._rows.ended(self._marketplace, proposal.branch, fact.state)
        log.info("proposal_ended", marketplace=self._marketplace, number=fact.number, state=fact.state)
        return None

    async def _note(self, branch: str, fact: PullFact, committed: Committed) -> None:
        await self._rows.opened(
            self._marketplace, branch, number=fact.number, url=fact.url, commit=committed.commit, title=fact.title
        )

    async def _row(self, branch: str) -> Proposal:
        return next(row for row in await self._rows.listed(self._marketplace) if row.branch == branch)

    @property
    def _marketplace(self) -> MarketplaceName:
        return self._pull.source.marketplace

    @property
    def _repository(self) -> str:
        return self._pull.source.repository


def _meant(wanted: Wanted) -> tuple[str, str]:
    """Plugin and name of the skill that a change is about, whether it is there already or not."""
    if wanted.existing is not None:
        plugin, _, skill = wanted.existing.partition("/")
        return plugin, skill
    skill = wanted.wish.skill
    group = wanted.wish.group if isinstance(wanted.wish, Save) else None
    return group or skill, skill


def _committed(answer: Committed | Stale | Protected) -> Committed:
    """The commit on a proposal's branch.

    Raises: Conflict where somebody else moved it, or may only move it otherwise.
    """
    match answer:
        case Committed():
            return answer
        case Stale():
            raise Conflict("Somebody else changed this pull request just now. Try again.", code="branch_moves")
        case Protected(said):
            raise Conflict(f"The branch of this pull request is protected ({said}).", code="branch_protected")
