"""Owns questions about how commits and trees relate: ancestry, what one side has that the other has not, which paths differ."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from skillport_sync.standin.objects import DIRECTORY, ObjectStore, TreeEntry

Relation = Literal["identical", "ahead", "behind", "diverged"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``head`` seen from ``base``. ``ahead`` are the commits only head has, oldest first."""

    relation: Relation
    merge_base: str
    ahead: tuple[str, ...]
    behind: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathChange:
    """One path that differs; an entry is None on the side that does not have it. Never a directory."""

    path: bytes
    before: TreeEntry | None
    after: TreeEntry | None

    @property
    def status(self) -> Literal["added", "removed", "modified"]:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "modified"


def ancestors(objects: ObjectStore, commit: str) -> Iterator[str]:
    """The commit, then everything before it, nearest first."""
    seen = {commit}
    queue = deque([commit])
    while queue:
        oid = queue.popleft()
        yield oid
        for parent in objects.commit(oid).parents:
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)


def is_ancestor(objects: ObjectStore, older: str, newer: str) -> bool:
    return any(oid == older for oid in ancestors(objects, newer))


def commits_between(objects: ObjectStore, base: str | None, head: str) -> tuple[str, ...]:
    """What head has and base has not, oldest first."""
    known = set(ancestors(objects, base)) if base else set()
    return tuple(reversed([oid for oid in ancestors(objects, head) if oid not in known]))


def compare(objects: ObjectStore, base: str, head: str) -> Comparison | None:
    """None when the two share no history, which GitHub answers with 404."""
    ahead = commits_between(objects, base, head)
    behind = commits_between(objects, head, base)
    of_base = set(ancestors(objects, base))
    merge_base = next((oid for oid in ancestors(objects, head) if oid in of_base), None)
    if merge_base is None:
        return None
    relation: Relation = "identical"
    if ahead:
        relation = "diverged" if behind else "ahead"
    elif behind:
        relation = "behind"
    return Comparison(relation, merge_base, ahead, behind)


def changed_paths(
    objects: ObjectStore, before: str | None, after: str | None, prefix: bytes = b""
) -> Iterator[PathChange]:
    """What differs between two trees, in path order; equal subtrees are not entered."""
    if before == after:
        return
    old = {entry.name: entry for entry in (objects.tree(before) if before else ())}
    new = {entry.name: entry for entry in (objects.tree(after) if after else ())}
    for name in sorted(old.keys() | new.keys()):
        left, right = old.get(name), new.get(name)
        if left == right:
            continue
        left_tree = left.oid if left and left.mode == DIRECTORY else None
        right_tree = right.oid if right and right.mode == DIRECTORY else None
        if left_tree or right_tree:
            yield from changed_paths(objects, left_tree, right_tree, prefix + name + b"/")
        left_file = None if left_tree else left
        right_file = None if right_tree else right
        if left_file or right_file:
            yield PathChange(prefix + name, left_file, right_file)


def changes_of(objects: ObjectStore, commit: str) -> Iterator[PathChange]:
    """What a commit changed, seen from its first parent."""
    found = objects.commit(commit)
    parent = objects.commit(found.parents[0]).tree if found.parents else None
    return changed_paths(objects, parent, found.tree)


def changed_lines(objects: ObjectStore, change: PathChange) -> tuple[int, int]:
    """``(added, removed)`` lines, counted without regard to order: near enough to a diff for figures nobody computes with."""
    old, new = (
        Counter(objects.read(entry.oid, "blob").splitlines()) if entry and entry.kind == "blob" else Counter[bytes]()
        for entry in (change.before, change.after)
    )
    return (new - old).total(), (old - new).total()
