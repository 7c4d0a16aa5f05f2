"""Words: a question and a text come apart in the same places, whatever they are made of."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skillport_sync.queries.words import MAX_QUERY_WORDS, asked, joined, name_words, searchable, searchable_name, words

TEXT = st.text(max_size=60)
HAN = st.text(alphabet="日本語四半期の報告書をデータ表格", min_size=2, max_size=12)


@given(st.one_of(TEXT, st.text(alphabet="aB1-_ ☃🎿表é́ี\ud800\x00'\"*", max_size=30)))
@example("\ud800")
def test_any_text_has_words_and_none_of_them_can_be_syntax(text: str) -> None:
    for word in words(text):
        assert word
        assert not set(word) & set("\"'*():^+-{}\0 \t\n")
        word.encode()  # whole characters only: a database can take it
    searchable(text).encode("utf-8", "strict" if not text.isascii() else "ignore")


@given(TEXT)
def test_the_words_of_a_text_do_not_depend_on_its_case(text: str) -> None:
    assert words(text.upper().lower()) == words(text.upper())


@given(HAN, st.integers(0, 10), st.integers(2, 4))
def test_any_piece_of_an_unspaced_run_is_among_its_words(run: str, start: int, length: int) -> None:
    piece = run[start : start + length]
    indexed = set(searchable(f"before {run} after").split())
    assert set(words(piece)) <= indexed
    assert {"before", "after"} <= indexed


def test_scripts_with_and_without_spaces_are_told_apart_inside_a_word() -> None:
    assert words("PDF表格ok") == ("pdf", "表格", "ok")
    assert words("四半期の") == ("四半", "半期", "期の")
    assert words("表") == ("表",)
    assert words("deploy🚀now") == ("deploy", "🚀", "now")


@pytest.mark.parametrize("name", ["pdf-form", "PDF form", "pdf_form", "PdfForm", "pdf.form", "ＰＤＦ－form"])
def test_one_name_is_the_same_however_it_is_spelled(name: str) -> None:
    assert joined(name) == "pdfform"
    assert "pdfform" in searchable_name(name).lower().split()


def test_a_name_is_found_by_its_parts_and_as_a_whole() -> None:
    assert name_words(["PDFFormFiller", "quarter-close", "v2Api"]) >= {
        "pdf", "form", "filler", "pdfformfiller", "quarter", "close", "v2", "api",
    }  # fmt: skip
    assert {"git", "hub", "github", "actions", "githubactions"} <= name_words(["GitHubActions", "github-actions"])


def test_small_words_are_left_out_of_a_question_that_has_others() -> None:
    assert asked("How do I fill in a PDF form?") == ("fill", "pdf", "form")
    assert asked("how to") == ("how", "to")
    assert asked("the who") == ("the", "who")
    assert asked("") == asked(" \t ") == asked("?!… --") == ()


@given(st.lists(st.text(alphabet="abc", min_size=4, max_size=6), max_size=60))
def test_a_question_is_its_first_different_words(every: list[str]) -> None:
    assert asked(" ".join(every)) == tuple(dict.fromkeys(every))[:MAX_QUERY_WORDS]
