"""JSON written by hand: every part can be pointed at, nothing odd in it breaks the reader."""

from __future__ import annotations

import json
import sys

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skillport_sync.catalog.written_json import JsonPath, JsonText, NotJson, read_json

TEXT = st.text(max_size=6)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-99, 99), TEXT),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(TEXT, below, max_size=4)),
    max_leaves=12,
)


def parts(value: object, path: JsonPath = ()) -> list[tuple[JsonPath, object]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *(found for step, part in below for found in parts(part, (*path, step)))]


@given(VALUES, st.sampled_from([None, 0, 1, "\t"]), st.booleans(), st.sampled_from(["", "\n", " \n\n "]))
def test_every_part_of_a_document_is_found_where_it_is_written(
    value: object, indent: int | str | None, ascii_only: bool, before: str
) -> None:
    text = before + json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    document = read_json(text.encode("utf-8", "surrogatepass"))
    assert isinstance(document, JsonText)
    found = parts(value)
    lines = document.lines([path for path, _ in found])
    for (path, part), line in zip(found, lines, strict=True):
        assert document.locate(path)[0] == line
        at_line, column = document.locate(path)
        start = sum(len(before) + 1 for before in text.split("\n")[: at_line - 1]) + column - 1
        assert json.JSONDecoder().raw_decode(text, start)[0] == part


@given(st.one_of(st.binary(), VALUES.map(lambda value: json.dumps(value).encode()), st.text().map(str.encode)))
@example(b"[" * 100_000)
@example(b"[" * 900 + b"]" * 900)
@example(b"9" * 10_000)
@example(b"NaN")
@example(b"\xff\xfe{\x00}\x00")
@example(b'"\\ud800"')
@example(b"\xef\xbb\xbf")
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    document = read_json(content)
    if isinstance(document, JsonText) and len(content) < 1000:
        orjson.dumps(document.value, option=orjson.OPT_NON_STR_KEYS)


def test_a_byte_order_mark_is_tolerated() -> None:
    document = read_json(b'\xef\xbb\xbf{"a": 1}')
    assert isinstance(document, JsonText)
    assert document.value == {"a": 1}


def test_half_of_a_surrogate_pair_becomes_the_replacement_character() -> None:
    document = read_json(rb'["\ud83d\ude00", "\ud83d", "\\ud83d", "\ude00x", "\ud83d\u0041"]')
    assert isinstance(document, JsonText)
    assert document.value == ["\U0001f600", "\ufffd", "\\ud83d", "\ufffdx", "\ufffdA"]


def test_keys_set_twice_are_found_at_any_depth_and_the_last_one_counts() -> None:
    document = read_json(b'{"a": 1, "b": [{"c": 1, "d": 2, "c": 3}],\n "a": 2}')
    assert isinstance(document, JsonText)
    assert document.value == {"a": 2, "b": [{"c": 3, "d": 2}]}
    assert set(document.repeated) == {("a",), ("b", 0, "c")}
    assert document.locate(("a",)) == (2, 7)


def test_the_place_of_a_missing_part_is_that_of_what_should_hold_it() -> None:
    document = read_json(b'{\n  "a": {\n    "b": 1\n  }\n}')
    assert isinstance(document, JsonText)
    assert document.locate(("a", "x", "y")) == (2, 8)


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b'{\n  "a": 1 "b"}', 2, 10),
        (b'{"a": 1} x', 1, 10),
        (b"", 1, 1),
        (b'{\n"a": \xff}', 2, None),
        (b"[NaN]", None, None),
    ],
)
def test_what_is_not_json_is_pointed_at(content: bytes, line: int | None, column: int | None) -> None:
    refused = read_json(content)
    assert isinstance(refused, NotJson)
    if line is None or column is not None:
        assert (refused.line, refused.column) == (line, column)
    assert refused.line == line


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"9223372036854775807", 2**63 - 1),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"18446744073709551616", float(2**64)),
        (b"-9223372036854775809", float(-(2**63))),
        (b"9" * 5_000, sys.float_info.max),
        (b"-1e999", -sys.float_info.max),
    ],
)
def test_a_number_beyond_64_bits_is_what_javascript_makes_of_it_and_can_be_written_again(
    written: bytes, read: float
) -> None:
    document = read_json(b'{"a": [' + written + b"]}")
    assert isinstance(document, JsonText)
    assert document.value == {"a": [read]}
    assert json.loads(orjson.dumps(document.value)) == {"a": [read]}


def test_what_is_nested_too_deeply_to_be_written_again_is_refused() -> None:
    assert isinstance(read_json(b"[" * 200 + b"]" * 200), JsonText)
    for depth in (300, 100_000):
        document = read_json(b"[" * depth + b"]" * depth)
        assert isinstance(document, NotJson)
        assert "nested" in document.message
