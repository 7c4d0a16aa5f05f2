"""Owns the account of usage: the counts of the audit by commit, put together by version. Never content."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from skillport_sync.errors import Denied
from skillport_sync.reports import UsageRequest, UsageRow
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.store.usage_rows import ServedSkill, Used

ROWS_AT_ONCE: Final = 100


async def told(
    state: StateStore, mirror: MirrorStore, request: UsageRequest, *, enabled: bool
) -> AsyncGenerator[Sequence[UsageRow], None]:
    """What was used, the most used first, some at a time.

    Raises:
        Denied: the configuration says that usage is not counted.
    """
    if not enabled:
        raise Denied("usage is not counted here: [usage] enabled is false in the configuration", code="usage_off")
    used = await state.audit.usage(since=request.since, by_person=request.by_person)
    versions = await mirror.versions_served({_served(each) for each in used})
    rows = by_version(used, versions)
    for at in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[at : at + ROWS_AT_ONCE]


def by_version(used: Iterable[Used], versions: Mapping[ServedSkill, str]) -> list[UsageRow]:
    """One row for each version, and person, of a skill, whatever the commits that had it; the most used first."""
    rows: dict[tuple[str, str, str | None, str | None], UsageRow] = {}
    for each in used:
        version = versions.get(_served(each))
        key = (each.marketplace, each.skill, version, each.person)
        new = UsageRow(
            each.marketplace, each.skill, version, each.reads, each.installs, each.last_at, principal_id=each.person
        )
        known = rows.get(key)
        rows[key] = new if known is None else _together(known, new)
    return sorted(rows.values(), key=_most_used_first)


def _together(one: UsageRow, other: UsageRow) -> UsageRow:
    return replace(
        one,
        reads=one.reads + other.reads,
        installs=one.installs + other.installs,
        last_at=max(one.last_at, other.last_at),
    )


def _most_used_first(row: UsageRow) -> tuple[int, str, str, str, str]:
    return -(row.reads + row.installs), row.marketplace, row.skill, row.version or "", row.principal_id or ""


def _served(used: Used) -> ServedSkill:
    return ServedSkill(used.marketplace, used.commit, used.skill)
