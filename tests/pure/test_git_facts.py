"""The few facts of git that everything is counted from, written out, and what a proof says when it fails."""

from __future__ import annotations

import pytest

from skillport_sync.git.listing import Entry, Listing, RawEntry, Unverified, tree_ids, verified
from skillport_sync.git.names import is_lossy, recover_names
from skillport_sync.git.objects import (
    EMPTY_TREE,
    ZERO_ID,
    BlobId,
    Mode,
    TreeId,
    blob_id,
    is_object_id,
    tree_id,
    tree_row,
)

ONE, TWO, THREE = blob_id(b"1"), blob_id(b"2"), blob_id(b"3")


def test_the_ids_that_everybody_knows() -> None:
    assert EMPTY_TREE == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert ZERO_ID == "0000000000000000000000000000000000000000"


@pytest.mark.parametrize(
    ("mode", "octal", "has_content", "is_executable"),
    [
        (Mode.TREE, "40000", False, False),
        (Mode.FILE, "100644", True, False),
        (Mode.GROUP_WRITABLE, "100664", True, False),
        (Mode.EXECUTABLE, "100755", True, True),
        (Mode.SYMLINK, "120000", True, False),
        (Mode.SUBMODULE, "160000", False, False),
    ],
)
def test_every_mode_is_gits_and_says_what_its_entry_is(
    mode: Mode, octal: str, has_content: bool, is_executable: bool
) -> None:
    assert Mode(int(octal, 8)) is mode
    assert (mode.value, mode.has_content, mode.is_executable) == (int(octal, 8), has_content, is_executable)
    name = b"a/" if mode is Mode.TREE else b"a"
    assert tree_row(mode, b"a", ONE) == (name, octal.encode() + b" a\0" + bytes.fromhex(ONE))


def test_there_is_no_other_mode() -> None:
    assert len(Mode) == 6
    with pytest.raises(ValueError, match="100600"):
        Mode(100600)


@pytest.mark.parametrize(
    ("text", "is_id"),
    [
        ("0123456789abcdef" * 2 + "01234567", True),
        ("0" * 39, False),
        ("0" * 41, False),
        ("g" + "0" * 39, False),
        ("0" * 39 + "F", False),
        ("", False),
    ],
)
def test_an_object_id_has_forty_digits(text: str, is_id: bool) -> None:
    assert is_object_id(text) is is_id


def test_a_directory_is_sorted_as_if_its_name_ended_in_a_slash() -> None:
    inner = tree_id([(Mode.FILE, b"x", ONE)])
    rows = [(Mode.TREE, b"a", inner), (Mode.FILE, b"a.b", ONE), (Mode.FILE, b"a0", TWO)]
    assert tree_id(rows) == tree_id(rows[::-1]) == "4feef5528898148f6e87a6c90026c8d66864d8fe"


# --- proofs ---------------------------------------------------------------------------------------------------------------

INNER = tree_id([(Mode.FILE, b"c", ONE)])
OUTER = tree_id([(Mode.TREE, b"b", INNER), (Mode.FILE, b"d", TWO)])
ROOT = tree_id([(Mode.TREE, b"a", OUTER), (Mode.FILE, b"e", THREE)])
RAW = [
    RawEntry(b"a", Mode.TREE, OUTER),
    RawEntry(b"a/b", Mode.TREE, INNER),
    RawEntry(b"a/b/c", Mode.FILE, ONE, 1),
    RawEntry(b"a/d", Mode.FILE, TWO, 2),
    RawEntry(b"e", Mode.FILE, THREE),
]
PROVED = Listing(
    ROOT,
    {
        b"a/b/c": Entry(Mode.FILE, ONE, 1),
        b"a/d": Entry(Mode.FILE, TWO, 2),
        b"e": Entry(Mode.FILE, THREE, 0),
    },
    {b"": ROOT, b"a": OUTER, b"a/b": INNER},
)


def changed(path: bytes, **facts: object) -> list[RawEntry]:
    return [entry._replace(**facts) if entry.path == path else entry for entry in RAW]


