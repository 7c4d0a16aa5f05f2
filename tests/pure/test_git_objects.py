"""Object ids and listings, with C git as the judge."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from skillport_sync.git.listing import EMPTY_LISTING, Listing, RawEntry, Unverified, tree_ids, verified
from skillport_sync.git.objects import EMPTY_TREE, BlobId, Mode, TreeId, blob_id, is_object_id, tree_id

WITH_REPOSITORY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

LEAF_MODES = st.sampled_from([Mode.FILE, Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK, Mode.SUBMODULE])
NAMES = st.one_of(
    st.sampled_from(
        [
            b"a",
            b"b",
            b"a.b",
            b"a-b",
            b"a0",
            b"A",
            b"SKILL.md",
            b"\xff",
            "é".encode(),
            "\u00a0".encode(),
            b"a b",
            b"\x01",
        ]
    ),
    st.binary(min_size=1, max_size=3),
).filter(lambda name: not set(name) & set(b"/\0") and name not in (b".", b"..") and b".git" not in name.lower())
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
OIDS = st.binary(max_size=4).map(blob_id)


def possible(leaves: dict[bytes, tuple[Mode, BlobId]]) -> dict[bytes, tuple[Mode, BlobId]]:
    """Without leaves that stand where another's directory would be."""
    directories = {path[:at] for path in leaves for at, char in enumerate(path) if char == ord("/")}
    return {path: leaf for path, leaf in leaves.items() if path not in directories}


LEAVES = st.dictionaries(PATHS, st.tuples(LEAF_MODES, OIDS), max_size=8).map(possible)


