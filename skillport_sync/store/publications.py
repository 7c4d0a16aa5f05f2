"""Owns publishing: the rows of ``marketplaces``, ``sources``, ``publications`` and ``head``.

A publication is one transaction, and it happens only if the head is still the one it was made to follow. Never reads contents.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from skillport_sync.catalog.model import OWN_SOURCE, SourceKey
from skillport_sync.errors import Conflict, Missing
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Changes, Publication, PublicationId
from skillport_sync.snapshot import SourceState
from skillport_sync.store import history, intervals
from skillport_sync.store.database import micros
from skillport_sync.store.drafts import Content, Fenced, PublicationDraft
from skillport_sync.store.intervals import Difference, SkillDifference


def remember(connection: sqlite3.Connection, name: MarketplaceName, repository: str, repository_id: int | None) -> int:
    """The marketplace's row id; the row is made, or its repository's present name and id noted."""
    # An id that is not said stays as it was.
    row = connection.execute(
        "INSERT INTO marketplaces(name, repository, repository_id) VALUES(?, ?, ?) ON CONFLICT(name) DO UPDATE "
        "SET repository = excluded.repository, repository_id = coalesce(excluded.repository_id, repository_id) RETURNING id",
        (name, repository, repository_id),
    ).fetchone()
    return int(row[0])


def publish(
    connection: sqlite3.Connection, draft: PublicationDraft, remembered: Content | None
) -> tuple[Publication, Content] | Fenced:
    """Write the draft and move the head; the second value is the newest content from now on.

    ``remembered`` saves reading the newest content from its rows, and is believed only if it still is the newest.

    Raises: Conflict if a blob is neither held nor left out on purpose.
    """
    own = draft.sources[0].state
    assert own.key == OWN_SOURCE, "the first source is the marketplace's own repository"
    marketplace = remember(connection, draft.marketplace, own.repository, None)
    head, served = _head(connection, marketplace)
    if head != draft.expected_head:
        return Fenced(draft.expected_head, head)
    drafted = {source.state.key: _source(connection, marketplace, source.state) for source in draft.sources}
    before = _newest(connection, marketplace, remembered)
    after = Content(
        before.number + 1,
        {source.state.key: source.entries for source in draft.sources},
        {(row.plugin, row.directory): row for row in draft.skills},
    )
    change = intervals.difference(before, after)
    if change.is_empty and before.number:
        after = replace(after, number=before.number)
    else:
        _write_content(connection, marketplace, draft, after.number, change)
    if served == before.number:
        skills = change.skills
    else:  # what is served is not the newest content: people see it change from what is served
        skills = intervals.skill_difference(intervals.skills(connection, marketplace, served), after.skills)
    publication = _write_publication(connection, marketplace, draft, after.number, _changes(skills))
    # The lock file: which commit every source was resolved to.
    connection.executemany(
        "INSERT INTO publication_sources(publication, source, repository, commit_id, tree_id) VALUES(?, ?, ?, ?, ?)",
        (
            (publication, drafted[state.key], state.repository, bytes.fromhex(state.commit), bytes.fromhex(state.tree))
            for state in (source.state for source in draft.sources)
        ),
    )
    _move_head(connection, marketplace, publication, head, micros(draft.published_at))
    confirm_head(connection, draft.marketplace, micros(draft.published_at))
    return history.publication(connection, publication), after


def republish(
    connection: sqlite3.Connection,
    name: MarketplaceName,
    identity: PublicationId,
    cause: str,
    published_at_us: int,
    expected_head: PublicationId | None,
) -> Publication | Fenced:
    """Serve the content of a publication that is kept again. No row of a content changes: the next difference is from the
    newest as before.

    Raises: Missing if that publication is not kept.
    """
    old = history.kept(connection, name, identity)
    if old is None:
        raise Missing(f"publication {identity} of {name} is not kept any more", code="publication_not_kept")
    row = connection.execute("SELECT id FROM marketplaces WHERE name = ?", (name,)).fetchone()
    marketplace = int(row[0])
    head, served = _head(connection, marketplace)
    if head != expected_head:
        return Fenced(expected_head, head)
    changes = _changes(
        intervals.skill_difference(
            intervals.skills(connection, marketplace, served),
            intervals.skills(connection, marketplace, old.content_number),
        )
    )
    # The same content, commits and reading of them: only when, why and after what it is served are its own.
    row = connection.execute(
        "INSERT INTO publications(marketplace, repository, commit_id, tree_id, content_seq, parser_version, "
        "published_at_us, cause, files, skills, added, changed, removed) SELECT marketplace, repository, commit_id, tree_id, "
        "content_seq, parser_version, ?, ?, files, skills, ?, ?, ? FROM publications WHERE id = ? RETURNING id",
        (published_at_us, cause, changes.added, changes.changed, changes.removed, identity),
    ).fetchone()
    publication = PublicationId(row[0])
    connection.execute(
        "INSERT INTO publication_sources(publication, source, repository, commit_id, tree_id) "
        "SELECT ?, source, repository, commit_id, tree_id FROM publication_sources WHERE publication = ?",
        (publication, identity),
    )
    _move_head(connection, marketplace, publication, expected_head, published_at_us)
    return history.publication(connection, publication)


def confirm_head(connection: sqlite3.Connection, name: MarketplaceName, at_us: int) -> None:
    # Answers of GitHub may be noted out of order; the latest counts.
    connection.execute(
        "UPDATE head SET confirmed_at_us = max(confirmed_at_us, ?) "
        "WHERE marketplace = (SELECT id FROM marketplaces WHERE name = ?)",
        (at_us, name),
    )


def _head(connection: sqlite3.Connection, marketplace: int) -> tuple[PublicationId | None, int]:
    """What is served and its content number; None and 0 when nothing is."""
    row = connection.execute(
        "SELECT h.publication, p.content_seq FROM head h JOIN publications p ON p.id = h.publication WHERE h.marketplace = ?",
        (marketplace,),
    ).fetchone()
    return (None, 0) if row is None else (PublicationId(row[0]), row[1])


def _source(connection: sqlite3.Connection, marketplace: int, state: SourceState) -> int:
    row = connection.execute(
        "INSERT INTO sources(marketplace, key, repository) VALUES(?, ?, ?) "
        "ON CONFLICT(marketplace, key) DO UPDATE SET repository = excluded.repository RETURNING id",
        (marketplace, state.key, state.repository),
    ).fetchone()
    return int(row[0])


def _newest(connection: sqlite3.Connection, marketplace: int, remembered: Content | None) -> Content:
    row = connection.execute("SELECT newest_content FROM marketplaces WHERE id = ?", (marketplace,)).fetchone()
    if remembered is not None and remembered.number == row[0]:
        return remembered
    return intervals.read(connection, marketplace, row[0])


def _write_content(
    connection: sqlite3.Connection, marketplace: int, draft: PublicationDraft, number: int, change: Difference
) -> None:
    # Every source the marketplace ever had: one that is no longer drafted ends too.
    rows = connection.execute("SELECT key, id FROM sources WHERE marketplace = ?", (marketplace,))
    sources = {SourceKey(key): source for key, source in rows}
    commit, published_at_us = draft.sources[0].state.commit, micros(draft.published_at)
    intervals.write(connection, marketplace, sources, change, number, commit, published_at_us)
    # A content number is never given twice, even after the rows that carried it are gone.
    connection.execute("UPDATE marketplaces SET newest_content = ? WHERE id = ?", (number, marketplace))
    missing = intervals.missing_blobs(connection, sources.values(), number) - draft.absent
    if missing:
        found = f"{len(missing)} blobs are not held, {min(missing)} among them"
        raise Conflict(f"{found}; pull again", code="content_not_held")


def _write_publication(
    connection: sqlite3.Connection, marketplace: int, draft: PublicationDraft, number: int, changes: Changes
) -> PublicationId:
    own = draft.sources[0].state
    row = connection.execute(
        "INSERT INTO publications(marketplace, repository, commit_id, tree_id, content_seq, parser_version, "
        "published_at_us, cause, files, skills, added, changed, removed) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            marketplace,
            own.repository,
            bytes.fromhex(own.commit),
            bytes.fromhex(own.tree),
            number,
            draft.parser_version,
            micros(draft.published_at),
            draft.cause,
            draft.files,
            len(draft.skills),
            changes.added,
            changes.changed,
            changes.removed,
        ),
    ).fetchone()
    return PublicationId(row[0])


def _move_head(
    connection: sqlite3.Connection,
    marketplace: int,
    publication: PublicationId,
    expected: PublicationId | None,
    published_at_us: int,
) -> None:
    """The flip: only from the publication that this one follows. A first head is confirmed by being published."""
    if expected is None:
        connection.execute(
            "INSERT INTO head(marketplace, publication, fence, confirmed_at_us) VALUES(?, ?, 1, ?)",
            (marketplace, publication, published_at_us),
        )
        return
    moved = connection.execute(
        "UPDATE head SET publication = ?, fence = fence + 1 WHERE marketplace = ? AND publication = ?",
        (publication, marketplace, expected),
    )
    assert moved.rowcount == 1, "the head was read in this very transaction"


def _changes(skills: SkillDifference) -> Changes:
    return Changes(len(skills.added), len(skills.changed), len(skills.removed))
