"""Symbolic links inside a source lead where a file system would lead, and nowhere else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.access.policy import POLICY_PATH
from skillport_sync.catalog.links import MAX_HOPS, MAX_LEVELS, NEVER_SERVED, Followed, Links, Lost
from skillport_sync.catalog.model import SourceFiles
from skillport_sync.catalog.skill_files import SkillFiles
from skillport_sync.catalog.walks import MAX_FILES, MAX_LOOKS, Walked, Walks
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import Mode, blob_id
from skillport_sync.git.paths import RepoPath


class Link(bytes):
    """A symbolic link to this target."""


class Submodule(bytes):
    """A commit of another repository."""


class Executable(bytes):
    """A file that may be run."""


Files = Mapping[str, bytes]
MODES = {Link: Mode.SYMLINK, Submodule: Mode.SUBMODULE, Executable: Mode.EXECUTABLE}


def source(files: Files) -> SourceFiles:
    entries = {
        RepoPath(path): Entry(MODES.get(type(content), Mode.FILE), blob_id(content), len(content))
        for path, content in files.items()
    }
    trees = tree_ids({path.encode(): (entry.mode, entry.oid) for path, entry in entries.items()})
    contents = {blob_id(content): bytes(content) for content in files.values()}
    return SourceFiles(entries, {raw.decode(): tree for raw, tree in trees.items()}, contents)


def links(files: Files) -> Links:
    own = source(files)
    return Links(own, SkillFiles(own.files), {})


def walk(files: Files, directory: str) -> Walked:
    own = source(files)
    index = SkillFiles(own.files)
    return Walks(own, index, Links(own, index, {})).over(directory, MAX_LOOKS)


def code(files: Files, path: str) -> str:
    found = links(files).follow(path)
    assert isinstance(found, Lost)
    return found.code


# --- one path ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "real"),
    [
        (b"f", "d/f"),
        (b"./f", "d/f"),
        (b"../d/f", "d/f"),
        (b"../e", "e"),
        (b"../e/", "e"),
        (b"../e//.", "e"),
        (b"../e/g", "e/g"),
        (b"../e/../d/f", "d/f"),
        (b"..", ""),
        (b"../e/up/f", "d/f"),
    ],
)
def test_a_link_leads_where_a_file_system_would_lead(target: bytes, real: str) -> None:
    found = links({"d/f": b"", "e/g": b"", "e/up": Link(b"../d"), "d/link": Link(target)}).follow("d/link")
    assert isinstance(found, Followed)
    assert found.real == real
    assert found.links[0] == "d/link"


def test_a_path_goes_on_behind_a_link() -> None:
    found = links({"shared/x/SKILL.md": b"", "p/skills": Link(b"../shared")}).follow("p/skills/x/SKILL.md")
    assert found == Followed("shared/x/SKILL.md", (RepoPath("p/skills"),))


def test_without_a_link_a_path_is_itself_or_nothing() -> None:
    none = links({"d/f": b""})
    assert [none.follow(path) for path in ("", "d", "d/f")] == [Followed(""), Followed("d"), Followed("d/f")]
    assert none.follow("d/g") is None
    assert links({"d/f": b"", "e": Link(b"d")}).follow("x/y") is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/etc/passwd", "symlink_outside"),
        (b"../../x", "symlink_outside"),
        (b"../d/../../x", "symlink_outside"),
        (b"gone", "symlink_broken"),
        (b"../d/f/deeper", "symlink_broken"),
        (b"../d/f/", "symlink_broken"),
        (b"../d/f/..", "symlink_broken"),
        (b"../gone/../d/f", "symlink_broken"),
        (b"../module", "symlink_broken"),
        (b"\xff", "symlink_broken"),
        (b"", "symlink_broken"),
        (b"f\0", "symlink_broken"),
        (b"./" * 200 + b"f", "symlink_broken"),
        (b"link", "symlink_cycle"),
        (b"../d/link", "symlink_cycle"),
        (b"link/f", "symlink_cycle"),
        (b"../.skillport/access.json", "symlink_outside"),
    ],
)
def test_what_leads_nowhere_is_lost(target: bytes, expected: str) -> None:
    files = {"d/f": b"", "d/link": Link(target), "module": Submodule(b"c"), ".skillport/access.json": b"{}"}
    assert code(files, "d/link") == expected


def test_a_link_whose_target_is_not_held_is_broken() -> None:
    own = source({"f": b"", "link": Link(b"f")})
    found = Links(SourceFiles(own.files, own.trees, {}), SkillFiles(own.files), {}).follow("link")
    assert isinstance(found, Lost)
    assert found.code == "symlink_broken"


def test_a_target_that_was_read_before_is_not_read_again() -> None:
    own = source({"f": b"", "link": Link(b"f")})
    unread = Links(SourceFiles(own.files, own.trees, {}), SkillFiles(own.files), {blob_id(b"f"): "f"})
    assert unread.follow("link") == Followed("f", (RepoPath("link"),))


def test_the_policy_that_is_never_served_is_the_policy() -> None:
    assert NEVER_SERVED == POLICY_PATH


@pytest.mark.parametrize("asked_first", [0, 1, 5, MAX_HOPS])
def test_as_many_links_in_a_row_as_linux_allows_are_followed(asked_first: int) -> None:
    """Whichever of them is asked for first."""
    chain = {f"l{n}": Link(b"l%d" % (n + 1)) for n in range(MAX_HOPS + 1)} | {f"l{MAX_HOPS + 1}": b"the file"}
    found = links(chain)
    found.follow(f"l{asked_first}")
    too_long, longest = found.follow("l0"), found.follow("l1")
    assert isinstance(too_long, Lost)
    assert too_long.code == "symlink_cycle"
    assert isinstance(longest, Followed)
    assert (longest.real, len(longest.links)) == (f"l{MAX_HOPS + 1}", MAX_HOPS)


def test_a_chain_of_thousands_costs_no_more_than_its_length() -> None:
    found = links({f"l{n:05}": Link(b"l%05d/../l%05d" % (n + 1, n + 1)) for n in range(5_000)})
    assert all(isinstance(found.follow(f"l{n:05}"), Lost) for n in range(5_000))


NAMES = ["a", "b", "c", "d"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.sampled_from([*NAMES, *NAMES, "..", "..", ".", ""]), min_size=1, max_size=5).map("/".join)
CONTENTS = st.one_of(
    TARGETS.filter(bool).map(lambda target: Link(target.encode())),
    TARGETS.filter(bool).map(lambda target: Link(target.encode())),
    st.just(b"text"),
    st.just(Executable(b"script")),
)
TREES = st.dictionaries(PATHS, CONTENTS, min_size=1, max_size=12).map(
    lambda files: {p: c for p, c in files.items() if not any(p.startswith(f"{other}/") for other in files)}
)


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A directory that nothing but a test's own tree is near to."""
    above = Path(tempfile.mkdtemp())
    yield above / "x" / "y" / "z" / "root"
    shutil.rmtree(above)


