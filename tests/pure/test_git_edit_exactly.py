"""What an edit says it does, row by row, and each refusal in full."""

from __future__ import annotations

import pytest

from skillport_sync.git.edit import Changed, Edited, FileEdit, NewTree, NoEdit, Put, Remove, edited
from skillport_sync.git.listing import EMPTY_LISTING, Entry, Listing, tree_ids
from skillport_sync.git.objects import BlobId, Mode, blob_id, tree_id
from skillport_sync.git.paths import RepoPath

Files = dict[str, tuple[Mode, bytes]]


def listing_of(files: Files) -> Listing:
    leaves = {path.encode(): Entry(mode, blob_id(content), len(content)) for path, (mode, content) in files.items()}
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in leaves.items()})
    return Listing(trees[b""], leaves, trees)


def put(path: str, content: bytes = b"new", executable: bool | None = None) -> Put:
    return Put(RepoPath(path), content, executable)


def remove(path: str) -> Remove:
    return Remove(RepoPath(path))


BEFORE: Files = {
    "a/b/c": (Mode.FILE, b"1"),
    "a/d": (Mode.FILE, b"2"),
    "e/f": (Mode.EXECUTABLE, b"3"),
    "g": (Mode.GROUP_WRITABLE, b"4"),
    "h": (Mode.SYMLINK, b"a/d"),
}
LISTING = listing_of(BEFORE)
FILE, NEW = Mode.FILE, blob_id(b"new")


def after(*edits: FileEdit) -> Edited:
    found = edited(LISTING, edits)
    assert isinstance(found, Edited), found
    return found


def leaf(*edits: FileEdit) -> Entry | None:
    (change,) = after(*edits).changed
    return change.after


def test_everything_that_an_edit_does_is_told() -> None:
    found = after(put("e/x/y"), remove("a/b/c"), put("a/d", b"22"))
    assert found.changed == (
        Changed(b"a/b/c", Entry(FILE, blob_id(b"1"), 1), None),
        Changed(b"a/d", Entry(FILE, blob_id(b"2"), 1), Entry(FILE, blob_id(b"22"), 2)),
        Changed(b"e/x/y", None, Entry(FILE, NEW, 3)),
    )
    assert dict(found.blobs) == {NEW: b"new", blob_id(b"22"): b"22"}
    files = {**BEFORE, "a/d": (FILE, b"22"), "e/x/y": (FILE, b"new")}
    del files["a/b/c"]
    assert found.listing == listing_of(files)
    trees = found.listing.trees
    assert found.trees == (
        NewTree(b"e/x", trees[b"e/x"], ((FILE, b"y", NEW),)),
        NewTree(b"a", trees[b"a"], ((FILE, b"d", blob_id(b"22")),)),
        NewTree(b"e", trees[b"e"], ((Mode.EXECUTABLE, b"f", blob_id(b"3")), (Mode.TREE, b"x", BlobId(trees[b"e/x"])))),
        NewTree(
            b"",
            trees[b""],
            (
                (Mode.GROUP_WRITABLE, b"g", blob_id(b"4")),
                (Mode.SYMLINK, b"h", blob_id(b"a/d")),
                (Mode.TREE, b"a", BlobId(trees[b"a"])),
                (Mode.TREE, b"e", BlobId(trees[b"e"])),
            ),
        ),
    )


def test_a_directory_beside_what_changed_is_taken_over_as_it_is() -> None:
    (only,) = after(put("g")).trees
    assert only.directory == b""
    assert {(mode, name) for mode, name, _ in only.rows} == {
        *((Mode.TREE, b"a"), (Mode.TREE, b"e")),
        *((FILE, b"g"), (Mode.SYMLINK, b"h")),
    }
    inner = after(put("a/d")).trees[0]
    assert inner.rows == ((FILE, b"d", NEW), (Mode.TREE, b"b", tree_id([(FILE, b"c", blob_id(b"1"))])))


def test_a_file_that_stays_as_it_is_is_not_among_what_changed() -> None:
    found = after(put("a/d", b"2"), put("e/f", b"3", True), put("g", b"4"), put("h", b"other"))
    assert [change.path for change in found.changed] == [b"h"]
    assert blob_id(b"2") in found.blobs


@pytest.mark.parametrize(
    ("edit", "mode"),
    [
        (put("new"), FILE),
        (put("new", executable=False), FILE),
        (put("new", executable=True), Mode.EXECUTABLE),
        (put("a/d"), FILE),
        (put("a/d", b"2", True), Mode.EXECUTABLE),
        (put("e/f"), Mode.EXECUTABLE),
        (put("e/f", b"3", False), FILE),
        (put("e/f", executable=False), FILE),
        (put("g"), FILE),
        (put("g", b"4", True), Mode.EXECUTABLE),
        (put("h", b"a/d"), FILE),
    ],
)
def test_what_mode_a_file_has_afterwards(edit: Put, mode: Mode) -> None:
    assert leaf(edit) == Entry(mode, blob_id(edit.content), len(edit.content))


def test_files_that_git_wrote_before_2005_stay_while_their_content_does() -> None:
    for executable in (None, False):
        assert isinstance(edited(LISTING, [put("g", b"4", executable)]), NoEdit)


@pytest.mark.parametrize(
    ("edits", "plain"),
    [
        ([put("new")], True),
        ([remove("e/f")], True),
        ([remove("h"), put("a/d")], True),
        ([put("a/d", executable=True)], False),
        ([put("a/d"), put("new", executable=True)], False),
        ([put("e/f", b"3", False), put("a/d")], False),
        ([put("g")], False),
    ],
)
def test_an_edit_is_plain_where_every_file_put_is_and_was_an_ordinary_one(edits: list[FileEdit], plain: bool) -> None:
    assert after(*edits).is_plain is plain


