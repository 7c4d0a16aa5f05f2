"""Owns the taking of one marketplace's status: what is served, whether it follows its branch, what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.current import Current
from skillport_sync.operations.healed import healing_status
from skillport_sync.operations.mirrored import Mirrored
from skillport_sync.operations.rows import problem_rows
from skillport_sync.publication import Publication, Published
from skillport_sync.reports import LastPull, MarketplaceStatus, PinStatus, RepositoryFacts, SourceStatus
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.pins import Pin
from skillport_sync.store.state import StateStore
from skillport_sync.sync.loop import Last
from skillport_sync.sync.sources import Trouble

PROBLEMS_SHOWN = 20
UNBUMPED_SHOWN = 20
HISTORY_OF_A_PIN = 1000
"""How many publications are looked through for the one that is pinned."""


async def take(
    mirrored: Mirrored,
    *,
    mirror: MirrorStore,
    state: StateStore,
    current: Current,
    next_reconcile_at: datetime | None,
) -> MarketplaceStatus:
    name = mirrored.name
    owed = await state.owed(name)
    facts = await state.repository_facts(name)
    pin = await state.pinned(name)
    last = mirrored.loop.last
    published = current.get().get(name)
    common = MarketplaceStatus(
        name=name,
        repository=mirrored.loop.source.repository,
        branch=mirrored.branch,
        last_pull=None if last is None else _last_pull(last),
        pulls_owed=owed.want - owed.done,
        next_reconcile_at=next_reconcile_at,
        facts=RepositoryFacts(
            facts.default_branch,
            None if facts.visibility is None else facts.visibility != "public",
            facts.archived,
        ),
        pin=None if pin is None else _pin(pin, last, await mirror.publications(name, HISTORY_OF_A_PIN)),
        healing=healing_status(await state.healing.seen(name)),
    )
    if published is None:
        return common
    snapshot = published.snapshot
    unbumped = await mirror.changed_without_bump(name)
    return replace(
        common,
        commit=published.publication.commit,
        published_at=published.publication.published_at,
        publication=published.publication.id,
        age_s=current.age_s(name),
        stale=current.is_stale(name),
        skills=published.publication.skills,
        files=published.publication.files,
        problem_count=len(snapshot.problems),
        problems=problem_rows(snapshot.problems, snapshot.sources, PROBLEMS_SHOWN),
        sources=_sources(published, mirrored.loop.source_troubles),
        quarantined=len(snapshot.catalog.withheld),
        unbumped_count=len(unbumped),
        unbumped=tuple(f"{each.plugin}/{each.name}" for each in unbumped[:UNBUMPED_SHOWN]),
        title=snapshot.catalog.title,
    )


def _last_pull(last: Last) -> LastPull:
    report = last.report
    return LastPull(
        report.outcome, last.at, report.duration_s, report.reason, report.after, report.removed, report.would_remove
    )


def _pin(pin: Pin, last: Last | None, history: Sequence[Publication]) -> PinStatus:
    return PinStatus(
        pin.commit,
        pin.reason,
        pin.at,
        head=last.report.after if last is not None and last.code == "rolled_back" else None,
        ahead=_publications_after(pin, history),
    )


def _publications_after(pin: Pin, history: Sequence[Publication]) -> int | None:
    """How many were published after the pinned commit was; rollbacks published nothing new."""
    commits = [publication.commit for publication in history if publication.cause != "rollback"]
    return commits.index(pin.commit) if pin.commit in commits else None


def _sources(published: Published, troubles: Sequence[Trouble]) -> tuple[SourceStatus, ...]:
    """Every other repository that is published or wished for, by key."""
    reasons = {trouble.wish.key: trouble for trouble in troubles}
    found = {
        state.key: SourceStatus(state.repository, _followed(state.key), state.commit)
        for state in published.snapshot.sources
        if state.key != OWN_SOURCE
    }
    for key, trouble in reasons.items():
        known = found.get(key, SourceStatus(trouble.wish.repository, _followed(key)))
        found[key] = replace(known, trouble=trouble.message)
    return tuple(found[key] for key in sorted(found))


def _followed(key: str) -> str:
    return key.rpartition("@")[2]
