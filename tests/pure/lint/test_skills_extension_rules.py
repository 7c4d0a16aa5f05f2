"""What hosts of the skills extension would not read as it is read here is refused, and whatever is refused is named."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.lint.code import Surface
from skillport_sync.lint.linting import lint
from skillport_sync.lint.skills_extension_rules import inexact

HEAD = "---\nname: pdf\ndescription: Fills forms.\n"

EXACT = {
    "plain": "",
    "numbers, words and dates": "a: 1\nb: -0.5\nc: 1e3\nd: 0x1f\ne: yes\nf: 12:30\ng: 2026-11-21\nh: 010\ni: null\nj: true\n",
    "numbers in quotes": "a: \".inf\"\nb: '99999999999999999999'\nc: '<<'\n",
    "the largest integer": f"a: {2**53 - 1}\n",
    "a list and a map": "tools: [Read, Bash(git:*)]\nmetadata:\n  version: '1.0'\n  deep:\n    - a: 1\n      b: 2\n    - c\n",
    "text over lines": 'a: |\n  one\n\n   two\nb: >-\n  three\n  four\nc: one\n  two\nd: "one\n  two"\n',
    "text over lines at the end": "a: |\n  one\n  two\n",
    "brackets": 'a: {b: [1, "x: y"], c: d} # why\ne: []\n',
    "letters of all kinds": "a: späße ☃ 日本 😀\n",
}

INEXACT = {
    "infinity": ("a: .inf\n", "frontmatter_not_exact", 4),
    "no number": ("b: x\na: [.nan]\n", "frontmatter_not_exact", 5),
    "a number too large": ("a: 1e400\n", "frontmatter_not_exact", 4),
    "an integer that is rounded": (f"a: {2**53}\n", "frontmatter_not_exact", 4),
    "a negative one": (f"a: [-{2**53}]\n", "frontmatter_not_exact", 4),
    "one that is text here": ("a: 99999999999999999999\n", "frontmatter_not_exact", 4),
    "an anchor": ("a: &b c\n", "frontmatter_not_exact", 4),
    "a tag that is known": ("a: !!str 1\n", "frontmatter_not_exact", 4),
    "a tag that is not": ("a: !mine 1\n", "frontmatter_not_exact", 4),
    "a key that is a number": ("1: a\n", "frontmatter_not_exact", 4),
    "a key that is a truth": ("a:\n  true: b\n", "frontmatter_not_exact", 5),
    "a key that is infinite": ("a: {.inf: b}\n", "frontmatter_not_exact", 4),
    "a key that merges": ("<<: a\n", "frontmatter_not_exact", 4),
    "a value that merges": ("a: <<\n", "frontmatter_not_exact", 4),
    "a value of YAML 1.1": ("a: [=]\n", "frontmatter_not_exact", 4),
    "a key set twice": ("name: other\n", "frontmatter_duplicate_key", 4),
    "a key set twice below": ("a:\n  b: 1\n  b: 2\n", "frontmatter_duplicate_key", 6),
    "lines that are kept": ("a: |+\n  b\n\n", "frontmatter_not_exact", 4),
    "indentation by number": ("a: |2\n    b\n", "frontmatter_not_exact", 4),
    "a line of spaces": ("a: |\n  b\n   \n", "frontmatter_not_exact", 4),
    "block text of its own line": ("a:\n >\n  b\n", "frontmatter_not_exact", 5),
    "brackets over lines": ("a: [b,\n  c]\n", "frontmatter_not_exact", 5),
    "something behind brackets": ("a: []#\n", "frontmatter_not_exact", 4),
    "a pair without brackets": ("a: [b: c]\n", "frontmatter_not_exact", 4),
    "a hyphen in brackets": ("a: [b, -]\n", "frontmatter_not_exact", 4),
    "a colon in brackets": ("a: [b, c:]\n", "frontmatter_not_exact", 4),
    "quotes that go on at the margin": ('a: "b\nc"\n', "frontmatter_not_exact", 4),
    "something behind quotes": ("a: ''#b\n", "frontmatter_not_exact", 4),
    "dots": ("a: b\n...\n", "frontmatter_not_exact", 5),
    "a control character": ('a: "b\x85"\n', "frontmatter_not_exact", 4),
    "a line end for some": ("a: b\u2028c\n", "frontmatter_not_exact", 4),
    "what is mended here": ("a: b: c\n", "frontmatter_invalid", 4),
    "an alias": ("a: &b c\nd: *b\n", "frontmatter_invalid", 5),
}  # fmt: skip


@pytest.mark.parametrize("more", EXACT.values(), ids=EXACT)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_people_write_is_exact(more: str, newline: str) -> None:
    content = f"{HEAD}{more}---\nBody\n".replace("\n", newline).encode()
    assert inexact(content) is None
    assert inexact(content.partition(b"Body")[0]) is None


@pytest.mark.parametrize(("more", "code", "line"), INEXACT.values(), ids=INEXACT)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_readers_do_not_agree_on_is_told_where_it_is(more: str, code: str, line: int, newline: str) -> None:
    found = inexact(f"{HEAD}{more}---\nBody\n".replace("\n", newline).encode())
    assert found is not None
    assert (found.code, found.line) == (code, line)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "frontmatter_first_line", 1),
        (b"\xef\xbb\xbf---\nname: pdf\n---\n", "frontmatter_first_line", 1),
        (b"--- \nname: pdf\n---\n", "frontmatter_first_line", 1),
        (b"---\n\xc2\xa0\nname: pdf\n", "frontmatter_unterminated", 1),
        (b"---\nname: a --- b\n---\n", "frontmatter_ends_early", 2),
        (b"---\nname: pdf\n----\n", "frontmatter_not_exact", 3),
        (b"---\nname: pdf\n---x\n", "frontmatter_not_exact", 3),
        (b"---\nname: \xff\n---\n", "frontmatter_not_utf8", 1),
        (b"---\na: " + b"x" * 70_000 + b"\n---\n", "frontmatter_too_large", 1),
        (b"---\nname: pdf\n---\nBody\n\xff\n", "skill_md_not_utf8", 5),
    ],
)
def test_a_file_that_hosts_find_no_frontmatter_in_is_told(content: bytes, code: str, line: int) -> None:
    found = inexact(content)
    assert found is not None
    assert (found.code, found.line) == (code, line)


PIECES = st.sampled_from(
    ["a", "b", "name", "yes", "1", "1.0", ".inf", ".nan", "1e999", "9" * 17, "'q'", '"d"', "[x, y]", "[x:]", "{a: b}", "|", ">-",
     "|+", "&a", "*a", "!!int 3", "!x", "<<", "true", "- ", ": ", " #c", "\n", "\n", "\n  ", "\n    ", "?", "---", "...", "\t",
     "\u2028", "\x00", "é", "2026-01-01"]
)  # fmt: skip
FRONTMATTERS = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(st.tuples(st.sampled_from("abcde"), PIECES, PIECES), max_size=4).map(
        lambda lines: "".join(f"{key}: {one}{other}\n" for key, one, other in lines)
    ),
)
BODIES = st.sampled_from(["", "Body\n", "--- x\n"])
BEFORE, BEHIND = st.sampled_from(["", "\ufeff", "\n", " "]), st.text(" \n\r\t\xa0", max_size=3)
CONTENTS = st.one_of(
    st.builds("---\nname: pdf\ndescription: x\n{}\n---\n{}".format, FRONTMATTERS, BODIES),
    st.builds("{}---{}name: pdf\ndescription: x\n---".format, BEFORE, BEHIND),
).map(str.encode)


def with_dates_as_text(value: Any) -> Any:
    """As the other reader has it, but for the dates, which are keys too where somebody writes them there."""
    if isinstance(value, dict):
        return {with_dates_as_text(key): with_dates_as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_dates_as_text(each) for each in value]
    return str(value) if isinstance(value, date) else value


@settings(deadline=None, max_examples=400)
@given(CONTENTS)
@example(b"---\nname: pdf\ndescription: x\n2026-01-01: 2026-01-02\n---\n")
def test_what_is_exact_says_the_same_as_json_and_to_another_reader(content: bytes) -> None:
    if inexact(content) is not None:
        return
    read = read_frontmatter(content)
    assert json.loads(json.dumps(read.values, allow_nan=False)) == read.values
    assert read.problems == ()
    # A constructor that is not ours; of its own 1.2 rules, dates are the ones that differ.
    other = YAML(typ="safe", pure=True).load(content[4 : content.find(b"---", 4)].decode())
    assert json.dumps(with_dates_as_text(other), sort_keys=True) == json.dumps(read.values, sort_keys=True)


@settings(deadline=None, max_examples=400)
@given(st.one_of(CONTENTS, st.binary(max_size=60).map(b"---\nname: pdf\ndescription: x\n".__add__)))
@example(b"---\xc2\xa0\nname: pdf\ndescription: x\n---\n")
@example(b"---\n\n---\n")
def test_whatever_is_refused_is_named_by_linting(maker: Any, content: bytes) -> None:
    """Nothing is left out of skills/list that its author is not told of."""
    snapshot, source = maker.snapshot({"plugins/docs/skills/pdf/SKILL.md": content})
    (verdict,) = lint(snapshot, source.contents).verdicts
    if inexact(content) is not None:
        assert Surface.SEP_2640 in verdict.refused_by
