"""The archive reader, held to tarfile's reading of the same bytes."""

from __future__ import annotations

import io
import subprocess
import tarfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skillport_sync.errors import Broken, Unavailable
from skillport_sync.git.objects import Mode
from skillport_sync.github.tar import TarReader
from skillport_sync.github.wire import TarMember

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
KINDS = [
    tarfile.REGTYPE,
    tarfile.AREGTYPE,
    tarfile.CONTTYPE,
    tarfile.SYMTYPE,
    tarfile.DIRTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
]

# Names as git keeps them: any bytes but NUL, told to tarfile as UTF-8 with escaped surrogates.
segments = st.one_of(
    st.text(st.sampled_from("abc.-_ é=\n"), min_size=1, max_size=8),
    st.binary(min_size=1, max_size=12).map(
        lambda raw: raw.replace(b"\0", b"x").replace(b"/", b"y").decode("utf-8", "surrogateescape")
    ),
    st.integers(1, 130).map(lambda length: "n" * length),
)
paths = st.lists(segments, min_size=1, max_size=4).map("/".join)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=draw(st.sampled_from(FORMATS)), errors="surrogateescape") as tar:
        for _ in range(draw(st.integers(0, 6))):
            info = tarfile.TarInfo("acme-skills-1234567/" + draw(paths))
            info.type = draw(st.sampled_from(KINDS))
            info.mode = draw(st.sampled_from([0o664, 0o775, 0o644, 0o755, 0o100, 0]))
            content = b""
            if info.isreg():
                content = draw(st.binary(max_size=1500))
                info.size = len(content)
            if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = draw(paths)
            try:
                tar.addfile(info, io.BytesIO(content))
            except ValueError:  # too long for plain ustar
                assume(False)
    return out.getvalue()


def as_tarfile_reads(data: bytes) -> list[TarMember]:
    members = []
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as tar:
        for info in tar:
            path = info.name.encode("utf-8", "surrogateescape").partition(b"/")[2]
            if path and info.issym():
                members.append(TarMember(path, Mode.SYMLINK, info.linkname.encode("utf-8", "surrogateescape")))
            elif path and info.isreg():
                handle = tar.extractfile(info)
                assert handle is not None
                mode = Mode.EXECUTABLE if info.mode & 0o100 else Mode.FILE
                members.append(TarMember(path, mode, handle.read()))
    return members


def read(
    data: bytes, cuts: list[int] | None = None, *, max_bytes: int = 10**6, max_members: int = 1000
) -> list[TarMember]:
    reader = TarReader(max_bytes=max_bytes, max_members=max_members)
    members = []
    for start, end in pairwise(sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})):
        members += reader.feed(data[start:end])
    reader.close()
    return members


@given(archives(), st.lists(st.integers(0), max_size=8))
def test_an_archive_in_any_pieces_reads_as_tarfile_reads_it(data: bytes, cuts: list[int]) -> None:
    assert read(data, cuts) == as_tarfile_reads(data)


@given(archives(), st.data())
def test_a_truncated_archive_is_never_taken_for_a_whole_one(data: bytes, choice: st.DataObject) -> None:
    whole = as_tarfile_reads(data)
    end = data.rstrip(
        b"\0"
    )  # the members' data may end in NULs too: then less than this is missing, and fewer members come
    length = choice.draw(st.integers(0, max(len(end) - 1, 0)))
    reader = TarReader(max_bytes=10**6, max_members=1000)
    members = reader.feed(data[:length])
    assert members == whole[: len(members)]
    with pytest.raises(Unavailable) as caught:
        reader.close()
    assert caught.value.code == "archive_cut"


