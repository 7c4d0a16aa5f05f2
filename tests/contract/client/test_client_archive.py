"""The archive on its way: where it may come from, what is sent there, and every way it can go wrong."""

from __future__ import annotations

import asyncio
import gzip
import io
import random
import tarfile
import traceback
from typing import Any

import pytest
import structlog

from skillport_sync.errors import Broken, Missing, RateLimited, SkillportError, Unavailable
from skillport_sync.git.objects import CommitId, Mode
from skillport_sync.github.budget import Spent
from skillport_sync.github.client import GitHub
from skillport_sync.github.wire import TarMember

A, B = CommitId("a" * 40), CommitId("b" * 40)
REPO = "acme/skills"
ANNOUNCED = f"/repos/acme/skills/tarball/{A}"
LINK = "/acme/skills/legacy.tar.gz/aaaaaaa"
FILES = {"SKILL.md": b"# one", "scripts/run.sh": b"#!/bin/sh\n", "empty": b""}
SIGNATURE = "S1GNATURE"


async def members_of(github: GitHub, max_bytes: int = 1_000_000) -> list[TarMember]:
    async with asyncio.timeout(10), github.tarball(REPO, A, max_bytes=max_bytes) as batches:
        return [member async for batch in batches for member in batch]


async def failure_of(github: GitHub, max_bytes: int = 1_000_000) -> SkillportError:
    with pytest.raises(SkillportError) as caught:
        await members_of(github, max_bytes)
    return caught.value


@pytest.fixture
async def codeload(serve: Any, script: Any) -> Any:
    """Another origin, to which the API redirects."""
    codeload = await serve()
    script.on(ANNOUNCED, status=302, headers={"location": f"{codeload.url}{LINK}?token={SIGNATURE}"})
    return codeload


async def test_an_archive_comes_from_another_origin_without_credentials(
    github: GitHub, codeload: Any, archive: Any, secret: str
) -> None:
    codeload.on(LINK, archive(FILES, commit=A), headers={"content-type": "application/x-gzip"})
    assert await members_of(github) == [TarMember(path.encode(), Mode.FILE, content) for path, content in FILES.items()]
    (seen,) = codeload.seen
    assert seen.target == f"{LINK}?token={SIGNATURE}"
    assert "Authorization" not in seen.headers
    assert secret not in repr(seen.headers)
    assert github.spent == Spent(requests=2, primary=1)


async def test_an_archive_is_unpacked_once_even_if_it_says_it_is_packed_twice(
    github: GitHub, codeload: Any, archive: Any
) -> None:
    codeload.on(LINK, archive(FILES), headers={"content-encoding": "gzip"})
    assert len(await members_of(github)) == 3


async def test_a_renamed_repository_has_its_archive_elsewhere(
    github: GitHub, script: Any, codeload: Any, archive: Any
) -> None:
    moved = f"/repositories/7/tarball/{B}"
    script.on(f"/repos/acme/skills/tarball/{B}", status=301, headers={"location": moved})
    script.on(moved, status=302, headers={"location": f"{codeload.url}{LINK}"})
    codeload.on(LINK, archive(FILES, commit=B))
    async with github.tarball(REPO, B, max_bytes=1000) as batches:
        assert sum([len(batch) async for batch in batches]) == 3


async def test_a_large_archive_comes_in_batches(github: GitHub, codeload: Any, archive: Any) -> None:
    files = {f"skills/s{number}/SKILL.md": random.Random(number).randbytes(30_000) for number in range(100)}
    codeload.on(LINK, archive(files, commit=A))
    async with asyncio.timeout(10), github.tarball(REPO, A, max_bytes=10_000_000) as batches:
        received = [batch async for batch in batches]
    assert len(received) >= 3
    assert {member.path.decode(): member.content for batch in received for member in batch} == files


@pytest.mark.parametrize("cut_after", [0, 5, 100])
async def test_a_cut_archive_is_unavailable(github: GitHub, codeload: Any, archive: Any, cut_after: int) -> None:
    codeload.on(LINK, archive(FILES), cut_after=cut_after)
    error = await failure_of(github)
    assert (type(error), error.code, error.__cause__) == (Unavailable, "archive_cut", None)


async def test_an_archive_that_ends_too_early_is_unavailable_wherever_it_ends(
    github: GitHub, codeload: Any, archive: Any
) -> None:
    whole = archive({"a": b"some text to pack", "b": b"more"})
    for length in range(0, len(whole), 7):
        codeload.on(LINK, whole[:length])
        if length:  # the first answer, an empty body, was the only one so far
            await failure_of(github)
    error = await failure_of(github)
    assert (type(error), error.code) == (Unavailable, "archive_cut")


