"""Owns what an examination says of the webhook and of the repository's state, from what the last look at GitHub found. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from skillport_sync.operations.doctor.verdicts import Area
from skillport_sync.reports import Check, MarketplaceStatus, StatusReport

WEBHOOK: Final = Area("webhook")


def looked_after(status: StatusReport | None, *, receives: Collection[str]) -> Iterator[Check]:
    """One check for each state that a marketplace is in, one for what was lost, one where all is well. ``receives``: those with
    a secret, without which no webhook is believed."""
    for marketplace in status.marketplaces if status is not None else ():
        yield from _one(marketplace, receives=marketplace.name in receives)


def _one(marketplace: MarketplaceStatus, *, receives: bool) -> Iterator[Check]:
    what, found = marketplace.repository, marketplace.healing
    if found is None:
        if receives:
            yield WEBHOOK.warning(
                what, "not looked at yet", "run `skillport-sync reconcile`, or wait for the next; then look again"
            )
        return
    for state in found.states:
        since = f"{state.said}, since {state.since:%Y-%m-%d %H:%M} UTC" if state.severity != "info" else state.said
        if state.severity == "failed":
            yield WEBHOOK.failed(f"{what}: {state.code}", since, state.to_do)
        elif state.severity == "warning":
            yield WEBHOOK.warning(f"{what}: {state.code}", since, state.to_do)
        else:
            yield WEBHOOK.ok(what, f"{since} ({state.code})")
    if found.lost_count:
        last = next((each for each in found.deliveries if each.state != "arrived"), None)
        because = f"; the last, {last.event}: {last.why}" if last is not None else ""
        seen = f"{found.lost_count} never arrived in the last days{because}"
        yield WEBHOOK.warning(
            f"{what}: deliveries",
            seen,
            "mend that, then `skillport-sync reconcile --redeliver`; nothing pushed is lost",
        )
    if receives and not found.states and not found.lost_count:
        yield WEBHOOK.ok(what, f"set up as it should be, nothing lost; looked at {found.looked_at:%Y-%m-%d %H:%M} UTC")
