"""Owns how it reads who is connected, that it was ended, and who did what. Pure; ``screen`` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from skillport_sync.cli.screen import Cell, Column, Gap, Note, Part, Table, Tone
from skillport_sync.cli.wording import NOTHING, ago, ahead, count, local
from skillport_sync.reports import AuditRow, RevokedSessions, SessionRow

_CLIENT_ID_SHOWN = 40


def sessions(rows: Sequence[SessionRow], user: str | None, now: datetime) -> list[Part]:
    if not rows:
        return [Note(Cell("nobody is connected by signing in" if user is None else f"{user} is not connected"))]
    return [
        Table(
            (
                Column("person", folds=True),
                Column("name", folds=True),
                Column("client", folds=True),
                Column("since"),
                Column("last used"),
                Column("ends"),
            ),
            [
                (
                    Cell(row.principal_id),
                    Cell(row.name or row.email or NOTHING),
                    Cell(_client(row)),
                    Cell(ago(row.created_at, now)),
                    Cell(ago(row.last_used_at, now)),
                    Cell(ahead(row.expires_at, now)),
                )
                for row in rows
            ],
        )
    ]


def _client(row: SessionRow) -> str:
    """As it calls itself, and where it is, which is what cannot be made up."""
    name = row.client_name or row.client_id
    return f"{name} ({row.return_host})" if row.return_host else name


def revoked(ended: RevokedSessions) -> list[Part]:
    opened = f", {count(ended.access_tokens, 'access token')} of them still open" if ended.access_tokens else ""
    if ended.ended or ended.access_tokens or ended.minted_tokens:
        sessions = count(len(ended.ended), "session")
        own = f" and {count(len(ended.minted_tokens), 'token')} of their own" if ended.minted_tokens else ""
        said = f"{ended.principal_id}: {sessions}{own} ended{opened}; nothing of that opens anything now"
    else:
        said = f"{ended.principal_id} was not connected"
    parts: list[Part] = [Note(Cell(said, "good"))]
    parts += [Note(Cell(_client(row), "dim"), 1) for row in ended.ended]
    parts += [Note(Cell(f"token {row.id} for {row.purpose}", "dim"), 1) for row in ended.minted_tokens]
    if ended.api_tokens:
        these = count(len(ended.api_tokens), "API token")
        parts += [Gap(), Note(Cell(f"{these} of the same person still open the service; to end that:", "warn"))]
        parts += [Note(Cell(f"skillport-sync token revoke {row.id}", "strong"), 1) for row in ended.api_tokens]
    return parts


# --- audit -------------------------------------------------------------------------------------------------------------------


def audited(rows: Sequence[AuditRow], limit: int | None) -> list[Part]:
    """The latest last, as in a log."""
    if not rows:
        return [Note(Cell("nothing of that kind is in the audit"))]
    table = Table(
        (Column("when"), Column("who", folds=True), Column("what"), Column("outcome"), Column("of", folds=True)),
        [
            (
                Cell(local(row.at), "dim"),
                Cell(row.principal_id or NOTHING),
                Cell(row.action),
                Cell(row.outcome, _tone(row)),
                Cell(_about(row)),
            )
            for row in rows
        ],
    )
    if limit is None or len(rows) < limit:
        return [table]
    return [table, Gap(), Note(Cell(f"the latest {count(limit)}; --limit and --since show others", "dim"))]


def _tone(row: AuditRow) -> Tone:
    return "" if row.outcome == "ok" else "warn"


def _about(row: AuditRow) -> str:
    """What it was done to, through what, and what else was said, each only where it is known."""
    what = "@".join(filter(None, (row.skill, row.marketplace)))
    at = f"at {row.commit[:10]}" if row.commit else ""
    through = f"through {_shortened(row.client_id)}" if row.client_id else ""
    named = " ".join(filter(None, (what, at, through)))
    return ", ".join(filter(None, (named, row.detail))) or NOTHING


def _shortened(client_id: str) -> str:
    return client_id if len(client_id) <= _CLIENT_ID_SHOWN else f"{client_id[:_CLIENT_ID_SHOWN]}…"