async def test_a_whole_gzip_of_half_a_tar_is_unavailable(github: GitHub, codeload: Any, archive: Any) -> None:
    codeload.on(LINK, gzip.compress(gzip.decompress(archive(FILES))[:1500]))
    error = await failure_of(github)
    assert (type(error), error.code) == (Unavailable, "archive_cut")


@pytest.mark.parametrize(
    "body", [b"<html>no</html>" * 100, gzip.compress(b"<html>no</html>" * 100, mtime=0), b"PK\3\4" * 200]
)
async def test_what_is_no_archive_is_broken(github: GitHub, codeload: Any, body: bytes) -> None:
    codeload.on(LINK, body)
    error = await failure_of(github)
    assert (type(error), error.code) == (Broken, "archive_broken")


async def test_a_spoilt_archive_is_broken(github: GitHub, codeload: Any, archive: Any) -> None:
    body = bytearray(archive({"a": random.Random(1).randbytes(5000)}))
    body[-6] ^= 1  # in gzip's checksum
    codeload.on(LINK, bytes(body))
    assert type(await failure_of(github)) is Broken


async def test_an_archive_of_another_commit_is_broken(github: GitHub, codeload: Any, archive: Any) -> None:
    codeload.on(LINK, archive(FILES, commit=B))
    assert type(await failure_of(github)) is Broken


async def test_contents_beyond_the_limit_are_not_received(github: GitHub, codeload: Any, archive: Any) -> None:
    codeload.on(LINK, archive({"a": b"x" * 1000, "b": b"x" * 1001}))
    assert len(await members_of(github, 2001)) == 2
    error = await failure_of(github, 2000)
    assert (type(error), error.code) == (Broken, "archive_too_large")


async def test_a_bomb_is_not_unpacked(github: GitHub, codeload: Any, archive: Any) -> None:
    tail = gzip.compress(gzip.decompress(archive(FILES)) + bytes(64 << 20), compresslevel=9)
    assert len(tail) < 100_000
    codeload.on(LINK, tail)
    assert (await failure_of(github, 1000)).code == "archive_too_large"


async def test_packed_bytes_that_unpack_to_nothing_are_bounded_too(github: GitHub, codeload: Any) -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff" * 500_000  # stored blocks of no bytes, as DEFLATE allows without end
    codeload.on(LINK, gzip.compress(b"")[:10] + empty_blocks)
    assert (await failure_of(github, 1000)).code == "archive_too_large"


async def test_members_are_bounded(connect: Any, script: Any, codeload: Any, archive: Any) -> None:
    codeload.on(LINK, archive({str(number): b"" for number in range(20)}))
    assert (await failure_of(connect(script, max_archive_members=19))).code == "archive_too_large"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/x",
        "http://127.0.0.1.evil.example/x",
        "http://user@127.0.0.1/x",
        "/relative",
        "ftp://127.0.0.1/x",
        "",
    ],
)
async def test_an_archive_is_fetched_from_githubs_own_hosts_only(github: GitHub, script: Any, location: str) -> None:
    script.on(ANNOUNCED, status=302, headers={"location": location})
    error = await failure_of(github)
    assert (type(error), error.code) == (Unavailable, "github_redirect_refused")


async def test_an_archive_that_is_not_announced_is_missing(github: GitHub) -> None:
    assert type(await failure_of(github)) is Missing


@pytest.mark.parametrize("status", [200, 301])
async def test_an_archive_without_a_redirect_to_it_is_unavailable(
    github: GitHub, script: Any, archive: Any, status: int
) -> None:
    script.on(ANNOUNCED, archive(FILES), status=status)
    assert type(await failure_of(github)) is Unavailable


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 410, 500, 520])
async def test_whatever_the_archive_host_says_is_not_about_the_credentials(
    github: GitHub, codeload: Any, status: int
) -> None:
    codeload.on(LINK, b"no", status=status, headers={"location": "https://evil.example/"})
    error = await failure_of(github)
    assert (type(error), error.code) == (Unavailable, "archive_unavailable")


async def test_a_limit_on_archives_stops_archives_only(
    github: GitHub, script: Any, codeload: Any, clock: Any, archive: Any
) -> None:
    codeload.on(LINK, b"", status=429, headers={"retry-after": "1800"})
    codeload.on(LINK, archive(FILES, commit=A))
    script.on("/repos/acme/skills/git/blobs/x", b"content")
    first = await failure_of(github)
    assert isinstance(first, RateLimited)
    assert (first.code, first.retry_after_s) == ("archive_rate_limited", 1800)
    assert await github.blob(REPO, "x", max_bytes=100) == b"content"  # type: ignore[arg-type]
    clock.advance(1000)
    second = await failure_of(github)
    assert isinstance(second, RateLimited)
    assert (second.code, second.retry_after_s) == ("archive_rate_limited", 800)
    assert len(codeload.seen) == 1
    clock.advance(800)
    assert len(await members_of(github)) == 3


