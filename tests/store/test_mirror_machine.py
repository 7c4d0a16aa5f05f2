"""Interval rows against full copies: whatever is published, collected or rolled back, the rows say what a plain dict says."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId, blob_id
from skillport_sync.publication import Publication
from skillport_sync.snapshot import SourceState
from skillport_sync.store import intervals
from skillport_sync.store.drafts import Fenced, PublicationDraft, SkillRow, SourceDraft
from skillport_sync.store.mirror import STAGING_GRACE, MirrorStore

NAME = "acme/skills"
PATHS = [b"a", b"b", b"d/a", b"d/e/f", b"\xff", b"z z"]
CONTENTS = [b"", b"one", b"two", b"three"]
MODES = [Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK]

files = st.dictionaries(st.sampled_from(PATHS), st.tuples(st.sampled_from(CONTENTS), st.sampled_from(MODES)))
skills = st.dictionaries(st.sampled_from(["d", "d/e"]), st.tuples(st.sampled_from([None, "1", "2"]), st.integers(0, 3)))


@dataclass
class Expected:
    """A full copy of one publication."""

    publication: Publication
    sources: dict[str, dict[bytes, Entry]]
    skills: dict[tuple[str, str], SkillRow]


class WindingClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def monotonic_s(self) -> float:
        return self.at.timestamp()


class Mirror(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.clock = WindingClock()
        self.kept: list[Expected] = []
        self.newest: Expected | None = None
        self.store: MirrorStore

    @property
    def path(self) -> Path:
        return Path(self.directory.name) / "mirror.db"

    @initialize()
    def begin(self) -> None:
        self.store = self.runner.run(MirrorStore.open(self.path, clock=self.clock))

    @rule(own=files, other=st.none() | files, rows=skills)
    def publish(self, own, other, rows) -> None:
        sources = {"": own} | ({"vendor": other} if other is not None else {})
        entries = {
            key: {path: Entry(mode, blob_id(data), len(data)) for path, (data, mode) in listed.items()}
            for key, listed in sources.items()
        }
        rows = [
            SkillRow("p", directory, directory[-1], version, TreeId(f"{revision:040x}"))
            for directory, (version, revision) in rows.items()
        ]
        blobs = {blob_id(data): data for listed in sources.values() for data, _ in listed.values()}
        held = self.runner.run(self.store.held(blobs))
        self.runner.run(self.store.put_blobs([(oid, data) for oid, data in blobs.items() if oid not in held]))
        draft = PublicationDraft(
            NAME,
            [SourceDraft(_state(key, listed), listed) for key, listed in entries.items()],
            rows,
            1,
            "push",
            self.clock.now(),
            self.kept[-1].publication.id if self.kept else None,
            len(own),
        )
        publication = self.runner.run(self.store.publish(draft))
        assert isinstance(publication, Publication)
        expected = Expected(publication, entries, {(row.plugin, row.directory): row for row in rows})
        newest_number = self.newest.publication.content_number if self.newest else 0
        same = self.newest is not None and _contents(self.newest) == _contents(expected)
        assert publication.content_number == newest_number + (not same)
        self.newest = expected
        if self.kept:
            assert publication.id > self.kept[-1].publication.id
            before = self.kept[-1].skills
            assert publication.changes.added == len(expected.skills.keys() - before.keys())
            assert publication.changes.removed == len(before.keys() - expected.skills.keys())
            assert publication.changes.changed == sum(
                before[identity] != row for identity, row in expected.skills.items() if identity in before
            )
        self.kept.append(expected)

    @precondition(lambda self: self.kept)
    @rule(behind=st.integers(1, 5))
    def publish_late(self, behind: int) -> None:
        head = self.kept[-1].publication
        late = PublicationDraft(
            NAME, [SourceDraft(_state("", {}), {})], [], 1, "push", self.clock.now(), head.id + behind, 0
        )
        assert self.runner.run(self.store.publish(late)) == Fenced(head.id + behind, head.id)

    @precondition(lambda self: len(self.kept) > 1)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        old, head = data.draw(st.sampled_from(self.kept)), self.kept[-1]
        again = self.runner.run(
            self.store.republish(
                NAME,
                old.publication.id,
                cause="rollback",
                published_at=self.clock.now(),
                expected_head=head.publication.id,
            )
        )
        assert isinstance(again, Publication)
        assert again.content_number == old.publication.content_number
        assert (again.commit, again.cause) == (old.publication.commit, "rollback")
        assert again.changes.added == len(old.skills.keys() - head.skills.keys())
        assert again.changes.removed == len(head.skills.keys() - old.skills.keys())
        self.kept.append(Expected(again, old.sources, old.skills))

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def look_back(self, data: st.DataObject) -> None:
        expected = data.draw(st.sampled_from(self.kept))
        stored = self.runner.run(self.store.load(NAME, expected.publication.id))
        assert stored is not None
        assert stored.publication == expected.publication
        assert {source.state.key: source.listing.entries for source in stored.sources} == expected.sources
        found = self.runner.run(self.store.find_publications(NAME, expected.publication.commit[:9]))
        assert expected.publication in found

    @invariant()
    def a_past_is_told_as_it_was_seen(self) -> None:
        if not self.kept:
            return
        identity, seen = ("p", "d"), []
        for expected in self.kept:
            row = expected.skills.get(identity)
            if (seen and seen[-1] != row) or (not seen and row is not None):
                seen.append(row)
        phases = self.runner.run(self.store.skill_history(NAME, *identity, self.kept[-1].publication.id))
        assert [phase.row for phase in phases][::-1] == seen
        newest = {phase.publication for phase in phases}
        assert newest <= {expected.publication.id for expected in self.kept}

    @rule(keep=st.integers(0, 4))
    def collect(self, keep: int) -> None:
        self.clock.at += STAGING_GRACE * 2
        self.runner.run(
            self.store.collect_garbage(NAME, keep_publications=keep, keep_younger_than=timedelta(0), budget_s=1e9)
        )
        del self.kept[: -max(1, keep)]

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.store.close())
        self.store = self.runner.run(MirrorStore.open(self.path, clock=self.clock))
        assert self.store.rebuilt is None

    @rule()
    def forget_what_is_remembered(self) -> None:
        self.store._newest.clear()

    @invariant()
    def the_head_is_whole(self) -> None:
        stored = self.runner.run(self.store.load(NAME))
        assert (stored is None) == (not self.kept)
        if stored is None:
            return
        expected = self.kept[-1]
        assert stored.publication == expected.publication
        assert {source.state.key: source.listing.entries for source in stored.sources} == expected.sources
        named = {entry.oid for listed in expected.sources.values() for entry in listed.values()}
        assert stored.held.keys() == named
        with self.store.reading() as contents:
            assert all(blob_id(contents[BlobId(oid)]) == oid for oid in named)

    @invariant()
    def every_kept_content_is_what_it_was(self) -> None:
        assert self.runner.run(self.store.publications(NAME)) == [e.publication for e in reversed(self.kept)]
        with closing(sqlite3.connect(self.path)) as connection:
            for expected in self.kept:
                content = intervals.read(connection, 1, expected.publication.content_number)
                assert {key: listed for key, listed in content.entries.items() if listed} == {
                    key: listed for key, listed in expected.sources.items() if listed
                }
                assert content.skills == expected.skills
            overlaps = connection.execute(
                "SELECT count(*) FROM files a JOIN files b ON a.source = b.source AND a.path = b.path "
                "AND a.from_seq < b.from_seq AND a.to_seq > b.from_seq"
            )
            assert overlaps.fetchone() == (0,)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.runner.run(self.store.close())
        self.runner.close()
        self.directory.cleanup()


def _state(key: str, listed: dict[bytes, Entry]) -> SourceState:
    tree = tree_ids({path: (entry.mode, entry.oid) for path, entry in listed.items()})[b""]
    return SourceState(key, f"acme/{key or 'skills'}", CommitId(hashlib.sha1(tree.encode()).hexdigest()), tree)


def _contents(expected: Expected) -> tuple[object, ...]:
    listed = {(key, path): (e.oid, e.mode) for key, entries in expected.sources.items() for path, e in entries.items()}
    return listed, expected.skills


TestMirror = Mirror.TestCase
TestMirror.settings = settings(
    max_examples=int(os.environ.get("SKILLPORT_TEST_EXAMPLES", "40")),
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
