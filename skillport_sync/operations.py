"""Owns what an operator may ask of a mirror: the same answers whether a service runs or the files were opened for one command.

Asks the parts and words their answers as reports. Never prints; never decides who may ask: the control socket's file mode and
the data directory's lock do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from skillport_sync import __version__
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.catalog.model import Problem, Severity
from skillport_sync.current import Current
from skillport_sync.errors import Invalid, Missing
from skillport_sync.github.client import GitHub
from skillport_sync.ports import Clock, Entropy, MarketplaceName
from skillport_sync.publication import Publication
from skillport_sync.reports import (
    DatabaseSize,
    DeliveryRow,
    LastPull,
    MarketplaceStatus,
    NewToken,
    ProblemRow,
    Progress,
    PublicationRow,
    PullReport,
    RateStatus,
    ReconcileOptions,
    RepositoryFacts,
    StatusReport,
    TokenRequest,
    TokenRow,
)
from skillport_sync.store.ledger import LedgerEntry
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.store.tokens import TokenRow as KeptToken
from skillport_sync.sync.loop import Loop, Order
from skillport_sync.tokens import TokenHash, hash_of, mint

PROBLEMS_SHOWN = 20
DELIVERIES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One marketplace's moving parts."""

    name: MarketplaceName
    branch: str | None
    """As configured; None follows the repository's default branch."""
    github: GitHub
    loop: Loop