def without(*paths: bytes) -> list[RawEntry]:
    return [entry for entry in RAW if entry.path not in paths]


def test_what_is_proved_is_every_leaf_with_its_size_and_every_directory() -> None:
    assert verified(RAW, ROOT) == verified(RAW[::-1], ROOT) == PROVED
    assert verified(RAW, ROOT, PROVED) == PROVED


@pytest.mark.parametrize(
    ("raw", "refused"),
    [
        (changed(b"a/b/c", oid=TWO), Unverified(b"a/b", INNER, tree_id([(Mode.FILE, b"c", TWO)]))),
        (
            changed(b"a/d", mode=Mode.EXECUTABLE),
            Unverified(b"a", OUTER, tree_id([(Mode.TREE, b"b", INNER), (Mode.EXECUTABLE, b"d", TWO)])),
        ),
        (without(b"e"), Unverified(b"", ROOT, tree_id([(Mode.TREE, b"a", OUTER)]))),
        ([*RAW, RawEntry(b"a/d", Mode.FILE, TWO)], Unverified(b"a", "each name once", "b'd'")),
        ([*RAW, RawEntry(b"a/b", Mode.FILE, TWO)], Unverified(b"a", "each name once", "b'b'")),
        ([RawEntry(b"a/b", Mode.FILE, TWO), *RAW], Unverified(b"a", "each name once", "b'b'")),
        ([RawEntry(b"x/y", Mode.FILE, ONE), *RAW], Unverified(b"x", "an entry of its own", "b'y'")),
        ([RawEntry(b"a/", Mode.FILE, ONE), *RAW], Unverified(b"a", "a file name", "b''")),
        ([RawEntry(b"a/n\0", Mode.FILE, ONE), *RAW], Unverified(b"a", "a file name", "b'n\\x00'")),
        ([RawEntry(b"a/n", Mode.FILE, "x" * 40), *RAW], Unverified(b"a", "an object id", repr("x" * 40))),
        ([RawEntry(b"a/n", Mode.TREE, ""), *RAW], Unverified(b"a", "an object id", "''")),
    ],
)
def test_what_does_not_fit_is_told_with_its_directory(raw: list[RawEntry], refused: Unverified) -> None:
    assert verified(raw, ROOT) == refused


def test_of_two_directories_that_differ_the_deeper_is_told_then_the_first() -> None:
    raw = [
        RawEntry(b"b-long", Mode.TREE, ONE),
        RawEntry(b"a-long", Mode.TREE, ONE),
        RawEntry(b"c", Mode.TREE, ONE),
        RawEntry(b"c/d", Mode.TREE, TWO),
    ]
    assert verified(raw, ROOT) == Unverified(b"c/d", TWO, EMPTY_TREE)
    assert verified(raw[:3], ROOT) == Unverified(b"a-long", ONE, EMPTY_TREE)
    assert verified([], ROOT) == Unverified(b"", ROOT, EMPTY_TREE)


def test_below_a_directory_with_the_id_it_had_nothing_is_looked_at_again() -> None:
    odd = [
        *without(b"a/b/c", b"e"),
        RawEntry(b"a/b/c", Mode.FILE, "nonsense"),
        RawEntry(b"a/b/c", Mode.FILE, "nonsense"),
        RawEntry(b"e", Mode.FILE, THREE, 3),
    ]
    expected = Listing(ROOT, {**PROVED.entries, b"e": Entry(Mode.FILE, THREE, 3)}, PROVED.trees)
    assert verified(odd, ROOT, PROVED) == expected
    assert isinstance(verified(odd, ROOT), Unverified)


def test_a_directory_that_is_gone_or_changed_below_one_that_did_not_change_is_proved_from_its_files() -> None:
    other = tree_id([(Mode.FILE, b"c", TWO)])
    lying = [entry._replace(oid=other) if entry.path == b"a/b" else entry for entry in changed(b"a/b/c", oid=TWO)]
    assert verified(lying, ROOT, PROVED) == Unverified(
        b"a", OUTER, tree_id([(Mode.TREE, b"b", other), (Mode.FILE, b"d", TWO)])
    )
    gone = without(b"a/b", b"a/b/c")
    assert verified(gone, ROOT, PROVED) == Unverified(b"a", OUTER, tree_id([(Mode.FILE, b"d", TWO)]))


