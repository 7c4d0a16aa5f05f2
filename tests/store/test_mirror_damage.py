"""mirror.db is a cache: a damaged one is put aside, loudly, and a full one says so and works on."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from skillport_sync.errors import Broken, Unavailable
from skillport_sync.git.objects import blob_id
from skillport_sync.store.database import Schema, open_for_writing, set_aside
from skillport_sync.store.mirror import MirrorStore


@pytest.fixture
async def filled(tmp_path: Path, clock, publisher_of, commit_of) -> Path:
    """A closed mirror.db with one publication of 60 files."""
    path = tmp_path / "filled" / "mirror.db"
    path.parent.mkdir()
    store = await MirrorStore.open(path, clock=clock)
    await publisher_of(store).publish(
        commit_of.of({b"skills/s%02d/SKILL.md" % n: b"%d\n" % n * 900 for n in range(60)})
    )
    await store.close()
    return path


def put_aside(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.glob(f"{path.name}.corrupt-*"))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_to_a_stub(path: Path) -> None:
    os.truncate(path, 50)


def flip(path: Path, rng: random.Random) -> None:
    with path.open("r+b") as file:
        at = rng.randrange(path.stat().st_size)
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << rng.randrange(8))]))


def zero_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(bytes(4096 * 8))


def flip_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"SQLite formaT 3\0")


def replace_by_text(path: Path) -> None:
    path.write_text("not a database " * 500)


def replace_by_a_foreign_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs(x)")


def replace_by_the_other_file(path: Path) -> None:
    path.unlink()
    open_for_writing(path, Schema("state", 0x534B5053)).close()


def come_from_the_future(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def lose_the_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")


def rename_a_column(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'removed', 'remowed')")


@pytest.mark.parametrize(
    "damage",
    [
        rename_a_column,
        cut,
        cut_to_a_stub,
        zero_pages,
        flip_the_header,
        replace_by_text,
        replace_by_a_foreign_database,
        replace_by_the_other_file,
        come_from_the_future,
        lose_the_tables,
    ],
)
async def test_a_file_that_cannot_be_used_is_put_aside_and_made_anew(
    filled: Path, damage, clock, publisher_of, commit_of
) -> None:
    damage(filled)
    with capture_logs() as logs:
        store = await MirrorStore.open(filled, clock=clock)
    try:
        assert store.rebuilt
        assert [(line["event"], line["log_level"]) for line in logs] == [("mirror_put_aside", "error")]
        assert put_aside(filled) == ["mirror.db.corrupt-20261120T120000Z"]
        assert await store.load("acme/skills") is None
        await publisher_of(store).publish(commit_of.of({b"skills/a/SKILL.md": b"new"}))
        assert (await store.verify("acme/skills")).root_matches
    finally:
        await store.close()


async def test_a_damaged_installation_is_not_the_files_fault(
    filled: Path, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_migrations(schema: Schema) -> list[str]:
        raise Broken("migration 1 is missing; install the package again")

    monkeypatch.setattr(Schema, "migrations", no_migrations)
    with pytest.raises(Broken, match="install the package again"):
        await MirrorStore.open(filled, clock=clock)
    assert put_aside(filled) == []


async def test_one_that_cannot_even_be_renamed_is_said(filled: Path, clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    replace_by_text(filled)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(Unavailable, match=r"mirror\.db cannot be renamed: Permission denied"):
        await MirrorStore.open(filled, clock=clock)


async def test_only_the_latest_damaged_file_is_kept(filled: Path, clock) -> None:
    for _ in range(3):
        clock.advance(hours=1)
        replace_by_text(filled)
        await (await MirrorStore.open(filled, clock=clock)).close()
    assert put_aside(filled) == ["mirror.db.corrupt-20261120T150000Z"]


def test_a_wal_is_put_aside_with_its_file(tmp_path: Path, clock) -> None:
    for name in ("mirror.db", "mirror.db-wal", "mirror.db-shm"):
        (tmp_path / name).write_text(name)
    aside = set_aside(tmp_path / "mirror.db", clock.now())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        aside.name: "mirror.db",
        f"{aside.name}-wal": "mirror.db-wal",
        f"{aside.name}-shm": "mirror.db-shm",
    }


@pytest.mark.parametrize("seed", range(40))
async def test_a_flipped_byte_is_never_served(filled: Path, clock, commit_of, seed: int) -> None:
    """Wherever it is: the file is made anew, or the listing or the content is refused, or it made no difference."""
    rng = random.Random(seed)
    whole = commit_of.of({b"skills/s%02d/SKILL.md" % n: b"%d\n" % n * 900 for n in range(60)})
    content = dict(whole.blobs)
    flip(filled, rng)
    store = await MirrorStore.open(filled, clock=clock)
    try:
        try:
            stored = await store.load("acme/skills")
        except Broken as error:
            await store.start_anew(error.message)
            stored = await store.load("acme/skills")
        assert (stored is None) == (store.rebuilt is not None)
        if stored is None:
            return
        assert stored.sources[0].listing.entries == whole.entries
        refused = set()
        for oid in content:
            try:
                got = await store.contents([oid])
            except Broken:
                refused.add(oid)
            else:
                assert got in ({}, {oid: content[oid]})
        report = await store.verify("acme/skills")
        assert refused <= {*report.corrupt, *report.absent}
        if refused:
            await store.discard_blobs(refused)
            await store.put_blobs([(oid, content[oid]) for oid in refused])
            assert (await store.verify("acme/skills")).corrupt == ()
    finally:
        await store.close()


async def test_verify_names_what_was_changed_and_a_pull_can_mend_it(filled: Path, clock, commit_of) -> None:
    whole = commit_of.of({b"skills/s%02d/SKILL.md" % n: b"%d\n" % n * 900 for n in range(60)})
    changed, lost = whole.blobs[3], whole.blobs[5]
    forged = b"forged with its sha256"
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE blobs SET content = ?, size = ?, sha256 = ? WHERE sha1 = ?",
            (forged, len(forged), hashlib.sha256(forged).digest(), bytes.fromhex(changed[0])),
        )
        connection.execute("DELETE FROM blobs WHERE sha1 = ?", (bytes.fromhex(lost[0]),))
    store = await MirrorStore.open(filled, clock=clock)
    try:
        seen = []
        report = await store.verify("acme/skills", lambda done, total: seen.append((done, total)))
        assert (report.corrupt, report.absent, report.root_matches) == ((changed[0],), (lost[0],), True)
        assert (report.files, report.blobs) == (60, 59)
        assert seen[0] == (0, 60)
        assert seen[-1] == (60, 60)
        await store.discard_blobs(report.corrupt)
        await store.put_blobs([changed, lost])
        report = await store.verify("acme/skills")
        assert (report.corrupt, report.absent) == ((), ())
        assert report.size_bytes == sum(len(content) for _, content in whole.blobs)
    finally:
        await store.close()


async def test_starting_anew_forgets_what_was_remembered(
    mirror: MirrorStore, publisher, commit_of, tmp_path: Path
) -> None:
    await publisher.publish(commit_of.of({b"skills/a/SKILL.md": b"one"}))
    await mirror.start_anew("verify found no stone on another")
    assert await mirror.load(publisher.marketplace) is None
    assert len(put_aside(tmp_path / "mirror.db")) == 1
    publisher.head = None
    assert (await publisher.publish(commit_of.of({b"skills/a/SKILL.md": b"one"}))).content_number == 1


async def test_a_full_mirror_says_so_serves_on_and_works_again_after_collecting(
    tmp_path: Path, clock, publisher_of, commit_of
) -> None:
    store = await MirrorStore.open(tmp_path / "small.db", clock=clock, max_bytes=2_000_000)
    try:
        publisher = publisher_of(store)
        published = []

        async def publish_until_full() -> None:
            for n in range(100):
                clock.advance(minutes=1)
                published.append(await publisher.publish(commit_of.of({b"skills/a/SKILL.md": b"%d" % n * 100_000})))

        with pytest.raises(Unavailable, match="cannot grow") as refusal:
            await publish_until_full()
        assert refusal.value.code == "database_full"
        stored = await store.load("acme/skills")
        assert stored.publication == published[-1]
        assert (await store.verify("acme/skills")).corrupt == ()
        clock.advance(days=2)
        for _ in range(2):
            report = await store.collect_garbage("acme/skills", keep_publications=1, keep_younger_than=timedelta(0))
            clock.advance(hours=2)
        assert report.blobs >= len(published) - 1
        await publisher.publish(commit_of.of({b"skills/a/SKILL.md": b"again" * 50_000}))
    finally:
        await store.close()
    assert (tmp_path / "small.db").stat().st_size <= 2_000_000


async def test_a_file_that_became_read_only_is_served_and_refuses_writes(
    mirror: MirrorStore, publisher, commit_of
) -> None:
    await publisher.publish(commit_of.of({b"skills/a/SKILL.md": b"one"}))
    await mirror._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = ON").fetchone())
    with pytest.raises(Unavailable, match="cannot be opened or written") as refusal:
        await publisher.publish(commit_of.of({b"skills/a/SKILL.md": b"two"}))
    assert refusal.value.code == "database_unwritable"
    assert await mirror.content(blob_id(b"one")) == b"one"
