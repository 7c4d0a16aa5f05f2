"""Owns git's objects in memory: blobs, trees, commits and tags in git's own bytes, so that every id is the id C git gives.

A second opinion, written from the format (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects) and not from
``skillport_sync.git``, which it must never import. Knows nothing of branches, names on GitHub or HTTP.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal, cast

Kind = Literal["blob", "tree", "commit", "tag"]

DIRECTORY: Final = 0o040000
REGULAR: Final = 0o100644
EXECUTABLE: Final = 0o100755
SYMLINK: Final = 0o120000
SUBMODULE: Final = 0o160000

NO_COMMIT: Final = "0" * 40
"""What a push event names where there was, or is, no commit."""

_PERSON = re.compile(
    r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<epoch>-?\d+) (?P<sign>[+-])(?P<hours>\d\d)(?P<minutes>\d\d)"
)


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One line of a tree. ``name`` is raw: git does not promise UTF-8."""

    mode: int
    name: bytes
    oid: str

    @property
    def kind(self) -> Kind:
        if self.mode == DIRECTORY:
            return "tree"
        return "commit" if self.mode == SUBMODULE else "blob"


@dataclass(frozen=True, slots=True)
class Person:
    """Who, and when by their own clock (``at`` is aware; its offset is part of the object)."""

    name: str
    email: str
    at: datetime

    def encode(self) -> str:
        offset = self.at.utcoffset() or timedelta()
        minutes = abs(int(offset.total_seconds())) // 60
        sign = "-" if offset < timedelta() else "+"
        return f"{self.name} <{self.email}> {int(self.at.timestamp())} {sign}{minutes // 60:02}{minutes % 60:02}"


@dataclass(frozen=True, slots=True)
class CommitObject:
    """A commit as read back. ``signed_payload`` is the object without its signature, which is what was signed."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str
    signature: str | None
    signed_payload: str


@dataclass(frozen=True, slots=True)
class TagObject:
    oid: str
    target: str
    target_kind: str
    name: str
    tagger: Person | None
    message: str


class ObjectStore:
    """Everything one repository holds, by id. Grows only; objects nobody refers to stay, as they do on GitHub for weeks."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[Kind, bytes]] = {}
        self._trees: dict[str, tuple[TreeEntry, ...]] = {}
        self._commits: dict[str, CommitObject] = {}

    def ids(self) -> list[str]:
        """Every object, in the order it came."""
        return list(self._objects)

    def put(self, kind: Kind, body: bytes) -> str:
        """Keep one object and return its 40-hex id. Keeping it twice changes nothing."""
        digest = hashlib.sha1(b"%b %d\0" % (kind.encode(), len(body)), usedforsecurity=False)
        digest.update(body)
        oid = digest.hexdigest()
        self._objects.setdefault(oid, (kind, body))
        return oid

    def put_blob(self, content: bytes) -> str:
        return self.put("blob", content)

    def put_tree(self, entries: Iterable[TreeEntry]) -> str:
        """Write a tree in git's order: by name, as if every directory's name ended in a slash."""
        ordered = sorted(entries, key=lambda entry: entry.name + b"/" * (entry.mode == DIRECTORY))
        return self.put("tree", b"".join(b"%o %b\0%b" % (e.mode, e.name, bytes.fromhex(e.oid)) for e in ordered))

    def put_commit(
        self,
        tree: str,
        parents: Sequence[str],
        author: Person,
        committer: Person,
        message: str,
        signature: str | None = None,
    ) -> str:
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author.encode()}", f"committer {committer.encode()}"]
        if signature is not None:
            lines.append("gpgsig " + signature.strip("\n").replace("\n", "\n "))
        return self.put("commit", ("\n".join(lines) + "\n\n" + message).encode())

    def put_tag(self, target: str, name: str, tagger: Person, message: str) -> str:
        kind = self.kind_of(target)
        head = f"object {target}\ntype {kind}\ntag {name}\ntagger {tagger.encode()}\n\n"
        return self.put("tag", (head + message).encode())

    def kind_of(self, oid: str) -> Kind | None:
        """What this id names here, None when nothing."""
        found = self._objects.get(oid)
        return found[0] if found else None

    def read(self, oid: str, kind: Kind) -> bytes:
        """The body of an object. Raises: KeyError when there is no such object of that kind."""
        found_kind, body = self._objects[oid]
        if found_kind != kind:
            raise KeyError(oid)
        return body

    def size_of(self, oid: str) -> int:
        return len(self._objects[oid][1])

    def tree(self, oid: str) -> tuple[TreeEntry, ...]:
        """A tree's entries in git's order. Raises: KeyError."""
        known = self._trees.get(oid)
        if known is None:
            known = self._trees[oid] = tuple(_parse_tree(self.read(oid, "tree")))
        return known

    def walk(self, tree: str, prefix: bytes = b"") -> Iterator[tuple[bytes, TreeEntry]]:
        """Every entry below a tree with its raw path, each directory before what it holds."""
        for entry in self.tree(tree):
            path = prefix + entry.name
            yield path, entry
            if entry.mode == DIRECTORY:
                yield from self.walk(entry.oid, path + b"/")

    def lookup(self, tree: str, path: bytes) -> TreeEntry | None:
        """The entry at a raw path below a tree; the empty path is the tree itself."""
        found = TreeEntry(DIRECTORY, b"", tree)
        for part in [part for part in path.split(b"/") if part]:
            if found.mode != DIRECTORY:
                return None
            below = next((entry for entry in self.tree(found.oid) if entry.name == part), None)
            if below is None:
                return None
            found = below
        return found

    def commit(self, oid: str) -> CommitObject:
        """Raises: KeyError."""
        known = self._commits.get(oid)
        if known is None:
            known = self._commits[oid] = _parse_commit(oid, self.read(oid, "commit"))
        return known

    def tag(self, oid: str) -> TagObject:
        """Raises: KeyError."""
        headers, message = _split(self.read(oid, "tag"))
        fields = dict(headers)
        tagger = _parse_person(fields["tagger"]) if "tagger" in fields else None
        return TagObject(oid, fields["object"], fields["type"], fields["tag"], tagger, message)

    def peel(self, oid: str) -> str:
        """Follow annotated tags to what they finally name. Raises: KeyError."""
        while self.kind_of(oid) == "tag":
            oid = self.tag(oid).target
        if oid not in self._objects:
            raise KeyError(oid)
        return oid


