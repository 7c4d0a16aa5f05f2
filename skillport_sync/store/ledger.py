"""Owns the values that go into the delivery ledger and come out of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName


class Outcome(StrEnum):
    """What became of a delivery that was recorded."""

    NEW = "new"
    REVIVED = "revived"  # a pull for it had failed, or it had meant nothing to somebody then, and is owed (again)
    DUPLICATE = "duplicate"  # whatever it asks for is owed already, or done


class DeliveryState(StrEnum):
    """Of one marketplace's concern in a delivery, or of all of them together. Whatever comes first here outweighs the rest."""

    OWED = "owed"
    FAILED = "failed"
    DONE = "done"
    NOTED = "noted"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Concern:
    """What a delivery means to one marketplace. ``cause``: a pull is owed, for this reason; None: it need only be known."""

    marketplace: MarketplaceName
    cause: str | None = None
    hinted: bool = False
    """What it says of a branch is said of the one that this marketplace follows."""


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
    """``owed`` are the pulls that are owed from now on and were not before: by marketplace, the one that will include it."""

    outcome: Outcome
    owed: Mapping[MarketplaceName, int]


@dataclass(frozen=True, slots=True)
class Hint:
    """What a push that is still owed said about its branch. ``received_at``: when it last came and was new to the marketplace."""

    before: str | None
    after: str | None
    ref: str | None
    forced: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Behind:
    """The deliveries that a pull is owed for: which came last, and how many they are."""

    guid: str
    count: int


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
    behind: Behind | None = None
    """None where no delivery is; one whose pull failed is not, until it comes again."""

    @property
    def is_owed(self) -> bool:
        return self.want > self.done


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one marketplace's concern in a delivery."""

    marketplace: MarketplaceName
    state: DeliveryState
    finished_at: datetime | None
    commit: CommitId | None
    """What was served once it was done."""
    error: str | None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A delivery as the ledger has it. ``settlements`` are sorted by marketplace; none where it concerned nobody."""

    delivery: DeliveryFacts
    is_ignored: bool
    received_at: datetime
    redelivered: int
    """How often it came again."""
    settlements: tuple[Settlement, ...]

    @property
    def state(self) -> DeliveryState:
        """What is true of any marketplace that it concerns, what is still to be done first."""
        states = {settlement.state for settlement in self.settlements}
        nobodys = DeliveryState.IGNORED if self.is_ignored else DeliveryState.NOTED
        return next((state for state in DeliveryState if state in states), nobodys)

    @property
    def marketplaces(self) -> tuple[MarketplaceName, ...]:
        return tuple(settlement.marketplace for settlement in self.settlements)

    @property
    def error(self) -> str | None:
        """Why a pull for it failed."""
        return next((settlement.error for settlement in self.settlements if settlement.error), None)
