"""File names that JSON cannot carry, recovered from C git's own archives and listings, and proved against its tree ids."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.git.listing import Listing, RawEntry, Unverified, tree_ids, verified
from skillport_sync.git.names import is_lossy, recover_names
from skillport_sync.git.objects import BlobId, Mode, TreeId, blob_id

LATIN = "Spaß".encode("latin-1")


class Committed:
    """A tree that C git wrote, as three observers see it: git itself, GitHub's JSON, and the archive."""

    def __init__(self, git: Callable[..., bytes], files: Mapping[bytes, tuple[Mode, bytes]]) -> None:
        self._git = git
        index = b""
        for path, (mode, content) in files.items():
            oid = git("hash-object", "-w", "--stdin", stdin=content).strip()
            index += b"%06o %b\t%b\0" % (mode, oid, path)
        git("read-tree", "--empty")
        git("update-index", "-z", "--index-info", stdin=index)
        self.tree = TreeId(git("write-tree").decode().strip())

    def listed(self) -> list[RawEntry]:
        """Every entry, directories included, with raw names."""
        entries = []
        for line in self._git("ls-tree", "-rtzl", self.tree).split(b"\0")[:-1]:
            facts, _, path = line.partition(b"\t")
            mode, _, oid, size = facts.split()
            entries.append(
                RawEntry(path, Mode(int(mode, 8)), oid.decode(), None if size == b"-" else int(size.decode()))
            )
        return entries

    def as_json(self) -> list[RawEntry]:
        """What GitHub's answer says: names pass through UTF-8, and what does not fit becomes U+FFFD."""
        return [entry._replace(path=entry.path.decode("utf-8", "replace").encode()) for entry in self.listed()]

    def archived(self) -> list[tuple[bytes, BlobId]]:
        """Every file of ``git archive``: raw path, id of the content."""
        found = []
        with tarfile.open(
            fileobj=io.BytesIO(self._git("archive", self.tree)), encoding="utf-8", errors="surrogateescape"
        ) as archive:
            for member in archive:
                path = member.name.encode("utf-8", "surrogateescape")
                if member.issym():
                    found.append((path, blob_id(member.linkname.encode("utf-8", "surrogateescape"))))
                elif member.isfile():
                    stream = archive.extractfile(member)
                    assert stream is not None
                    found.append((path, blob_id(stream.read())))
        return found


Commit = Callable[[Mapping[bytes, tuple[Mode, bytes]]], Committed]


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Commit:
    """Writes trees with C git."""
    directory: Path = tmp_path_factory.mktemp("repository")

    def git(*arguments: str, stdin: bytes = b"") -> bytes:
        command = ["git", "-C", str(directory), *arguments]
        return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout

    git("init", "--quiet", "--initial-branch=main")
    return lambda files: Committed(git, files)


def recovered(listed: list[RawEntry], known: list[tuple[bytes, BlobId]], tree: TreeId) -> Listing | Unverified:
    return verified(recover_names(listed, known), tree)


FILE, EXECUTABLE, LINK = Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK
TREES: dict[str, dict[bytes, tuple[Mode, bytes]]] = {
    "a latin-1 file": {b"README.md": (FILE, b"hello"), LATIN + b".txt": (FILE, b"fun")},
    "a latin-1 directory": {b"a.txt": (FILE, b"a"), LATIN + b"/b/c.txt": (FILE, b"c"), LATIN + b"/d.txt": (FILE, b"d")},
    "names that read the same, other content": {b"\xfe.md": (FILE, b"1"), b"\xff.md": (FILE, b"2")},
    "names that read the same, same content": {b"\xfe.md": (FILE, b"same"), b"\xff.md": (FILE, b"same")},
    "the same but for the executable bit": {b"\xfe.sh": (EXECUTABLE, b"same"), b"\xff.sh": (FILE, b"same")},
    "directories that read the same": {b"\xfe/a": (FILE, b"same"), b"\xff/a": (FILE, b"same"), b"\xff/b": (FILE, b"")},
    "one broken byte and two": {b"\xff": (FILE, b"same"), b"\xff\xff": (FILE, b"same")},
    "the replacement character itself": {
        "\N{REPLACEMENT CHARACTER}.md".encode(): (FILE, b"same"),
        b"\xff.md": (FILE, b"same"),
    },
    "a lone surrogate": {b"\xed\xa0\x80": (FILE, b"surrogate")},
    "a symbolic link": {b"\xff": (LINK, b"target\xff"), b"target": (FILE, b"target\xff")},
    "a cut sequence": {b"snow\xe2\x98": (FILE, b"man"), "☃".encode(): (FILE, b"man")},
}


