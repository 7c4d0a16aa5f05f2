"""An archive is made once, is whole or not there, and makes room for others."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mcp_server.archives.layout import Member, layout
from mcp_server.archives.shelf import Archive, Shelf
from skillport_sync.errors import Broken, Invalid, Unavailable
from skillport_sync.git.objects import BlobId

WITHIN_S = 30.0


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
async def test_an_archive_is_what_its_layout_says_and_only_ours_to_read(shelf, contents, folder, kind):
    described = contents.layout("pdf", 50_000, 7, kind)
    archive = await shelf.archive(described)
    written = archive.path.read_bytes()
    assert (archive.size_bytes, archive.sha256) == (len(written), hashlib.sha256(written).hexdigest())
    assert files_in(folder) == [f"{described.key}.{kind}"]
    assert stat.S_IMODE(archive.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    if kind == "zip":
        with zipfile.ZipFile(archive.path) as zipped:
            assert {name: zipped.read(name) for name in zipped.namelist()} == {
                member.path: contents.held[member.content] for member in described.members
            }


async def test_bytes_that_are_given_need_no_mirror(shelf, contents):
    described = layout("zip", [Member("a/SKILL.md", False, b"text"), Member("a/b", True, contents.put(b"held"))])
    with zipfile.ZipFile((await shelf.archive(described)).path) as zipped:
        assert (zipped.read("a/SKILL.md"), zipped.read("a/b")) == (b"text", b"held")
    assert contents.asked == 1


async def test_an_archive_is_made_once_however_many_wait_for_it(shelf, contents):
    described = contents.layout("pdf", files=3)
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        with contents.shut():
            waiting = [group.create_task(shelf.archive(described)) for _ in range(50)]
            await contents.begun.wait()
    assert len({task.result() for task in waiting}) == 1
    assert await shelf.archive(contents.layout("pdf", files=3)) == waiting[0].result()
    assert contents.asked == 3


async def test_many_that_wait_for_one_do_not_keep_the_others_waiting(shelf, contents):
    held_up, other = contents.layout("pdf"), layout("zip", [Member("a", False, b"asks nobody")])
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        with contents.shut():
            waiting = [group.create_task(shelf.archive(held_up)) for _ in range(10)]
            await contents.begun.wait()
            await shelf.archive(other)
            assert not any(task.done() for task in waiting)


async def test_what_is_made_is_logged_with_its_size_and_time_and_what_is_there_is_not(shelf, contents):
    with capture_logs() as logged:
        archive = await shelf.archive(contents.layout("pdf", files=3))
        await shelf.archive(contents.layout("pdf", files=3))
    assert logged == [
        {
            "event": "archive_made",
            "log_level": "info",
            "format": "zip",
            "members": 3,
            "size_bytes": archive.size_bytes,
            "duration_ms": 0,
        }
    ]


@pytest.mark.parametrize("who", [0, 1])
async def test_who_goes_away_takes_nothing_from_the_others_and_the_next_one_finds_it(shelf, contents, folder, who):
    described = contents.layout("pdf", files=3)
    async with asyncio.timeout(WITHIN_S):
        with contents.shut():
            waiting = [asyncio.create_task(shelf.archive(described)) for _ in range(3)]
            await contents.begun.wait()
            leaving = waiting.pop(who)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        assert {await task for task in waiting} == {await shelf.archive(described)}
    assert contents.asked == 3
    assert len(files_in(folder)) == 1


async def test_who_goes_away_while_others_are_made_begins_nothing(shelf, contents, folder):
    async with asyncio.timeout(WITHIN_S):
        with contents.shut():
            others = [asyncio.create_task(shelf.archive(contents.layout(name))) for name in "ab"]
            await contents.begun.wait()
            waiting = asyncio.create_task(shelf.archive(contents.layout("c")))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await asyncio.gather(*others)
    assert contents.asked == 2
    await shelf.archive(contents.layout("c"))
    assert len(files_in(folder)) == 3


async def test_what_several_ask_for_while_others_are_made_is_made_once(shelf, contents):
    async with asyncio.timeout(WITHIN_S):
        with contents.shut():
            others = [asyncio.create_task(shelf.archive(contents.layout(name))) for name in "ab"]
            await contents.begun.wait()
            waiting = [asyncio.create_task(shelf.archive(contents.layout("c"))) for _ in range(3)]
            await asyncio.sleep(0)
        assert len(set(await asyncio.gather(*waiting))) == 1
        await asyncio.gather(*others)
    assert contents.asked == 3


async def test_the_least_recently_asked_make_room(shelf_of, contents, folder):
    shelf = shelf_of(max_bytes=35_000)
    a, b, c, d = (contents.layout(name) for name in "abcd")
    for described in (a, b, c, a, d):
        await shelf.archive(described)
    assert files_in(folder) == sorted(f"{described.key}.zip" for described in (c, a, d))
    assert shelf.size_bytes == sum(path.stat().st_size for path in folder.iterdir()) <= 35_000
    asked = contents.asked
    await shelf.archive(b)
    assert contents.asked == asked + 1


async def test_the_shelf_is_never_fuller_than_it_may_be(shelf_of, contents, folder):
    shelf = shelf_of(max_bytes=60_000)
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        for at in range(30):
            group.create_task(shelf.archive(contents.layout(f"skill-{at % 20}", 1_000 * (at % 20 + 1))))
    assert shelf.size_bytes == sum(path.stat().st_size for path in folder.iterdir()) <= 60_000


async def test_one_that_is_larger_than_the_shelf_is_refused_and_leaves_the_others(shelf_of, contents, folder):
    shelf = shelf_of(max_bytes=2 * 1024 * 1024)
    small = await shelf.archive(contents.layout("small"))
    with pytest.raises(Invalid) as refused:
        await shelf.archive(contents.layout("large", 20_000_000, 10))
    assert refused.value.code == "archive_too_large"
    assert contents.asked < 1 + 10, "it is given up as soon as it is too large"
    assert files_in(folder) == [small.path.name]


async def test_the_last_byte_counts(shelf, shelf_of, contents, folder):
    described = contents.layout("pdf")
    size_bytes = (await shelf.archive(described)).size_bytes
    assert await shelf_of(max_bytes=size_bytes).archive(described)
    with pytest.raises(Invalid):
        await shelf_of(max_bytes=size_bytes - 1).archive(described)
    assert files_in(folder) == []


async def test_a_content_that_is_not_held_is_a_matter_of_time(shelf, contents, folder):
    described = contents.layout("pdf", files=3)
    lost = described.members[1]
    assert isinstance(lost.content, str)
    content = contents.held.pop(BlobId(lost.content))
    with pytest.raises(Unavailable, match="pdf/file-1") as refused:
        await shelf.archive(described)
    assert (refused.value.code, refused.value.retry_after_s) == ("content_not_held", 60.0)
    assert files_in(folder) == []
    contents.put(content)
    await shelf.archive(described)


async def test_all_who_wait_hear_of_the_failure_and_the_next_one_tries_anew(shelf, contents, folder):
    described = contents.layout("pdf", files=3)
    contents.fails = Broken("damaged", code="content_damaged")
    async with asyncio.timeout(WITHIN_S):
        with contents.shut():
            waiting = [asyncio.create_task(shelf.archive(described)) for _ in range(10)]
            await contents.begun.wait()
        told = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in told} == {Broken}
    assert contents.asked == 1
    assert files_in(folder) == []
    contents.fails = None
    await shelf.archive(described)


async def test_what_a_former_process_left_is_not_trusted(shelf_of, folder):
    folder.mkdir()
    for name in ("a.zip", "b.tar.gz", "c.zip.part", "of-somebody-else.txt"):
        (folder / name).write_bytes(b"?")
    shelf_of()
    assert files_in(folder) == ["of-somebody-else.txt"]


async def test_what_somebody_tidied_up_is_made_again(shelf, contents):
    described = contents.layout("pdf")
    archive = await shelf.archive(described)
    whole = archive.path.read_bytes()
    for spoil in (lambda: archive.path.unlink(), lambda: archive.path.write_bytes(whole[:100])):
        spoil()
        assert await shelf.archive(described) == archive
        assert archive.path.read_bytes() == whole


async def test_a_folder_that_cannot_be_written_is_said_and_leaves_nothing(shelf, contents, folder):
    folder.rmdir()
    folder.write_bytes(b"in the way")
    with pytest.raises(Unavailable) as refused:
        await shelf.archive(contents.layout("pdf"))
    assert refused.value.code == "archives_unwritable"
    folder.unlink()
    folder.mkdir()
    await shelf.archive(contents.layout("pdf"))


async def test_a_folder_that_cannot_be_made_is_said_at_the_start(shelf_of, folder):
    folder.write_bytes(b"in the way")
    with pytest.raises(Unavailable, match="cannot write its archives"):
        shelf_of()


@pytest.fixture
def tiny(tmp_path: Path):
    """A disk of a megabyte."""
    place = tmp_path / "tiny"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk of a megabyte")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk of a megabyte can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
async def test_a_full_disk_is_said_leaves_nothing_and_spoils_nothing(tiny, contents, clock, kind):
    shelf = Shelf(tiny / "archives", contents, clock)
    small = await shelf.archive(contents.layout("small", 100_000, 3, kind))
    for size_bytes in (946_000, 950_000, 1_000_000, 3_000_000):
        with pytest.raises(Unavailable) as refused:
            await shelf.archive(contents.layout(f"large-{size_bytes}", size_bytes, 5, kind))
        assert (refused.value.code, refused.value.retry_after_s) == ("disk_full", 60.0)
        assert files_in(tiny / "archives") == [small.path.name]
    assert isinstance(await shelf.archive(contents.layout("other", 100_000, 3, kind)), Archive)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
async def test_memory_stays_flat_however_large_the_archive(folder, clock, kind):
    members = [Member(f"a/{at}", False, BlobId(f"{at:040x}")) for at in range(60)]
    shelf = Shelf(folder, Endless(), clock)
    tracemalloc.start()
    try:
        await shelf.archive(layout(kind, members))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 6_000_000, "60 MB of contents, a megabyte each"


class Endless(dict[BlobId, bytes]):
    """Contents that nobody holds: made when they are read, as a database makes them."""

    @contextmanager
    def reading(self) -> Iterator[Mapping[BlobId, bytes]]:
        yield self

    def __missing__(self, oid: BlobId) -> bytes:
        return bytes.fromhex(oid) * 50_000
