"""Cursors: round trip, and whatever anybody may send instead."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Invalid
from skillport_sync.queries.cursors import Cursor, PublicationKey, decode, question_digest

KEYS = st.builds(
    PublicationKey,
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.integers(0, 2**53),
    st.text("0123456789abcdef", max_size=12),
)
CURSORS = st.builds(
    Cursor,
    st.lists(KEYS, min_size=1, max_size=4).map(tuple),
    st.text("0123456789abcdef", max_size=18),
    st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=3).map(tuple),
)


@given(CURSORS)
def test_a_cursor_comes_back_as_it_was(cursor):
    text = cursor.encode()
    assert text.isascii()
    assert decode(text, cursor.question, len(cursor.position)) == cursor


@given(CURSORS)
def test_a_cursor_belongs_to_its_question_and_its_operation(cursor):
    with pytest.raises(Invalid, match="another question"):
        decode(cursor.encode(), cursor.question + "0", len(cursor.position))
    with pytest.raises(Invalid, match="not one of ours"):
        decode(cursor.encode(), cursor.question, len(cursor.position) + 1)


@given(st.text() | st.binary().map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_nonsense_is_refused_with_a_sentence(text):
    with pytest.raises(Invalid):
        decode(text, "0", 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=3)
    ),
)


@given(JSON | st.lists(JSON, min_size=3, max_size=3))
def test_json_that_is_no_cursor_is_refused_with_a_sentence(loaded):
    text = urlsafe_b64encode(orjson.dumps(loaded)).decode()
    with pytest.raises(Invalid):
        decode(text, "0", 1)


@pytest.mark.parametrize("position", [[-1], [2**53], [1.5], [True], ["1"], [None]])
def test_a_position_that_is_none_is_refused(position):
    text = urlsafe_b64encode(orjson.dumps([[["acme", 1, "0"]], "q", position])).decode()
    with pytest.raises(Invalid):
        decode(text, "q", len(position))


@given(st.lists(st.text() | st.none(), max_size=4), st.lists(st.text() | st.none(), max_size=4))
def test_questions_have_the_same_digest_only_when_they_are_the_same(one, other):
    assert (question_digest(*one) == question_digest(*other)) == (one == other)
