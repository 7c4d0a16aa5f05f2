"""The fast reader of frontmatter says exactly what the real YAML reader says, or nothing."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.frontmatter_fast import read_simple_mapping
from skillport_sync.catalog.frontmatter_yaml import YamlMapping, read_yaml_mapping

KEYS = ["name", "description", "b_c", "allowed-tools", "true", "null", "_x", "Y", "no"]
WORDS = [
    "yes", "no", "true", "False", "null", "~", "010", "0o17", "0x1F", "1_000", "12:30", "1.0", "-1", "+.5", "1e3", ".inf",
    ".nan", "2024-01-01", "=", "<<", "Use when", "a: b", "a:b", "a:", ": a", "a #b", "a# b", "#a", "a#", "[x", "x]", "{x}",
    "a, b", "'q'", "''", '"q"', '""', "it's", "'it''s'", '"a\\nb"', "'a", '"a', "&x", "*x", "!t", "!!str 1", "| x", ">", "%a",
    "@a", "`a`", "-", "- a", "-a", "?", "? a", "?a", "é", "日本", "😀", "\u00a0", "\u2028", "\x85", "\t", "\ufeff", "\x00",
    "a\tb", "\\", "...", "1.", "", " ",
]  # fmt: skip
TEXTS_A_SEED = 150


def value(rnd: random.Random) -> str:
    return " ".join(rnd.choices(WORDS, k=rnd.choice([0, 1, 1, 1, 2, 3]))) + rnd.choice(["", "", "", " "])


def block(rnd: random.Random) -> str:
    """One key with its value, in any of the shapes that people write, sound or nearly so."""
    key = rnd.choice(KEYS) + rnd.choice(["", "1", "2"])
    kind = rnd.choice(["line", "line", "line", "text", "text", "list", "map", "flow", "junk"])
    if kind == "line":
        return f"{key}:{rnd.choice([' ', ' ', '  ', ''])}{value(rnd)}"
    if kind == "flow":
        return f"{key}: [{', '.join(value(rnd) for _ in range(rnd.randint(0, 3)))}]"
    if kind == "junk":
        return rnd.choice(["", " ", "# note", "  # note", "...", "%YAML 1.1", f"{key}:", "{a: b}"])
    indent = rnd.choice(["  ", "  ", "    ", " ", ""])
    margins = [indent if rnd.random() < 0.9 else rnd.choice(["", " ", "   "]) for _ in range(rnd.randint(1, 4))]
    if kind == "text":
        head = rnd.choice(["|", ">", "|-", ">-", "|+", ">+", "|2", "| # note", ">- "])
        return "\n".join([f"{key}: {head}", *(margin + value(rnd) for margin in margins)])
    if kind == "list":
        return "\n".join([f"{key}:", *(f"{margin}- {value(rnd)}" for margin in margins)])
    return "\n".join([f"{key}:", *(f"{margin}{rnd.choice(KEYS)}{n}: {value(rnd)}" for n, margin in enumerate(margins))])


def text_like_frontmatter(rnd: random.Random) -> str:
    text = rnd.choice(["\n", "\n", "\n\n"]).join(block(rnd) for _ in range(rnd.randint(1, 3))) + rnd.choice(
        ["\n", "\n", ""]
    )
    for _ in range(rnd.choice([0, 0, 1, 2])):
        at = rnd.randint(0, len(text))
        inserted = "".join(rnd.choices(" \n:#-'\"[],|>ab&*!\t", k=rnd.randint(0, 2)))
        text = text[:at] + inserted + text[at + rnd.randint(0, 2) :]
    return text


def assert_same(text: str) -> bool:
    simple = read_simple_mapping(text)
    if simple is None:
        return False
    real = read_yaml_mapping(text)
    assert isinstance(real, YamlMapping), (text, real)
    assert json.dumps(real.values) == json.dumps(simple), text
    assert real.remarks == (), text
    return True


# Not the generator of a strategy: one in ten texts is simple enough to compare, and Hypothesis draws a thousand times slower.
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**40))
def test_what_the_fast_reader_answers_is_what_yaml_says(seed: int) -> None:
    rnd = random.Random(seed)
    for _ in range(TEXTS_A_SEED):
        assert_same(text_like_frontmatter(rnd))


@pytest.mark.parametrize(
    "text",
    [
        "a: b\n\n# c\nb: 'it''s'\n",
        "a: |\n  x\n\nb: c\n",
        "a: |\n  x",
        "a: >\n  x\n   y\n",
        "a: >-\n  x \n  y\n",
        "a: >-\n  x\n\n   \n",
        "a: >-\n  x\n    \n",
        "a: |-\n  x\n\n\n",
        "a:\n  b: c\n   d: e\n",
        "a:\n- b\n - c\n",
        "a: b\n c\n",
        "a:\n\n  b\n",
        "a:\n# c\n  b\n",
    ],
)
def test_the_edges_of_the_simple_shape(text: str) -> None:
    assert_same(text)


@given(st.text())
def test_the_fast_reader_never_raises(text: str) -> None:
    read_simple_mapping(text)


def test_the_ordinary_shapes_are_read_by_the_fast_reader() -> None:
    text = (
        "name: release-notes\n"
        "description: >-\n  Write release notes\n  for people\n"
        "# a comment\n"
        "license: 'MIT'\n"
        "version: 1.2.0\n"
        "allowed-tools: [Read, Grep]\n"
        "metadata:\n  author: someone\n  revision: 3\n"
        "paths:\n  - a\n  - b\n"
        "user-invocable: true\n"
        "argument-hint:\n"
    )
    assert read_simple_mapping(text) == {
        "name": "release-notes",
        "description": "Write release notes for people",
        "license": "MIT",
        "version": "1.2.0",
        "allowed-tools": ["Read", "Grep"],
        "metadata": {"author": "someone", "revision": 3},
        "paths": ["a", "b"],
        "user-invocable": True,
        "argument-hint": None,
    }
