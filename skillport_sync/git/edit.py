"""Owns an edit of a commit's tree: which files it puts and removes, and the tree that comes of it, by git's own ids.

The same bytes at the same paths make the same ids wherever they are computed, so whoever asks GitHub to write these edits knows
beforehand what it has to answer. Paths are safe ones (``git.paths``); whatever else is in the tree stays as it is. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.git.listing import Entry, Listing
from skillport_sync.git.objects import EMPTY_TREE, BlobId, Mode, TreeId, blob_id, tree_id
from skillport_sync.git.paths import RepoPath, collisions


@dataclass(frozen=True, slots=True)
class Put:
    """A file as it is to be. ``executable`` None: as it was; a new file is not."""

    path: RepoPath
    content: bytes
    executable: bool | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """A file that is to be gone."""

    path: RepoPath


FileEdit = Put | Remove


@dataclass(frozen=True, slots=True)
class Changed:
    """One file that is another than before; None where there is none."""

    path: bytes
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True)
class NewTree:
    """A directory that changed, as ``(mode, name, object id)`` rows; deeper ones come first."""

    directory: bytes
    oid: TreeId
    rows: tuple[tuple[Mode, bytes, str], ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """The tree after the edits."""

    listing: Listing
    changed: tuple[Changed, ...]
    """By path. Never empty: an edit that changes nothing is none."""
    blobs: Mapping[BlobId, bytes]
    """The contents of what was put, by id."""
    trees: tuple[NewTree, ...]

    @property
    def is_plain(self) -> bool:
        """Whether every file that was put is an ordinary one and was one, if it was there: then nothing is lost where a writer
        knows no modes. https://docs.github.com/graphql/reference/mutations#createcommitonbranch
        """
        return all(
            change.after is None
            or (change.after.mode is Mode.FILE and (change.before is None or change.before.mode is Mode.FILE))
            for change in self.changed
        )


@dataclass(frozen=True, slots=True)
class NoEdit:
    """Why there is no such tree. ``code`` is stable."""

    code: str
    message: str
    path: str | None = None


def edited(listing: Listing, edits: Sequence[FileEdit]) -> Edited | NoEdit:
    """The tree of ``listing`` after these edits, each path once. Costs one look at every path, and hashing where it changed."""
    leaves = dict(listing.entries)
    blobs: dict[BlobId, bytes] = {}
    named: set[str] = set()
    for edit in sorted(edits, key=lambda edit: isinstance(edit, Put)):  # room is made before it is taken
        if edit.path in named:
            return NoEdit("path_twice", "is edited twice in one edit", edit.path)
        named.add(edit.path)
        refused = _apply(edit, leaves, listing, blobs)
        if refused is not None:
            return refused
    clash = _clash(leaves, [edit for edit in edits if isinstance(edit, Put)])
    if clash is not None:
        return clash
    touched = [edit.path.encode() for edit in edits]
    changed = tuple(
        Changed(path, listing.entries.get(path), leaves.get(path))
        for path in sorted(touched)
        if listing.entries.get(path) != leaves.get(path)
    )
    if not changed:
        return NoEdit("nothing_changed", "everything is like that already")
    trees, new = _hashed(listing, leaves, {change.path for change in changed})
    return Edited(Listing(trees.get(b"", EMPTY_TREE), leaves, trees), changed, blobs, new)


def _apply(edit: FileEdit, leaves: dict[bytes, Entry], listing: Listing, blobs: dict[BlobId, bytes]) -> NoEdit | None:
    path = edit.path.encode()
    before = leaves.get(path)
    if before is not None and before.mode is Mode.SUBMODULE:
        return NoEdit("path_submodule", "is a submodule: its files are in another repository", edit.path)
    if isinstance(edit, Remove):
        if before is None:
            what = "is a directory: remove the files in it" if path in listing.trees else "is not there"
            return NoEdit("path_missing", what, edit.path)
        del leaves[path]
        return None
    executable = edit.executable
    if executable is None:
        executable = before is not None and before.mode is Mode.EXECUTABLE
    oid = blob_id(edit.content)
    blobs[oid] = edit.content
    mode = Mode.EXECUTABLE if executable else Mode.FILE
    if before is not None and before.oid == oid and _is_same(before.mode, mode):
        return None
    leaves[path] = Entry(mode, oid, len(edit.content))
    return None


def _is_same(before: Mode, after: Mode) -> bool:
    """Files that git wrote before 2005 keep their mode as long as their content stays."""
    return before is after or (before is Mode.GROUP_WRITABLE and after is Mode.FILE)


def _clash(leaves: Mapping[bytes, Entry], puts: Sequence[Put]) -> NoEdit | None:
    """The first file put that cannot stand beside what else there is."""
    wanted = {put.path for put in puts}
    if not wanted:
        return None
    above = {ancestor: path for path in sorted(wanted) for ancestor in _above(path.encode())}
    for ancestor, path in above.items():
        if ancestor in leaves:
            return NoEdit("path_below_file", f"{ancestor.decode()} is a file, so nothing can be below it", path)
    texts: list[RepoPath] = []
    for raw in leaves:
        slash = raw.find(b"/")
        while slash >= 0:
            directory = raw[:slash]
            if directory.decode("utf-8", "replace") in wanted:
                return NoEdit("path_is_directory", "is a directory", directory.decode())
            slash = raw.find(b"/", slash + 1)
        try:
            texts.append(RepoPath(raw.decode()))
        except UnicodeDecodeError:
            continue
    for path, other in sorted(collisions(texts).items()):
        if path in wanted:
            return NoEdit(
                "path_collision", f"differs from {other} only in case or form: some systems cannot hold both", path
            )
    return None


def _above(path: bytes) -> Iterator[bytes]:
    """Every directory that the path lies in, but for the root."""
    at = path.rfind(b"/")
    while at >= 0:
        path = path[:at]
        yield path
        at = path.rfind(b"/")


def _hashed(
    listing: Listing, leaves: Mapping[bytes, Entry], changed: set[bytes]
) -> tuple[dict[bytes, TreeId], tuple[NewTree, ...]]:
    """The ids of all directories now, and those that are new. git keeps no empty ones."""
    touched = {b"", *(ancestor for path in changed for ancestor in _above(path))}
    rows: dict[bytes, list[tuple[Mode, bytes, str]]] = {directory: [] for directory in touched}
    for path, entry in leaves.items():
        parent, _, name = path.rpartition(b"/")
        if parent in rows:
            rows[parent].append((entry.mode, name, entry.oid))
    trees = dict(listing.trees)
    for directory, oid in listing.trees.items():
        parent, _, name = directory.rpartition(b"/")
        if directory not in touched and parent in rows:
            rows[parent].append((Mode.TREE, name, oid))
    new: list[NewTree] = []
    for directory in sorted(touched, key=lambda path: (-path.count(b"/") - bool(path), path)):
        if not rows[directory] and directory:
            trees.pop(directory, None)
            continue
        oid = trees[directory] = tree_id(rows[directory])
        new.append(NewTree(directory, oid, tuple(rows[directory])))
        if directory:
            parent, _, name = directory.rpartition(b"/")
            rows[parent].append((Mode.TREE, name, oid))
    return trees, tuple(new)
