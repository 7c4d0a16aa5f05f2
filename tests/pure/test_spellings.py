"""Misspelled words: what was meant is found where it is near, and nothing is made up where it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.queries.nearest import Spellings

NAMES = (
    "pdf form report quarter close invoice salary kubernetes deploy terraform dashboard chart review contract release notes "
    "meeting minutes excel sheet slides brand guide csv profile audit campaign sequence translation glossary interview"
)
WORDS = st.text(alphabet="abcdefgh", min_size=1, max_size=12)


@pytest.fixture(scope="module")
def spellings() -> Spellings:
    return Spellings(NAMES.split())


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("pfd", "pdf"), ("fomr", "form"), ("reprot", "report"), ("salery", "salary"), ("kubernets", "kubernetes"),
        ("exel", "excel"), ("dashbord", "dashboard"), ("terrafrom", "terraform"), ("inovice", "invoice"),
        ("contarct", "contract"), ("minuets", "minutes"), ("glosary", "glossary"), ("revieww", "review"),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_is_undone(spellings: Spellings, slip: str, meant: str) -> None:
    assert spellings.meant(slip) == [meant]


@pytest.mark.parametrize("word", ["zebra", "x", "", "pancakes", "q" * 70, "日本", "fo"])
def test_what_resembles_no_name_means_none(spellings: Spellings, word: str) -> None:
    assert spellings.meant(word) == []


@given(st.lists(WORDS, max_size=40), WORDS)
def test_only_words_that_are_there_are_meant_in_any_order_they_came_in(every: list[str], word: str) -> None:
    meant = Spellings(every).meant(word)
    assert set(meant) <= set(every)
    assert len(meant) <= 3
    assert Spellings(reversed(every)).meant(word) == meant
    if word in every:
        assert word in Spellings(every).meant(word) or sorted(word) in [sorted(one) for one in every if one != word]


@given(st.lists(st.text(alphabet="abcdefghijklmnop", min_size=6, max_size=12), min_size=1, max_size=30), st.data())
def test_two_neighbours_in_the_wrong_order_are_put_right(every: list[str], data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(every))
    at = data.draw(st.integers(0, len(word) - 2))
    slip = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    meant = Spellings(every).meant(slip)
    assert word in meant or len(meant) == 3
