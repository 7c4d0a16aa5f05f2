"""Owns the operator's questions and orders, answered in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial

from skillport_sync import __version__
from skillport_sync.access.model import PrincipalId
from skillport_sync.current import Current
from skillport_sync.errors import Invalid, Missing
from skillport_sync.lint.reporting import lint_published
from skillport_sync.operations import api_tokens, auditing, explaining, reaching_github, sessions, status, using
from skillport_sync.operations.auditing import OperatorTrail
from skillport_sync.operations.mirrored import Mirrored, chosen
from skillport_sync.operations.rows import delivery_row, publication_row
from skillport_sync.ports import Clock, Entropy, MarketplaceName
from skillport_sync.publication import Publication
from skillport_sync.reports import (
    AuditRequest,
    AuditRow,
    DatabaseSize,
    ExplainReport,
    ExplainRequest,
    GitHubAccess,
    LintReport,
    MarketplaceAccess,
    NewToken,
    Progress,
    PublicationRow,
    PullReport,
    RateStatus,
    ReconcileOptions,
    RevokedSessions,
    RevokeRequest,
    RollbackRequest,
    SessionRow,
    StatusReport,
    TokenRequest,
    TokenRow,
    UsageRequest,
    UsageRow,
)
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.sync.healing import Healer
from skillport_sync.sync.loop import Order

DELIVERIES_SHOWN = 20

Pulling = Callable[[Callable[[Progress], None]], Coroutine[object, object, PullReport]]
"""Something that pulls, telling its progress meanwhile."""


class LocalOperator:
    """What may be asked of a mirror whose parts are here."""

    def __init__(
        self,
        *,
        marketplaces: Mapping[MarketplaceName, Mirrored],
        mirror: MirrorStore,
        state: StateStore,
        current: Current,
        clock: Clock,
        entropy: Entropy,
        running_since: datetime | None,
        next_reconcile_at: Callable[[], datetime | None],
        healers: Mapping[MarketplaceName, Healer],
        counts_usage: bool = True,
    ) -> None:
        """``running_since`` is None where no service runs and the files were opened for one command."""
        self._marketplaces = marketplaces
        self._mirror = mirror
        self._state = state
        self._current = current
        self._clock = clock
        self._entropy = entropy
        self._running_since = running_since
        self._next_reconcile_at = next_reconcile_at
        self._healers = healers
        self._counts_usage = counts_usage
        self._trail = OperatorTrail(state.audit, clock)

    # --- what is ---------------------------------------------------------------------------------------------------------

    async def status(self) -> StatusReport:
        sizes = {"mirror.db": await self._mirror.size(), "state.db": await self._state.size()}
        rates = [rate for mirrored in self._marketplaces.values() if (rate := mirrored.github.rate) is not None]
        lowest = min(rates, key=lambda rate: rate.remaining, default=None)
        deliveries = await self._state.recent_deliveries(DELIVERIES_SHOWN)
        marketplaces = [
            await status.take(
                mirrored,
                mirror=self._mirror,
                state=self._state,
                current=self._current,
                next_reconcile_at=self._next_reconcile_at(),
            )
            for mirrored in self._marketplaces.values()
        ]
        return StatusReport(
            at=self._clock.now(),
            version=__version__,
            running=self._running_since is not None,
            marketplaces=tuple(marketplaces),
            deliveries=tuple(map(delivery_row, deliveries)),
            rate=None
            if lowest is None
            else RateStatus(lowest.limit, lowest.remaining, lowest.reset_at, lowest.resource),
            databases=tuple(DatabaseSize(name, size.file_bytes + size.wal_bytes) for name, size in sizes.items()),
            started_at=self._running_since,
        )

    async def publications(self, marketplace: str | None, limit: int) -> list[PublicationRow]:
        """The latest publications, newest first, of one marketplace or of all."""
        rows: list[Publication] = []
        pins = set()
        for mirrored in self._chosen(marketplace):
            rows += await self._mirror.publications(mirrored.name, limit)
            if (pin := await self._state.pinned(mirrored.name)) is not None:
                pins.add((mirrored.name, pin.commit))
        served = {published.publication.id for published in self._current.get().values()}
        rows.sort(key=lambda row: (row.published_at, row.id), reverse=True)
        return [
            publication_row(row, current=row.id in served, pinned=(row.marketplace, row.commit) in pins)
            for row in rows[:limit]
        ]

    async def explain(self, request: ExplainRequest) -> ExplainReport:
        """What a person sees and may do in one marketplace or in all, as each one's access.json that is served says it.

        Raises:
            Invalid: there is no such marketplace. Missing: no skill is called what was asked for.
        """
        signed_in = await self._state.people.find(PrincipalId(request.principal_id))
        principal, person = explaining.person_of(request, signed_in, self._state.tokens.list(), self._clock.now())
        label, marketplace = request.skill, request.marketplace
        if label is not None:
            label, marketplace = self._located(label.strip().strip("/"), marketplace)
        names = [mirrored.name for mirrored in self._chosen(marketplace)]
        published = self._current.get()

        def account() -> list[MarketplaceAccess]:
            return [explaining.access_of(name, published.get(name), principal, label) for name in names]

        accesses = await asyncio.to_thread(account)
        if label is not None:
            accesses = [access for access in accesses if access.skills]
            if not accesses:
                asked = (request.skill or label).strip()
                raise explaining.unknown(asked, [published[name] for name in names if name in published])
        return ExplainReport(person, tuple(accesses), request.skill)

    def _located(self, label: str, marketplace: str | None) -> tuple[str, str | None]:
        """``name@marketplace`` in its parts, where that is one of ours and no other was named."""
        bare, at, named = label.rpartition("@")
        if at and bare and named in self._marketplaces and marketplace in (None, named):
            return bare, named
        return label, marketplace

    async def lint(self, marketplace: str | None) -> LintReport:
        """What is wrong with what is published of a marketplace; without a name, of the only one there is.

        Raises:
            Invalid: there are several, or none of this name. Missing: nothing of it is published.
        """
        wanted = self._chosen(marketplace)
        if len(wanted) > 1:
            raise Invalid(f"there are several marketplaces; say which: {_which(wanted)}")
        name = wanted[0].name
        published = self._current.get().get(name)
        if published is None:
            raise Missing(f"nothing of {name} is published yet; `skillport-sync status` says why", code="not_published")
        unbumped = [(each.plugin, each.directory) for each in await self._mirror.changed_without_bump(name)]

        def look() -> LintReport:
            with self._mirror.reading() as contents:
                return lint_published(published.snapshot, contents, unbumped)

        return await asyncio.to_thread(look)

    async def github(self) -> list[GitHubAccess]:
        """Whether each marketplace's repository can be read now. Asks GitHub."""
        return [await reaching_github.look(mirrored) for mirrored in self._marketplaces.values()]

    # --- what shall be ---------------------------------------------------------------------------------------------------

    async def reconcile(self, options: ReconcileOptions) -> AsyncGenerator[Progress | PullReport, None]:
        """Pull now, one marketplace after the other: progress as it comes, then each one's report.

        Whoever stops listening does not stop the pull: it goes on and is published.
        """
        order = Order(
            verify=options.verify,
            full=options.full,
            dry_run=options.dry_run,
            confirm=options.confirm,
        )
        for mirrored in self._chosen(options.marketplace):
            if options.confirm is not None:
                await self._trail.note("reconcile --confirm", marketplace=mirrored.name, detail=options.confirm)
            healer = self._healers[mirrored.name]
            if not options.dry_run:
                healer.ask(redeliver=options.redeliver)
            async with aclosing(_told(partial(mirrored.loop.order, order))) as events:
                async for event in events:
                    if isinstance(event, PullReport) and options.redeliver and not options.dry_run:
                        yield replace(event, redelivered=healer.redelivered)
                    else:
                        yield event

    async def rollback(self, request: RollbackRequest) -> PullReport:
        """Serve an earlier publication of one marketplace, and stay there until resumed.

        Raises:
            Missing: no publication that is kept has this commit. Invalid: there is no such marketplace, or several fit.
        """
        holding = [
            mirrored
            for mirrored in self._chosen(request.marketplace)
            if await self._mirror.find_publications(mirrored.name, request.commit)
        ]
        if not holding:
            of = f" of {request.marketplace}" if request.marketplace is not None else ""
            raise Missing(
                f"no publication{of} that is kept has commit {request.commit}; `skillport-sync publications` lists them",
                code="unknown_commit",
            )
        if len(holding) > 1:
            raise Invalid(f"several marketplaces have published {request.commit}; say which: {_which(holding)}")
        mirrored = holding[0]
        report = await mirrored.loop.rollback(request.commit, request.reason)
        # To be held is what was asked for.
        outcome = "ok" if report.is_in_step or report.outcome == "held" else report.outcome
        pin = await self._state.pinned(mirrored.name)
        commit = pin.commit if pin is not None else None
        await self._trail.note("rollback", outcome, marketplace=mirrored.name, commit=commit, detail=request.reason)
        return report

    async def resume(self, marketplace: str | None) -> AsyncGenerator[Progress | PullReport, None]:
        """Follow the branch again: each marketplace that was rolled back pulls, and tells as ``reconcile`` does."""
        for mirrored in self._chosen(marketplace):
            if (pin := await self._state.pinned(mirrored.name)) is not None:
                # Before: whoever stops listening does not stop it.
                await self._trail.note("resume", marketplace=mirrored.name, commit=pin.commit)
                async with aclosing(_told(mirrored.loop.resume)) as events:
                    async for event in events:
                        yield event

    def _chosen(self, marketplace: str | None) -> Sequence[Mirrored]:
        return chosen(self._marketplaces, marketplace)

    # --- API tokens ------------------------------------------------------------------------------------------------------

    async def create_token(self, request: TokenRequest) -> NewToken:
        """Make a token. It is told this once and kept as a hash."""
        return await api_tokens.create(self._state, request, self._clock, self._entropy, self._trail)

    async def list_tokens(self) -> list[TokenRow]:
        """Every token there is or was, oldest first; of those that people made for themselves, all that are not over."""
        return await api_tokens.listed(self._state)

    async def revoke_token(self, token_id: str) -> bool:
        """Make a token worthless, on every surface, at once, and with it what was asked for with it: tokens and links. False when
        it was already.

        Raises:
            Missing: there is no such token.
        """
        return await api_tokens.revoke(self._state, token_id, self._trail)

    # --- people who signed in, and what anybody did ------------------------------------------------------------------------

    async def sessions(self, user: str | None) -> list[SessionRow]:
        """Who is connected through which client: of one person or of all, the last used first."""
        return await sessions.listed(self._state, user)

    async def revoke_sessions(self, request: RevokeRequest) -> RevokedSessions:
        """End every session of one person, on every surface, at once, with the tokens they made for themselves and the links they
        asked for. API tokens that an operator made for them are named and stay.

        Raises:
            Missing: nobody of this id ever signed in, and no API token speaks for them.
        """
        return await sessions.revoke(self._state, request, self._clock, self._trail)

    def audit(self, request: AuditRequest) -> AsyncGenerator[Sequence[AuditRow], None]:
        """What happened, in that order, some at a time.

        Raises:
            Invalid: there is no such action.
        """
        return auditing.told(self._state.audit, request)

    def usage(self, request: UsageRequest) -> AsyncGenerator[Sequence[UsageRow], None]:
        """How often which version of a skill was used, the most used first, some at a time.

        Raises:
            Denied: the configuration says that usage is not counted.
        """
        return using.told(self._state, self._mirror, request, enabled=self._counts_usage)


def _which(several: Sequence[Mirrored]) -> str:
    return " or ".join(f"--marketplace {mirrored.name}" for mirrored in several)


async def _told(pull: Pulling) -> AsyncGenerator[Progress | PullReport, None]:
    """The progress of a pull as it comes, then its report. Closed early, it leaves the pull to itself."""
    events: asyncio.Queue[Progress | None] = asyncio.Queue()
    pulling = asyncio.ensure_future(pull(events.put_nowait))
    pulling.add_done_callback(lambda _done: events.put_nowait(None))
    try:
        while (event := await events.get()) is not None:
            yield event
        yield pulling.result()
    finally:
        pulling.cancel()
