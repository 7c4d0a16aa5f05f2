"""Frontmatter is read as Claude Code reads it, by YAML 1.2, whatever the bytes are."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skillport_sync.catalog.frontmatter import MAX_FRONTMATTER_BYTES, read_frontmatter
from skillport_sync.catalog.yaml_scalars import plain_scalar

# Claude Code's own pattern, with JavaScript's idea of white space spelled out.
JS_SPACE = "[\t\n\x0b\x0c\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
CLAUDE_CODE = re.compile(rf"---{JS_SPACE}*\n([\s\S]*?)---{JS_SPACE}*\n?")

LINES = st.sampled_from(
    ["---", "--- ", "---\t", "name: a", "description: b: c", " ", "", "\u00a0", "x", "a: ---", "- x", "a: [",
    "é: \u2028", "\ufeff", "..."]
)  # fmt: skip
DOCUMENTS = st.lists(st.one_of(LINES, st.text(max_size=8)), max_size=8).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda ending: ending.join(lines))
)


def codes(content: bytes) -> list[str]:
    return [problem.code for problem in read_frontmatter(content).problems]


@given(st.one_of(st.binary(), st.binary().map(lambda rest: b"---\n" + rest), DOCUMENTS.map(lambda text: text.encode())))
@example(b'---\na: "\\ud800"\n---\n')
@example(b'---\na: "\\UFFFFFFFF"\n---\n')
@example(b"---\na: 1e999\nb: .nan\nc: 99999999999999999999999\n---\n")
@example(b"---\na: " + b"9" * 5000 + b"\n---\n")
@example(b"---\n? [a]\n: b\n---\n")
@example(b"---\n%YAML 9.9\n")
@example(b"---\n!!binary x: !!set {a}\n---\n")
def test_any_bytes_are_read_and_what_they_say_can_be_sent_as_json(content: bytes) -> None:
    frontmatter = read_frontmatter(content)
    orjson.dumps(dict(frontmatter.values))
    assert 0 <= frontmatter.body_start <= len(content)
    assert all(problem.line is None or problem.line >= 1 for problem in frontmatter.problems)


@given(st.one_of(DOCUMENTS, DOCUMENTS.map(lambda text: "---\n" + text)))
def test_the_body_begins_where_claude_code_lets_it_begin(text: str) -> None:
    content = text.encode("utf-8", "replace")
    text = content.decode()
    without_mark = text.removeprefix("\ufeff")
    match = CLAUDE_CODE.match(without_mark)
    body = without_mark[match.end() :] if match else without_mark
    assert content[read_frontmatter(content).body_start :].decode() == body


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("y", "y"), ("True", True), ("FALSE", False), ("~", None),
        ("Null", None),
        ("010", 10), ("0o10", 8), ("0x1f", 31), ("-7", -7), ("+7", 7), ("1_000", "1_000"), ("0b1", "0b1"), ("12:30",
        "12:30"),
        ("2024-01-01", "2024-01-01"), ("1.20", 1.2), ("1.2.0", "1.2.0"), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0),
        (".", "."), ("+", "+"),
        (".inf", ".inf"), ("-.INF", "-.INF"), (".nan", ".nan"), ("1e999", "1e999"), ("9223372036854775808",
        "9223372036854775808"),
        ("9223372036854775807", 9223372036854775807), ("=", "="), ("<<", "<<"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_unquoted_values_follow_yaml_1_2(written: str, meant: object) -> None:
    for content in (f"---\na: {written}\n---\n", f"---\na: {written}\nb: {{}}\n---\n"):  # the fast reader, the real one
        value = read_frontmatter(content.encode()).values["a"]
        assert (value, type(value)) == (meant, type(meant))


@given(st.text())
def test_every_text_has_a_plain_value(text: str) -> None:
    plain_scalar(text)


def test_explicit_tags_of_the_core_schema_are_honoured() -> None:
    values = read_frontmatter(b"---\na: !!str 010\nb: !!int '7'\nc: ! 1\nd: !mine 1\n---\n").values
    assert values == {"a": "010", "b": 7, "c": "1", "d": "1"}
    assert codes(b"---\na: !mine 1\n---\n") == ["frontmatter_tag_ignored"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_accepted(mark: bytes, ending: bytes) -> None:
    content = mark + ending.join([b"---", b"name: a", b"description: >-", b"  b", b"  c", b"---", b"", b"Body"])
    frontmatter = read_frontmatter(content)
    assert frontmatter.values == {"name": "a", "description": "b c"}
    assert frontmatter.problems == ()
    assert content[frontmatter.body_start :] == b"Body"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("description: Use when: asked", "Use when: asked"),
        ("description: *bold* claims", "*bold* claims"),
        ("description: @someone and `code`", "@someone and `code`"),
        ("description: [draft] a thing", "[draft] a thing"),
        ('description: say "hi": then go', 'say "hi": then go'),
        ("description: a \\ b: c", "a \\ b: c"),
        ("description: %percent", "%percent"),
        ("description: C:\\new: x", "C:\\new: x"),
        ("description: {a: b", "{a: b"),
        ("description: it ends with a colon:", "it ends with a colon:"),
    ],
)
def test_risky_one_line_values_are_read_as_claude_code_reads_them(line: str, value: str) -> None:
    content = f"---\nname: a\n{line}\n---\nBody".encode()
    frontmatter = read_frontmatter(content)
    assert frontmatter.values == {"name": "a", "description": value}
    assert codes(content) == ["frontmatter_repaired"]


def test_what_is_sound_beside_a_risky_value_keeps_its_meaning() -> None:
    content = b"---\ntools: [Read, Write]\ntext: |\n  kept\ndescription: a: b\n---\n"
    assert read_frontmatter(content).values == {"tools": ["Read", "Write"], "text": "kept\n", "description": "a: b"}


def test_tabs_are_replaced_where_yaml_forbids_them() -> None:
    content = b"---\nname: a\nmetadata:\n\tauthor: b\n---\n"
    assert read_frontmatter(content).values == {"name": "a", "metadata": {"author": "b"}}
    assert codes(content) == ["frontmatter_repaired"]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"# Title\n", "frontmatter_missing", 1),
        (b"\n---\nname: a\n---\n", "frontmatter_missing", 1),
        (b"", "frontmatter_missing", 1),
        (b"---\nname: a\n", "frontmatter_unterminated", 1),
        (b"---\n- a\n- b\n---\n", "frontmatter_not_a_mapping", 2),
        (b"---\njust words\n---\n", "frontmatter_not_a_mapping", 2),
        (b"---\nname: a\nx: {\n---\n", "frontmatter_repaired", 4),
        (b"---\nname: a\n  x: 'b\n---\n", "frontmatter_invalid", 3),
        (b"---\nname: a\nname: b\n---\n", "frontmatter_duplicate_key", 3),
        (b"---\nname: a\ndescription: \xff\n---\n", "frontmatter_not_utf8", 3),
        (b"---\na: " + b"[" * 40 + b"]" * 40 + b"\nb: |\n x\n---\n", "frontmatter_repaired", 2),
        (b"---\na:\n" + b"".join(b" " * n + b"b:\n" for n in range(1, 40)) + b"---\n", "frontmatter_too_large", 18),
        (b"---\na: " + b"x" * MAX_FRONTMATTER_BYTES + b"\n---\n", "frontmatter_too_large", 1),
        (b"---\na: [" + b"1," * 5000 + b"]\nb:\n  - [\n---\n", "frontmatter_too_large", 2),
    ],
)
def test_every_problem_has_a_code_and_a_line(content: bytes, code: str, line: int) -> None:
    problems = read_frontmatter(content).problems
    assert [(problem.code, problem.line) for problem in problems] == [(code, line)]


def test_a_key_set_twice_counts_as_set_last() -> None:
    assert read_frontmatter(b"---\nname: a\nname: b\n---\n").values == {"name": "b"}


def test_unreadable_frontmatter_is_empty_and_the_body_still_stands() -> None:
    content = b"---\nname: a\n  x: 'b\n---\nBody"
    frontmatter = read_frontmatter(content)
    assert frontmatter.values == {}
    assert content[frontmatter.body_start :] == b"Body"


def test_frontmatter_ends_at_the_first_dashes_even_inside_a_value() -> None:
    content = b"---\nname: a\ndescription: b --- c\n---\nBody"
    frontmatter = read_frontmatter(content)
    assert frontmatter.values == {"name": "a", "description": "b"}
    assert content[frontmatter.body_start :] == b"c\n---\nBody"


def test_aliases_are_never_expanded() -> None:
    bomb = b"---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n---\n"
    frontmatter = read_frontmatter(bomb)
    assert frontmatter.values == {"a": "&a [x, x]", "b": "&b [*a, *a]", "c": "&c [*b, *b]"}
    nested = b"---\na: &a\n  - x\nb:\n  - *a\n---\n"
    assert read_frontmatter(nested).values == {}
    assert codes(nested) == ["frontmatter_alias"]


@pytest.mark.parametrize(
    "content",
    [
        b"---" + b"\n" * 2_000_000,
        b"---\n" + b"-- " * 1_000_000,
        b"---\n" + b"--" * 1_000_000 + b"x",
        b"---\na: " + b"'" * 60_000 + b"\n---\n",
        b"---\na: " + b"[" * 60_000 + b"\n---\n",
        b"---\n" + b"- " * 30_000 + b"\n---\n",
        b"---\n" + b"? " * 30_000 + b"\n---\n",
        b"---\n" + b"a: b: " * 10_000 + b"\n---\n",
        b"---\na: |\n" + b"\n" * 60_000 + b"\n---\n",
        b"---\n" + b"a: |\n x\n" * 7_000 + b"\n---\n",
        b"---\na: " + b"a:" * 30_000 + b"\n---\n",
        b'---\na: "' + b"\\" * 60_000 + b"\n---\n",
    ],
    ids=range(12),
)
def test_hostile_sizes_are_read_in_bounded_time(content: bytes) -> None:
    read_frontmatter(content)
