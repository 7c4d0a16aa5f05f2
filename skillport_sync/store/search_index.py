"""Owns full-text search in memory: all its SQL, and every expression of SQLite's query language that is ever made.

An index is made once from rows and never changed. It knows positions, not skills: who gives it the rows decides what can be
found in it, and nothing outside them has a part in any answer (https://www.sqlite.org/fts5.html).
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

import orjson

_MAX_COMPLETIONS = 8


class Place(IntEnum):
    """Where a word stands, the best place first."""

    NAME = 0  # a whole word of the name
    BEGINS_NAME = 1  # the beginning of one
    LABELS = 2
    DESCRIPTION = 3
    BODY = 4


Places = Sequence[Sequence[int]]
"""For each ``Place`` the positions of the rows that have something there, in order. A row may be in several."""
_NOWHERE: Places = ((),) * len(Place)


class SearchRow(NamedTuple):
    """One thing that can be found, as texts whose words are apart."""

    name: str
    labels: str
    description: str
    body: str
    spellings: tuple[str, ...]
    """Whoever asks for exactly one of these means this row."""


class SearchIndex:
    """Rows, found by their words. May be asked from several threads, one at a time; its memory is freed with it."""

    def __init__(self, rows: Iterable[SearchRow]) -> None:
        """Reads all ``rows``; their order gives the positions, from 0 on."""
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=16)
        try:
            connection.executescript(_TABLES)
            connection.execute("BEGIN")
            self.size = 0
            for position, (name, labels, description, body, spellings) in enumerate(rows):
                connection.execute(_ADD_NAME, (position, name))
                connection.execute(_ADD_LABELS, (position, labels))
                connection.execute(_ADD_DESCRIPTION, (position, description))
                connection.execute(_ADD_BODY, (position, body))
                connection.execute(_ADD_WRITTEN, (position, f"{name} {labels} {description}"))
                connection.executemany(_ADD_SPELLING, ((spelling, position) for spelling in spellings))
                self.size += 1
            connection.execute("COMMIT")
            connection.executescript(_MERGE)
            (self.size_bytes,) = connection.execute(_SIZE).fetchone()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._one_at_a_time = threading.Lock()
        weakref.finalize(self, connection.close)

    def spelled(self, spelling: str) -> Sequence[int]:
        """The positions of the rows with exactly this spelling, in order."""
        (positions,) = self._ask(_SPELLED, (spelling,))
        return positions

    def places(self, words: Sequence[str]) -> Places:
        """The rows that have one of these words.

        A word stands where it or another form of it does (``reports``, ``reporting``), and in all but bodies where a word begins
        with it, if it is longer than one letter.
        """
        if not words:
            return _NOWHERE
        whole = " OR ".join(map(_quoted, words))
        begun = " OR ".join(f"{_quoted(word)} *" if len(word) > 1 else _quoted(word) for word in words)
        try:
            return self._ask(_PLACES, (whole, begun))
        except sqlite3.OperationalError as error:
            # Where words stand in a text is not kept, so there are no phrases; and a letter that is younger than SQLite's table
            # of letters makes a phrase of a word.
            if "phrase" not in str(error):
                raise
            return _NOWHERE

    def completions(self, beginning: str) -> list[str]:
        """The most frequent words, outside bodies, that are written with this beginning.

        ``places`` compares stems: ``combina`` does not begin that of ``combination``, which is ``combin``.
        """
        with self._one_at_a_time:
            rows = self._connection.execute(_COMPLETIONS, (beginning, beginning + "\U0010ffff", _MAX_COMPLETIONS))
            return [word for (word,) in rows]

    def _ask(self, statement: str, parameters: tuple[str, ...]) -> Sequence[Sequence[int]]:
        # All positions as one value: with a row each, the interpreter lock would be given up and taken back for every one.
        with self._one_at_a_time:
            (listed,) = self._connection.execute(statement, parameters)
        return [orjson.loads(positions) for positions in listed]


def _quoted(word: str) -> str:
    """The word as text, which nothing in it can end: quotes are doubled, and NUL, where SQLite would stop reading, is a space."""
    return '"' + word.replace('"', '""').replace("\0", " ") + '"'


_LEAN = "content = '', columnsize = 0, detail = none"
"""Which rows have a word is kept, and neither the texts nor where in them: a quarter of the memory."""
_WORDS = "unicode61 remove_diacritics 2 categories ''L* N* M* Co So''"
_TABLES = f"""
PRAGMA journal_mode = OFF;
PRAGMA auto_vacuum = INCREMENTAL;
CREATE VIRTUAL TABLE names USING fts5(text, {_LEAN}, tokenize = 'porter {_WORDS}');
CREATE VIRTUAL TABLE labels USING fts5(text, {_LEAN}, tokenize = 'porter {_WORDS}');
CREATE VIRTUAL TABLE descriptions USING fts5(text, {_LEAN}, tokenize = 'porter {_WORDS}');
CREATE VIRTUAL TABLE bodies USING fts5(text, {_LEAN}, tokenize = 'porter {_WORDS}');
CREATE VIRTUAL TABLE written USING fts5(text, {_LEAN}, tokenize = '{_WORDS}');
CREATE VIRTUAL TABLE written_words USING fts5vocab(written, row);
CREATE TABLE spellings(spelling TEXT, position INTEGER, PRIMARY KEY(spelling, position)) WITHOUT ROWID;
INSERT INTO descriptions(descriptions, rank) VALUES('hashsize', 262144);
INSERT INTO bodies(bodies, rank) VALUES('hashsize', 262144);
INSERT INTO written(written, rank) VALUES('hashsize', 262144);
"""
"""``hashsize``: what is collected before it is written. More is a little faster and leaves the heap in holes of that size."""

_ADD_NAME = "INSERT INTO names(rowid, text) VALUES(?, ?)"
_ADD_LABELS = "INSERT INTO labels(rowid, text) VALUES(?, ?)"
_ADD_DESCRIPTION = "INSERT INTO descriptions(rowid, text) VALUES(?, ?)"
_ADD_BODY = "INSERT INTO bodies(rowid, text) VALUES(?, ?)"
_ADD_WRITTEN = "INSERT INTO written(rowid, text) VALUES(?, ?)"
_ADD_SPELLING = "INSERT OR IGNORE INTO spellings(spelling, position) VALUES(?, ?)"
_MERGE = """
INSERT INTO names(names) VALUES('optimize');
INSERT INTO labels(labels) VALUES('optimize');
INSERT INTO descriptions(descriptions) VALUES('optimize');
INSERT INTO bodies(bodies) VALUES('optimize');
INSERT INTO written(written) VALUES('optimize');
PRAGMA incremental_vacuum;
"""
"""Nothing will be added: a table in one piece is read fastest."""

_SIZE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"

# What an aggregate gets from one of these tables comes in order of position: so their words are stored.
_SPELLED = "SELECT json_group_array(position) FROM spellings WHERE spelling = ?"
_PLACES = """
SELECT
  (SELECT json_group_array(rowid) FROM names WHERE names MATCH ?1),
  (SELECT json_group_array(rowid) FROM names WHERE names MATCH ?2),
  (SELECT json_group_array(rowid) FROM labels WHERE labels MATCH ?2),
  (SELECT json_group_array(rowid) FROM descriptions WHERE descriptions MATCH ?2),
  (SELECT json_group_array(rowid) FROM bodies WHERE bodies MATCH ?1)
"""
"""One list for each ``Place``."""
_COMPLETIONS = "SELECT term FROM written_words WHERE term >= ? AND term < ? ORDER BY doc DESC, term LIMIT ?"
