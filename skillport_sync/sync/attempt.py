"""Owns what the stages of one pull share: what it was asked to do, what its re-hashing showed, and who is told how far it is.

Lives as long as the pull. Never holds what is kept from one pull to the next, decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import Progress, Stage, Verified
from skillport_sync.sync.outcomes import Request

OnProgress = Callable[[Progress], None]
"""Told how far a pull is, often. Returns at once; what it raises fails the pull."""


def unheard(_progress: Progress) -> None:
    """The ``OnProgress`` of a pull that nobody watches."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One pull of one marketplace, under way."""

    marketplace: MarketplaceName
    request: Request
    on_progress: OnProgress = unheard
    checked: Verified | None = None
    """What re-hashing everything held has shown; None where nobody asked for it."""

    def having(self, checked: Verified | None) -> Attempt:
        """The same one, once everything held was hashed again."""
        return replace(self, checked=checked)

    def tell(self, stage: Stage, done: int, total: int | None, unit: str) -> None:
        """Say how far it is."""
        self.on_progress(Progress(self.marketplace, stage, done, total, unit))

    def on_blobs(self, done: int, total: int | None) -> None:
        """An ``OnBlobs``: say how many contents were fetched."""
        self.tell("blobs", done, total, "files")

    def on_verified(self, done: int, total: int | None) -> None:
        """Say how many contents were hashed again."""
        self.tell("verify", done, total, "files")