def test_directly_below_a_directory_of_the_root_nothing_is_looked_at_again_either() -> None:
    assert verified(changed(b"a/d", oid="nonsense"), ROOT, PROVED) == PROVED


def test_what_changed_elsewhere_makes_nobody_look_at_what_did_not() -> None:
    x = tree_id([(Mode.FILE, b"y", ONE)])
    root = tree_id([(Mode.TREE, b"a", OUTER), (Mode.FILE, b"e", THREE), (Mode.TREE, b"x", x)])
    raw = [*changed(b"a/d", oid="nonsense"), RawEntry(b"x", Mode.TREE, x), RawEntry(b"x/y", Mode.FILE, ONE)]
    found = verified(raw, root, PROVED)
    assert isinstance(found, Listing)
    assert found.trees == {**PROVED.trees, b"": root, b"x": x}


@pytest.mark.parametrize("directory", [b"a", b"a/b"])
def test_a_directory_that_is_new_below_one_that_did_not_change_is_not_believed(directory: bytes) -> None:
    new = [RawEntry(directory + b"/n", Mode.TREE, INNER), RawEntry(directory + b"/n/c", Mode.FILE, ONE)]
    other = tree_id([(Mode.TREE, b"b", INNER), (Mode.FILE, b"d", ONE)])
    root = tree_id([(Mode.TREE, b"a", other), (Mode.FILE, b"e", THREE)])
    moved = [entry._replace(oid=other) if entry.path == b"a" else entry for entry in changed(b"a/d", oid=ONE)]
    for raw, of in ((RAW, ROOT), (moved, root)):
        for order in ([*raw, *new], [*new, *raw], [*new, *raw][::-1]):
            assert isinstance(verified(order, of, PROVED), Unverified)


def test_a_directory_that_is_gone_far_below_one_that_changed_is_not_forgotten() -> None:
    c = tree_id([(Mode.FILE, b"x", ONE)])
    b = tree_id([(Mode.TREE, b"c", c), (Mode.FILE, b"y", ONE)])

    def listed(z: BlobId) -> tuple[list[RawEntry], TreeId]:
        a = tree_id([(Mode.TREE, b"b", b), (Mode.FILE, b"z", z)])
        raw = [RawEntry(b"a", Mode.TREE, a), RawEntry(b"a/b", Mode.TREE, b), RawEntry(b"a/b/c", Mode.TREE, c)]
        raw += [
            RawEntry(b"a/b/c/x", Mode.FILE, ONE),
            RawEntry(b"a/b/y", Mode.FILE, ONE),
            RawEntry(b"a/z", Mode.FILE, z),
        ]
        return raw, tree_id([(Mode.TREE, b"a", a)])

    before = verified(*listed(ONE))
    assert isinstance(before, Listing)
    raw, root = listed(TWO)
    assert verified(raw, root, before) == verified(raw, root)
    omitted = [entry for entry in raw if not entry.path.startswith(b"a/b/c")]
    assert verified(omitted, root, before) == Unverified(b"a/b", b, tree_id([(Mode.FILE, b"y", ONE)]))


def test_nobody_may_list_the_root_itself() -> None:
    root = tree_id([(Mode.FILE, b"e", THREE)])
    flat = Listing(root, {b"e": Entry(Mode.FILE, THREE, 0)}, {b"": root})
    assert verified([RawEntry(b"", Mode.TREE, root)], ROOT, flat) == Unverified(b"", "a file name", "b''")


