"""Owns the rows of ``repository_facts``: what GitHub last said of a marketplace's repository, besides its commits."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, fields

from skillport_sync.ports import MarketplaceName


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """None: nothing was said of it."""

    renamed_to: str | None = None
    """``owner/name`` since a rename or transfer."""
    default_branch: str | None = None
    archived: bool | None = None
    visibility: str | None = None
    deleted: bool | None = None
    hook_deleted: bool | None = None
    installation_state: str | None = None


def note(connection: sqlite3.Connection, marketplace: MarketplaceName, facts: RepositoryFacts, now_us: int) -> None:
    """Note what is said; what is not said stays as it was."""
    connection.executemany(
        "INSERT INTO repository_facts(marketplace, key, value, at_us) VALUES(?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = excluded.value, at_us = excluded.at_us",
        (
            (marketplace, field.name, json.dumps(value), now_us)
            for field in fields(facts)
            if (value := getattr(facts, field.name)) is not None
        ),
    )


FACTS = "SELECT key, value FROM repository_facts WHERE marketplace = ?"
"""All that was said of a marketplace's repository."""


def facts_of(rows: list[tuple[str, str]]) -> RepositoryFacts:
    """Facts out of rows of ``FACTS``; one that only a later version knows is passed over."""
    known = {field.name for field in fields(RepositoryFacts)}
    return RepositoryFacts(**{key: json.loads(value) for key, value in rows if key in known})
