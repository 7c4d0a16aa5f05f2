"""Owns what an operator is told, and may ask: reports, progress, requests.

Plain values, complete in themselves: a report can be shown, stored or sent to another process without looking anything up.
``to_json`` and ``from_json`` are each other's inverse; fields that a reader does not know are ignored, so that a command and
a service of neighbouring versions understand each other. Never does I/O; holds no secret but ``NewToken``'s, whose purpose
it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from skillport_sync.errors import Broken
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName

if TYPE_CHECKING:
    from pydantic import TypeAdapter

JsonObject = dict[str, object]

Outcome = Literal["published", "unchanged", "refused", "held", "failed", "would_publish"]
"""``refused``: the head cannot be published as it is. ``held``: it could be, but somebody, or time, has to confirm it first."""
Stage = Literal["head", "listing", "blobs", "tarball", "verify", "parse", "publish"]


class Report:
    """What every value here can do: become JSON, and come back."""

    __slots__ = ()

    def to_json(self) -> JsonObject:
        """This report as JSON values: times are ISO 8601 in UTC, absent facts are null."""
        value: JsonObject = _adapter(type(self)).dump_python(self, mode="json")
        return value

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The report that ``to_json`` made.

        Raises:
            Broken: it is something else, or of a version too far away.
        """
        # Deferred: the command line shows its help without paying for a parser.
        from pydantic import ValidationError

        try:
            report = _adapter(cls).validate_python(value)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, each["loc"])) or "the whole" for each in error.errors()[:3])
            raise Broken(
                f"a {cls.__name__} that cannot be read ({where}): are the command and the service of the same version?",
                code="report_unreadable",
            ) from error
        assert isinstance(report, cls)
        return report


_ADAPTERS: dict[type[Report], TypeAdapter[Report]] = {}


def _adapter(report: type[Report]) -> TypeAdapter[Report]:
    if report not in _ADAPTERS:
        from pydantic import TypeAdapter

        _ADAPTERS[report] = TypeAdapter(report)
    return _ADAPTERS[report]


# --- pulling -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReconcileOptions(Report):
    """What a reconcile is asked to do. ``marketplace`` None means all of them, one after the other."""

    marketplace: str | None = None
    verify: bool = False
    full: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Progress(Report):
    """How far a pull is. ``total`` is None until it is known; ``unit`` names what is counted: files, bytes, request …"""

    marketplace: MarketplaceName
    stage: Stage
    done: int
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class Verified(Report):
    """What re-hashing everything held has shown. Corrupt blobs are dropped and fetched again by the same pull."""

    files: int
    blobs: int
    bytes: int
    corrupt: int
    root_matches: bool = True


@dataclass(frozen=True, slots=True)
class PullReport(Report):
    """What came of one pull of one marketplace."""

    marketplace: MarketplaceName
    outcome: Outcome
    before: CommitId | None
    """What was served when the pull began; None before the first publication."""
    after: CommitId | None
    """The head that was found; None where it could not be read."""
    cause: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    """Skills, as the two before it."""
    files_changed: int = 0
    requests: int = 0
    primary_cost: int = 0
    """What the pull took from GitHub's rate limit: at most ``requests``."""
    rate_remaining: int | None = None
    rate_limit: int | None = None
    duration_s: float = 0.0
    bytes_fetched: int = 0
    verified: Verified | None = None
    reason: str | None = None
    """Why nothing was published, with where and what to do; or what is remarkable about what was."""
    problems: int = 0

    @property
    def is_in_step(self) -> bool:
        return self.outcome in ("published", "unchanged", "would_publish")


# --- status ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProblemRow(Report):
    path: str
    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class LastPull(Report):
    outcome: Outcome
    at: datetime
    duration_s: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RepositoryFacts(Report):
    """What GitHub last said of the repository; None where it has not said it."""

    default_branch: str | None = None
    private: bool | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True)
class MarketplaceStatus(Report):
    """One marketplace. Without a publication nothing of it is served, and commit, age and counts are absent or 0."""

    name: MarketplaceName
    repository: str
    branch: str | None = None
    """As configured; None follows the repository's default branch."""
    commit: CommitId | None = None
    published_at: datetime | None = None
    publication: int | None = None
    age_s: int | None = None
    """Seconds since GitHub last confirmed that ``commit`` is the head of the branch."""
    stale: bool = False
    skills: int = 0
    files: int = 0
    problem_count: int = 0
    problems: tuple[ProblemRow, ...] = ()
    """The first 20."""
    last_pull: LastPull | None = None
    pulls_owed: int = 0
    next_reconcile_at: datetime | None = None
    facts: RepositoryFacts = field(default_factory=RepositoryFacts)


@dataclass(frozen=True, slots=True)
class DeliveryRow(Report):
    """A webhook delivery in the ledger. ``state``: ``owed``, ``done``, ``failed``, ``noted`` (nothing to do for it)."""

    guid: str
    event: str
    received_at: datetime
    state: str
    action: str | None = None
    repository: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RateStatus(Report):
    limit: int
    remaining: int
    reset_at: datetime | None = None
    resource: str = "core"


@dataclass(frozen=True, slots=True)
class DatabaseSize(Report):
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StatusReport(Report):
    at: datetime
    """When this was true: every age in the report counts from here."""
    version: str
    running: bool
    """Whether the service answered; otherwise the files were read while nobody held them."""
    marketplaces: tuple[MarketplaceStatus, ...]
    deliveries: tuple[DeliveryRow, ...] = ()
    """The latest, newest first."""
    rate: RateStatus | None = None
    databases: tuple[DatabaseSize, ...] = ()
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublicationRow(Report):
    """One line of a marketplace's history."""

    id: int
    marketplace: MarketplaceName
    repository: str
    commit: CommitId
    published_at: datetime
    cause: str
    files: int
    skills: int
    added: int
    changed: int
    removed: int
    current: bool = False


# --- API tokens --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenRequest(Report):
    """A token to make: for whom it will speak, and for how long. ``expires_in_days`` None: until it is revoked."""

    principal_id: str
    label: str
    name: str = ""
    email: str | None = None
    groups: tuple[str, ...] = ()
    expires_in_days: int | None = None


@dataclass(frozen=True, slots=True)
class TokenRow(Report):
    """A token as it may be shown at any time: everything but the token."""

    id: str
    principal_id: str
    label: str
    created_at: datetime
    name: str = ""
    email: str | None = None
    groups: tuple[str, ...] = ()
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewToken(Report):
    """A token just made. ``token`` is told this once; only its hash is kept."""

    token: str = field(repr=False)
    row: TokenRow
