"""Which paths may be served: never one that C git itself would refuse to check out somewhere, never two that are one file."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from skillport_sync.git.paths import (
    MAX_DEPTH,
    MAX_PATH_BYTES,
    PathProblem,
    RepoPath,
    check_path,
    collisions,
)

IGNORED_BY_HFS = [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
GIT_LETTERS = st.sampled_from([".", "g", "G", "i", "I", "t", "T", "~", "1", "2", " ", ":", "\\", "/", "ı", "İ", "ｇ"])
SPELLINGS = st.one_of(
    st.lists(st.one_of(GIT_LETTERS, st.sampled_from(IGNORED_BY_HFS).map(chr)), max_size=8).map("".join),
    st.tuples(
        st.sampled_from([".git", ".GIT", "git~1", "GIT~1", ".Git"]),
        st.sampled_from(["", ".", " ", " .", ". .", ":", "::$INDEX_ALLOCATION", ":x", "/config", "\\x", "ignore"]),
        st.sampled_from(IGNORED_BY_HFS).map(chr),
        st.integers(0, 5),
        st.booleans(),
    ).map(lambda parts: parts[0][: parts[3]] + parts[2] * parts[4] + parts[0][parts[3] :] + parts[1]),
)
COMPONENTS = st.one_of(
    st.sampled_from(
        ["a", "b.md", "SKILL.md", ".", "..", "", "c:", "C:x", " ", "-", "é", "日本", ".github", ".gitignore", "x.git"]
    ),
    SPELLINGS,
    st.text(max_size=4),
)
PATHS = (
    st.lists(COMPONENTS, min_size=1, max_size=4).map("/".join).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
RAW = st.one_of(PATHS, st.binary(max_size=8))


class Judge:
    """C git with the protections of every platform on: what it takes into an index it can check out anywhere."""

    def __init__(self, directory: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "GIT_DIR": str(directory),
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(directory),
        }
        self._git("init", "--quiet", "--bare", str(directory))
        self._blob = self._git("hash-object", "-w", "--stdin").stdout.decode().strip()

    def accepts(self, path: bytes) -> bool:
        self._git("read-tree", "--empty")
        row = b"100644 %b\t%b\0" % (self._blob.encode(), path)
        protected = ("-c", "core.protectHFS=true", "-c", "core.protectNTFS=true")
        return self._git(*protected, "update-index", "-z", "--index-info", stdin=row).returncode == 0

    def _git(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["git", *arguments], input=stdin, env=self._environment, capture_output=True, check=False)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    return Judge(tmp_path_factory.mktemp("judge"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RAW)
@example(b".git/config")
@example(b"a/.GIT ./x")
@example("a/.g\u200cit".encode())
@example("\ufeff.git".encode())
@example(b"git~1/config")
@example(b".git::$INDEX_ALLOCATION")
def test_what_git_refuses_is_refused_here(judge: Judge, raw: bytes) -> None:
    if isinstance(check_path(raw), str) and not isinstance(check_path(raw), PathProblem):
        assert judge.accepts(raw)


@pytest.mark.parametrize(
    "raw", [b"a", b".github/workflows/ci.yml", b".gitignore", b"a b/c", "é/日本.md".encode(), b"x.git"]
)
def test_ordinary_paths_are_served_and_git_agrees(judge: Judge, raw: bytes) -> None:
    assert check_path(raw) == raw.decode()
    assert judge.accepts(raw)


@given(RAW)
def test_a_path_that_is_served_can_do_no_harm(raw: bytes) -> None:
    path = check_path(raw)
    if isinstance(path, PathProblem):
        return
    assert path.encode() == raw
    parts = path.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert "\\" not in path
    assert all(char.isprintable() or ord(char) >= 0xA0 for char in path)
    assert len(raw) <= MAX_PATH_BYTES
    assert len(parts) <= MAX_DEPTH
    for part in parts:
        folded = part.translate(dict.fromkeys(IGNORED_BY_HFS)).lower().split(":")[0].rstrip(". ")
        assert folded not in (".git", "git~1")


@given(SPELLINGS.map(lambda text: text.encode()), st.sampled_from([b"a", b".gitmodules", b"x/y"]))
def test_a_safe_path_is_safe_below_any_safe_directory(name: bytes, directory: bytes) -> None:
    alone, below = check_path(name), check_path(directory + b"/" + name)
    if isinstance(below, PathProblem) and below not in (PathProblem.TOO_LONG, PathProblem.TOO_DEEP):
        assert isinstance(alone, PathProblem)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", PathProblem.EMPTY),
        (b"a\xff", PathProblem.NOT_UTF8),
        (b"\xed\xa0\x80", PathProblem.NOT_UTF8),
        (b"a\0b", PathProblem.CONTROL),
        (b"a\nb", PathProblem.CONTROL),
        (b"a\n", PathProblem.CONTROL),
        ("a\x85".encode(), PathProblem.CONTROL),
        (b"/etc/passwd", PathProblem.ABSOLUTE),
        (b"C:/x", PathProblem.ABSOLUTE),
        (b"c:x", PathProblem.ABSOLUTE),
        (b"..", PathProblem.TRAVERSAL),
        (b"a/../b", PathProblem.TRAVERSAL),
        (b"a/..", PathProblem.TRAVERSAL),
        (b"a/./b", PathProblem.TRAVERSAL),
        (b"a//b", PathProblem.TRAVERSAL),
        (b"a/", PathProblem.TRAVERSAL),
        (b"a\\b", PathProblem.BACKSLASH),
        (b".git", PathProblem.GIT_DIRECTORY),
        (b"a/.gIt/hooks/x", PathProblem.GIT_DIRECTORY),
        (b".git.", PathProblem.GIT_DIRECTORY),
        (b".git ", PathProblem.GIT_DIRECTORY),
        (b"GIT~1", PathProblem.GIT_DIRECTORY),
        (b"a/.git:x", PathProblem.GIT_DIRECTORY),
        ("\u200d.git".encode(), PathProblem.GIT_DIRECTORY),
        ("．git".encode(), PathProblem.GIT_DIRECTORY),
        (b"a" * (MAX_PATH_BYTES + 1), PathProblem.TOO_LONG),
        (b"/".join([b"a"] * (MAX_DEPTH + 1)), PathProblem.TOO_DEEP),
    ],
)
def test_every_reason_not_to_serve_a_path_is_named(raw: bytes, problem: PathProblem) -> None:
    assert check_path(raw) is problem


def test_the_limits_themselves_are_allowed() -> None:
    assert check_path(b"a" * MAX_PATH_BYTES) == "a" * MAX_PATH_BYTES
    assert check_path(b"/".join([b"a"] * MAX_DEPTH)) == "/".join(["a"] * MAX_DEPTH)


# --- collisions -----------------------------------------------------------------------------------------------------------

CLOSE_NAMES = st.sampled_from(
    ["a", "A", "b", "é", "e\u0301", "É", "ß", "ss", "SS", "ﬁ", "ᾳ", "α\u0345", "\u0345", "K", "k", "ſ", "s"]
)
SERVED = st.lists(st.lists(CLOSE_NAMES, min_size=1, max_size=3).map("/".join).map(RepoPath), max_size=8)


def one_file(first: str, second: str) -> bool:
    """Canonical caseless matching, as Unicode defines it."""

    def fold(text: str) -> str:
        return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())

    return fold(first) == fold(second)


def prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


@given(SERVED)
def test_paths_that_some_file_system_cannot_hold_side_by_side_are_all_found(paths: list[RepoPath]) -> None:
    found = collisions(paths)
    names = {prefix for path in paths for prefix in prefixes(path)}
    expected = {
        path
        for path in paths
        if any(one_file(prefix, other) and prefix != other for prefix in prefixes(path) for other in names)
    }
    assert set(found) == expected
    for path, other in found.items():
        assert other in names
        assert any(one_file(prefix, other) and prefix != other for prefix in prefixes(path))


@given(SERVED, st.randoms(use_true_random=False))
def test_the_order_of_paths_means_nothing(paths: list[RepoPath], rnd: object) -> None:
    shuffled = list(paths)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    assert collisions(shuffled) == collisions(paths)


@given(st.lists(st.text(alphabet="abc/", min_size=1, max_size=4).map(RepoPath)))
def test_lower_case_ascii_never_collides(paths: list[RepoPath]) -> None:
    assert collisions(paths) == {}


def test_directories_collide_with_everything_below_them() -> None:
    paths = [RepoPath(path) for path in ("docs/a", "Docs/b", "docs/c/d", "other")]
    assert collisions(paths) == {"docs/a": "Docs", "docs/c/d": "Docs", "Docs/b": "docs"}