def put(files: Files, root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            (root / path).symlink_to(content.decode())
        else:
            (root / path).write_bytes(content)


def test_paths_lead_where_the_kernel_leads(on_disk: Path) -> None:
    @settings(max_examples=400, deadline=None)
    @given(TREES, st.lists(PATHS, min_size=1, max_size=6))
    def check(files: Files, asked: list[str]) -> None:
        put(files, on_disk)
        found = links(files)
        for path in asked:
            there = on_disk / path
            inside = there.exists() and there.resolve().is_relative_to(on_disk)
            followed = found.follow(path)
            assert isinstance(followed, Followed) == inside
            if isinstance(followed, Followed):
                assert (on_disk / followed.real) == there.resolve()

    check()


@settings(max_examples=200, deadline=None)
@given(TREES, st.permutations([f"{a}/{b}" for a in NAMES for b in NAMES] + NAMES))
def test_which_path_is_asked_first_makes_no_difference(files: Files, order: list[str]) -> None:
    asked = links(files)
    assert {path: asked.follow(path) for path in order} == {path: links(files).follow(path) for path in order}


# --- a directory -------------------------------------------------------------------------------------------------------------


def test_a_directory_is_walked_with_its_links_followed() -> None:
    files = {
        "s/SKILL.md": Link(b"../shared/text.md"),
        "s/docs": Link(b"../shared/docs"),
        "s/run.sh": Executable(b"#!/bin/sh"),
        "shared/text.md": b"text",
        "shared/docs/a.md": b"a",
        "shared/docs/deep/b.md": b"b",
        "shared/other": b"no",
    }
    walked = walk(files, "s")
    assert dict(walked.linked.files) == {
        "SKILL.md": "shared/text.md",
        "docs/a.md": "shared/docs/a.md",
        "docs/deep/b.md": "shared/docs/deep/b.md",
        "run.sh": "s/run.sh",
    }
    assert list(walked.linked.files) == sorted(walked.linked.files)
    assert walked.linked.directory == "s"
    assert (walked.lost, walked.submodules) == ((), ())
    plain = {"SKILL.md": b"text", "docs/a.md": b"a", "docs/deep/b.md": b"b", "run.sh": Executable(b"#!/bin/sh")}
    assert walked.revision == source(plain).trees[""]


def test_a_directory_without_links_walks_to_itself() -> None:
    files = {"s/SKILL.md": b"text", "s/run.sh": Executable(b"x"), "s/a/b": b"", "t/c": b""}
    walked = walk(files, "s")
    assert {f"s/{relative}": path for relative, path in walked.linked.files.items()} == {
        path: path for path in files if path.startswith("s/")
    }
    assert walked.revision == source(files).trees["s"]


@pytest.mark.parametrize(
    ("link", "target", "expected"),
    [
        ("s/loop", b".", "symlink_cycle"),
        ("s/deep/loop", b"..", "symlink_cycle"),
        ("s/all", b"..", "symlink_cycle"),
        ("s/back", b"../other", "symlink_cycle"),
        ("s/self", b"self", "symlink_cycle"),
        ("s/out", b"../../x", "symlink_outside"),
        ("s/root", b"/", "symlink_outside"),
        ("s/gone", b"nothing", "symlink_broken"),
        ("s/access", b"../.skillport/access.json", "symlink_outside"),
    ],
)
def test_what_a_directory_links_to_in_vain_is_left_out_and_told(link: str, target: bytes, expected: str) -> None:
    files = {"s/f": b"f", "s/deep/g": b"g", "other/s": Link(b"../s"), "other/h": b"h", ".skillport/access.json": b"{}"}
    walked = walk({**files, link: Link(target)}, "s")
    assert [lost.code for lost in walked.lost] == [expected]
    assert set(walked.linked.files) - {"back/h"} == {"f", "deep/g"}
    assert not any(path == ".skillport/access.json" for path in walked.linked.files.values())


def test_the_policy_is_not_reached_through_its_directory() -> None:
    walked = walk(
        {"s/f": b"", "s/cfg": Link(b"../.skillport"), ".skillport/access.json": b"{}", ".skillport/x": b""}, "s"
    )
    assert set(walked.linked.files) == {"f", "cfg/x"}
    assert set(walk({".skillport/access.json": b"{}", "f": b"", "l": Link(b"f")}, "").linked.files) == {"f", "l"}


def test_submodules_are_left_out_and_told_wherever_they_are() -> None:
    walked = walk({"s/f": b"", "s/m": Submodule(b"1"), "s/t": Link(b"../t"), "t/n": Submodule(b"2"), "t/g": b""}, "s")
    assert set(walked.linked.files) == {"f", "t/g"}
    assert walked.submodules == ("s/m", "t/n")


def test_more_files_than_a_skill_may_have_are_not_reached_through_links() -> None:
    files = {f"big/{n:05}": b"" for n in range(MAX_FILES)} | {"s/SKILL.md": b"", "s/big": Link(b"../big"), "s/z": b""}
    walked = walk(files, "s")
    assert len(walked.linked.files) == MAX_FILES
    assert {"SKILL.md", "z", "big/00000"} <= walked.linked.files.keys()
    assert [(lost.path, lost.code) for lost in walked.lost] == [("s/big", "symlink_too_much")]


def test_own_files_are_never_left_out_for_their_number() -> None:
    own = {f"s/{n:05}": b"" for n in range(MAX_FILES + 1)}
    walked = walk({**own, "s/link": Link(b"../f"), "f": b""}, "s")
    assert len(walked.linked.files) == len(own)
    assert [(lost.path, lost.code) for lost in walked.lost] == [("s/link", "symlink_too_much")]


@pytest.mark.parametrize("leaf", [{"d20/f": b""}, {"d20/f": Link(b"gone")}], ids=["files", "nothing"])
def test_links_that_double_at_every_step_end(leaf: Files) -> None:
    doubling = {f"d{n}/{name}": Link(b"../d%d" % (n + 1)) for n in range(20) for name in ("l", "r")}
    walked = walk({**doubling, **leaf, "d0/SKILL.md": b""}, "d0")
    assert len(walked.linked.files) <= MAX_FILES
    assert "symlink_too_much" in {lost.code for lost in walked.lost}
    assert len(walked.lost) <= 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 60)), min_size=2, max_size=6))