async def test_a_stalled_archive_is_not_waited_for(connect: Any, script: Any, codeload: Any, archive: Any) -> None:
    never = asyncio.Event()
    codeload.on(LINK, archive(FILES), cut_after=20, hold=never)
    error = await failure_of(connect(script, read_timeout_s=0.3))
    assert (type(error), error.code) == (Unavailable, "archive_cut")
    never.set()


async def test_whoever_has_seen_enough_may_leave(connect: Any, script: Any, codeload: Any, archive: Any) -> None:
    never = asyncio.Event()
    files = {str(number): random.Random(number).randbytes(100_000) for number in range(20)}
    codeload.on(LINK, archive(files), cut_after=1_500_000, hold=never)
    github = connect(script, max_concurrency=1)
    script.on("/repos/acme/skills/git/blobs/x", b"content")
    async with asyncio.timeout(10), github.tarball(REPO, A, max_bytes=10_000_000) as batches:
        async for batch in batches:
            assert batch
            # An archive under way takes no place from the questions it raises.
            assert await github.blob(REPO, "x", max_bytes=100) == b"content"
            break
    never.set()


async def test_a_cancelled_download_ends(github: GitHub, codeload: Any, archive: Any) -> None:
    never = asyncio.Event()
    codeload.on(LINK, archive(FILES), cut_after=20, hold=never)
    download = asyncio.create_task(members_of(github))
    async with asyncio.timeout(10):
        await codeload.arrived.wait()
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
    never.set()


async def test_what_the_caller_raises_meanwhile_comes_out_as_it_is(github: GitHub, codeload: Any, archive: Any) -> None:
    async def give_up() -> None:
        async with github.tarball(REPO, A, max_bytes=1000) as batches:
            async for _ in batches:
                raise TimeoutError("mine")

    codeload.on(LINK, archive(FILES))
    with pytest.raises(TimeoutError, match="mine"):
        await give_up()


async def test_the_address_of_an_archive_is_shown_nowhere(
    connect: Any, script: Any, codeload: Any, archive: Any
) -> None:
    never = asyncio.Event()
    codeload.on(LINK, b"", status=404)
    codeload.on(LINK, archive(FILES), cut_after=20)
    codeload.on(LINK, b"junk" * 100)
    codeload.on(LINK, b"", status=429)
    codeload.on(LINK, archive(FILES), hold=never)
    with structlog.testing.capture_logs() as lines:
        errors = [await failure_of(connect(script, read_timeout_s=0.05)) for _ in range(5)]
    never.set()
    shown = [repr(lines), *("".join(traceback.format_exception(error)) + repr(error) for error in errors)]
    assert not [text for text in shown if SIGNATURE in text or LINK in text or codeload.url in text]


async def test_an_address_that_cannot_be_reached_is_not_shown_either(github: GitHub, script: Any) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    script.on(ANNOUNCED, status=302, headers={"location": f"http://127.0.0.1:{port}{LINK}?token={SIGNATURE}"})
    error = await failure_of(github)
    assert (type(error), error.code) == (Unavailable, "archive_cut")
    assert SIGNATURE not in "".join(traceback.format_exception(error))


async def test_an_archive_that_is_no_http_does_not_show_its_address(github: GitHub, script: Any, babbler: str) -> None:
    script.on(ANNOUNCED, status=302, headers={"location": f"{babbler}{LINK}?token={SIGNATURE}"})
    error = await failure_of(github)
    assert (type(error), error.code) == (Unavailable, "archive_cut")
    assert error.__cause__ is None
    assert SIGNATURE not in "".join(traceback.format_exception(error))


async def test_symlinks_and_executables_are_told_apart(github: GitHub, codeload: Any) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, kind, mode, target in [
            ("root", tarfile.DIRTYPE, 0o775, ""),
            ("root/run", tarfile.REGTYPE, 0o775, ""),
            ("root/link", tarfile.SYMTYPE, 0o777, "run"),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.linkname = kind, mode, target
            tar.addfile(info)
    codeload.on(LINK, out.getvalue())
    assert await members_of(github) == [
        TarMember(b"run", Mode.EXECUTABLE, b""),
        TarMember(b"link", Mode.SYMLINK, b"run"),
    ]
