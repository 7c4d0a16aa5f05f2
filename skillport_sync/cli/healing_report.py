"""Owns how status words what healing found: what is the matter with a repository and its webhook, what was lost. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from skillport_sync.cli.screen import Cell, Tone
from skillport_sync.cli.wording import ago, commit, count
from skillport_sync.reports.status import HealingStatus

DELIVERIES_SHOWN: Final = 3
PUSHES_SHOWN: Final = 3
_TONES: Final[dict[str, Tone]] = {"failed": "bad", "warning": "warn", "info": ""}

Rows = list[tuple[str, Cell]]


def looked_after(found: HealingStatus | None, now: datetime) -> Rows:
    """Nothing where all is well."""
    return [] if found is None else [*_states(found, now), *_deliveries(found, now), *_pushes(found, now)]


def _states(found: HealingStatus, now: datetime) -> Rows:
    """What works all the same is only ``to know``."""
    rows: Rows = []
    told = ""
    for state in sorted(found.states, key=lambda state: state.severity == "info"):
        is_well = state.severity == "info"
        label, since = ("to know", "") if is_well else ("to mend", f", since {ago(state.since, now)}")
        rows.append(
            (label if label != told else "", Cell(f"{state.said} ({state.code}){since}", _TONES[state.severity]))
        )
        rows.append(("", Cell(f"→ {state.to_do}", "" if is_well else "strong")))
        told = label
    return rows


def _deliveries(found: HealingStatus, now: datetime) -> Rows:
    """Those that never arrived; what came late after all is told in JSON only."""
    if not found.lost_count:
        return []
    number = count(found.lost_count, "delivery")
    rows = [("webhook", Cell(f"{number} never arrived; reconcile finds what was pushed all the same", "warn"))]
    lost = [each for each in found.deliveries if each.state != "arrived"]
    for each in lost[:DELIVERIES_SHOWN]:
        event = f"{each.event} {each.action}" if each.action else each.event
        rows.append(("", Cell(f"{event} {each.guid[:8]}, {ago(each.at, now)}, {each.state}: {each.why}")))
    return rows


def _pushes(found: HealingStatus, now: datetime) -> Rows:
    rows: Rows = []
    for push in found.pushes[:PUSHES_SHOWN]:
        kinds = [*(["nobody told of it"] if push.missed else []), *(["history was rewritten"] if push.forced else [])]
        by = f" by {push.by}" if push.by else ""
        text = f"{commit(push.commit)}{by}, {ago(push.at, now)}: {' and '.join(kinds)}"
        rows.append(("pushes" if not rows else "", Cell(text, "warn")))
    if len(found.pushes) > PUSHES_SHOWN:
        rows.append(("", Cell(f"and {count(len(found.pushes) - PUSHES_SHOWN)} more", "dim")))
    return rows
