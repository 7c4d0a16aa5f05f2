"""Owns reading what was published: the list of publications, and any of them that is kept with all its files.

Never writes, and believes the rows of a publication only when they add up to its tree.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from skillport_sync.catalog.model import OWN_SOURCE, SourceKey
from skillport_sync.errors import Broken
from skillport_sync.git.listing import Listing, tree_ids
from skillport_sync.git.objects import CommitId, TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Changes, Publication, PublicationId
from skillport_sync.snapshot import SourceState
from skillport_sync.store import intervals
from skillport_sync.store.database import moment, one_moment
from skillport_sync.store.drafts import Content, StoredPublication, StoredSource

_PUBLICATION = (
    "SELECT p.id, m.name, p.repository, p.commit_id, p.tree_id, p.content_seq, p.parser_version, p.published_at_us, p.cause, "
    "p.files, p.skills, p.added, p.changed, p.removed FROM publications p JOIN marketplaces m ON m.id = p.marketplace "
)

PUBLICATIONS = _PUBLICATION + "WHERE m.name = ?1 AND (?2 IS NULL OR p.id < ?2) ORDER BY p.id DESC LIMIT ?3"
"""The newest publications of a marketplace, or the newest before one of them."""

COMMITS = "SELECT DISTINCT p.commit_id FROM publications p JOIN marketplaces m ON m.id = p.marketplace WHERE m.name = ?"
"""Every commit of which a publication is kept."""

OF_COMMIT = _PUBLICATION + (
    "WHERE m.name = ?1 AND substr(lower(hex(p.commit_id)), 1, length(?2)) = ?2 ORDER BY p.id DESC"
)
"""The publications whose commit id begins like this, newest first."""


def publication_of(row: Sequence[Any]) -> Publication:
    (
        identity,
        name,
        repository,
        commit,
        tree,
        number,
        parser_version,
        published_at_us,
        cause,
        files,
        skills,
        *changes,
    ) = row
    return Publication(
        id=PublicationId(identity),
        marketplace=MarketplaceName(name),
        repository=repository,
        commit=CommitId(commit.hex()),
        tree=TreeId(tree.hex()),
        content_number=number,
        parser_version=parser_version,
        published_at=moment(published_at_us),
        cause=cause,
        files=files,
        skills=skills,
        changes=Changes(*changes),
    )


def publication(connection: sqlite3.Connection, identity: PublicationId) -> Publication:
    return publication_of(connection.execute(f"{_PUBLICATION} WHERE p.id = ?", (identity,)).fetchone())


def kept(connection: sqlite3.Connection, name: MarketplaceName, identity: PublicationId) -> Publication | None:
    """This publication of this marketplace; None where it is not kept, or is another's."""
    row = connection.execute(f"{_PUBLICATION} WHERE p.id = ? AND m.name = ?", (identity, name)).fetchone()
    return None if row is None else publication_of(row)


@dataclass(frozen=True, slots=True)
class Head:
    """What is served of a marketplace."""

    marketplace: int
    """Its row id."""
    publication: Publication
    confirmed_at: datetime
    newest_content: int


def head(connection: sqlite3.Connection, name: MarketplaceName) -> Head | None:
    row = connection.execute(
        "SELECT m.id, h.publication, h.confirmed_at_us, m.newest_content "
        "FROM marketplaces m JOIN head h ON h.marketplace = m.id WHERE m.name = ?",
        (name,),
    ).fetchone()
    if row is None:
        return None
    marketplace, identity, confirmed_at_us, newest_content = row
    return Head(marketplace, publication(connection, identity), moment(confirmed_at_us), newest_content)


def states(connection: sqlite3.Connection, identity: PublicationId) -> list[SourceState]:
    """The lock file of a publication, the marketplace's own source first: its key is empty."""
    rows = connection.execute(
        "SELECT s.key, l.repository, l.commit_id, l.tree_id FROM publication_sources l JOIN sources s ON s.id = l.source "
        "WHERE l.publication = ? ORDER BY s.key",
        (identity,),
    )
    return [
        SourceState(SourceKey(key), repository, CommitId(commit.hex()), TreeId(tree.hex()))
        for key, repository, commit, tree in rows
    ]


def load(
    connection: sqlite3.Connection, name: MarketplaceName, identity: PublicationId | None
) -> tuple[StoredPublication, Content | None] | None:
    """A publication, the head where none is named; None when it is not kept. The second value is the newest content, where
    the publication has that.

    Raises: Broken if the rows cannot be read as what they are, or are not the trees they were published as.
    """
    with believable(name), one_moment(connection):
        served = head(connection, name)
        if served is None:
            return None
        wanted = served.publication if identity is None else kept(connection, name, identity)
        if wanted is None:
            return None
        content = intervals.read(connection, served.marketplace, wanted.content_number)
        locked = states(connection, wanted.id)
        held = intervals.held_by(connection, served.marketplace, wanted.content_number)
    with believable(name):
        sources = tuple(StoredSource(state, _proved(wanted, state, content)) for state in locked)
        if sources[0].state.key != OWN_SOURCE:
            raise _damaged(name, "its own repository is not among its sources")
    confirmed_at = served.confirmed_at if wanted.id == served.publication.id else wanted.published_at
    stored = StoredPublication(wanted, confirmed_at, sources, held)
    return stored, content if wanted.content_number == served.newest_content else None


def _proved(publication: Publication, state: SourceState, content: Content) -> Listing:
    entries = content.entries[state.key]
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    if trees[b""] != state.tree:
        raise _damaged(publication.marketplace, f"they are not the tree of commit {state.commit}")
    return Listing(state.tree, entries, trees)


@contextmanager
def believable(name: MarketplaceName) -> Iterator[None]:
    """Rows that cannot be read as what they are, are damaged: a mode git does not have, a time beyond all calendars."""
    try:
        yield
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise _damaged(name, f"{type(error).__name__} {error}") from error


def _damaged(name: MarketplaceName, finding: str) -> Broken:
    return Broken(
        f"mirror.db's rows of {name} are damaged and have to be made anew: {finding}", code="database_damaged"
    )
