"""The order in which words find skills: total, the same however it is put, made of the skills' own words alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.queries.nearest import Spellings
from skillport_sync.queries.skill_index import SkillIndex
from skillport_sync.queries.words import joined, name_words, searchable, searchable_name
from skillport_sync.store.search_index import SearchIndex, SearchRow

WORDS = ["invoice", "quarter", "tiger", "dragon", "apple", "window", "yellow"]
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("-".join)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
SKILLS = st.lists(st.tuples(NAMES, TEXTS, TEXTS, TEXTS), min_size=1, max_size=10)
ASKED = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True)


def index_of(skills) -> SkillIndex:
    rows = [
        SearchRow(searchable_name(name), searchable(labels), searchable(description), searchable(body), (joined(name),))
        for name, labels, description, body in skills
    ]
    return SkillIndex(SearchIndex(rows), Spellings(name_words(name for name, *_ in skills)), 0)


def words_of(skill) -> set[str]:
    return set(" ".join(skill).replace("-", " ").split())


@given(SKILLS, ASKED)
@settings(deadline=None)
def test_those_with_every_word_are_found_or_else_those_with_the_most(skills, asked):
    found = index_of(skills).ranked(" ".join(asked))
    having = [len(words_of(skill) & set(asked)) for skill in skills]
    exact = {at for at, skill in enumerate(skills) if skill[0].replace("-", "") == "".join(asked)}
    enough = len(asked) if len(asked) in having else min((len(asked) + 1) // 2, max(having))
    assert set(found) - exact == {at for at, count in enumerate(having) if count >= max(1, enough)} - exact
    assert len(found) == len(set(found))
    assert set(found[: len(exact)]) == exact
    counts = [having[at] for at in found if at not in exact]
    assert counts == sorted(counts, reverse=True)


@given(SKILLS, ASKED, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_neither_the_order_of_the_words_nor_their_case_nor_their_repetition_matters(skills, asked, chance):
    index = index_of(skills)
    several = asked * 2
    chance.shuffle(several)
    names = {skill[0].replace("-", "") for skill in skills}
    if "".join(asked) not in names and "".join(several) not in names:
        assert index.ranked(" ".join(several).upper()) == index.ranked(" ".join(asked))


@given(SKILLS, ASKED)
@settings(deadline=None)
def test_equal_skills_stand_in_their_own_order(skills, asked):
    found = index_of([skill for skill in skills for _ in range(2)]).ranked(" ".join(asked))
    assert [at + 1 for at in found if at % 2 == 0] == [at for at in found if at % 2]
    assert all(found.index(at) < found.index(at + 1) for at in found if at % 2 == 0)


@given(SKILLS, st.one_of(st.text(max_size=60), st.text(alphabet="\"'*():^ -{}aANDORT\0\ud800表", max_size=40)))
@settings(deadline=None)
def test_any_question_is_answered_with_skills_each_once(skills, query):
    found = index_of(skills).ranked(query)
    assert len(found) == len(set(found))
    assert set(found) <= set(range(len(skills)))
    assert index_of(skills).ranked(query) == found


def test_the_better_the_place_the_earlier_and_a_rare_word_before_a_frequent_one():
    skills = [
        ("other", "", "", "invoice"),
        ("other", "", "invoice", ""),
        ("other", "invoice", "", ""),
        ("invoicelike", "", "", ""),
        ("some-invoice", "", "", ""),
        ("invoice", "", "", ""),
    ]
    assert index_of(skills).ranked("invoice") == [5, 4, 3, 2, 1, 0]
    several = [*[(f"tiger-{at}", "", "", "") for at in "abcdef"], ("dragon-g", "", "", "")]
    assert index_of(several).ranked("tiger dragon")[0] == 6


def test_two_words_of_what_a_skill_says_of_itself_beat_a_name_and_a_body():
    skills = [("pdf-viewer", "", "shows", "merge"), ("document-tools", "", "merges and splits pdf documents", "")]
    assert index_of(skills).ranked("merge pdf") == [1, 0]


def test_a_word_that_nothing_has_is_what_it_begins_and_only_then_a_misspelled_name():
    index = index_of([("tiger", "", "combination", ""), ("salary", "", "", "")])
    assert index.ranked("combina") == index.ranked("comb") == [0]
    assert index.ranked("salery") == [1]
    assert index.ranked("salery tigre") == [0, 1]
    assert index.ranked("zebra") == []