class Repository:
    """A bare repository and an index of its own, driven through C git."""

    def __init__(self, directory: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "GIT_DIR": str(directory),
            "GIT_INDEX_FILE": str(directory / "index"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(directory),
        }
        self._run("init", "--quiet", "--bare", str(directory))

    def _run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return subprocess.run(
            ["git", *arguments], input=stdin, env=self._environment, capture_output=True, check=True
        ).stdout

    def hash_object(self, content: bytes) -> str:
        return self._run("hash-object", "--stdin", stdin=content).decode().strip()

    def write_tree(self, leaves: dict[bytes, tuple[Mode, BlobId]]) -> str:
        self._run("read-tree", "--empty")
        rows = [b"%06o %b\t%b\0" % (mode, oid.encode(), path) for path, (mode, oid) in leaves.items()]
        self._run("update-index", "-z", "--index-info", stdin=b"".join(rows))
        return self._run("write-tree", "--missing-ok").decode().strip()

    def listing(self, tree: str) -> list[RawEntry]:
        rows = self._run("ls-tree", "-r", "-t", "-z", tree).split(b"\0")[:-1]
        return [
            RawEntry(path, Mode(int(mode, 8)), oid.decode())
            for row in rows
            for fields, path in [row.split(b"\t", 1)]
            for mode, _, oid in [fields.split(b" ")]
        ]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    return Repository(tmp_path_factory.mktemp("judge"))


@WITH_REPOSITORY
@given(st.binary(max_size=2000))
def test_blob_ids_are_gits(repository: Repository, content: bytes) -> None:
    assert blob_id(content) == repository.hash_object(content)


def test_large_and_empty_blobs_have_gits_ids(repository: Repository) -> None:
    for content in (b"", b"\0" * 3_000_000, b"\r\n" * 1000):
        assert blob_id(content) == repository.hash_object(content)


@WITH_REPOSITORY
@given(LEAVES)
def test_every_directory_of_these_leaves_has_gits_id(
    repository: Repository, leaves: dict[bytes, tuple[Mode, BlobId]]
) -> None:
    root = repository.write_tree(leaves)
    expected = {entry.path: entry.oid for entry in repository.listing(root) if entry.mode is Mode.TREE}
    assert tree_ids(leaves) == {b"": root, **expected}


@WITH_REPOSITORY
@given(LEAVES, st.randoms(use_true_random=False))
def test_a_listing_in_any_order_is_proved(
    repository: Repository, leaves: dict[bytes, tuple[Mode, BlobId]], rnd: object
) -> None:
    root = TreeId(repository.write_tree(leaves))
    raw = repository.listing(root)
    rnd.shuffle(raw)  # type: ignore[attr-defined]
    listing = verified(raw, root)
    assert isinstance(listing, Listing)
    assert {path: (entry.mode, entry.oid) for path, entry in listing.entries.items()} == leaves
    assert listing.trees == tree_ids(leaves)


def raw_listing(leaves: dict[bytes, tuple[Mode, BlobId]]) -> tuple[list[RawEntry], TreeId]:
    trees = tree_ids(leaves)
    raw = [RawEntry(path, mode, oid) for path, (mode, oid) in leaves.items()]
    raw += [RawEntry(directory, Mode.TREE, tree) for directory, tree in trees.items() if directory]
    return raw, trees[b""]


@given(LEAVES, st.data())
def test_any_single_lie_is_noticed(leaves: dict[bytes, tuple[Mode, BlobId]], data: st.DataObject) -> None:
    raw, root = raw_listing(leaves)
    lie = data.draw(st.sampled_from(["drop", "add", "twice", "mode", "oid", "name", "root"]))
    if lie == "root" or not raw:
        assert isinstance(verified(raw, TreeId(blob_id(b"another"))), Unverified)
        return
    at = data.draw(st.integers(0, len(raw) - 1))
    entry = raw[at]
    if lie == "drop":
        del raw[at]
    elif lie == "twice":
        raw.append(entry)
    elif lie == "add":
        raw.append(
            RawEntry(data.draw(PATHS.filter(lambda path: path not in {e.path for e in raw})), Mode.FILE, entry.oid)
        )
    elif lie == "mode":
        raw[at] = entry._replace(mode=data.draw(st.sampled_from(Mode).filter(lambda mode: mode is not entry.mode)))
    elif lie == "oid":
        raw[at] = entry._replace(oid=blob_id(b"a lie"))
    else:
        raw[at] = entry._replace(path=entry.path + b"!")
    assert isinstance(verified(raw, root), Unverified)


@given(
    st.lists(
        st.builds(
            RawEntry,
            st.binary(max_size=4),
            st.sampled_from(Mode),
            st.one_of(OIDS, st.text(max_size=3), st.just("z" * 40)),
        )
    ),
    OIDS,
)
def test_no_answer_however_odd_makes_the_proof_raise(raw: list[RawEntry], root: str) -> None:
    assert isinstance(verified(raw, TreeId(root)), Listing | Unverified)


@pytest.mark.parametrize("name", [b"", b"a\0b", b"."])
def test_a_name_that_cannot_be_in_a_tree_is_not_proved(name: bytes) -> None:
    assert isinstance(verified([RawEntry(b"d/" + name, Mode.FILE, blob_id(b""))], EMPTY_TREE), Unverified)


def test_a_file_below_a_file_is_not_proved() -> None:
    file, below = blob_id(b"1"), blob_id(b"2")
    inner = tree_id([(Mode.FILE, b"b", below)])
    root = tree_id([(Mode.FILE, b"a", file), (Mode.TREE, b"a", inner)])
    raw = [RawEntry(b"a", Mode.FILE, file), RawEntry(b"a", Mode.TREE, inner), RawEntry(b"a/b", Mode.FILE, below)]
    for order in (raw, raw[::-1]):
        assert isinstance(verified(order, root), Unverified)


def test_the_deepest_directory_that_differs_is_named() -> None:
    raw, root = raw_listing({b"a/b/c": (Mode.FILE, blob_id(b"1")), b"a/d": (Mode.FILE, blob_id(b"2"))})
    wrong = [entry._replace(oid=blob_id(b"other")) if entry.path == b"a/b/c" else entry for entry in raw]
    found = verified(wrong, root)
    assert isinstance(found, Unverified)
    assert found.directory == b"a/b"


def test_the_empty_tree_is_gits() -> None:
    assert tree_id([]) == EMPTY_TREE
    assert verified([], EMPTY_TREE) == EMPTY_LISTING
    assert tree_ids({}) == {b"": EMPTY_TREE}


@given(st.text())
def test_object_ids_are_forty_lower_case_hex_digits(text: str) -> None:
    assert not is_object_id(text) or (len(text) == 40 and set(text) <= set("0123456789abcdef"))


def test_object_ids_have_no_line_break_behind_them() -> None:
    assert is_object_id("0" * 40)
    assert not is_object_id("0" * 40 + "\n")
    assert not is_object_id("A" * 40)
    assert not is_object_id("٠" * 40)


def listing_of(leaves: dict[bytes, tuple[Mode, BlobId]]) -> Listing:
    raw, root = raw_listing(leaves)
    listing = verified(raw, root)
    assert isinstance(listing, Listing)
    return listing


@given(data=st.data())
def test_what_was_proved_before_only_saves_work(data: st.DataObject) -> None:
    before = data.draw(LEAVES)
    gone = data.draw(st.sets(st.sampled_from(sorted(before)), max_size=3)) if before else set()
    after = possible({path: leaf for path, leaf in {**before, **data.draw(LEAVES)}.items() if path not in gone})
    proved, alone = listing_of(before), listing_of(after)
    raw, root = raw_listing(after)
    again = verified(raw, root, proved)
    assert again == alone


@given(data=st.data())
def test_what_was_proved_before_never_covers_for_an_answer_that_is_wrong(data: st.DataObject) -> None:
    before = data.draw(LEAVES)
    raw, root = raw_listing(before)
    proved = verified(raw, root)
    assume(isinstance(proved, Listing) and len(raw) > 0)
    assert isinstance(proved, Listing)
    at = data.draw(st.integers(0, len(raw) - 1))
    kind = data.draw(st.sampled_from(["omitted", "renamed", "lied about"]))
    wrong = list(raw)
    if kind == "omitted":
        del wrong[at]
    elif kind == "renamed":
        wrong[at] = raw[at]._replace(path=raw[at].path + b"!")
    else:
        wrong[at] = raw[at]._replace(oid=blob_id(b"a lie"))
    outcome = verified(wrong, root, proved)
    # Below a directory whose proved id says what it holds, GitHub's words do not matter; nothing else may slip in.
    assert outcome == proved or isinstance(outcome, Unverified)
