"""Choosing among skills: surface, plugin, category, and one line where a line has to be enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.model import OWN_SOURCE, Plugin, PluginName, Skill, Surface
from skillport_sync.catalog.select import Filter, on_surface, one_line, parse_surface
from skillport_sync.errors import Invalid
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath


def skill(name: str = "x", *, plugin: str = "p", surfaces: str = "", category: str | None = None) -> Skill:
    return Skill(
        plugin=Plugin(
            name=PluginName(plugin),
            source=OWN_SOURCE,
            directory=plugin,
            version=None,
            description="",
            author=None,
            category=category,
            tags=(),
            keywords=(),
            surfaces=frozenset(Surface(surface) for surface in surfaces.split()),
        ),
        directory=f"{plugin}/skills/{name}",
        skill_md=RepoPath(f"{plugin}/skills/{name}/SKILL.md"),
        name=name,
        description="",
        frontmatter={},
        revision=EMPTY_TREE,
    )


CATEGORIES = st.sampled_from([None, "", "Finance", "finance ", "STRASSE", "straße"])
SKILLS = st.builds(
    skill,
    plugin=st.sampled_from(["p", "q"]),
    surfaces=st.sampled_from(["", "CC", "CC CAI", "CDAI", "CALL"]),
    category=CATEGORIES,
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
    assert [s.value for s in Surface if on_surface(skill(surfaces=tags), s)] == [
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


@given(SKILLS, st.one_of(st.none(), st.sampled_from(Surface)), st.sampled_from([None, "p", "q"]), CATEGORIES)
def test_a_skill_is_taken_where_it_fits_every_part_of_the_filter(
    one: Skill, surface: Surface | None, plugin: str | None, category: str | None
) -> None:
    fits = (
        plugin in (None, one.plugin.name)
        and (surface is None or on_surface(one, surface))
        and (
            category is None
            or (
                one.plugin.category is not None
                and one.plugin.category.strip().casefold() == category.strip().casefold()
            )
        )
    )
    assert Filter(surface, plugin, category).takes(one) is fits


@given(SKILLS)
def test_a_filter_of_nothing_takes_all_and_says_so(one: Skill) -> None:
    assert Filter().takes(one)
    assert Filter().takes_all
    assert not any(
        part.takes_all for part in (Filter(surface=Surface.ALL), Filter(plugin="p"), Filter(category="finance"))
    )
