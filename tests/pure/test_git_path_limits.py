"""Where exactly the rules about paths begin and end: the letter before, the letter after, the code that is told."""

from __future__ import annotations

import pytest

from skillport_sync.git.paths import PathProblem, RepoPath, check_path, collisions

IGNORED_BY_HFS = [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
NOT_IGNORED = [0x200B, 0x2010, 0x2029, 0x202F, 0x2069, 0x2070, 0xFEFE, 0xFF00]


def test_the_codes_of_problems_are_what_is_documented() -> None:
    assert [problem.value for problem in PathProblem] == [
        "path_empty",
        "path_not_utf8",
        "path_control_character",
        "path_absolute",
        "path_traversal",
        "path_backslash",
        "path_git_directory",
        "path_too_long",
        "path_too_deep",
        "path_collision",
    ]


@pytest.mark.parametrize("letter", ["a", "é"])
def test_a_path_has_at_most_64_parts_and_1024_bytes(letter: str) -> None:
    assert check_path("/".join([letter] * 64).encode()) == "/".join([letter] * 64)
    assert check_path("/".join([letter] * 65).encode()) is PathProblem.TOO_DEEP
    width = len(letter.encode())
    assert check_path((letter * (1024 // width)).encode()) == letter * (1024 // width)
    assert check_path((letter * (1024 // width) + "a").encode()) is PathProblem.TOO_LONG


@pytest.mark.parametrize("letter", [*range(0x20), *range(0x7F, 0xA0)], ids=hex)
def test_every_control_character_is_refused(letter: int) -> None:
    assert check_path(f"a{chr(letter)}b".encode()) is PathProblem.CONTROL


@pytest.mark.parametrize("letter", [0x20, 0x7E, 0xA0], ids=hex)
def test_the_letters_beside_the_control_characters_are_served(letter: int) -> None:
    assert check_path(f"a{chr(letter)}b".encode()) == f"a{chr(letter)}b"


@pytest.mark.parametrize("letter", IGNORED_BY_HFS, ids=hex)
def test_a_letter_that_hfs_ignores_hides_no_git_directory(letter: int) -> None:
    assert check_path(f"a/.g{chr(letter)}it".encode()) is PathProblem.GIT_DIRECTORY


@pytest.mark.parametrize("letter", NOT_IGNORED, ids=hex)
def test_a_letter_that_hfs_does_not_ignore_makes_another_name(letter: int) -> None:
    assert check_path(f"a/.g{chr(letter)}it".encode()) == f"a/.g{chr(letter)}it"


@pytest.mark.parametrize(
    "name",
    [
        *(".git", ".GIT", ".git...", ".git. .", ".git:", ".git:a", ".git:a:b", ".git ::$DATA"),
        *("git~1", "GIT~2", "git~3", "Git~4", "git~1.", "git~1 ", "git~1:x", "g\u200dit~1", "ｇｉｔ~1"),
        "\uff0egit",
    ],
)
def test_every_spelling_of_a_git_directory_is_refused_anywhere(name: str) -> None:
    for path in (name, f"a/{name}", f"{name}/a", f"é/{name}/b"):
        assert check_path(path.encode()) is PathProblem.GIT_DIRECTORY, path


@pytest.mark.parametrize(
    "name",
    [
        *("git", ".gitx", ".gi", "x.git", ".git.x", ".git x", "ab:.git", "xgit~1", "git~", "git~0", "git~5", "git~11"),
        *("..git", ".git_", "é.git", ".gité", "é:.git", "git~1x", ".X", "XX.gitXX"),
    ],
)
def test_what_only_looks_like_a_git_directory_is_served(name: str) -> None:
    for path in (name, f"a/{name}", f"é/{name}/b"):
        assert check_path(path.encode()) == path, path


@pytest.mark.parametrize("path", ["c:", "c:/x", "Z:x", "z:é", "/", "/a", "/é", "c:é"])
def test_a_path_from_a_root_or_a_drive_is_absolute(path: str) -> None:
    assert check_path(path.encode()) is PathProblem.ABSOLUTE


@pytest.mark.parametrize("path", [":", ":x", "1:x", "é:x", "cd:x", "a/c:x", "c", "é", "ー:"])
def test_a_colon_anywhere_else_is_an_ordinary_letter(path: str) -> None:
    assert check_path(path.encode()) == path


@pytest.mark.parametrize("path", ["é/", "é//a", "é/./a", "é/../a", "./é", "../é", "é/..", "é/."])
def test_no_part_is_empty_or_leads_up(path: str) -> None:
    assert check_path(path.encode()) is PathProblem.TRAVERSAL


@pytest.mark.parametrize("path", [".a", "..a", "a.", "a..", "...", "é/...", "é/..a", "a/b..c"])
def test_dots_beside_letters_lead_nowhere(path: str) -> None:
    assert check_path(path.encode()) == path


def found(*paths: str) -> dict[RepoPath, str]:
    return collisions([RepoPath(path) for path in paths])


def test_nothing_collides_with_itself() -> None:
    assert found() == {}
    assert found("a") == {}
    assert found("a/b", "a/b") == {}
    assert found("a/b/c", "a/b/d", "a/e") == {}


def test_the_other_spelling_that_is_told_is_the_first_of_several() -> None:
    assert found("abc", "ABC", "aBc") == {"abc": "ABC", "ABC": "aBc", "aBc": "ABC"}


def test_the_shortest_part_that_collides_is_told() -> None:
    assert found("a/b/c", "A/B/C") == {"a/b/c": "A", "A/B/C": "a"}
    assert found("x/a/b/c", "x/a/B/c", "x/a/b/d") == {"x/a/b/c": "x/a/B", "x/a/B/c": "x/a/b", "x/a/b/d": "x/a/B"}
    assert found("x/a/b/c", "x/A/d") == {"x/a/b/c": "x/A", "x/A/d": "x/a"}
    assert found("x/a", "x/A/b") == {"x/a": "x/A", "x/A/b": "x/a"}


def test_what_stands_beside_a_collision_is_left_alone() -> None:
    assert found("a", "A", "b", "ab", "cd/c", "d/a") == {"a": "A", "A": "a"}
    assert found("d/a", "d/A", "d/ab/c") == {"d/a": "d/A", "d/A": "d/a"}


def test_letters_that_unicode_calls_the_same_collide_and_others_do_not() -> None:
    assert found("\u00c9", "e\u0301") == {"\u00c9": "e\u0301", "e\u0301": "\u00c9"}
    assert found("stra\u00dfe", "STRASSE") == {"stra\u00dfe": "STRASSE", "STRASSE": "stra\u00dfe"}
    assert found("\u1fb3", "\u03b1\u0345", "e", "\u00e9") == {"\u1fb3": "\u03b1\u0345", "\u03b1\u0345": "\u1fb3"}
