"""Choosing among skills: surfaces, words, and one line where a line has to be enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.model import OWN_SOURCE, Plugin, PluginName, Skill, Surface
from skillport_sync.catalog.select import on_surface, one_line, parse_surface, select
from skillport_sync.errors import Invalid
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath


def skill(
    name: str, description: str = "", *, plugin: str = "p", surfaces: str = "", keywords: str = "", tags: str = ""
) -> Skill:
    return Skill(
        plugin=Plugin(
            name=PluginName(plugin),
            source=OWN_SOURCE,
            directory=plugin,
            version=None,
            description="",
            author=None,
            category=None,
            tags=tuple(tags.split()),
            keywords=tuple(keywords.split()),
            surfaces=frozenset(Surface(surface) for surface in surfaces.split()),
        ),
        directory=f"{plugin}/skills/{name}",
        skill_md=RepoPath(f"{plugin}/skills/{name}/SKILL.md"),
        name=name,
        description=description,
        frontmatter={},
        revision=EMPTY_TREE,
    )


WORDS = st.text(alphabet="abß é", max_size=5)
SKILLS = st.lists(
    st.builds(
        skill,
        WORDS,
        WORDS,
        plugin=st.sampled_from(["p", "q"]),
        surfaces=st.sampled_from(["", "CC", "CC CAI", "CDAI", "CALL"]),
        keywords=WORDS,
        tags=WORDS,
    ),
    max_size=6,
)


@pytest.mark.parametrize(
    ("tags", "matching"),
    [
        ("", "CC CD CAI CDAI CALL"),
        ("CALL", "CC CD CAI CDAI CALL"),
        ("CC", "CC CALL"),
        ("CD", "CD CALL"),
        ("CAI", "CAI CALL"),
        ("CDAI", "CD CAI CDAI CALL"),
        ("CC CAI", "CC CAI CALL"),
        ("CC CALL", "CC CD CAI CDAI CALL"),
    ],
)
def test_surface_tags_match_as_the_seed_connector_matches_them(tags: str, matching: str) -> None:
    assert [s.value for s in Surface if on_surface(skill("x", surfaces=tags), s)] == [
        s.value for s in Surface if s.value in matching.split()
    ]


@pytest.mark.parametrize("surface", list(Surface))
def test_surfaces_are_parsed_by_their_five_values(surface: Surface) -> None:
    assert parse_surface(surface.value) is surface
    assert parse_surface(f" {surface.value.lower()} ") is surface


@given(st.text().filter(lambda text: text.strip().upper() not in {surface.value for surface in Surface}))
def test_any_other_surface_is_refused_naming_the_five(text: str) -> None:
    with pytest.raises(Invalid, match="CC, CD, CAI, CDAI, CALL") as refused:
        parse_surface(text)
    assert refused.value.code == "unknown_surface"


@given(st.text(), st.integers(0, 40))
def test_one_line_is_one_line_and_short_enough(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line == " ".join(line.split())
    if len(" ".join(text.split())) <= limit:
        assert line == " ".join(text.split())


def test_one_line_is_cut_after_a_word() -> None:
    assert one_line("Write release notes,\n from commits", 21) == "Write release notes…"
    assert one_line("Write release notes", 19) == "Write release notes"
    assert one_line("Donaudampfschifffahrt", 10) == "Donaudamp…"
    assert one_line("words that fit", 1) == "…"
    assert one_line("words that fit", 0) == ""


@given(SKILLS, st.one_of(st.none(), st.just(""), st.just("  ")))
def test_without_a_query_the_order_stays(skills: list[Skill], query: str | None) -> None:
    assert select(skills, query=query, surface=None, plugin=None) == skills


@given(SKILLS, WORDS, st.one_of(st.none(), st.sampled_from(Surface)), st.sampled_from([None, "p", "q"]))
def test_what_is_chosen_fits_and_what_fits_is_chosen(
    skills: list[Skill], query: str, surface: Surface | None, plugin: str | None
) -> None:
    chosen = select(skills, query=query, surface=surface, plugin=plugin)

    def fits(found: Skill) -> bool:
        text = "\n".join([found.name, found.description, *found.plugin.keywords, *found.plugin.tags, found.plugin.name])
        return (
            all(word in text.casefold() for word in query.casefold().split())
            and (plugin is None or found.plugin.name == plugin)
            and (surface is None or on_surface(found, surface))
        )

    assert sorted(chosen, key=repr) == sorted(filter(fits, skills), key=repr)


@given(SKILLS, WORDS.filter(str.strip))
def test_ranking_does_not_depend_on_the_order_asked_in(skills: list[Skill], query: str) -> None:
    distinct = list({(found.plugin.name, found.directory): found for found in skills}.values())
    forward = select(distinct, query=query, surface=None, plugin=None)
    assert select(reversed(distinct), query=query, surface=None, plugin=None) == forward


def test_names_rank_before_keywords_and_keywords_before_descriptions() -> None:
    described = skill("other", "Helps with notes", plugin="a")
    labelled = skill("thing", plugin="b", keywords="notes")
    tagged = skill("tagged", plugin="bb", tags="notes")
    inside = skill("my-notes", plugin="c")
    beginning = skill("notes-for-all", plugin="d")
    exact = skill("Notes", plugin="e")
    unrelated = skill("nothing", plugin="f")
    skills = [described, labelled, tagged, inside, beginning, exact, unrelated]
    assert select(skills, query="notes", surface=None, plugin=None) == [
        exact, beginning, inside, labelled, tagged, described,
    ]  # fmt: skip


def test_every_word_must_occur_somewhere() -> None:
    notes = skill("release-notes", "From a list of commits")
    assert select([notes], query="commits RELEASE", surface=None, plugin=None) == [notes]
    assert select([notes], query="release pancakes", surface=None, plugin=None) == []
