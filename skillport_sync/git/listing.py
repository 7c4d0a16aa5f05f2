"""Owns the listing of a commit: every entry of its tree, proved to be that tree.

A ``Listing`` is only ever made by ``verified``, which recomputes each directory's id from its entries, bottom up, to the
root. Whoever holds one may rely on names, modes and ids being exactly what was committed; only contents are still to be
fetched, and those prove themselves by their blob id. Never holds contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from skillport_sync.git.objects import (
    EMPTY_TREE,
    BlobId,
    Mode,
    TreeId,
    TreeRow,
    is_object_id,
    tree_id_of,
    tree_row,
)


class RawEntry(NamedTuple):
    """One row of GitHub's answer to ``GET git/trees/{sha}?recursive=1``, believed by nobody yet.

    A tuple because a large repository's answer makes 20,000 of them, and tuples are made five times as fast.
    """

    path: bytes
    mode: Mode
    oid: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf of a verified tree. ``oid`` is a blob's id, or for a submodule the commit it points to."""

    mode: Mode
    oid: BlobId
    size_bytes: int
    """As GitHub lists it; the truth is the content itself. 0 for a submodule."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All leaves by raw path, and the recomputed id of every directory (``b""`` is the root)."""

    root: TreeId
    entries: Mapping[bytes, Entry]
    trees: Mapping[bytes, TreeId]


@dataclass(frozen=True, slots=True)
class Unverified:
    """The entries are not the tree they claim to be. ``directory`` is the deepest one that differs."""

    directory: bytes
    expected: str
    computed: str


def verified(raw: Sequence[RawEntry], root: TreeId, proved: Listing | None = None) -> Listing | Unverified:
    """Prove that these entries, directories included, are the tree ``root``.

    Every directory's recomputed id must equal the id its own entry claims, the root's must equal ``root``. Entries in any order.
    ``proved`` only saves work: a directory that has the id it had there has the same content, so that what is listed below it
    is not looked at again. The chain of ids from the root down proves the claim.
    """
    claimed = {entry.path: entry.oid for entry in raw if entry.mode is Mode.TREE}
    same = _unchanged(claimed, proved)
    leaves: dict[bytes, Entry] = {}
    children: dict[bytes, list[TreeRow]] = {path: [] for path in (b"", *claimed) if path not in same}
    seen: set[bytes] = set()
    for path, mode, oid, size_bytes in raw:
        parent, _, name = path.rpartition(b"/")
        if parent in same:
            continue
        if not name or b"\0" in name:
            return Unverified(parent, "a file name", repr(name))
        if not is_object_id(oid):
            return Unverified(parent, "an object id", repr(oid))
        if path in seen:
            return Unverified(parent, "each name once", repr(name))
        if parent not in children:
            return Unverified(parent, "an entry of its own", repr(name))
        seen.add(path)
        children[parent].append(tree_row(mode, name, oid))
        if mode is not Mode.TREE:
            leaves[path] = Entry(mode, BlobId(oid), size_bytes or 0)
    trees: dict[bytes, TreeId] = {}
    claimed[b""] = root
    for directory in sorted(children, key=_deepest_first):
        computed = tree_id_of(children[directory])
        if computed != claimed[directory]:
            return Unverified(directory, claimed[directory], computed)
        trees[directory] = computed
    if proved is not None:
        leaves |= {path: entry for path, entry in proved.entries.items() if path.rpartition(b"/")[0] in same}
        trees |= {path: proved.trees[path] for path in same}
    return Listing(root, leaves, trees)


def _unchanged(claimed: Mapping[bytes, str], proved: Listing | None) -> set[bytes]:
    """The directories that are listed with the id they had, and are reached from the root through listed directories.

    None of them where the answer contradicts itself (below a directory that did not change, another has changed or is gone):
    then everything is to be proved.
    """
    if proved is None:
        return set()
    same: set[bytes] = set()
    for path in sorted(claimed):  # parents before children
        parent = path.rpartition(b"/")[0]
        if path and proved.trees.get(path) == claimed[path] and (not parent or parent in claimed):
            same.add(path)
        elif parent in same:
            return set()
    gone = (path for path in proved.trees if path not in same)
    return set() if any(path.rpartition(b"/")[0] in same for path in gone) else same


def tree_ids(leaves: Mapping[bytes, tuple[Mode, str]]) -> dict[bytes, TreeId]:
    """The id of every directory that these leaves imply, ``b""`` being the root: what ``reconcile --verify`` recomputes.

    git keeps no empty directories, so the leaves alone determine every tree.
    """
    children: dict[bytes, list[TreeRow]] = {b"": []}
    for path, (mode, oid) in leaves.items():
        parent, _, name = path.rpartition(b"/")
        above = parent
        while above not in children:
            children[above] = []
            above = above.rpartition(b"/")[0]
        children[parent].append(tree_row(mode, name, oid))
    ids: dict[bytes, TreeId] = {}
    for directory in sorted(children, key=_deepest_first):
        ids[directory] = tree_id_of(children[directory])
        if directory:
            parent, _, name = directory.rpartition(b"/")
            children[parent].append(tree_row(Mode.TREE, name, ids[directory]))
    return ids


def _deepest_first(directory: bytes) -> tuple[int, bytes]:
    """Sorts children before parents, so that a mismatch is reported where it is and not at the root."""
    return (-directory.count(b"/") - bool(directory), directory)


EMPTY_LISTING = Listing(EMPTY_TREE, {}, {b"": EMPTY_TREE})
