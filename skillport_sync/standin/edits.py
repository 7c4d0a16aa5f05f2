"""Owns what may be put into a commit: files, symlinks, submodules and deletions, and the new tree they make.

Takes paths as str (UTF-8) or raw bytes, because a repository may hold names that are no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.standin.objects import DIRECTORY, EXECUTABLE, REGULAR, SUBMODULE, SYMLINK, ObjectStore, TreeEntry


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Symlink:
    target: bytes


@dataclass(frozen=True, slots=True)
class Submodule:
    """A pinned commit of another repository; its objects are not here."""

    commit: str


@dataclass(frozen=True, slots=True)
class Pinned:
    """An object that the store holds already, at the mode it shall have."""

    mode: int
    oid: str


Edit = bytes | File | Symlink | Submodule | Pinned | None
"""What a path becomes. Bytes are a regular file, None deletes the path with all below it."""

Files = Mapping[str, Edit] | Mapping[bytes, Edit] | Mapping[str | bytes, Edit]


class NothingThere(LookupError):
    """A path was to be deleted that the tree does not hold."""


def apply(objects: ObjectStore, base: str | None, files: Files) -> str:
    """Write the tree that ``base`` becomes with these edits and return its id; base None starts from nothing.

    Raises: NothingThere, ValueError for a path git would refuse.
    """
    pinned = {_raw(path): _pin(objects, edit) for path, edit in files.items()}
    return _rebuild(objects, base, pinned) or objects.put_tree(())


def _raw(path: str | bytes) -> bytes:
    raw = path.encode() if isinstance(path, str) else path
    if any(part in (b"", b".", b"..") or part.lower() == b".git" for part in raw.split(b"/")) or b"\0" in raw:
        raise ValueError(f"not a path inside a repository: {path!r}")
    return raw


def _pin(objects: ObjectStore, edit: Edit) -> Pinned | None:
    match edit:
        case bytes():
            return Pinned(REGULAR, objects.put_blob(edit))
        case File():
            return Pinned(EXECUTABLE if edit.executable else REGULAR, objects.put_blob(edit.content))
        case Symlink():
            return Pinned(SYMLINK, objects.put_blob(edit.target))
        case Submodule():
            return Pinned(SUBMODULE, edit.commit)
        case _:
            return edit


def _rebuild(objects: ObjectStore, base: str | None, edits: Mapping[bytes, Pinned | None]) -> str | None:
    """One directory with its edits; None when nothing is left in it, because git keeps no empty directories."""
    entries = {entry.name: entry for entry in (objects.tree(base) if base else ())}
    below: dict[bytes, dict[bytes, Pinned | None]] = {}
    for path, edit in edits.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = edit
        elif edit is None and entries.pop(name, None) is None:
            raise NothingThere(path.decode("utf-8", "replace"))
    for name, inner in below.items():
        old = entries.pop(name, None)
        tree = _rebuild(objects, old.oid if old and old.mode == DIRECTORY else None, inner)
        if tree is not None:
            entries[name] = TreeEntry(DIRECTORY, name, tree)
    # Last: a file may come where a directory was, all of which is then gone.
    entries |= {name: TreeEntry(edit.mode, name, edit.oid) for name, edit in edits.items() if edit and b"/" not in name}
    return objects.put_tree(entries.values()) if entries else None
