"""Owns the turning of what is stored into the rows of reports. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from skillport_sync.catalog.model import OWN_SOURCE, Problem, Severity
from skillport_sync.publication import Publication
from skillport_sync.reports import DeliveryRow, ProblemRow, PublicationRow, TokenRow
from skillport_sync.snapshot import SourceState
from skillport_sync.store.ledger import LedgerEntry
from skillport_sync.store.tokens import TokenRow as KeptToken

_SEVERITIES = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def problem_rows(problems: Sequence[Problem], sources: Sequence[SourceState], limit: int) -> tuple[ProblemRow, ...]:
    """The worst first, among equals as they were; those of other repositories say of which."""
    names = {state.key: state.repository for state in sources}
    worst = sorted(problems, key=lambda problem: _SEVERITIES[problem.severity])[:limit]
    return tuple(
        ProblemRow(
            problem.path,
            problem.code,
            problem.severity.value,
            problem.message,
            problem.line,
            None if problem.source == OWN_SOURCE else names.get(problem.source) or problem.source.rpartition("@")[0],
        )
        for problem in worst
    )


def publication_row(publication: Publication, *, current: bool, pinned: bool) -> PublicationRow:
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
        pinned=current and pinned,
    )


def delivery_row(entry: LedgerEntry) -> DeliveryRow:
    facts = entry.delivery
    several = len(entry.settlements) > 1
    failures = [f"{each.marketplace}: {each.error}" for each in entry.settlements if each.error]
    return DeliveryRow(
        guid=facts.guid,
        event=facts.event,
        received_at=entry.received_at,
        state=entry.state,
        action=facts.action,
        repository=facts.repository,
        note=("; ".join(failures) or None) if several else entry.error,
        marketplaces=entry.marketplaces,
    )


def token_row(row: KeptToken) -> TokenRow:
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
        purpose=row.purpose,
        read_only=row.read_only,
        client_id=row.client_id,
    )