@pytest.mark.parametrize("files", TREES.values(), ids=TREES.keys())
def test_an_archive_gives_back_the_names_that_json_lost(commit: Commit, files):
    written = commit(files)
    assert isinstance(verified(written.as_json(), written.tree), Unverified), "or there is nothing to recover"
    listing = recovered(written.as_json(), written.archived(), written.tree)
    assert isinstance(listing, Listing)
    assert {path: entry.mode for path, entry in listing.entries.items()} == {p: mode for p, (mode, _) in files.items()}


@pytest.mark.parametrize("files", TREES.values(), ids=TREES.keys())
def test_names_known_from_before_are_enough_where_only_other_files_changed(commit: Commit, files):
    before = verified(commit(files).listed(), commit(files).tree)
    assert isinstance(before, Listing)
    after = commit({**files, b"new.txt": (FILE, b"new")})
    known = [(path, entry.oid) for path, entry in before.entries.items()]
    assert isinstance(recovered(after.as_json(), known, after.tree), Listing)
    assert isinstance(recovered(after.as_json(), sorted(known), after.tree), Listing), "in the order a table has them"


def test_a_name_that_nobody_knows_stays_unproved(commit: Commit):
    """``export-ignore`` keeps a file out of the archive: then nothing is believed."""
    written = commit({b"a": (FILE, b"a"), b"\xff": (FILE, b"secret"), b".gitattributes": (FILE, b"* export-ignore")})
    assert isinstance(recovered(written.as_json(), [(b"a", blob_id(b"a"))], written.tree), Unverified)


def test_a_name_from_before_that_was_changed_since_is_not_believed(commit: Commit):
    """Another name that reads the same: the old one is tried, and does not prove itself."""
    written = commit({b"\xfe": (FILE, b"same")})
    assert isinstance(recovered(written.as_json(), [(b"\xff", blob_id(b"same"))], written.tree), Unverified)
    assert isinstance(recovered(written.as_json(), written.archived(), written.tree), Listing)


def test_entries_whose_names_survived_are_left_alone(commit: Commit):
    written = commit({b"a/b.md": (FILE, b"b"), "späße.md".encode(): (FILE, b"c")})
    assert recover_names(written.listed(), written.archived()) == written.listed()


@pytest.mark.parametrize(
    ("path", "lossy"),
    [
        (b"plain.md", False),
        ("späße/☃".encode(), False),
        (b"\xff", True),
        (LATIN + b"/x", True),
        ("\N{REPLACEMENT CHARACTER}".encode(), True),
    ],
)
def test_what_json_cannot_carry(path, lossy):
    assert is_lossy(path) is lossy


names = st.lists(
    st.sampled_from([b"a", b"\xff", b"\xfe", b"\xc3", b"\xc3\xa9", b"\xe2\x98", b"."]), min_size=2, max_size=3
)
paths = st.lists(names.map(b"".join).filter(lambda name: name not in (b".", b"..")), min_size=1, max_size=3).map(
    b"/".join
)
contents = st.sampled_from([b"", b"1", b"2"])


@settings(max_examples=300)
@given(st.dictionaries(paths, st.tuples(st.sampled_from([FILE, EXECUTABLE]), contents), min_size=1, max_size=8))
def test_any_names_are_recovered_from_an_archive_that_lacks_none(files):
    leaves = {p: f for p, f in files.items() if not any(other.startswith(p + b"/") for other in files)}
    ids = tree_ids({path: (mode, blob_id(content)) for path, (mode, content) in leaves.items()})
    directories = [(path, Mode.TREE, oid) for path, oid in ids.items() if path]
    files_listed = [(path, mode, blob_id(content)) for path, (mode, content) in leaves.items()]
    # git lists a directory as if its name ended in "/".
    in_git_order = sorted([*directories, *files_listed], key=lambda e: e[0] + b"/" if e[1] is Mode.TREE else e[0])
    lost = [RawEntry(path.decode("utf-8", "replace").encode(), mode, oid, 0) for path, mode, oid in in_git_order]
    known = [(path, BlobId(oid)) for path, mode, oid in in_git_order if mode is not Mode.TREE]
    listing = recovered(lost, known, ids[b""])
    assert isinstance(listing, Listing)
    assert {path: (entry.mode, entry.oid) for path, entry in listing.entries.items()} == {
        path: (mode, blob_id(content)) for path, (mode, content) in leaves.items()
    }
