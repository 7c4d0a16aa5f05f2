"""The same members are the same archive: one key, one sequence of bytes, and what anybody unpacks is what went in."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.archives.layout import FORMAT_VERSION, Format, Layout, Member, layout
from mcp_server.archives.writing import writing
from skillport_sync.git.objects import BlobId
from skillport_sync.git.paths import RepoPath, check_path

FORMATS: tuple[Format, ...] = get_args(Format)
BLOB = BlobId("a" * 40)

NAMES = st.one_of(
    st.sampled_from(["SKILL.md", "a", "b.py", "-rf", "$x `y`", "ü", "日本", "e\u0301", "x" * 120, "y" * 240]),
    st.text(max_size=12),
)
PATHS = (
    st.lists(NAMES, min_size=1, max_size=5)
    .map("/".join)
    .filter(lambda path: path == check_path(path.encode("utf-8", "replace")))
)


def no_file_is_a_directory(members: list[Member]) -> bool:
    paths = {member.path for member in members}
    return not any(other.startswith(f"{path}/") for path in paths for other in paths)


MEMBERS = st.lists(
    st.builds(Member, PATHS, st.booleans(), st.binary(max_size=2_000)), max_size=8, unique_by=lambda member: member.path
).filter(no_file_is_a_directory)


def written(described: Layout) -> bytes:
    file = io.BytesIO()
    archive = writing(described.format, file)
    for member in described.members:
        assert isinstance(member.content, bytes)
        archive.add(member.path, member.executable, member.content)
    archive.end()
    return file.getvalue()


def unpacked(kind: Format, archive: bytes) -> list[tuple[str, int, bytes]]:
    """Paths, modes with the kind of file, and contents, in the archive's order, as Python's own readers see them."""
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
            return [(info.filename, info.external_attr >> 16, zipped.read(info)) for info in zipped.infolist()]
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        members = []
        for info in tar.getmembers():
            content = tar.extractfile(info)
            assert content is not None
            members.append((info.name, stat.S_IFREG | info.mode, content.read()))
        return members


@given(st.sampled_from(FORMATS), MEMBERS, st.randoms(use_true_random=False))
def test_what_goes_in_comes_out_sorted_and_with_one_of_two_modes(kind: Format, members: list[Member], chance) -> None:
    shuffled = list(members)
    chance.shuffle(shuffled)
    described = layout(kind, shuffled)
    expected = sorted((member.path, 0o100755 if member.executable else 0o100644, member.content) for member in members)
    archive = written(described)
    assert unpacked(kind, archive) == expected
    assert written(layout(kind, members)) == archive
    assert layout(kind, members).key == described.key


@given(MEMBERS, MEMBERS)
def test_another_archive_has_another_key(some: list[Member], others: list[Member]) -> None:
    same = sorted(some, key=lambda member: member.path) == sorted(others, key=lambda member: member.path)
    assert (layout("zip", some).key == layout("zip", others).key) == same
    assert layout("zip", some).key != layout("tar.gz", some).key


def test_every_part_of_a_member_decides_the_key() -> None:
    described = [
        Member("a", False, BLOB),
        Member("b", False, BLOB),
        Member("a", True, BLOB),
        Member("a", False, BlobId("b" * 40)),
        Member("a", False, b""),
        Member("a", False, BLOB.encode()),
    ]
    assert len({layout("zip", [member]).key for member in described}) == len(described)


def test_an_archive_says_nothing_of_the_machine_or_the_time() -> None:
    members = [Member("a/SKILL.md", False, b"x"), Member("a/run.sh", True, b"y")]
    with zipfile.ZipFile(io.BytesIO(written(layout("zip", members)))) as zipped:
        assert {(info.date_time, info.extra, info.comment, info.create_system) for info in zipped.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), b"", b"", 3)
        }
    packed = written(layout("tar.gz", members))
    assert packed[4:8] == b"\0\0\0\0"
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        owners = {(info.mtime, info.uid, info.gid, info.uname, info.gname) for info in tar.getmembers()}
        assert owners == {(0, 0, 0, "", "")}
        assert not any(info.pax_headers for info in tar.getmembers())


def test_these_bytes_only_change_together_with_the_version_of_the_format() -> None:
    """Whoever changes them raises FORMAT_VERSION, and with it every key. How contents are compressed is zlib's own affair."""
    members = [Member("a/SKILL.md", False, b""), Member("a/ü.sh", True, b"")]
    tar = gzip.decompress(written(layout("tar.gz", members)))
    found = [hashlib.sha256(each).hexdigest()[:16] for each in (written(layout("zip", members)), tar)]
    assert (FORMAT_VERSION, found) == (1, ["b925c897d2214eda", "087f2d785e0eb776"])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/../b",
        "..",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "C:/a",
        "a\nb",
        "a/.git/config",
        "a/.GIT",
        "x" * 1025,
        "\ud800",
    ],
)
def test_a_path_that_no_archive_may_hold_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be in an archive"):
        layout("zip", [Member(path, False, BLOB)])


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c/d", "a/b")])
def test_two_members_never_stand_in_each_others_way(paths: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"same path|a file and a directory"):
        layout("zip", [Member(path, False, BLOB) for path in paths])


def test_paths_of_a_publication_are_taken() -> None:
    path = check_path("ü/日本 语.md".encode())
    assert isinstance(path, str)
    assert [member.path for member in layout("zip", [Member(RepoPath(path), False, BLOB)]).members] == [path]
