"""One part of a JSON text is changed: the value is right, and everything else keeps its bytes."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.json_edit import append, remove, set_value
from skillport_sync.catalog.written_json import JsonText, read_json

PLAIN = st.none() | st.booleans() | st.integers(-999, 10**20) | st.text(max_size=6) | st.floats(-1e6, 1e6)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=5)
LAYOUTS = st.sampled_from(
    [
        {"indent": 2},
        {"indent": 4},
        {"indent": "\t"},
        {},
        {"separators": (",", ":")},
        {"indent": 2, "separators": (" , ", " : ")},
        {"indent": 0},
    ]
)
ENDS = st.sampled_from(["", "\n", "\r\n", "\n\n"])


@st.composite
def documents(draw):
    """A JSON text, as one of many editors and people may have laid it out."""
    text = json.dumps(draw(OBJECTS), ensure_ascii=draw(st.booleans()), **draw(LAYOUTS)) + draw(ENDS)
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n").replace("\r\r", "\r")
    return draw(st.sampled_from(["", "\ufeff"])) + text


def parsed(text):
    return json.loads(text.removeprefix("\ufeff"))


def places(value, path=()):
    """Every path in a value but the root's."""
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, name)
            yield from places(part, (*path, name))


def at(value, path):
    for step in path:
        value = value[step]
    return value


@given(documents(), st.data(), VALUES)
def test_what_is_set_is_there_and_nothing_else_moved(text, data, value):
    before = parsed(text)
    known = list(places(before))
    containers = [(), *(path for path in known if isinstance(at(before, path), dict))]
    added = st.builds(lambda path, name: (*path, name), st.sampled_from(containers), st.text(max_size=5))
    path = data.draw(st.one_of(added, st.sampled_from(known)) if known else added)
    after = set_value(text, path, value)
    expected = copy.deepcopy(before)
    at(expected, path[:-1])[path[-1]] = value
    assert parsed(after) == expected
    kept_before, kept_after = _spans(text, path), _spans(after, path)
    assert {where: kept_after[where] for where in kept_before} == kept_before
    assert after[:1] == text[:1]
    assert after[after.rindex("}") :] == text[text.rindex("}") :]


@given(documents(), st.data())
def test_what_is_removed_is_gone_and_nothing_else_moved(text, data):
    before = parsed(text)
    known = list(places(before))
    if not known:
        return
    path = data.draw(st.sampled_from(known))
    after = remove(text, path)
    expected = copy.deepcopy(before)
    del at(expected, path[:-1])[path[-1]]
    assert parsed(after) == expected
    assert after[after.rindex("}") :] == text[text.rindex("}") :]


@given(documents(), st.data(), VALUES)
def test_what_was_added_can_be_taken_away_again(text, data, value):
    name = data.draw(st.text(max_size=5).filter(lambda name: name not in parsed(text)))
    assert parsed(remove(set_value(text, (name,), value), (name,))) == parsed(text)


@given(documents(), st.data())
def test_setting_what_is_there_already_changes_no_byte(text, data):
    before = parsed(text)
    known = list(places(before))
    if known:
        path = data.draw(st.sampled_from(known))
        assert set_value(text, path, copy.deepcopy(at(before, path))) == text


def _spans(text, changed):
    """The source text of every plain value that is not on the way to ``changed`` and not below it."""
    document = read_json(text.encode("utf-8", "surrogatepass"))
    assert isinstance(document, JsonText)
    value = document.value
    texts = {}
    for path in places(value):
        related = path[: len(changed)] == changed or changed[: len(path)] == path
        if not related and not isinstance(at(value, path), dict | list):
            line, column = document.locate(path)
            start = sum(len(part) + 1 for part in document.text.split("\n")[: line - 1]) + column - 1
            texts[path] = json.JSONDecoder().raw_decode(document.text, start)
            texts[path] = document.text[start : texts[path][1]]
    return texts


MARKETPLACE = """{
  "name": "acme-skills",
  "owner": { "name":"acme" },
  "plugins": [
    {
      "name": "writing",
      "source": "./plugins/writing",
      "keywords": ["a", "b"]
    },
    {"name": "data", "source": "./plugins/data"}
  ]
}
"""


def test_a_new_entry_is_laid_out_like_its_neighbours():
    after = append(MARKETPLACE, ("plugins",), {"name": "pdf", "source": "./plugins/pdf", "tags": ["surface:CALL"]})
    assert after == MARKETPLACE.replace(
        """"./plugins/data"}
""",
        """"./plugins/data"},
    {
      "name": "pdf",
      "source": "./plugins/pdf",
      "tags": ["surface:CALL"]
    }
""",
    )


def test_a_member_is_added_where_the_others_are():
    assert set_value(MARKETPLACE, ("plugins", 1, "version"), "1.0.0") == MARKETPLACE.replace(
        '"./plugins/data"}', '"./plugins/data", "version": "1.0.0"}'
    )
    assert set_value(MARKETPLACE, ("plugins", 0, "version"), "1.0.0") == MARKETPLACE.replace(
        '"b"]\n', '"b"],\n      "version": "1.0.0"\n'
    )
    assert set_value('{"name":"x"}', ("version",), "1.0.0") == '{"name":"x","version":"1.0.0"}'
    assert set_value('{"name": "x"}\n', ("version",), "1.0.0") == '{"name": "x", "version": "1.0.0"}\n'


def test_the_first_member_of_an_empty_object_gets_a_line_of_its_own():
    assert set_value('{\n\t"renames": {}\n}', ("renames", "old"), "new") == (
        '{\n\t"renames": {\n\t\t"old": "new"\n\t}\n}'
    )
    assert set_value("{ }", ("a",), 1) == '{"a": 1}'


def test_an_entry_is_taken_out_with_its_comma():
    assert remove(MARKETPLACE, ("plugins", 1)) == MARKETPLACE.replace(
        ',\n    {"name": "data", "source": "./plugins/data"}', ""
    )
    assert remove(MARKETPLACE, ("name",)) == MARKETPLACE.replace('"name": "acme-skills",\n  ', "")


def test_of_a_key_that_is_set_twice_the_last_counts_and_both_go():
    twice = '{"a": 1, "b": 2, "a": 3}'
    assert set_value(twice, ("a",), 4) == '{"a": 1, "b": 2, "a": 4}'
    assert remove(twice, ("a",)) == '{"b": 2}'


@pytest.mark.parametrize(
    ("act", "path"),
    [
        (lambda text, path: set_value(text, path, 1), ()),
        (lambda text, path: set_value(text, path, 1), ("nowhere", "x")),
        (lambda text, path: set_value(text, path, 1), ("name", "x")),
        (lambda text, path: set_value(text, path, 1), ("plugins", 7)),
        (remove, ()),
        (remove, ("nowhere",)),
        (remove, ("plugins", 2)),
        (lambda text, path: append(text, path, 1), ("owner",)),
        (lambda text, path: append(text, path, 1), ("nowhere",)),
    ],
)
def test_what_is_not_there_is_said(act, path):
    with pytest.raises(LookupError):
        act(MARKETPLACE, path)
