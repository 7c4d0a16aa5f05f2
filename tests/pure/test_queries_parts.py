"""Cutting files into answers, and guessing names."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Invalid
from skillport_sync.queries.nearest import nearest
from skillport_sync.queries.parts import cut

TEXTS = st.text(st.characters(codec="utf-8"), max_size=300).map(str.encode)
CONTENTS = TEXTS | st.binary(max_size=300) | st.builds(bytes.__add__, TEXTS, st.binary(max_size=3))


def parts_of(content: bytes, room: int) -> list[bytes]:
    parts, offset = [], 0
    while True:
        piece = cut(content, offset, room)
        parts.append(piece.content)
        offset += len(piece.content)
        if piece.is_last:
            return parts
        assert piece.content, "every part but the last brings something"


@given(CONTENTS, st.integers(4, 400))
def test_the_parts_of_a_file_are_the_file(content, room):
    assert b"".join(parts_of(content, room)) == content


@given(CONTENTS, st.integers(4, 400))
def test_no_part_is_longer_on_the_wire_than_there_is_room(content, room):
    offset = 0
    while True:
        piece = cut(content, offset, room)
        wire = piece.content.decode() if piece.is_text else b64encode(piece.content).decode()
        assert len(wire) == piece.characters <= room
        offset += len(piece.content)
        if piece.is_last:
            return


@given(CONTENTS, st.integers(4, 400))
def test_base64_of_the_parts_put_together_is_base64_of_the_file(content, room):
    if not cut(content, 0, room).is_text:
        assert b64decode("".join(b64encode(part).decode() for part in parts_of(content, room))) == content


@given(TEXTS, st.integers(4, 40))
def test_every_part_of_a_text_is_text(content, room):
    for part in parts_of(content, room):
        part.decode()


@given(CONTENTS, st.integers(0, 700), st.integers(4, 400))
def test_an_offset_from_outside_is_taken_or_refused_and_never_breaks(content, offset, room):
    try:
        piece = cut(content, offset, room)
    except Invalid:
        return
    assert content[offset:].startswith(piece.content)
    if piece.is_text:
        piece.content.decode()


def test_a_text_is_cut_before_the_character_that_does_not_fit():
    assert cut("aé☃🎿z".encode(), 0, 4).content == "aé☃🎿".encode()
    assert cut("🎿🎿".encode(), 4, 1).content == "🎿".encode()


@pytest.mark.parametrize(
    ("wanted", "names", "best"),
    [
        ("pfd", ["docs/pdf", "pdf", "report"], "pdf"),
        ("PDF", ["pdf"], "pdf"),
        ("pdf-form", ["pdf-forms", "forms"], "pdf-forms"),
        ("quartely-report", ["weekly-report", "quarterly-report"], "quarterly-report"),
        ("scripts/fil.py", ["SKILL.md", "scripts/fill.py", "scripts/find.py"], "scripts/fill.py"),
    ],
)
def test_the_nearest_name_is_what_was_probably_meant(wanted, names, best):
    assert nearest(wanted, names)[0] == best


def test_nothing_is_guessed_where_nothing_is_near():
    assert nearest("zzzz", ["pdf", "report"]) == []
    assert nearest("pdf", []) == []


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=30))
def test_only_names_that_exist_are_guessed(wanted, names):
    guesses = nearest(wanted, names)
    assert set(guesses) <= set(names)
    assert len(guesses) <= 3