SUBMODULE = Listing(
    LISTING.root, {**LISTING.entries, b"vendor": Entry(Mode.SUBMODULE, BlobId("1" * 40), 0)}, LISTING.trees
)


@pytest.mark.parametrize(
    ("edits", "refused"),
    [
        ([], NoEdit("nothing_changed", "everything is like that already")),
        ([put("a/d", b"2")], NoEdit("nothing_changed", "everything is like that already")),
        ([put("new"), remove("new")], NoEdit("path_missing", "is not there", "new")),
        ([put("new"), put("new")], NoEdit("path_twice", "is edited twice in one edit", "new")),
        ([remove("g"), remove("g")], NoEdit("path_twice", "is edited twice in one edit", "g")),
        ([remove("a/b")], NoEdit("path_missing", "is a directory: remove the files in it", "a/b")),
        ([remove("a/x")], NoEdit("path_missing", "is not there", "a/x")),
        ([put("vendor")], NoEdit("path_submodule", "is a submodule: its files are in another repository", "vendor")),
        ([remove("vendor")], NoEdit("path_submodule", "is a submodule: its files are in another repository", "vendor")),
        ([put("vendor/x")], NoEdit("path_below_file", "vendor is a file, so nothing can be below it", "vendor/x")),
        ([put("a")], NoEdit("path_is_directory", "is a directory", "a")),
        ([put("a/b")], NoEdit("path_is_directory", "is a directory", "a/b")),
        ([put("new"), put("g/x/y")], NoEdit("path_below_file", "g is a file, so nothing can be below it", "g/x/y")),
        ([put("a/d/x/y")], NoEdit("path_below_file", "a/d is a file, so nothing can be below it", "a/d/x/y")),
        ([put("new"), put("new/x")], NoEdit("path_below_file", "new is a file, so nothing can be below it", "new/x")),
        (
            [put("A/x")],
            NoEdit("path_collision", "differs from a only in case or form: some systems cannot hold both", "A/x"),
        ),
        (
            [put("zz"), put("ZZ"), put("new"), put("G")],
            NoEdit("path_collision", "differs from g only in case or form: some systems cannot hold both", "G"),
        ),
    ],
)
def test_each_refusal_says_what_is_wrong_and_where(edits: list[FileEdit], refused: NoEdit) -> None:
    assert edited(SUBMODULE, edits) == refused


def test_a_collision_that_was_there_before_is_nobodys_fault_now() -> None:
    listing = listing_of({"x": (FILE, b"1"), "X": (FILE, b"2"), "y": (FILE, b"3")})
    assert isinstance(edited(listing, [put("y")]), Edited)
    assert isinstance(edited(listing, [remove("x")]), Edited)
    refused = edited(listing, [put("x")])
    assert isinstance(refused, NoEdit)
    assert (refused.code, refused.path) == ("path_collision", "x")


def test_a_name_that_is_no_text_stands_in_nobodys_way() -> None:
    raw = {b"\xff": (FILE, blob_id(b"1")), b"\xfe/a": (FILE, blob_id(b"2")), b"z": (FILE, blob_id(b"3"))}
    trees = tree_ids(raw)
    listing = Listing(trees[b""], {path: Entry(mode, oid, 1) for path, (mode, oid) in raw.items()}, trees)
    found = edited(listing, [put("new")])
    assert isinstance(found, Edited)
    assert set(found.listing.entries) == {*raw, b"new"}
    assert isinstance(edited(listing, [put("Z")]), NoEdit)


def test_of_several_files_below_one_file_the_last_by_name_is_told() -> None:
    for letters in ("fedcba", "mnopqr", "zyxwvu", "bdfhjl"):
        refused = edited(LISTING, [put(f"g/{letter}") for letter in letters])
        assert isinstance(refused, NoEdit)
        assert (refused.code, refused.path) == ("path_below_file", f"g/{max(letters)}")


@pytest.mark.parametrize("path", ["x", "x/y", "x/y/z", "x/y/z/v"])
def test_a_directory_is_one_however_deep_its_files_are(path: str) -> None:
    refused = edited(listing_of({"x/y/z/v/w": (FILE, b"1")}), [put(path)])
    assert refused == NoEdit("path_is_directory", "is a directory", path)


def test_of_new_directories_the_deeper_ones_come_first_however_long_their_names_are() -> None:
    assert [tree.directory for tree in after(put("long-name/f"), put("x/y/z")).trees] == [
        b"x/y",
        b"long-name",
        b"x",
        b"",
    ]


def test_the_same_content_is_no_change_whatever_size_was_listed() -> None:
    entries = {path: Entry(entry.mode, entry.oid, 0) for path, entry in LISTING.entries.items()}
    unsized = Listing(LISTING.root, entries, LISTING.trees)
    for edit in (put("a/d", b"2"), put("e/f", b"3"), put("g", b"4")):
        assert edited(unsized, [edit]) == NoEdit("nothing_changed", "everything is like that already")


def test_the_first_files_make_the_first_directories() -> None:
    found = edited(EMPTY_LISTING, [put("x/y/z")])
    assert isinstance(found, Edited)
    assert found.listing == listing_of({"x/y/z": (FILE, b"new")})
    assert [tree.directory for tree in found.trees] == [b"x/y", b"x", b""]


def test_the_last_file_takes_every_directory_with_it_but_the_root() -> None:
    found = edited(listing_of({"x/y/z": (FILE, b"1")}), [remove("x/y/z")])
    assert isinstance(found, Edited)
    assert found.listing == EMPTY_LISTING
    assert found.trees == (NewTree(b"", EMPTY_LISTING.root, ()),)
