"""Owns object ids: how git names a blob and a tree, and the modes a tree entry can have.

Format: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects. An id is ``sha1("<type> <size>\\0" + body)``; a tree's body
is its entries, sorted as if every directory ended in "/", each ``"<octal mode> <name>\\0" + 20 raw bytes``.
Only SHA-1 repositories exist on GitHub. Never compares ids with anything: that is the caller's decision.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from enum import IntEnum
from typing import NewType

CommitId = NewType("CommitId", str)
TreeId = NewType("TreeId", str)
BlobId = NewType("BlobId", str)

_HEX40 = re.compile(r"[0-9a-f]{40}")

EMPTY_TREE = TreeId("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
ZERO_ID = "0" * 40
"""What a push event carries as ``before`` of a created and ``after`` of a deleted branch."""


class Mode(IntEnum):
    """What a tree entry is. Values are git's own octal modes; git knows no others in new history."""

    TREE = 0o040000
    FILE = 0o100644
    GROUP_WRITABLE = 0o100664  # git before 2005 wrote it; still found in old history, reads as FILE
    EXECUTABLE = 0o100755
    SYMLINK = 0o120000
    SUBMODULE = 0o160000

    has_content: bool
    """True where the entry's id names a blob (a symlink's blob is its target)."""

    def __new__(cls, value: int) -> Mode:
        # An attribute and not a property: it is asked many times for every file of every pull.
        mode = int.__new__(cls, value)
        mode._value_ = value
        mode.has_content = value not in (0o040000, 0o160000)
        return mode

    @property
    def is_executable(self) -> bool:
        return self is Mode.EXECUTABLE


def is_object_id(text: str) -> bool:
    """True for exactly 40 lower-case hex digits."""
    return _HEX40.fullmatch(text) is not None


def blob_id(content: bytes) -> BlobId:
    """The id git gives these bytes."""
    digest = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return BlobId(digest.hexdigest())


TreeRow = tuple[bytes, bytes]
"""An entry of a tree: what it is sorted by, and its bytes."""


def tree_row(mode: Mode, name: bytes, oid: str) -> TreeRow:
    """``oid`` is 40 hex digits; ``name`` is not empty and holds no "/" and no NUL: the caller makes sure."""
    if mode is Mode.TREE:
        return name + b"/", b"40000 %b\0%b" % (name, bytes.fromhex(oid))
    return name, b"%b %b\0%b" % (_OCTAL[mode], name, bytes.fromhex(oid))


def tree_id_of(rows: Iterable[TreeRow]) -> TreeId:
    """The id of the tree of these rows, in any order. The caller makes sure that names occur once."""
    body = b"".join([row for _, row in sorted(rows)])
    digest = hashlib.sha1(b"tree %d\0" % len(body), usedforsecurity=False)
    digest.update(body)
    return TreeId(digest.hexdigest())


def tree_id(entries: Iterable[tuple[Mode, bytes, str]]) -> TreeId:
    """The id of a tree of ``(mode, raw name, object id)`` entries, in any order; as ``tree_row`` and ``tree_id_of`` say."""
    return tree_id_of([tree_row(mode, name, oid) for mode, name, oid in entries])


_OCTAL = {mode: b"%o" % mode for mode in Mode}
