"""Owns how reports read: which facts are shown, in which order and words. Pure; ``screen`` draws them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from skillport_sync.cli.screen import Cell, Column, Gap, Heading, Note, Part, Table, Tone
from skillport_sync.cli.wording import NOTHING, ago, ahead, change, commit, count, duration, local, names, size
from skillport_sync.reports import (
    Outcome,
    PublicationRow,
    PullReport,
    TokenRow,
)

OUTCOME_TONES: dict[Outcome, Tone] = {
    "published": "good",
    "unchanged": "",
    "would_publish": "good",
    "held": "warn",
    "refused": "bad",
    "failed": "bad",
}
REMOVED_SHOWN = 10


def outcome(value: Outcome) -> str:
    return value.replace("_", " ")


# --- reconcile ---------------------------------------------------------------------------------------------------------------


def reconciled(reports: Sequence[PullReport]) -> list[Part]:
    """What came of a reconcile: a line for each marketplace, then what there is to say of some of them."""
    table = Table(
        (
            Column("marketplace", folds=True),
            Column("outcome"),
            Column("commit"),
            Column("skills"),
            Column("requests", "right"),
            Column("time", "right"),
        ),
        [
            (
                Cell(report.marketplace),
                Cell(outcome(report.outcome), OUTCOME_TONES[report.outcome]),
                Cell(_move(report)),
                Cell(_skills(report)),
                Cell(count(report.requests)),
                Cell(duration(report.duration_s)),
            )
            for report in reports
        ],
    )
    return [table, *(part for report in reports for part in _remarks(report, named=len(reports) > 1)), *_limit(reports)]


def _move(report: PullReport) -> str:
    """Before and after, or the one commit where there is no other."""
    if report.before == report.after or report.after is None:
        return commit(report.before)
    if report.before is None:
        return commit(report.after)
    return f"{commit(report.before)} → {commit(report.after)}"


def _skills(report: PullReport) -> str:
    if report.outcome not in ("published", "would_publish"):
        return NOTHING
    return change(report.added, report.changed, report.removed)


def _remarks(report: PullReport, *, named: bool) -> list[Part]:
    remarks: list[Cell] = []
    if report.would_remove:
        remarks += removal(report.would_remove, report.removed, report.after)
    elif report.reason is not None:
        tone: Tone = "" if report.is_in_step else OUTCOME_TONES[report.outcome]
        remarks.append(Cell(f"{outcome(report.outcome)}: {report.reason}", tone))
    if report.files_changed or report.bytes_fetched:
        fetched = f", {size(report.bytes_fetched)} fetched" if report.bytes_fetched else ""
        remarks.append(Cell(f"{count(report.files_changed, 'file')} changed{fetched}", "dim"))
    if report.verified is not None:
        held = report.verified
        sound = (
            "every id is right"
            if not held.corrupt
            else f"{count(held.corrupt, 'blob')} corrupt, dropped and fetched again"
        )
        text = f"verified {count(held.files, 'file')}, {count(held.blobs, 'blob')}, {size(held.bytes)}: {sound}"
        remarks.append(Cell(text, "bad" if held.corrupt else "good"))
    if report.redelivered is not None:
        asked = count(report.redelivered, "delivery") if report.redelivered else "no delivery"
        remarks.append(Cell(f"GitHub was asked for {asked} again"))
    if report.problems:
        remarks.append(
            Cell(f"{count(report.problems, 'problem')} in the catalog: `skillport-sync status` lists them", "warn")
        )
    if not remarks:
        return []
    heading: list[Part] = [Heading(report.marketplace)] if named else []
    return [Gap(), *heading, *(Note(remark, 1 if named else 0) for remark in remarks)]


def removal(would_remove: Sequence[str], removed: int, held: str | None) -> list[Cell]:
    """How many skills a commit would remove, which, and the command that lets it, whole on a line of its own."""
    total = max(removed, len(would_remove))
    return [
        Cell(f"commit {commit(held)} would remove {count(total, 'skill')} at once", OUTCOME_TONES["held"]),
        Cell(names(would_remove[:REMOVED_SHOWN], total)),
        Cell("to publish it all the same:"),
        Cell(f"  skillport-sync reconcile --confirm {(held or NOTHING)[:12]}", "strong"),
    ]


def rolled_back(report: PullReport) -> list[Part]:
    """What came of a rollback, and how it ends."""
    stays = "stays at this commit, whatever is pushed, until"
    if report.outcome == "failed":
        stays = "serves this commit as soon as it can, and stays there until"
    return [
        *reconciled([report]),
        Gap(),
        Note(Cell(f"{report.marketplace} {stays}", "warn")),
        Note(Cell("skillport-sync resume", "strong"), 1),
    ]


def _limit(reports: Sequence[PullReport]) -> list[Part]:
    """What is left of GitHub's rate limit: the lowest, because one credential usually serves them all."""
    left = [(report.rate_remaining, report.rate_limit) for report in reports if report.rate_remaining is not None]
    if not left:
        return []
    remaining, limit = min(left, key=lambda each: each[0])
    spent = sum(report.primary_cost for report in reports)
    of = f" of {count(limit)}" if limit is not None else ""
    return [Gap(), Note(Cell(f"GitHub rate limit: {spent} spent, {count(remaining)}{of} left this hour", "dim"))]


