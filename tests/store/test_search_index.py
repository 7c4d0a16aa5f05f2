"""The index in memory: what is found where, whatever is asked, and what becomes of its memory."""

from __future__ import annotations

import gc
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.store.search_index import Place, SearchIndex, SearchRow

# None of them is another's stem or beginning.
WORDS = ["invoice", "quarter", "tiger", "dragon", "apple", "window", "yellow"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
ROWS = st.lists(st.builds(SearchRow, TEXTS, TEXTS, TEXTS, TEXTS, st.just(())), max_size=12)


def row(name="", labels="", description="", body="", *spellings: str) -> SearchRow:
    return SearchRow(name, labels, description, body, spellings)


def where(index: SearchIndex, *words: str) -> dict[str, list[int]]:
    return {place.name: list(at) for place, at in zip(Place, index.places(words), strict=True) if at}


@given(ROWS, st.lists(st.sampled_from(WORDS), max_size=3))
@settings(deadline=None)
def test_a_row_is_found_exactly_where_it_has_one_of_the_words(rows, wanted):
    index = SearchIndex(rows)

    def having(texts):
        return [at for at, text in enumerate(texts) if set(text.split()) & set(wanted)]

    names = having(one.name for one in rows)
    assert [list(one) for one in index.places(wanted)] == [
        names,
        names,
        having(one.labels for one in rows),
        having(one.description for one in rows),
        having(one.body for one in rows),
    ]
    assert index.size == len(rows)


def test_another_form_of_a_word_is_the_word_and_so_is_its_beginning_but_not_in_bodies():
    index = SearchIndex(
        [
            row("reporting"),
            row(labels="reports"),
            row(description="reported"),
            row(body="report"),
            row(body="reportage"),
        ]
    )
    assert where(index, "report") == {
        "NAME": [0], "BEGINS_NAME": [0], "LABELS": [1], "DESCRIPTION": [2], "BODY": [3],
    }  # fmt: skip
    assert where(index, "rep") == {"BEGINS_NAME": [0], "LABELS": [1], "DESCRIPTION": [2]}
    assert where(index, "r") == {}, "a single letter begins too much"


def test_accents_case_and_marks_do_not_keep_a_word_from_being_found():
    index = SearchIndex([row("Résumé"), row("ÜBERSICHT"), row("हिन्दी"), row("naïve cafe\u0301")])
    assert where(index, "resume")["NAME"] == [0]
    assert where(index, "übersicht")["NAME"] == where(index, "ubersicht")["NAME"] == [1]
    assert where(index, "हिन्दी")["NAME"] == [2]
    assert where(index, "café")["NAME"] == [3]


HOSTILE = [
    '"', '""', "'", "\0", 'a" OR "b', "a AND b", "NOT a", "NEAR(a b, 5)", "name:a", "{name}:a", "a*", "^a", "-a", "(", ")",
    "a + b", "☃", "🚀", "\ue000", "a\U00010e80b", "\u0301", "ﷺ", "x" * 40_000, "NEAR", "AND", "OR", "NOT", "*", "?1",
    ";DROP TABLE names",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_ever_read_as_syntax(text):
    index = SearchIndex([row("a b", "near", "or and not", "name"), row(text, text, text, text, text)])
    for words in ((text,), (text, "apple"), ("apple", text)):
        assert set().union(*index.places(words)) <= {0, 1}
    index.completions(text)
    assert index.spelled(text) == [1]
    assert where(index, "a")["NAME"][0] == 0


@given(st.text(max_size=40), st.text(max_size=40))
@settings(deadline=None)
def test_any_text_may_be_kept_and_asked_for(kept, asked):
    whole = kept.encode("utf-8", "ignore").decode()
    index = SearchIndex([row(whole, whole, whole, whole, whole)])
    index.places((asked.encode("utf-8", "ignore").decode(),))
    assert index.spelled(whole) == [0]


def test_beginnings_are_completed_by_the_most_frequent_words_outside_bodies():
    index = SearchIndex(
        [row("combination"), row(description="combinations combination"), row(body="combinatorics"), row("combine")]
    )
    assert index.completions("combina") == ["combination", "combinations"]
    assert index.completions("com") == ["combination", "combinations", "combine"]
    assert index.completions("zzz") == []


def test_spellings_belong_to_their_rows_and_to_several():
    index = SearchIndex([row("", "", "", "", "pdf", "docspdf"), row(), row("", "", "", "", "pdf", "pdf")])
    assert index.spelled("pdf") == [0, 2]
    assert index.spelled("docspdf") == [0]
    assert index.spelled("PDF") == index.spelled("") == []


def test_it_may_be_asked_from_several_threads_at_once():
    index = SearchIndex([row(f"name{at}", body="tiger") for at in range(500)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: where(index, f"name{at}", "tiger"), range(200)))
    assert [one["NAME"] for one in found] == [[at] for at in range(200)]
    assert all(one["BODY"] == list(range(500)) for one in found)


def test_its_memory_is_freed_with_it_and_also_when_the_rows_cannot_be_read():
    index = SearchIndex([row("pdf")])
    connection = index._connection
    del index
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")

    def rows():
        yield row("pdf")
        raise KeyError("gone")

    with pytest.raises(KeyError):
        SearchIndex(rows())


def test_it_knows_its_size():
    small, large = (SearchIndex([row("name", body=f"tiger {at} " * 50) for at in range(count)]) for count in (1, 2_000))
    assert 0 < small.size_bytes < large.size_bytes < 2_000_000
