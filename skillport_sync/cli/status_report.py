"""Owns how a status report reads: the state first, then what is served, what comes next, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from skillport_sync.cli.healing_report import looked_after
from skillport_sync.cli.reports import OUTCOME_TONES, outcome, removal
from skillport_sync.cli.screen import Cell, Column, Facts, Gap, Heading, Note, Part, Table, Tone
from skillport_sync.cli.wording import ago, ahead, commit, count, duration, names, size, whole
from skillport_sync.reports import (
    DeliveryRow,
    MarketplaceStatus,
    PinStatus,
    ProblemRow,
    SourceStatus,
    StatusReport,
)

Rows = list[tuple[str, Cell]]
SOURCES_SHOWN = 5
UNBUMPED_SHOWN = 3


def status(report: StatusReport) -> list[Part]:
    parts: list[Part] = []
    for marketplace in report.marketplaces:
        parts += [*_marketplace(marketplace, report, named=len(report.marketplaces) > 1), Gap()]
    if report.deliveries:
        parts += [Heading("last deliveries"), _deliveries(report.deliveries, report.at), Gap()]
    return [*parts, Heading("service"), Facts(_service(report))]


def _marketplace(marketplace: MarketplaceStatus, report: StatusReport, *, named: bool) -> list[Part]:
    """``named``: there are several, and a command has to say which it means."""
    resume = "skillport-sync resume" + (f" --marketplace {marketplace.name}" if named else "")
    return [
        Heading(marketplace.name, _state(marketplace, running=report.running)),
        Facts(
            [
                *_served(marketplace, report.at),
                *_pinned(marketplace.pin, resume, report.at),
                *_last_pull(marketplace, report.at),
                *_next(marketplace, report.at),
                *_sources(marketplace.sources),
                *_remarkable(marketplace),
                *looked_after(marketplace.healing, report.at),
            ]
        ),
        *_problems(marketplace.problems, marketplace.problem_count),
    ]


def _state(marketplace: MarketplaceStatus, *, running: bool) -> Cell:
    """The one word that an operator looks for first."""
    last = marketplace.last_pull
    if marketplace.pin is not None:
        return Cell("rolled back, the branch is not followed", "bad")
    if last is not None and last.outcome in ("refused", "held"):
        served = "the previous publication is served" if marketplace.commit is not None else "nothing is published"
        return Cell(f"{last.outcome}, {served}", "bad")
    if marketplace.commit is None:
        is_lost = marketplace.healing is not None and marketplace.healing.lost_since is not None
        return Cell("nothing is served, its repository is lost" if is_lost else "nothing published yet", "bad")
    if not running:
        return Cell("not followed, no service is running", "warn")
    if marketplace.stale:
        return Cell("stale", "bad")
    if last is not None and last.outcome == "failed":
        return Cell("last pull failed", "warn")
    return Cell("in step", "good")


def _served(marketplace: MarketplaceStatus, now: datetime) -> Rows:
    rows = [("repository", Cell(_repository(marketplace)))]
    if marketplace.commit is not None:
        published = f", published {ago(marketplace.published_at, now)}" if marketplace.published_at is not None else ""
        number = f" as number {marketplace.publication}" if marketplace.publication is not None else ""
        rows.append(("serving", Cell(f"{commit(marketplace.commit)}{published}{number}")))
        rows.append(("content", Cell(f"{count(marketplace.skills, 'skill')}, {count(marketplace.files, 'file')}")))
    if marketplace.age_s is not None and marketplace.pin is None:
        rows.append(("confirmed", Cell(f"{whole(marketplace.age_s)} ago", "bad" if marketplace.stale else "")))
    return rows


def _pinned(pin: PinStatus | None, resume: str, now: datetime) -> Rows:
    if pin is None:
        return []
    because = f": {pin.reason}" if pin.reason else ", no reason given"
    rows = [("rolled back", Cell(f"to {commit(pin.commit)}, {ago(pin.since, now)}{because}", "bad"))]
    passed_over = [f"{count(pin.ahead, 'newer publication')}"] if pin.ahead else []
    if pin.head is not None and pin.head != pin.commit:
        passed_over.append(f"the branch is at {commit(pin.head)}")
    if passed_over:
        rows.append(("", Cell(f"not served: {', '.join(passed_over)}")))
    return [*rows, ("to resume", Cell(resume, "strong"))]


def _last_pull(marketplace: MarketplaceStatus, now: datetime) -> Rows:
    last = marketplace.last_pull
    if last is None:
        return []
    text = f"{outcome(last.outcome)} {ago(last.at, now)}, took {duration(last.duration_s)}"
    rows = [("last pull", Cell(text, "" if last.outcome == "unchanged" else OUTCOME_TONES[last.outcome]))]
    if last.would_remove:
        rows += [("", cell) for cell in removal(last.would_remove, last.removed, last.commit)]
    elif last.reason is not None and not (last.outcome == "held" and marketplace.pin is not None):
        rows.append(("", Cell(last.reason)))
    return rows


def _next(marketplace: MarketplaceStatus, now: datetime) -> Rows:
    coming = [count(marketplace.pulls_owed, "pull") + " owed"] if marketplace.pulls_owed else []
    if marketplace.next_reconcile_at is not None:
        coming.append(f"reconcile {ahead(marketplace.next_reconcile_at, now)}")
    return [("next", Cell(", ".join(coming)))] if coming else []


def _sources(sources: Sequence[SourceStatus]) -> Rows:
    """Every repository that is in trouble, and the first of those that are well."""
    troubled = [source for source in sources if source.trouble is not None]
    well = [source for source in sources if source.trouble is None]
    cells = [
        *(Cell(f"{_source(source)}: {source.trouble}", "warn") for source in troubled),
        *(Cell(_source(source)) for source in well[:SOURCES_SHOWN]),
    ]
    if len(well) > SOURCES_SHOWN:
        cells.append(Cell(f"and {count(len(well) - SOURCES_SHOWN)} more, all read", "dim"))
    return [("plugins from" if at == 0 else "", cell) for at, cell in enumerate(cells)]


def _source(source: SourceStatus) -> str:
    """``acme/tools@main at 91be0c4aa2``; what is followed is not said twice where it is the commit, nor where it is the usual."""
    follows = "" if source.follows in ("HEAD", source.commit) else f"@{source.follows[:40]}"
    if source.commit is None:
        return f"{source.repository}{follows}, not read yet"
    fixed = ", fixed" if source.follows == source.commit else ""
    kept = "kept at" if source.trouble is not None else "at"
    return f"{source.repository}{follows} {kept} {commit(source.commit)}{fixed}"


def _remarkable(marketplace: MarketplaceStatus) -> Rows:
    rows: Rows = []
    if marketplace.quarantined:
        text = f"{count(marketplace.quarantined, 'skill')} kept out; the problems below say why"
        rows.append(("quarantine", Cell(text, "warn")))
    if marketplace.unbumped_count:
        first = names(marketplace.unbumped[:UNBUMPED_SHOWN], marketplace.unbumped_count)
        skills = count(marketplace.unbumped_count, "skill")
        rows.append(("versions", Cell(f"{skills} changed under the same version: {first}", "warn")))
    return rows


def _repository(marketplace: MarketplaceStatus) -> str:
    facts = marketplace.facts
    words = [marketplace.repository]
    if facts.private is not None:
        words.append("private" if facts.private else "public")
    if facts.archived:
        words.append("archived")
    if marketplace.branch is not None:
        words.append(f"branch {marketplace.branch}")
    elif facts.default_branch is not None:
        words.append(f"default branch {facts.default_branch}")
    return ", ".join(words)


def _problems(problems: Sequence[ProblemRow], total: int) -> list[Part]:
    if not total:
        return []
    parts: list[Part] = [Note(Cell(count(total, "problem"), "warn"), 1)]
    for problem in problems:
        where = f"{problem.path}:{problem.line}" if problem.line is not None else problem.path
        where = f"{problem.repository} {where}" if problem.repository is not None else where
        parts.append(Note(Cell(f"{problem.severity}  {where}", "bad" if problem.severity == "error" else ""), 2))
        parts.append(Note(Cell(f"{problem.message} ({problem.code})", "dim"), 3))
    if total > len(problems):
        parts.append(Note(Cell(f"and {count(total - len(problems))} more", "dim"), 2))
    return parts


_STATE_TONES: dict[str, Tone] = {"done": "good", "failed": "bad", "owed": "warn"}


def _deliveries(deliveries: Sequence[DeliveryRow], now: datetime) -> Table:
    columns = (Column("received"), Column("event"), Column("state"), Column("guid"), Column("note", folds=True))
    rows = [
        (
            Cell(ago(row.received_at, now)),
            Cell(f"{row.event} {row.action}" if row.action else row.event),
            Cell(row.state, _STATE_TONES.get(row.state, "")),
            Cell(row.guid[:8], "dim"),
            Cell(", ".join(filter(None, (row.repository, row.note)))),
        )
        for row in deliveries
    ]
    return Table(columns, rows)


def _service(report: StatusReport) -> list[tuple[str, Cell]]:
    rows: list[tuple[str, Cell]] = []
    if report.running:
        since = (
            f" for {whole((report.at - report.started_at).total_seconds())}" if report.started_at is not None else ""
        )
        rows.append(("skillport-sync", Cell(f"{report.version}, running{since}", "good")))
    else:
        rows.append(("skillport-sync", Cell(f"{report.version}, not running: read from the files", "warn")))
    if report.rate is not None:
        rate = report.rate
        reset = f", full again {ahead(rate.reset_at, report.at)}" if rate.reset_at is not None else ""
        tone: Tone = "warn" if rate.remaining * 10 < rate.limit else ""
        rows.append(("rate limit", Cell(f"{count(rate.remaining)} of {count(rate.limit)} left{reset}", tone)))
    if report.databases:
        rows.append(("databases", Cell(", ".join(f"{each.name} {size(each.size_bytes)}" for each in report.databases))))
    return rows
