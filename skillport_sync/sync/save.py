"""Owns saving: one change, decided, planned and looked at, becomes one commit or nothing, and is served when this returns.

What is decided counts for the commit it lands on: the branch moves from exactly the commit whose policy allowed it, or the whole
is done again. The commit is published by the marketplace's own loop, from what is known already, without asking GitHub again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

import structlog

from skillport_sync.errors import Conflict, Denied, Unavailable
from skillport_sync.github.client import GitHub
from skillport_sync.github.writing import Committed, Protected, Stale
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import Progress
from skillport_sync.spans import noted, span
from skillport_sync.store.state import StateStore
from skillport_sync.sync.clashes import Clashes
from skillport_sync.sync.landing import Landing
from skillport_sync.sync.loop import Loop, Order
from skillport_sync.sync.messages import message_of
from skillport_sync.sync.outcomes import Landed
from skillport_sync.sync.preparing import Preparer, Ready, Standpoint, target_of
from skillport_sync.sync.proposals import Proposals
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.saves import CannotWrite, Rehearsed, Saved, SaveOutcome, Wanted

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""So often a branch that moved meanwhile is followed before whoever saves is told to try again."""

WriteMode = Literal["commit", "pull_request"]

READ_ONLY = CannotWrite(
    "read_only",
    "This service only reads: an operator has to give it a credential that may write (write_token_file, or write = true for a "
    "GitHub App).",
)


class Saver:
    """Saves to one marketplace, one at a time."""

    def __init__(
        self,
        pull: Pull,
        loop: Loop,
        *,
        github: GitHub,
        landing: Landing | None,
        state: StateStore,
        preparer: Preparer,
        clashes: Clashes,
        proposals: Proposals | None,
        mode: WriteMode = "commit",
    ) -> None:
        """``landing`` None: nothing can be saved. ``proposals`` open pull requests; they are there where it is."""
        self._pull = pull
        self._loop = loop
        self._github = github
        self._landing = landing
        self._state = state
        self._preparer = preparer
        self._clashes = clashes
        self._proposals = proposals
        self._mode = mode
        self._turn = asyncio.Lock()
        self._default_branch: str | None = None

    @property
    def cannot_write(self) -> CannotWrite | None:
        """Why nothing can be saved here: no credential for writing (``read_only``). None: it can."""
        return READ_ONLY if self._landing is None else None

    async def save(self, wanted: Wanted) -> SaveOutcome:
        """Do it, or say why not.

        Raises:
            Denied: ``read_only``, ``rolled_back``, or GitHub refuses: a permission that is named, an archived repository.
            Conflict: ``branch_moves`` (three times), ``head_not_published``. Nothing was changed.
            Unavailable: GitHub or the disk cannot be used now. Nothing was changed, unless the code is ``write_unanswered``.
        """
        if self._landing is None or self._proposals is None:
            raise Denied(READ_ONLY.message, code=READ_ONLY.code)
        # One after the other: GitHub would refuse the second of two that start from one commit, and asks for one at a time.
        # https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
        async with self._turn:
            with span("skillport.save", marketplace=self._marketplace, rehearsal=wanted.dry_run):
                outcome = await self._save(self._landing, self._proposals, wanted)
                noted(outcome=type(outcome).__name__.lower())
                return outcome

    async def _save(self, landing: Landing, proposals: Proposals, wanted: Wanted) -> SaveOutcome:
        await self._refuse_when_rolled_back()
        for _ in range(ATTEMPTS):
            here = self._here()
            clash = await self._clashes.clash(wanted, here)
            if clash is not None:
                return clash
            proposed = await proposals.amend(wanted, here)
            if proposed is not None:
                return proposed
            ready = await self._preparer.prepare(wanted, here)
            if not isinstance(ready, Ready):
                return ready
            if wanted.dry_run:
                return Rehearsed(ready.prepared, await self._preparer.diff(ready))
            message = message_of(wanted, ready.prepared)
            branch = await self._branch()
            if self._mode == "pull_request":
                return await proposals.propose(wanted, here, ready, message, branch, "configured: write_mode")
            committed = await landing.land(self._repository, branch, here, message, ready.edited)
            match committed:
                case Committed():
                    return await self._served(here, ready, committed)
                case Protected(said):
                    log.info("branch_protected", marketplace=self._marketplace, branch=branch, said=said)
                    return await proposals.propose(wanted, here, ready, message, branch, f"{branch} is protected")
                case Stale():
                    wanted = await self._follow(wanted, here)
        raise Conflict(
            f"The branch moved {ATTEMPTS} times while this was being saved. Nothing was changed; try again.",
            code="branch_moves",
        )

    def _here(self) -> Standpoint:
        here = self._pull.standpoint
        if here is None:
            raise Unavailable("Nothing is published yet, so nothing can be changed.", code="nothing_published")
        return here

    async def _follow(self, wanted: Wanted, here: Standpoint) -> Wanted:
        """The branch moved: serve what it is now. What this person started from stays what their skill was."""
        report = await self._loop.order(Order(cause="save"), _ignore)
        if self._pull.refused is not None:
            raise Conflict(
                f"The branch is at a commit that is not published ({report.reason or report.outcome}): nobody can say who may "
                "write to it. Mend it in the repository first. Nothing was changed.",
                code="head_not_published",
            )
        target = target_of(wanted, here.snapshot)
        return wanted if wanted.base is not None or target is None else replace(wanted, base=target.revision)

    async def _served(self, here: Standpoint, ready: Ready, committed: Committed) -> Saved:
        """The commit is on the branch: have it published."""
        landed = None
        if committed.tree == ready.edited.listing.root:
            landed = Landed(committed.commit, here.commit, ready.edited.listing, ready.facts)
        else:
            log.warning("commit_unlike", marketplace=self._marketplace, commit=committed.commit, tree=committed.tree)
        report = await self._loop.order(Order(cause="save", landed=landed), _ignore)
        published = self._pull.published
        log.info(
            "change_saved",
            marketplace=self._marketplace,
            commit=committed.commit,
            plugin=ready.prepared.planned.plugin,
            skill=ready.prepared.planned.skill,
            files=len(ready.prepared.files),
        )
        if published is None or published.publication.commit == here.commit:
            return Saved(ready.prepared, committed.commit, None, report.reason or report.outcome)
        return Saved(ready.prepared, committed.commit, published.publication.id)

    async def _refuse_when_rolled_back(self) -> None:
        pin = await self._state.pinned(self._marketplace)
        if pin is not None:
            raise Denied(
                f"An operator rolled back to {pin.commit[:12]}, and the branch is not followed: nothing can be changed until "
                "`skillport-sync resume`.",
                code="rolled_back",
            )

    async def _branch(self) -> str:
        """The branch that is written to, by its name."""
        configured = self._pull.source.branch
        if configured is not None:
            return configured
        if self._default_branch is None:
            self._default_branch = (await self._github.repository(self._repository)).default_branch
        return self._default_branch

    @property
    def _marketplace(self) -> MarketplaceName:
        return self._pull.source.marketplace

    @property
    def _repository(self) -> str:
        return self._pull.source.repository


def _ignore(_progress: Progress) -> None:
    pass
