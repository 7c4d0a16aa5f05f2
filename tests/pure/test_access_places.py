"""How names, places and values of access.json are shown, to the letter, and which names are the same."""

from __future__ import annotations

import pytest

from skillport_sync.access.model import Action, Grant, Section
from skillport_sync.access.patterns import NamePattern, Patterns
from skillport_sync.access.people import is_a_name
from skillport_sync.access.places import canonical, shown_name, shown_place
from skillport_sync.access.standing import domain_of
from skillport_sync.access.strict import shown_value


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("pdf", "pdf"),
        ("A-Z_0$", "A-Z_0$"),
        ("fin-*", '"fin-*"'),
        ("a.b", '"a.b"'),
        ("a b", '"a b"'),
        ("", '""'),
        ('"', '"\\""'),
        ("é", '"é"'),
        ("a\u200bé", '"a\\u200b\\u00e9"'),
        ("a\nb", '"a\\nb"'),
        ("a" * 100, "a" * 100),
        ("a" * 101, '"' + "a" * 99 + '…"'),
        ("é" * 500, '"' + "é" * 99 + '…"'),
    ],
)
def test_a_name_is_bare_where_it_is_plain_else_in_quotes_and_never_long(name: str, shown: str) -> None:
    assert shown_name(name) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), "the file"),
        (("version",), "version"),
        (("skills", "pdf", "read", 0, "id"), "skills.pdf.read[0].id"),
        (("skills", "fin-*"), 'skills."fin-*"'),
        ((0, 12), "[0][12]"),
        (("a" * 100,) * 4, ".".join(["a" * 100] * 3)[:300]),
    ],
)
def test_a_place_is_shown_as_it_is_found_in_the_file(path: tuple[str | int, ...], shown: str) -> None:
    assert shown_place(path) == shown


def test_a_place_has_300_letters_at_most() -> None:
    assert shown_place(("a" * 99, "b" * 99, "c" * 100)) == f"{'a' * 99}.{'b' * 99}.{'c' * 100}"
    assert shown_place(("a" * 99, "b" * 99, "c" * 100, "d")) == f"{'a' * 99}.{'b' * 99}.{'c' * 100}"


@pytest.mark.parametrize(
    ("section", "name", "place"),
    [
        (Section.SKILLS, "pdf", "skills.pdf.read"),
        (Section.PLUGINS, "a b", 'plugins."a b".read'),
        (Section.DEFAULTS, "", "defaults.read"),
    ],
)
def test_a_rule_knows_its_place(section: Section, name: str, place: str) -> None:
    assert Grant(section, name, Action.READ, "*").place == place


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({}, "an object"),
        ({"a": 1}, "an object"),
        ([], "a list"),
        ([1], "a list"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ("a b", '"a b"'),
        ("é", '"é"'),
        ("\u200bé", '"\\u200b\\u00e9"'),
        ("a" * 79, '"' + "a" * 79),
        ("a" * 78, '"' + "a" * 78 + '"'),
        ("a" * 200, '"' + "a" * 79),
    ],
)
def test_a_value_is_shown_as_json_and_never_long(value: object, shown: str) -> None:
    assert shown_value(value) == shown


def test_the_compared_form_of_a_name_is_the_composed_one_and_nothing_else_is_evened_out() -> None:
    assert canonical("e\u0301") == "\u00e9"
    assert canonical("\u00e9") == "\u00e9"
    for name in ("PDF", "\ufb01", "\uff43", "a\u200b", " a "):
        assert canonical(name) == name


@pytest.mark.parametrize(
    ("name", "is_name"),
    [("a", True), ("a b", True), ("é", True), ("", False), (" a", False), ("a ", False), ("a\nb", False), (" ", False)],
)
def test_something_can_be_called_by_one_line_without_space_around_it(name: str, is_name: bool) -> None:
    assert is_a_name(name) is is_name


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        (None, None),
        ("", None),
        ("ada", None),
        ("@acme.com", None),
        ("ada@", ""),
        ("ada@ACME.com", "acme.com"),
        ("a@b@acme.com", "acme.com"),
        ("ada@acm\u00e9.com", None),
        ("ad\u00e9@acme.com", "acme.com"),
        ("ada@\u212a.com", None),
    ],
)
def test_the_domain_of_an_address_is_what_stands_after_its_last_at(email: str | None, domain: str | None) -> None:
    assert domain_of(email) == domain


def pattern(name: str, line: int | None = None) -> NamePattern:
    return NamePattern.of(Grant(Section.SKILLS, name, Action.READ, "*", line))


def test_the_letters_of_a_pattern_are_those_that_are_fixed() -> None:
    assert [pattern(name).letters for name in ("*", "**", "a*", "*ab", "a*b*c", "ab*")] == [0, 0, 1, 2, 3, 2]
    assert pattern("a**b").parts == ("a", "", "b")


@pytest.mark.parametrize(
    ("name", "fitting"),
    [
        ("", ["*", "**"]),
        ("a", ["*", "**", "a*", "*a"]),
        ("ab", ["*", "**", "a*", "ab*", "*b", "*ab", "a*b"]),
        ("xab", ["*", "**", "*b", "*ab", "*a*b"]),
        ("ba", ["*", "**", "*a"]),
        ("aab", ["*", "**", "a*", "*b", "*ab", "a*b", "*a*b"]),
    ],
)
def test_among_many_patterns_exactly_those_are_found_that_fit(name: str, fitting: list[str]) -> None:
    every = ["*", "**", "a*", "ab*", "*a", "*b", "*ab", "a*b", "*a*b", "abc*", "*xyz", "x*y"]
    found = Patterns(frozenset(map(pattern, every))).fitting(name)
    expected = set(fitting) | ({"*a*b"} if name == "ab" else set())
    assert {each.grant.name for each in found} == expected
    assert len(found) == len(expected)


def test_patterns_are_a_value() -> None:
    first, second = (Patterns(frozenset(map(pattern, names))) for names in (("a*", "*b", "*"), ("*", "*b", "a*")))
    assert first == second
    assert len({first, second}) == 1
    assert first != Patterns()
    assert Patterns().fitting("a") == []


def test_where_a_rule_stands_is_no_part_of_what_it_says() -> None:
    assert Grant(Section.SKILLS, "a", Action.READ, "*", 1) == Grant(Section.SKILLS, "a", Action.READ, "*", 2)
    assert Grant(Section.SKILLS, "a", Action.READ, "*") != Grant(Section.SKILLS, "a", Action.WRITE, "*")