def test_which_walks_were_done_before_makes_no_difference(asked: list[tuple[str, int]]) -> None:
    files = {f"d{n}/{name}": Link(b"../d%d" % (n + 1)) for n in range(4) for name in ("l", "r")} | {
        "d4/f": b"",
        "b/f": b"",
    }
    own = source({**files, "a/maze": Link(b"../d0"), "b/maze": Link(b"../d2"), "c/g": b"", "c/all": Link(b"../b")})
    index = SkillFiles(own.files)
    walks = Walks(own, index, Links(own, index, {}))
    for directory, looks in asked:
        walked = walks.over(directory, looks)
        assert walked == Walks(own, index, Links(own, index, {})).over(directory, looks)
        assert walked.looks <= looks + 8


def test_links_do_not_lead_deeper_than_directories_may_lie() -> None:
    names = [f"d{n:03}" for n in range(MAX_LEVELS + 5)]
    files: dict[str, bytes] = {f"{name}/f": b"" for name in names}
    files |= {f"{a}/on": Link(f"../{b}".encode()) for a, b in pairwise(names)}
    walked = walk(files, names[0])
    assert max(path.count("/") for path in walked.linked.files) == MAX_LEVELS - 1
    assert [lost.code for lost in walked.lost] == ["symlink_too_much"]
    deep = "/".join("e" * 1 for _ in range(60))
    walked = walk({f"{deep}/f": b"", "s/SKILL.md": b"", "s/1/2/3/4/5/6": Link(b"../../../../../../e")}, "s")
    assert (set(walked.linked.files), [lost.code for lost in walked.lost]) == ({"SKILL.md"}, ["symlink_too_much"])


def walked_on_disk(directory: Path, inside: tuple[Path, ...], root: Path) -> Iterator[tuple[str, Path]]:
    """What a person would list: links followed, but for those to a directory that holds them or a place outside."""
    for path in sorted(directory.iterdir()):
        if not path.exists() or not path.resolve().is_relative_to(root):
            continue
        if path.is_dir():
            around = (*inside, directory.resolve())
            if path.is_symlink() and any(place.is_relative_to(path.resolve()) for place in around):
                continue
            below = walked_on_disk(path.resolve(), around if path.is_symlink() else inside, root)
            yield from ((f"{path.name}/{relative}", real) for relative, real in below)
        else:
            yield path.name, path.resolve()


def test_a_walk_finds_what_the_kernel_shows(on_disk: Path) -> None:
    @settings(max_examples=300, deadline=None)
    @given(TREES)
    def check(files: Files) -> None:
        put(files, on_disk)
        shown = dict(walked_on_disk(on_disk, (), on_disk))
        assert {relative: on_disk / path for relative, path in walk(files, "").linked.files.items()} == shown

    check()
