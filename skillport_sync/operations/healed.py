"""Owns the turning of what healing found into the words of status. Pure."""

from __future__ import annotations

from skillport_sync.reports.status import HealingStatus, LostDelivery, NoticedPush, StateRow
from skillport_sync.store.healing import GapRow, Seen
from skillport_sync.sync.conditions import LOST, MEANINGS, Condition, said
from skillport_sync.sync.missed import FORCED, why

DELIVERIES_SHOWN = 10
PUSHES_SHOWN = 10


def healing_status(seen: Seen) -> HealingStatus | None:
    """None where nobody has looked yet."""
    if seen.looked_at is None:
        return None
    lost_since = next((row.since for row in seen.conditions if row.code == LOST), None)
    return HealingStatus(
        looked_at=seen.looked_at,
        states=tuple(
            StateRow(
                row.code,
                said(Condition(row.code, row.detail)),
                MEANINGS[row.code].remedy,
                MEANINGS[row.code].severity,
                row.since,
            )
            for row in seen.conditions
            if row.code != LOST and row.code in MEANINGS
        ),
        lost_since=lost_since,
        lost_count=seen.lost,
        deliveries=tuple(
            LostDelivery(gap.guid, gap.event, gap.at, why(gap), _state(gap), gap.action)
            for gap in seen.gaps[:DELIVERIES_SHOWN]
        ),
        pushes=tuple(
            NoticedPush(push.at, push.after, push.missed, push.kind == FORCED, push.actor)
            for push in seen.pushes[:PUSHES_SHOWN]
        ),
    )


def _state(gap: GapRow) -> str:
    if gap.arrived:
        return "arrived"
    return "lost" if gap.redelivered_at is None else "asked again"
