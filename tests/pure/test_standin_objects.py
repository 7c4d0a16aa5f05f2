"""The stand-in's object ids are C git's."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skillport_sync.standin import File, NothingThere, StandInGitHub, Submodule, Symlink
from skillport_sync.standin.edits import apply
from skillport_sync.standin.objects import DIRECTORY, EXECUTABLE, REGULAR, SYMLINK, ObjectStore, Person, TreeEntry


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory):
    """Run C git in an empty repository of its own: ``git("hash-object", "--stdin", stdin=b"…")``."""
    directory = tmp_path_factory.mktemp("git")

    def run(*arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> str:
        alone = {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "HOME": str(directory),
            "PATH": "/usr/bin:/bin",
        }
        done = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            input=stdin,
            capture_output=True,
            check=True,
            env=alone | (env or {}),
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    run("init", "-q", "-b", "main")
    run.directory = directory
    return run


@given(content=st.binary(max_size=2000))
@settings(max_examples=20, deadline=None)
def test_a_blob_has_the_id_that_git_hash_object_gives(git, content):
    assert ObjectStore().put_blob(content) == git("hash-object", "--stdin", stdin=content)


# Half of the names are made of few bytes below and above "/", where a directory and a file of like names change places.
names = (st.binary(min_size=1, max_size=12) | st.text("a.0", min_size=1, max_size=3).map(str.encode)).filter(
    lambda name: not set(name) & set(b"/\0\n") and name not in (b".", b"..") and name.lower() != b".git"
)
contents = st.lists(
    st.tuples(names, st.sampled_from([REGULAR, EXECUTABLE, SYMLINK, DIRECTORY])), unique_by=lambda item: item[0]
)


@given(entries=contents)
@example(entries=[(b"a", DIRECTORY), (b"a.b", REGULAR), (b"a0", REGULAR)])
@settings(max_examples=25, deadline=None)
def test_a_tree_has_the_id_that_git_mktree_gives_whatever_the_names(git, entries):
    objects = ObjectStore()
    blob, empty = objects.put_blob(b"x"), objects.put_tree(())
    git("hash-object", "-w", "--stdin", stdin=b"x")
    git("mktree", stdin=b"")
    listed = [TreeEntry(mode, name, empty if mode == DIRECTORY else blob) for name, mode in entries]
    lines = b"".join(b"%06o %b %b\t%b\0" % (e.mode, e.kind.encode(), e.oid.encode(), e.name) for e in listed)
    assert objects.put_tree(listed) == git("mktree", "-z", stdin=lines)


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=3, minutes=30))]
)
def test_a_commit_has_the_id_that_git_commit_tree_gives(git, zone):
    objects = ObjectStore()
    tree = objects.put_tree(())
    git("mktree", stdin=b"")
    author = Person("Grace Höpper", "grace@example.com", datetime(2026, 3, 1, 12, 30, 5, tzinfo=zone))
    committer = Person("Ada", "ada@example.com", datetime(2026, 3, 2, 8, tzinfo=zone))
    env = {}
    for role, person in (("AUTHOR", author), ("COMMITTER", committer)):
        env |= {
            f"GIT_{role}_NAME": person.name,
            f"GIT_{role}_EMAIL": person.email,
            f"GIT_{role}_DATE": person.at.isoformat(),
        }
    first = objects.put_commit(tree, [], author, committer, "Begin\n")
    assert first == git("commit-tree", tree, "-m", "Begin", env=env)
    second = objects.put_commit(tree, [first], author, committer, "Go on\n\nWith ünicode.\n")
    assert second == git("commit-tree", tree, "-p", first, stdin="Go on\n\nWith ünicode.\n".encode(), env=env)
    assert objects.commit(second).parents == (first,)
    assert objects.commit(second).author == author


def test_a_tag_has_the_id_that_git_mktag_gives(git):
    objects = ObjectStore()
    who = Person("Ada", "ada@example.com", datetime(2026, 1, 1, tzinfo=UTC))
    commit = objects.put_commit(objects.put_tree(()), [], who, who, "Begin\n")
    git("mktree", stdin=b"")
    git("hash-object", "-t", "commit", "-w", "--stdin", stdin=objects.read(commit, "commit"))
    tag = objects.put_tag(commit, "v1", who, "First\n")
    assert tag == git("mktag", stdin=objects.read(tag, "tag"))
    assert objects.peel(tag) == commit


def test_what_is_imported_from_git_is_byte_for_byte_what_git_holds(tmp_path: Path):
    def run(*arguments: str) -> bytes:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    run("init", "-q", "-b", "main")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "deep" / "er" / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("deep/er/run.sh")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (Path(bytes(tmp_path).decode()) / b"caf\xe9.md".decode("utf-8", "surrogateescape")).write_bytes(b"latin name")
    run("add", "-A")
    run("commit", "-qm", "One")
    (tmp_path / "binary").unlink()
    run("commit", "-qam", "Two")

    repository = StandInGitHub().create_repository("acme/skills")
    head = repository.import_git(tmp_path)

    assert head == run("rev-parse", "HEAD").decode().strip() == repository.head()
    assert repository.tree() == run("rev-parse", "HEAD^{tree}").decode().strip()
    assert repository.read(b"caf\xe9.md") == b"latin name"
    assert repository.read("binary", repository.objects.commit(head).parents[0]) == bytes(range(256))
    listed = [b"%06o %b" % (e.mode, p) for p, e in repository.objects.walk(repository.tree()) if e.mode != DIRECTORY]
    expected = [
        line.split(b" ")[0] + b" " + line.split(b"\t")[1] for line in run("ls-tree", "-rz", "HEAD").split(b"\0") if line
    ]
    assert sorted(listed) == sorted(expected)


def test_several_edits_are_one_commit_and_touch_nothing_else():
    repository = StandInGitHub().create_repository("acme/skills")
    first = repository.commit({"a/one": b"1", "a/two": b"2", "run": File(b"x", executable=True), "l": Symlink(b"run")})
    second = repository.commit({"a/one": None, "b/three": b"3", "lib": Submodule("1" * 40)}, message="Move")
    paths = {path: entry.mode for path, entry in repository.objects.walk(repository.tree(second))}
    assert paths == {
        b"a": DIRECTORY,
        b"a/two": REGULAR,
        b"b": DIRECTORY,
        b"b/three": REGULAR,
        b"l": SYMLINK,
        b"lib": 0o160000,
        b"run": EXECUTABLE,
    }
    assert repository.objects.commit(second).parents == (first,)


def test_a_directory_that_loses_its_last_file_is_gone_and_a_file_may_take_its_place():
    objects = ObjectStore()
    base = apply(objects, None, {"a/b/c": b"1", "d": b"2"})
    assert apply(objects, base, {"a/b/c": None}) == apply(objects, None, {"d": b"2"})
    assert apply(objects, base, {"a": b"file"}) == apply(objects, None, {"a": b"file", "d": b"2"})
    assert apply(objects, base, {"d/e": b"3"}) == apply(objects, None, {"a/b/c": b"1", "d/e": b"3"})


def test_deleting_what_is_not_there_and_paths_outside_are_refused():
    objects = ObjectStore()
    with pytest.raises(NothingThere):
        apply(objects, None, {"a": None})
    for path in ("../x", "/x", "a//b", ".git/config", "a/.GIT/x", "", "a\0b"):
        with pytest.raises(ValueError):
            apply(objects, None, {path: b""})