class LocalOperator:
    """The operator's questions, answered in this process."""

    def __init__(
        self,
        *,
        marketplaces: Mapping[MarketplaceName, Mirrored],
        mirror: MirrorStore,
        state: StateStore,
        current: Current,
        clock: Clock,
        entropy: Entropy,
        on_revoked: Callable[[TokenHash], None],
        running_since: datetime | None,
        next_reconcile_at: Callable[[], datetime | None],
    ) -> None:
        """``running_since`` is None where no service runs and the files were opened for one command; ``on_revoked`` is told
        of each revoked token at once, so that nothing remembers it."""
        self._marketplaces = marketplaces
        self._mirror = mirror
        self._state = state
        self._current = current
        self._clock = clock
        self._entropy = entropy
        self._on_revoked = on_revoked
        self._running_since = running_since
        self._next_reconcile_at = next_reconcile_at

    # --- mirror ----------------------------------------------------------------------------------------------------------

    async def status(self) -> StatusReport:
        sizes = {"mirror.db": await self._mirror.size(), "state.db": await self._state.size()}
        rates = [rate for mirrored in self._marketplaces.values() if (rate := mirrored.github.rate) is not None]
        lowest = min(rates, key=lambda rate: rate.remaining, default=None)
        deliveries = await self._state.recent_deliveries(DELIVERIES_SHOWN)
        return StatusReport(
            at=self._clock.now(),
            version=__version__,
            running=self._running_since is not None,
            marketplaces=tuple([await self._marketplace(mirrored) for mirrored in self._marketplaces.values()]),
            deliveries=tuple(map(_delivery_row, deliveries)),
            rate=None
            if lowest is None
            else RateStatus(lowest.limit, lowest.remaining, lowest.reset_at, lowest.resource),
            databases=tuple(DatabaseSize(name, size.file_bytes + size.wal_bytes) for name, size in sizes.items()),
            started_at=self._running_since,
        )

    async def _marketplace(self, mirrored: Mirrored) -> MarketplaceStatus:
        name = mirrored.name
        owed = await self._state.owed(name)
        last = mirrored.loop.last
        facts = await self._state.repository_facts(name)
        published = self._current.get().get(name)
        common = MarketplaceStatus(
            name=name,
            repository=mirrored.loop.source.repository,
            branch=mirrored.branch,
            last_pull=None
            if last is None
            else LastPull(last.report.outcome, last.at, last.report.duration_s, last.report.reason),
            pulls_owed=owed.want - owed.done,
            next_reconcile_at=self._next_reconcile_at(),
            facts=RepositoryFacts(
                facts.default_branch,
                None if facts.visibility is None else facts.visibility != "public",
                facts.archived,
            ),
        )
        if published is None:
            return common
        problems = published.snapshot.problems
        return replace(
            common,
            commit=published.publication.commit,
            published_at=published.publication.published_at,
            publication=published.publication.id,
            age_s=self._current.age_s(name),
            stale=self._current.is_stale(name),
            skills=published.publication.skills,
            files=published.publication.files,
            problem_count=len(problems),
            problems=tuple(_row(problem) for problem in by_severity(problems)[:PROBLEMS_SHOWN]),
        )

    async def publications(self, marketplace: str | None, limit: int) -> list[PublicationRow]:
        """The latest publications, newest first, of one marketplace or of all."""
        rows: list[Publication] = []
        for mirrored in self._chosen(marketplace):
            rows += await self._mirror.publications(mirrored.name, limit)
        served = {published.publication.id for published in self._current.get().values()}
        rows.sort(key=lambda row: (row.published_at, row.id), reverse=True)
        return [_publication_row(row, row.id in served) for row in rows[:limit]]

    async def reconcile(self, options: ReconcileOptions) -> AsyncIterator[Progress | PullReport]:
        """Pull now, one marketplace after the other: progress as it comes, then each one's report.

        Whoever stops listening does not stop the pull: it goes on and is published.
        """
        order = Order(verify=options.verify, full=options.full, dry_run=options.dry_run)
        for mirrored in self._chosen(options.marketplace):
            events: asyncio.Queue[Progress | None] = asyncio.Queue()
            pulling = asyncio.ensure_future(mirrored.loop.order(order, events.put_nowait))
            pulling.add_done_callback(lambda _done, events=events: events.put_nowait(None))  # type: ignore[misc]
            try:
                while (event := await events.get()) is not None:
                    yield event
                yield pulling.result()
            finally:
                pulling.cancel()

    def _chosen(self, marketplace: str | None) -> Sequence[Mirrored]:
        if marketplace is None:
            return list(self._marketplaces.values())
        chosen = self._marketplaces.get(MarketplaceName(marketplace))
        if chosen is None:
            known = ", ".join(sorted(self._marketplaces))
            raise Invalid(f"there is no marketplace named {marketplace}; the configuration has {known}")
        return [chosen]

    # --- API tokens ------------------------------------------------------------------------------------------------------

    async def create_token(self, request: TokenRequest) -> NewToken:
        """Make a token. It is told this once and kept as a hash."""
        token = mint(self._entropy)
        principal = Principal(PrincipalId(request.principal_id), request.name, request.email, frozenset(request.groups))
        expires_at = None
        if request.expires_in_days is not None:
            expires_at = self._clock.now() + timedelta(days=request.expires_in_days)
        made = await self._state.tokens.create(hash_of(token), principal, request.label, expires_at)
        return NewToken(token, _token_row(made))

    async def list_tokens(self) -> list[TokenRow]:
        """Every token there is or was, oldest first."""
        return [_token_row(row) for row in self._state.tokens.list()]

    async def revoke_token(self, token_id: str) -> bool:
        """Make a token worthless, on every surface, at once. False when it was already.

        Raises:
            Missing: there is no such token.
        """
        row = next((row for row in self._state.tokens.list() if str(row.id) == token_id), None)
        if row is None:
            raise Missing(f"there is no token {token_id}; `skillport-sync token list` shows them")
        revoked = await self._state.tokens.revoke(row.id)
        self._on_revoked(TokenHash(row.token_sha256))
        return revoked


_SEVERITIES = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def by_severity(problems: Sequence[Problem]) -> list[Problem]:
    """The worst first; among equals as they were."""
    return sorted(problems, key=lambda problem: _SEVERITIES[problem.severity])


def _row(problem: Problem) -> ProblemRow:
    return ProblemRow(problem.path, problem.code, problem.severity.value, problem.message, problem.line)


def _publication_row(publication: Publication, current: bool) -> PublicationRow:
    changes = publication.changes
    return PublicationRow(
        id=publication.id,
        marketplace=publication.marketplace,
        repository=publication.repository,
        commit=publication.commit,
        published_at=publication.published_at,
        cause=publication.cause,
        files=publication.files,
        skills=publication.skills,
        added=changes.added,
        changed=changes.changed,
        removed=changes.removed,
        current=current,
    )


def _delivery_row(entry: LedgerEntry) -> DeliveryRow:
    facts = entry.delivery
    return DeliveryRow(
        facts.guid, facts.event, entry.received_at, entry.state, facts.action, facts.repository, entry.error
    )


def _token_row(row: KeptToken) -> TokenRow:
    principal = row.principal
    return TokenRow(
        id=str(row.id),
        principal_id=principal.id,
        label=row.label,
        created_at=row.created_at,
        name=principal.name,
        email=principal.email,
        groups=tuple(sorted(principal.groups)),
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