def _parse_tree(body: bytes) -> Iterator[TreeEntry]:
    position = 0
    while position < len(body):
        space = body.index(b" ", position)
        end = body.index(b"\0", space)
        yield TreeEntry(int(body[position:space], 8), body[space + 1 : end], body[end + 1 : end + 21].hex())
        position = end + 21


def _split(body: bytes) -> tuple[list[tuple[str, str]], str]:
    """Headers (a continued one joined with newlines) and the message, which old history may hold in other encodings."""
    head, _, message = body.decode("utf-8", "replace").partition("\n\n")
    headers: list[tuple[str, str]] = []
    for line in head.split("\n"):
        if line.startswith(" ") and headers:
            key, value = headers[-1]
            headers[-1] = (key, value + "\n" + line[1:])
        else:
            key, _, value = line.partition(" ")
            headers.append((key, value))
    return headers, message


def _parse_commit(oid: str, body: bytes) -> CommitObject:
    headers, message = _split(body)
    fields = dict(headers)
    unsigned = [f"{key} {value}".replace("\n", "\n ") for key, value in headers if key != "gpgsig"]
    return CommitObject(
        oid,
        fields["tree"],
        tuple(value for key, value in headers if key == "parent"),
        _parse_person(fields["author"]),
        _parse_person(fields["committer"]),
        message,
        fields.get("gpgsig"),
        "\n".join(unsigned) + "\n\n" + message,
    )


def _parse_person(text: str) -> Person:
    match = _PERSON.fullmatch(text)
    if match is None:
        return Person(text, "", datetime.fromtimestamp(0, UTC))
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    zone = timezone(-offset if match["sign"] == "-" else offset)
    return Person(match["name"], match["email"], datetime.fromtimestamp(int(match["epoch"]), zone))


def parse_batch(stream: bytes) -> Iterator[tuple[Kind, bytes]]:
    """The objects in the output of ``git cat-file --batch``."""
    position = 0
    while position < len(stream):
        newline = stream.index(b"\n", position)
        _, kind, size = stream[position:newline].decode().split(" ")
        start = newline + 1
        end = start + int(size)
        yield cast(Kind, kind), stream[start:end]
        position = end + 1
