"""Owns the judgement of what never arrived: deliveries that failed, or came somewhere else, and pushes nobody told of. Pure.

GitHub tries once and never again, and gives every attempt of one event the same GUID: a GUID without a good attempt is a gap.
https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from skillport_sync.github.hook_facts import Activity, Attempt
from skillport_sync.store.healing import GapRow, PushRow

UNDER_WAY: Final = timedelta(seconds=60)
"""A push is given so long to be told of: deliveries may take a while."""
FORCED: Final = "force_push"

_REFUSED: Final = range(400, 500)
_WHY: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "this service was not reached",
        400: "it was refused as malformed",
        401: "its signature was refused: the webhook has another secret than webhook_secret_files",
        403: "something before this service refused it",
        404: "the address leads to something else",
        413: "it was larger than is accepted",
        429: "something before this service limits requests",
        502: "this service, or the proxy before it, was not reached",
        503: "this service could not write it down",
        504: "there was no answer in time",
    }
)


def gaps(
    attempts: Sequence[Attempt], *, received: Collection[str], began: datetime | None, repository_id: int | None
) -> tuple[GapRow, ...]:
    """The events whose delivery went wrong, newest first, each with its latest attempt.

    ``received`` are the GUIDs that the ledger has. What GitHub says was delivered and the ledger does not have is a gap too,
    since ``began``; None: such are not looked for. An App's hook delivers for other repositories as well: those are left out.
    """
    by_guid: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.repository_id in (None, repository_id):
            by_guid[attempt.guid].append(attempt)
    found = []
    for guid, of_one in by_guid.items():
        latest = max(of_one, key=lambda attempt: (attempt.delivered_at, attempt.id))
        if not any(attempt.is_ok for attempt in of_one):
            found.append(_gap(latest))
        elif guid not in received and began is not None and min(each.delivered_at for each in of_one) >= began:
            found.append(replace(_gap(latest), unseen=True))
    return tuple(sorted(found, key=lambda gap: gap.at, reverse=True))


def why(gap: GapRow) -> str:
    """Why it went wrong, as a clause."""
    if gap.unseen:
        return "GitHub says that it was answered, and it never came here: the address leads to something else"
    said = _WHY.get(gap.status_code, f"the answer was {gap.status_code}")
    return f"{said} (GitHub says: {gap.status[:80]})"


def to_redeliver(found: Sequence[GapRow], attempts: Sequence[Attempt]) -> tuple[GapRow, ...]:
    """Which of them are worth asking for again, in their order.

    What was refused would be refused again, until the webhook has delivered something well since.
    """
    last_good = max((attempt.delivered_at for attempt in attempts if attempt.is_ok), default=None)
    return tuple(
        gap for gap in found if gap.status_code not in _REFUSED or (last_good is not None and last_good > gap.at)
    )


def pushes(log: Sequence[Activity], *, told: Collection[str], now: datetime, hears: bool) -> tuple[PushRow, ...]:
    """The pushes of the log that no delivery told of, and those that rewrote history. ``told``: the commits that one led to.

    Not ``hears``: no webhook is received at all, and none of them is missed.
    """
    noticed = (
        PushRow(each.id, each.at, each.kind, each.after, each.actor, hears and each.after not in told)
        for each in log
        if now - each.at >= UNDER_WAY
    )
    return tuple(push for push in noticed if push.missed or push.kind == FORCED)


def _gap(attempt: Attempt) -> GapRow:
    return GapRow(
        attempt.guid,
        attempt.id,
        attempt.event,
        attempt.action,
        attempt.delivered_at,
        attempt.status,
        attempt.status_code,
    )
