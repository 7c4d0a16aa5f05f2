"""Owns the tarball: the bytes of ``git archive --format=tar.gz`` for a commit, under GitHub's root directory.

Written from what git's own ``archive-tar.c`` produces and not with ``tarfile``: raw names stay raw, and 17 500 files take a
fraction of a second. The first header is a pax global one whose ``comment`` is the commit (github.md §2.2).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from skillport_sync.standin import attributes
from skillport_sync.standin.attributes import Rule
from skillport_sync.standin.objects import DIRECTORY, EXECUTABLE, SUBMODULE, SYMLINK, CommitObject, ObjectStore

BLOCK = 512
RECORD = 10240
_GZIP = 16 + zlib.MAX_WBITS


def tarball(objects: ObjectStore, commit: str, root: str) -> bytes:
    """The whole archive, compressed. ``root`` is the directory everything lies in, without a slash. Blocks."""
    found = objects.commit(commit)
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    packed = [packer.compress(part) for part in _archive(objects, found, root.encode() + b"/")]
    return b"".join([*packed, packer.flush()])


def _archive(objects: ObjectStore, commit: CommitObject, root: bytes) -> Iterator[bytes]:
    at = int(commit.committer.at.timestamp())
    comment = _pax_record(b"comment", commit.oid.encode())
    yield _header(b"pax_global_header", 0o666, len(comment), at, b"g") + _padded(comment)
    yield _member(root, 0o775, at, b"5")
    size = 0
    for part in _directory(objects, commit, commit.tree, root, b"", (), at):
        size += len(part)
        yield part
    yield bytes(2 * BLOCK + -(size + 2 * BLOCK) % RECORD)


def _directory(
    objects: ObjectStore, commit: CommitObject, tree: str, root: bytes, prefix: bytes, above: Sequence[Rule], at: int
) -> Iterator[bytes]:
    entries = objects.tree(tree)
    own = next((entry for entry in entries if entry.name == attributes.FILE_NAME and entry.kind == "blob"), None)
    rules = [*above, *(attributes.parse(prefix, objects.read(own.oid, "blob")) if own else ())]
    for entry in entries:
        path = prefix + entry.name
        held = attributes.of(rules, path, is_directory=entry.mode in (DIRECTORY, SUBMODULE)) if rules else {}
        if held.get("export-ignore") is True:
            continue
        if entry.mode == DIRECTORY:
            # As git does it: a directory is written with the first thing in it, so one that is left empty is not there.
            inside = _directory(objects, commit, entry.oid, root, path + b"/", rules, at)
            for first in inside:
                yield _member(root + path + b"/", 0o775, at, b"5") + first
                yield from inside
        elif entry.mode == SUBMODULE:
            yield _member(root + path + b"/", 0o775, at, b"5")
        elif entry.mode == SYMLINK:
            yield _member(root + path, 0o777, at, b"2", link=objects.read(entry.oid, "blob"))
        else:
            content = objects.read(entry.oid, "blob")
            if held:
                content = attributes.altered(content, entry, held, commit)
            mode = 0o775 if entry.mode == EXECUTABLE else 0o664
            yield _member(root + path, mode, at, b"0", size=len(content)) + _padded(content)


def _member(name: bytes, mode: int, at: int, kind: bytes, *, size: int = 0, link: bytes = b"") -> bytes:
    """A header, with a pax one before it where a name or a link's target is longer than the old format holds."""
    extended = b""
    short, prefix = name, b""
    if len(name) > 100:
        cut = name.rfind(b"/", 0, min(155, len(name) - 1) + 1)
        if cut > 0 and len(name) - cut - 1 <= 100:
            prefix, short = name[:cut], name[cut + 1 :]
        else:
            extended += _pax_record(b"path", name)
            short = name[-100:].lstrip(b"/")
    if len(link) > 100:
        extended += _pax_record(b"linkpath", link)
        link = link[:100]
    before = _header(b"long.paxheader", 0o666, len(extended), at, b"x") + _padded(extended) if extended else b""
    return before + _header(short, mode, size, at, kind, link=link, prefix=prefix)


def _header(
    name: bytes, mode: int, size: int, at: int, kind: bytes, *, link: bytes = b"", prefix: bytes = b""
) -> bytes:
    head = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (name.ljust(100, b"\0"), mode, 0, 0, size, max(0, at))
    tail = b"%b%bustar\0%b%b%b%07o\0%07o\0%b" % (
        kind,
        link.ljust(100, b"\0"),
        b"00",
        b"root".ljust(32, b"\0"),
        b"root".ljust(32, b"\0"),
        0,
        0,
        prefix.ljust(155, b"\0"),
    )
    checksum = sum(head) + sum(tail) + 8 * ord(" ")
    return (head + b"%07o\0" % checksum + tail).ljust(BLOCK, b"\0")


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def _pax_record(key: bytes, value: bytes) -> bytes:
    """``"<length> <key>=<value>\\n"``, where the length counts its own digits."""
    bare = len(key) + len(value) + 3
    length = bare + len(str(bare))
    length = bare + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)
