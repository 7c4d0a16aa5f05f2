"""Edits of a tree, with C git as the judge of what comes of them."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillport_sync.git.edit import Edited, NoEdit, Put, Remove, edited
from skillport_sync.git.listing import EMPTY_LISTING, Entry, Listing, tree_ids
from skillport_sync.git.objects import EMPTY_TREE, BlobId, Mode, blob_id, tree_id
from skillport_sync.git.paths import RepoPath

NAMES = st.sampled_from(["a", "b", "a.b", "a-b", "A", "é", "SKILL.md", "x y"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.binary(max_size=3)


def listing_of(files):
    """The proved listing of ``{path: (mode, content)}``."""
    leaves = {path.encode(): Entry(mode, blob_id(content), len(content)) for path, (mode, content) in files.items()}
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in leaves.items()})
    return Listing(trees[b""], leaves, trees)


def possible(files):
    directories = {path[:at] for path in files for at, char in enumerate(path) if char == "/"}
    kept = {path: file for path, file in files.items() if path not in directories}
    folded = {}
    for path in kept:
        folded.setdefault(path.lower(), path)
    return {
        path: file for path, file in kept.items() if all(not other.startswith(path.lower() + "/") for other in folded)
    }


MODES = st.sampled_from([Mode.FILE, Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK])
FILES = st.dictionaries(PATHS, st.tuples(MODES, CONTENTS), max_size=6).map(possible)
EDITS = st.lists(
    st.builds(Put, PATHS.map(RepoPath), CONTENTS, st.sampled_from([None, True, False]))
    | st.builds(Remove, PATHS.map(RepoPath)),
    max_size=5,
)


@given(FILES, EDITS)
@settings(deadline=None)
def test_the_tree_after_is_the_tree_of_the_files_after(files, edits):
    before = listing_of(files)
    after = edited(before, edits)
    if isinstance(after, NoEdit):
        assert after.message
        return
    expected = dict(files)
    for edit in edits:
        if isinstance(edit, Remove):
            del expected[edit.path]
    for edit in edits:
        if isinstance(edit, Put):
            was = files.get(edit.path)
            keeps = edit.executable is None and was is not None and was[0] is Mode.EXECUTABLE
            expected[edit.path] = (Mode.EXECUTABLE if edit.executable or keeps else Mode.FILE, edit.content)
    assert after.listing == listing_of(expected)
    assert {blob_id(content): content for content in after.blobs.values()} == dict(after.blobs)
    assert {change.path.decode() for change in after.changed} == {
        path for path in {*files, *expected} if files.get(path) != expected.get(path)
    }


@given(FILES, EDITS)
@settings(deadline=None)
def test_the_new_directories_are_all_that_git_has_to_be_told(files, edits):
    before = listing_of(files)
    after = edited(before, edits)
    if isinstance(after, NoEdit):
        return
    known = {*before.trees.values()} | {EMPTY_TREE}
    for tree in after.trees:
        assert tree_id(tree.rows) == tree.oid
        assert all(mode is not Mode.TREE or oid in known for mode, _, oid in tree.rows)
        known.add(tree.oid)
    assert set(after.listing.trees.values()) <= known
    blobs = {entry.oid for entry in before.entries.values()} | set(after.blobs)
    assert {entry.oid for entry in after.listing.entries.values()} <= blobs


class Git:
    """A repository with a working tree, driven through C git."""

    def __init__(self, place):
        self._place = place
        self._environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(place)}
        self("init", "--quiet")

    def __call__(self, *arguments, stdin=b""):
        ran = subprocess.run(
            ["git", *arguments], cwd=self._place, env=self._environment, input=stdin, capture_output=True, check=True
        )
        return ran.stdout.decode().strip()

    def tree_of(self, files):
        """What git makes of ``{path: (mode, content)}``."""
        self("read-tree", "--empty")
        rows = []
        for path, (mode, content) in files.items():
            oid = self("hash-object", "-w", "--stdin", stdin=content)
            rows.append(b"%o %b\t%b" % (mode, oid.encode(), path.encode()))
        self("update-index", "-z", "--index-info", stdin=b"".join(row + b"\0" for row in rows))
        return self("write-tree")


@given(files=FILES, edits=EDITS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_makes_the_same_tree(tmp_path_factory, files, edits):
    git = Git(tmp_path_factory.mktemp("repository"))
    assert git.tree_of(files) == listing_of(files).root
    after = edited(listing_of(files), edits)
    if isinstance(after, Edited):
        contents = {blob_id(content): content for _, content in files.values()} | dict(after.blobs)
        written = {path.decode(): (entry.mode, contents[entry.oid]) for path, entry in after.listing.entries.items()}
        assert git.tree_of(written) == after.listing.root


PLAIN = listing_of(
    {
        "plugins/pdf/SKILL.md": (Mode.FILE, b"one"),
        "plugins/pdf/run.sh": (Mode.EXECUTABLE, b"two"),
        "plugins/pdf/link": (Mode.SYMLINK, b"SKILL.md"),
    }
)


def put(path, content=b"new", executable=None):
    return Put(RepoPath(path), content, executable)


def remove(path):
    return Remove(RepoPath(path))


def test_only_ordinary_files_can_be_written_without_modes():
    def plain(*edits):
        after = edited(PLAIN, edits)
        assert isinstance(after, Edited)
        return after.is_plain

    assert plain(put("plugins/pdf/SKILL.md"))
    assert plain(put("new/file"), remove("plugins/pdf/run.sh"))
    assert not plain(put("plugins/pdf/run.sh"))
    assert not plain(put("plugins/pdf/run.sh", b"two", False))
    assert not plain(put("plugins/pdf/new.sh", b"x", True))
    assert not plain(put("plugins/pdf/link"))


def test_the_last_file_gone_leaves_no_directory():
    after = edited(PLAIN, [remove("plugins/pdf/SKILL.md"), remove("plugins/pdf/run.sh"), remove("plugins/pdf/link")])
    assert isinstance(after, Edited)
    assert after.listing == EMPTY_LISTING


def test_a_file_may_take_the_place_of_a_directory_that_is_emptied_in_the_same_edit():
    after = edited(listing_of({"a/b": (Mode.FILE, b"x")}), [put("a"), remove("a/b")])
    assert isinstance(after, Edited)
    assert set(after.listing.entries) == {b"a"}


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ([], "nothing_changed"),
        ([put("plugins/pdf/SKILL.md", b"one")], "nothing_changed"),
        ([put("plugins/pdf/SKILL.md"), remove("plugins/pdf/SKILL.md")], "path_twice"),
        ([put("plugins/pdf")], "path_is_directory"),
        ([put("plugins/pdf/SKILL.md/x")], "path_below_file"),
        ([put("plugins/pdf/skill.md")], "path_collision"),
        ([put("Plugins/other")], "path_collision"),
        ([remove("plugins/pdf")], "path_missing"),
        ([remove("plugins/gone")], "path_missing"),
    ],
)
def test_what_cannot_be_is_said(edits, code):
    refused = edited(PLAIN, edits)
    assert isinstance(refused, NoEdit)
    assert refused.code == code


def test_nothing_is_written_into_a_submodule():
    listing = Listing(EMPTY_TREE, {b"vendor": Entry(Mode.SUBMODULE, BlobId("1" * 40), 0)}, {b"": EMPTY_TREE})
    for edit in (put("vendor"), remove("vendor")):
        refused = edited(listing, [edit])
        assert isinstance(refused, NoEdit)
        assert refused.code == "path_submodule"