# --- publications and tokens -------------------------------------------------------------------------------------------------


def publications(rows: Sequence[PublicationRow]) -> list[Part]:
    """The history, newest first. Where there is more than one marketplace each is named, in the place of the files' number."""
    if not rows:
        return [Note(Cell("nothing published yet: `skillport-sync reconcile` or `skillport-sync serve` does it"))]
    several = len({row.marketplace for row in rows}) > 1
    table = Table(
        (
            Column("id", "right"),
            Column("published"),
            *([Column("marketplace", folds=True)] if several else []),
            Column("commit"),
            Column("cause"),
            Column("change"),
            Column("skills", "right"),
            *([] if several else [Column("files", "right")]),
        ),
        [
            (
                _identity(row),
                Cell(local(row.published_at)),
                *([Cell(row.marketplace)] if several else []),
                Cell(commit(row.commit)),
                Cell(row.cause, "warn" if row.cause == "rollback" else ""),
                Cell(change(row.added, row.changed, row.removed)),
                Cell(count(row.skills)),
                *([] if several else [Cell(count(row.files))]),
            )
            for row in rows
        ],
    )
    legend = []
    if any(row.current and not row.pinned for row in rows):
        legend.append(Cell("* is served now", "dim"))
    if any(row.pinned for row in rows):
        legend.append(Cell("! is served now and stays: `skillport-sync resume` follows the branch again", "warn"))
    return [table, *([Gap()] if legend else []), *map(Note, legend)]


def _identity(row: PublicationRow) -> Cell:
    if row.pinned:
        return Cell(f"! {row.id}", "warn")
    return Cell(f"* {row.id}", "good") if row.current else Cell(str(row.id))


def tokens(rows: Sequence[TokenRow], now: datetime) -> list[Part]:
    if not rows:
        return [Note(Cell("no tokens: `skillport-sync token create LABEL` makes one"))]
    minted = any(row.purpose is not None for row in rows)
    columns = (
        Column("id"),
        Column("label", folds=True),
        *([Column("made for")] if minted else []),
        Column("principal", folds=True),
        Column("created"),
        Column("last used"),
        Column("state"),
    )
    return [
        Table(
            columns,
            [
                (
                    Cell(row.id),
                    Cell(row.label or NOTHING),
                    *([_purpose(row)] if minted else []),
                    Cell(row.principal_id),
                    Cell(ago(row.created_at, now)),
                    Cell(ago(row.last_used_at, now) if row.last_used_at is not None else "never"),
                    _token_state(row, now),
                )
                for row in rows
            ],
        )
    ]


def _purpose(row: TokenRow) -> Cell:
    """What somebody made it for themselves for; nothing where an operator made it."""
    if row.purpose is None:
        return Cell(NOTHING)
    return Cell(f"{row.purpose}, read only" if row.read_only else row.purpose)


def _token_state(row: TokenRow, now: datetime) -> Cell:
    if row.revoked_at is not None:
        return Cell(f"revoked {ago(row.revoked_at, now)}", "dim")
    if row.expires_at is None:
        return Cell("valid", "good")
    if row.expires_at <= now:
        return Cell(f"expired {ago(row.expires_at, now)}", "dim")
    return Cell(f"expires {ahead(row.expires_at, now)}", "good")