def test_a_directory_that_changed_is_proved_and_the_others_are_taken_over() -> None:
    other = tree_id([(Mode.TREE, b"b", INNER), (Mode.FILE, b"d", ONE)])
    root = tree_id([(Mode.TREE, b"a", other), (Mode.FILE, b"e", THREE)])
    raw = [entry._replace(oid=other) if entry.path == b"a" else entry for entry in changed(b"a/d", oid=ONE)]
    found = verified(raw, root, PROVED)
    assert found == verified(raw, root)
    assert isinstance(found, Listing)
    assert found.trees == {b"": root, b"a": other, b"a/b": INNER}
    assert isinstance(verified(raw, ROOT, PROVED), Unverified)


def test_a_directory_that_went_from_the_tree_goes_from_the_listing() -> None:
    root = tree_id([(Mode.FILE, b"e", THREE)])
    assert verified(without(b"a", b"a/b", b"a/b/c", b"a/d"), root, PROVED) == Listing(
        root, {b"e": Entry(Mode.FILE, THREE, 0)}, {b"": root}
    )


def test_ids_are_worked_out_of_leaves_alone_directories_that_hold_only_directories_too() -> None:
    deep = {b"x/y/z/c": (Mode.FILE, ONE), b"e": (Mode.EXECUTABLE, THREE)}
    z = tree_id([(Mode.FILE, b"c", ONE)])
    y, root = tree_id([(Mode.TREE, b"z", z)]), None
    x = tree_id([(Mode.TREE, b"y", y)])
    root = tree_id([(Mode.TREE, b"x", x), (Mode.EXECUTABLE, b"e", THREE)])
    assert tree_ids(deep) == {b"": root, b"x": x, b"x/y": y, b"x/y/z": z}


# --- names ----------------------------------------------------------------------------------------------------------------

LOST = "\N{REPLACEMENT CHARACTER}".encode()


def entry(path: bytes, oid: str = ONE, mode: Mode = Mode.FILE) -> RawEntry:
    return RawEntry(path, mode, oid)


def test_every_directory_on_the_way_gets_its_raw_name_back() -> None:
    raw = b"a\xff/b/c\xfe/d"
    listed = [
        entry(b"a" + LOST, TWO, Mode.TREE),
        entry(b"a" + LOST + b"/b", TWO, Mode.TREE),
        entry(b"a" + LOST + b"/b/c" + LOST, TWO, Mode.TREE),
        entry(b"a" + LOST + b"/b/c" + LOST + b"/d"),
    ]
    paths = [each.path for each in recover_names(listed, [(b"plain", ONE), (raw, ONE)])]
    assert paths == [b"a\xff", b"a\xff/b", b"a\xff/b/c\xfe", raw]


def test_a_file_is_known_by_its_content_and_a_directory_is_no_file() -> None:
    listed = [entry(LOST, TWO), entry(LOST, ONE, Mode.TREE), entry(LOST, ONE), entry(LOST, ONE)]
    known = [(b"\xff", ONE)]
    assert [each.path for each in recover_names(listed, known)] == [LOST, LOST, b"\xff", LOST]


def test_each_directory_is_given_once_however_many_files_are_in_it() -> None:
    listed = [entry(LOST, ONE, Mode.TREE), entry(LOST, TWO, Mode.TREE), entry(LOST, THREE, Mode.TREE)]
    known = [(b"\xfe/a", ONE), (b"\xfe/b", ONE), (b"\xff/a", ONE)]
    assert [each.path for each in recover_names(listed, known)] == [b"\xfe", b"\xff", LOST]


def test_however_many_letters_stand_for_a_broken_sequence_the_name_is_found() -> None:
    assert recover_names([entry(b"a" + LOST * 3)], [(b"a\xe2\x98", ONE)])[0].path == b"a\xe2\x98"
    assert recover_names([entry(b"a" + LOST)], [(b"a\xff\xfe\xff", BlobId(ONE))])[0].path == b"a\xff\xfe\xff"
    assert is_lossy(b"\xff")
    assert not is_lossy("\u00fffd".encode())


def test_a_root_that_is_wrong_is_told_with_what_it_is() -> None:
    assert verified(RAW, TreeId(ONE)) == Unverified(b"", ONE, ROOT)