@given(archives(), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_archive_raises_nothing_that_is_not_ours(data: bytes, damage: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for position, value in damage:
        damaged[position % len(damaged)] = value
    with suppress(Broken, Unavailable):
        read(bytes(damaged))


@given(st.binary(max_size=3000))
def test_arbitrary_bytes_raise_nothing_that_is_not_ours(data: bytes) -> None:
    with pytest.raises((Broken, Unavailable)):
        read(data.lstrip(b"\0"))


def tar_of(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, comment: str | None = None) -> bytes:
    out = io.BytesIO()
    headers = {"comment": comment} if comment else {}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_the_global_headers_comment_is_kept() -> None:
    reader = TarReader(max_bytes=100, max_members=100)
    assert reader.comment is None
    reader.feed(tar_of(("r/a", b"x"), comment="c" * 40))
    assert reader.comment == b"c" * 40


def test_what_git_archives_is_what_was_committed(tmp_path: Path) -> None:
    def git(*arguments: str) -> bytes:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True).stdout

    deep = "/".join(["a-directory-with-a-long-name"] * 7)
    files = {
        b"a.md": b"text\n",
        deep.encode() + b"/b.md": b"deep",
        b"caf\xe9.md": b"latin-1 name",
        b"empty": b"",
        b"run.sh": b"#!/bin/sh\n",
    }
    for name, content in files.items():
        path = Path(str(tmp_path) + "/" + name.decode("utf-8", "surrogateescape"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "near").symlink_to("a.md")
    (tmp_path / "far").symlink_to("../" * 40 + "target")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    reader = TarReader(max_bytes=10**6, max_members=100)
    members = reader.feed(git("archive", "--prefix=acme-skills-1234567/", "HEAD"))
    reader.close()
    assert reader.comment == git("rev-parse", "HEAD").strip()
    assert {member.path: (member.mode, member.content) for member in members} == {
        **{name: (Mode.FILE, content) for name, content in files.items()},
        b"run.sh": (Mode.EXECUTABLE, files[b"run.sh"]),
        b"near": (Mode.SYMLINK, b"a.md"),
        b"far": (Mode.SYMLINK, b"../" * 40 + b"target"),
    }


def test_gnus_own_format_keeps_times_where_posix_continues_the_name() -> None:
    info = tarfile.TarInfo("r/a")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[345:357] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert [member.path for member in read(bytes(header) + bytes(1024))] == [b"a"]


def refused(data: bytes, *, max_bytes: int = 10**6, max_members: int = 1000) -> str:
    with pytest.raises(Broken) as caught:
        read(data, max_bytes=max_bytes, max_members=max_members)
    return caught.value.code


def test_contents_are_bounded_together_and_before_they_arrive() -> None:
    data = tar_of(("r/a", b"x" * 600), ("r/b", b"x" * 600))
    assert len(read(data, max_bytes=1200)) == 2
    reader = TarReader(max_bytes=1199, max_members=1000)
    assert len(reader.feed(data[:1792])) == 1  # a's header and content, and half of b's header
    with pytest.raises(Broken):
        reader.feed(data[1792:2048])


def test_members_are_bounded() -> None:
    data = tar_of(*((f"r/{number}", b"") for number in range(5)))
    assert len(read(data, max_members=5)) == 5
    assert refused(data, max_members=4) == "archive_too_large"


def test_what_follows_the_end_is_bounded() -> None:
    assert refused(tar_of(("r/a", b"x")) + bytes(3 << 20)) == "archive_too_large"


def test_a_sparse_member_is_refused_because_git_makes_none() -> None:
    assert refused(tar_of(("r/a", b"x"), kind=tarfile.GNUTYPE_SPARSE)) == "archive_broken"


def test_a_huge_extended_header_is_refused_before_it_arrives() -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type = tarfile.GNUTYPE_LONGNAME
    header.size = 1 << 40
    assert refused(header.tobuf(tarfile.GNU_FORMAT)) == "archive_broken"


@pytest.mark.parametrize(
    "record", [b"nonsense", b"8 path=a\n", b"99999 path=a\n", b"0 =\n", b"12 path=abc\nx", b"7 path\n"]
)
def test_an_unreadable_extended_header_is_refused(record: bytes) -> None:
    assert refused(tar_of(("h", record), kind=tarfile.XHDTYPE)) == "archive_broken"


def test_a_large_file_in_small_pieces_is_not_read_again_with_each() -> None:
    size = 4 << 20
    data = tar_of(("r/a", b"x" * size))
    (member,) = read(data, list(range(0, len(data), 4096)), max_bytes=size)
    assert len(member.content) == size
