"""Oddities that Claude Code and this catalog live with, and stricter surfaces do not: the linter tells them, with their lines."""

from __future__ import annotations

import pytest

MARKETPLACE = ".claude-plugin/marketplace.json"
SKILL_MD = "p/skills/x/SKILL.md"


@pytest.fixture
def told(write, linted):
    """(code, line) of what is said of a SKILL.md, in a directory ``x``; and that of any other file of it."""

    def read(content, **files):
        written = {MARKETPLACE: write.marketplace(write.entry("p", "./p"), description="d"), SKILL_MD: content, **files}
        found = linted(written)
        assert {path for path, _, _ in found} <= {SKILL_MD, *files}, found
        return [(code, line) for _, code, line in found]

    return read


def test_a_skill_that_every_surface_takes(told, write):
    assert told(write.skill("x", "Does it.", "license: MIT", "allowed-tools: Read Grep")) == []


def test_name_differs_from_directory(told, write):
    assert told(write.skill("another")) == [("skill_name_differs", 2)]


@pytest.mark.parametrize("name", ["-21risk-automation", "contact-center/android", "Agent Development", "a--b", "x_y"])
def test_name_not_kebab_case_or_not_lower(told, write, name):
    assert ("skill_name_not_kebab", 2) in told(write.skill(name))


@pytest.mark.parametrize("name", ["claude-api", "anthropic-brand"])
def test_claude_or_anthropic_in_name(told, write, name):
    assert told(write.skill(name)) == [("skill_name_differs", 2), ("skill_name_reserved", 2)]


def test_description_longer_than_1024(told, write):
    assert told(write.skill("x", "w" * 1024)) == []
    assert ("skill_description_too_long", 3) in told(write.skill("x", "w" * 1025))


def test_angle_brackets_in_description(told, write):
    assert told(write.skill("x", "Turns <b> bold.")) == [("skill_description_markup", 3)]


def test_extra_frontmatter_keys(told, write):
    lines = ["version: 1.0.0", "author: Ada", "license: MIT", "origin: elsewhere"]
    assert told(write.skill("x", "Does it.", *lines)) == [
        ("frontmatter_key_unknown", 4),
        ("frontmatter_key_unknown", 5),
        ("frontmatter_key_unknown", 7),
    ]


def test_allowed_tools_as_a_list_and_not_a_string(told, write):
    assert told(write.skill("x", "Does it.", "allowed-tools: [Read, Grep]")) == [("frontmatter_field_invalid", 4)]


@pytest.mark.parametrize("value", ["plain", "[1, 2]", "7"])
def test_metadata_that_is_not_a_map(told, write, value):
    assert told(write.skill("x", "Does it.", f"metadata: {value}")) == [("frontmatter_field_invalid", 4)]


def test_crlf(told, write):
    assert told(write.skill("x").replace(b"\n", b"\r\n")) == [("frontmatter_crlf", 1)]


def test_bom(told, write):
    assert told(b"\xef\xbb\xbf" + write.skill("x")) == [("frontmatter_first_line", 1)]


def test_frontmatter_that_ends_inside_a_value(told, write):
    found = told(write.skill("x", "before --- after"))
    assert ("frontmatter_ends_early", 3) in found


def test_more_than_512_files_in_a_skill(told, write):
    files = {f"p/skills/x/references/{n:04}.md": b"%d" % n for n in range(1_103)}
    assert told(write.skill("x"), **files) == [("skill_over_sep_files", None)]
