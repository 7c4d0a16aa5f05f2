"""Owns the interval rows, ``files`` and ``skills``: how content number n becomes rows, and rows content number n again.

A row says what was so from one content number until before another; publishing writes only what changed. Never decides what is
published.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.catalog.model import SourceKey
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId
from skillport_sync.store.database import FOREVER
from skillport_sync.store.drafts import Content, SkillRow

_MODES = {int(mode): mode for mode in Mode}
_NOTHING: Mapping[bytes, Entry] = {}


@dataclass(frozen=True, slots=True)
class FileDifference:
    """The files of one source that differ."""

    begun: Mapping[bytes, Entry]
    """What is new or different, as it is now."""
    ended: Sequence[bytes]
    """Paths that are gone, and those among ``begun`` that were something else before."""


@dataclass(frozen=True, slots=True)
class SkillDifference:
    """The skills that differ: new ones, other ones in the same place (as they are now), and those that are gone."""

    added: Sequence[SkillRow]
    changed: Sequence[SkillRow]
    removed: Sequence[SkillRow]


@dataclass(frozen=True, slots=True)
class Difference:
    """What turns one content into another."""

    files: Mapping[SourceKey, FileDifference]
    skills: SkillDifference

    @property
    def is_empty(self) -> bool:
        files = any(source.begun or source.ended for source in self.files.values())
        return not (files or self.skills.added or self.skills.changed or self.skills.removed)


def difference(old: Content, new: Content) -> Difference:
    """How ``new`` differs. The cost is one dictionary lookup a file: 51,000 take 5 to 10 ms."""
    keys = {**old.entries, **new.entries}
    return Difference(
        {key: _file_difference(old.entries.get(key, _NOTHING), new.entries.get(key, _NOTHING)) for key in keys},
        skill_difference(old.skills, new.skills),
    )


def skill_difference(
    old: Mapping[tuple[str, str], SkillRow], new: Mapping[tuple[str, str], SkillRow]
) -> SkillDifference:
    """How the skills differ; a skill is its plugin and directory, and changes with its content, version or name."""
    added: list[SkillRow] = []
    changed: list[SkillRow] = []
    for identity, row in new.items():
        was = old.get(identity)
        if was is None:
            added.append(row)
        elif was.revision != row.revision or was.version != row.version or was.name != row.name:
            changed.append(row)
    is_any_gone = len(old) + len(added) != len(new)
    removed = [row for identity, row in old.items() if identity not in new] if is_any_gone else []
    return SkillDifference(added, changed, removed)


def _file_difference(old: Mapping[bytes, Entry], new: Mapping[bytes, Entry]) -> FileDifference:
    begun = {
        path: entry
        for path, entry in new.items()
        if (was := old.get(path)) is not entry and (was is None or was.oid != entry.oid or was.mode is not entry.mode)
    }
    ended = [path for path in begun if path in old]
    if len(old) + len(begun) - len(ended) != len(new):
        ended += [path for path in old if path not in new]
    return FileDifference(begun, ended)


def write(
    connection: sqlite3.Connection,
    marketplace: int,
    sources: Mapping[SourceKey, int],
    change: Difference,
    number: int,
    commit: CommitId,
    published_at_us: int,
) -> None:
    """Make ``number`` the newest content: the one before, with ``change`` applied."""
    for key, files in change.files.items():
        # The row that said what the file was until now ends here.
        connection.executemany(
            "UPDATE files SET to_seq = ? WHERE source = ? AND path = ? AND to_seq = ?",
            ((number, sources[key], path, FOREVER) for path in files.ended),
        )
        # What it is from now on. In order of the key, which fills pages instead of splitting them.
        connection.executemany(
            "INSERT INTO files(source, path, mode, oid, size, from_seq) VALUES(?, ?, ?, ?, ?, ?)",
            (
                (sources[key], path, int(entry.mode), bytes.fromhex(entry.oid), entry.size_bytes, number)
                for path, entry in sorted(files.begun.items())
            ),
        )
    # The same for skills.
    connection.executemany(
        "UPDATE skills SET to_seq = ? WHERE marketplace = ? AND plugin = ? AND directory = ? AND to_seq = ?",
        (
            (number, marketplace, row.plugin, row.directory, FOREVER)
            for row in (*change.skills.changed, *change.skills.removed)
        ),
    )
    brought_by = (bytes.fromhex(commit), published_at_us)
    connection.executemany(
        "INSERT INTO skills(marketplace, plugin, directory, name, version, revision, commit_id, published_at_us, from_seq) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                marketplace,
                row.plugin,
                row.directory,
                row.name,
                row.version,
                bytes.fromhex(row.revision),
                *brought_by,
                number,
            )
            for row in (*change.skills.added, *change.skills.changed)
        ),
    )


def missing_blobs(connection: sqlite3.Connection, sources: Iterable[int], number: int) -> set[BlobId]:
    """Blobs that the rows new in ``number`` name and that are not held."""
    found: set[BlobId] = set()
    for source in sources:
        rows = connection.execute(
            "SELECT DISTINCT oid FROM files WHERE source = ? AND from_seq = ? AND mode <> ? "
            "AND NOT EXISTS (SELECT 1 FROM blobs WHERE sha1 = files.oid)",
            (source, number, int(Mode.SUBMODULE)),
        )
        found.update(BlobId(oid.hex()) for (oid,) in rows)
    return found


def read(connection: sqlite3.Connection, marketplace: int, number: int) -> Content:
    """Content number ``number``, from its rows.

    Nearly every row is of the newest content: ``+`` keeps SQLite from looking them up one by one through ``files_from``.
    """
    entries: dict[SourceKey, dict[bytes, Entry]] = {}
    for source, key in connection.execute(
        "SELECT id, key FROM sources WHERE marketplace = ?", (marketplace,)
    ).fetchall():
        rows = connection.execute(
            "SELECT path, mode, oid, size FROM files WHERE source = ?1 AND +from_seq <= ?2 AND to_seq > ?2",
            (source, number),
        )
        entries[SourceKey(key)] = {path: Entry(_MODES[mode], BlobId(oid.hex()), size) for path, mode, oid, size in rows}
    return Content(number, entries, skills(connection, marketplace, number))


def skills(connection: sqlite3.Connection, marketplace: int, number: int) -> dict[tuple[str, str], SkillRow]:
    """The skills of content number ``number`` by (plugin, directory)."""
    rows = connection.execute(
        "SELECT plugin, directory, name, version, revision FROM skills "
        "WHERE marketplace = ?1 AND +from_seq <= ?2 AND to_seq > ?2",
        (marketplace, number),
    )
    return {
        (plugin, directory): SkillRow(plugin, directory, name, version, TreeId(revision.hex()))
        for plugin, directory, name, version, revision in rows
    }


def held_by(connection: sqlite3.Connection, marketplace: int, number: int) -> dict[BlobId, BlobFact]:
    """What is known of the blobs that content number ``number`` names and that are held."""
    rows = connection.execute(
        "SELECT b.sha1, b.size, b.sha256 FROM sources s JOIN files f ON f.source = s.id "
        "JOIN blobs b ON b.sha1 = f.oid WHERE s.marketplace = ?1 AND +f.from_seq <= ?2 AND f.to_seq > ?2",
        (marketplace, number),
    )
    return {BlobId(sha1.hex()): BlobFact(size, sha256) for sha1, size, sha256 in rows}
