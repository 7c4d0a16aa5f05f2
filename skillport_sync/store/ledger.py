"""Owns the values that go into the delivery ledger and come out of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName


class Disposition(StrEnum):
    """What a delivery means to us."""

    PULL = "pull"  # something may have changed: a pull is owed
    NOTE = "note"  # known, and needs no pull
    IGNORE = "ignore"  # nothing to do with us


class Outcome(StrEnum):
    """What became of a delivery that was recorded."""

    NEW = "new"
    REVIVED = "revived"  # it had failed, or had meant nothing to us then, and is owed again
    DUPLICATE = "duplicate"  # it is owed already, or done


class DeliveryState(StrEnum):
    OWED = "owed"
    DONE = "done"
    FAILED = "failed"
    NOTED = "noted"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """What a delivery said, parsed. A hint to the puller, never content."""

    guid: str
    hook_id: int | None
    event: str
    action: str | None = None
    repository_id: int | None = None
    repository: str | None = None
    ref: str | None = None
    before: str | None = None
    after: str | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """``generation`` is the pull that will include it, None where none is owed."""

    outcome: Outcome
    generation: int | None


@dataclass(frozen=True, slots=True)
class Hint:
    """What a push that is still owed said about its branch."""

    before: str | None
    after: str | None
    ref: str | None
    forced: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Owed:
    """A pull is owed while ``want > done``. A pull that began when ``want`` was g settles g, and no later wish."""

    want: int
    done: int
    cause: str | None
    """What asked last; None if nothing ever did."""
    attempts: int
    """Failures since the last success."""
    not_before: datetime | None
    last_error: str | None
    hints: tuple[Hint, ...]

    @property
    def is_owed(self) -> bool:
        return self.want > self.done


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A delivery as the ledger has it."""

    delivery: DeliveryFacts
    marketplace: MarketplaceName | None
    state: DeliveryState
    received_at: datetime
    redelivered: int
    """How often it came again."""
    finished_at: datetime | None
    commit: CommitId | None
    """What was served once it was done."""
    error: str | None
