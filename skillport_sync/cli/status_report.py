"""Owns how a status report reads: the state first, then what is served, what comes next, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from skillport_sync.cli.reports import OUTCOME_TONES, outcome
from skillport_sync.cli.screen import Cell, Column, Facts, Gap, Heading, Note, Part, Table, Tone
from skillport_sync.cli.wording import ago, ahead, commit, count, duration, size, whole
from skillport_sync.reports import DeliveryRow, MarketplaceStatus, ProblemRow, StatusReport


def status(report: StatusReport) -> list[Part]:
    parts: list[Part] = []
    for marketplace in report.marketplaces:
        parts += [*_marketplace(marketplace, report), Gap()]
    if report.deliveries:
        parts += [Heading("last deliveries"), _deliveries(report.deliveries, report.at), Gap()]
    return [*parts, Heading("service"), Facts(_service(report))]


def _marketplace(marketplace: MarketplaceStatus, report: StatusReport) -> list[Part]:
    return [
        Heading(marketplace.name, _state(marketplace, running=report.running)),
        Facts(_marketplace_facts(marketplace, report.at)),
        *_problems(marketplace.problems, marketplace.problem_count),
    ]


def _state(marketplace: MarketplaceStatus, *, running: bool) -> Cell:
    """The one word that an operator looks for first."""
    last = marketplace.last_pull
    if last is not None and last.outcome in ("refused", "held"):
        served = "the previous publication is served" if marketplace.commit is not None else "nothing is published"
        return Cell(f"{last.outcome}, {served}", "bad")
    if marketplace.commit is None:
        return Cell("nothing published yet", "bad")
    if not running:
        return Cell("not followed, no service is running", "warn")
    if marketplace.stale:
        return Cell("stale", "bad")
    if last is not None and last.outcome == "failed":
        return Cell("last pull failed", "warn")
    return Cell("in step", "good")


def _marketplace_facts(marketplace: MarketplaceStatus, now: datetime) -> list[tuple[str, Cell]]:
    rows = [("repository", Cell(_repository(marketplace)))]
    if marketplace.commit is not None:
        published = f", published {ago(marketplace.published_at, now)}" if marketplace.published_at is not None else ""
        number = f" as number {marketplace.publication}" if marketplace.publication is not None else ""
        rows.append(("serving", Cell(f"{commit(marketplace.commit)}{published}{number}")))
        rows.append(("content", Cell(f"{count(marketplace.skills, 'skill')}, {count(marketplace.files, 'file')}")))
    if marketplace.age_s is not None:
        rows.append(("confirmed", Cell(f"{whole(marketplace.age_s)} ago", "bad" if marketplace.stale else "")))
    last = marketplace.last_pull
    if last is not None:
        text = f"{outcome(last.outcome)} {ago(last.at, now)}, took {duration(last.duration_s)}"
        rows.append(("last pull", Cell(text, "" if last.outcome == "unchanged" else OUTCOME_TONES[last.outcome])))
        if last.reason is not None:
            rows.append(("", Cell(last.reason)))
    coming = [count(marketplace.pulls_owed, "pull") + " owed"] if marketplace.pulls_owed else []
    if marketplace.next_reconcile_at is not None:
        coming.append(f"reconcile {ahead(marketplace.next_reconcile_at, now)}")
    if coming:
        rows.append(("next", Cell(", ".join(coming))))
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
