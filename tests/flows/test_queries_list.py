"""Listing: pages, order, filters, and cursors through publications that are replaced meanwhile."""

from __future__ import annotations

import pytest

from skillport_sync.errors import Conflict, Invalid


async def all_pages(queries, who, **question):
    skills, pages, cursor = [], [], None
    while True:
        page = await queries.list_skills(who, cursor=cursor, **question)
        skills += [f"{line.plugin}/{line.name}" for line in page.skills]
        pages.append(page)
        cursor = page.next_cursor
        if cursor is None:
            return skills, pages


@pytest.mark.parametrize("limit", [1, 7, 99, 100, 101, 230, 500])
async def test_pages_together_are_the_list_and_each_skill_is_on_one(publisher, limit):
    await publisher.publish(publisher.many(230), executable=frozenset())
    skills, pages = await all_pages(publisher.queries, publisher.bob, limit=limit)
    assert skills == sorted(skills)
    assert len(skills) == len(set(skills)) == 230
    assert {page.total for page in pages} == {230}
    assert all(len(page.skills) == limit for page in pages[:-1])


async def test_a_query_ranks_and_a_filter_keeps_the_order(publisher):
    await publisher.publish(publisher.many(40), executable=frozenset())
    best = await publisher.queries.list_skills(publisher.bob, query="skill-007")
    assert [line.name for line in best.skills] == ["skill-007"]
    odd, _ = await all_pages(publisher.queries, publisher.bob, query="odd case", limit=3)
    assert len(odd) == 20
    one = await publisher.queries.list_skills(publisher.bob, plugin="plugin-3")
    assert [line.name for line in one.skills] == ["skill-003", "skill-013", "skill-023", "skill-033"]


async def test_a_page_goes_on_in_the_publication_it_began_in(publisher, clock):
    await publisher.publish(publisher.many(30), executable=frozenset())
    first = await publisher.queries.list_skills(publisher.bob, limit=10)
    clock.advance(5)
    await publisher.publish(publisher.many(5), executable=frozenset())
    second = await publisher.queries.list_skills(publisher.bob, limit=10, cursor=first.next_cursor)
    assert second.snapshots[0].commit == first.snapshots[0].commit
    assert (len(second.skills), second.total) == (10, 30)
    assert second.basis is None, "an answer of a replaced publication must not be remembered"
    fresh = await publisher.queries.list_skills(publisher.bob)
    assert fresh.total == 5


async def test_a_cursor_ends_with_the_memory_of_its_publication(publisher, clock):
    await publisher.publish(publisher.many(30), executable=frozenset())
    first = await publisher.queries.list_skills(publisher.bob, limit=10)
    await publisher.publish(publisher.many(29), executable=frozenset())
    await publisher.queries.list_skills(publisher.bob, limit=10, cursor=first.next_cursor)
    clock.advance(601)
    with pytest.raises(Conflict, match="Start again without it"):
        await publisher.queries.list_skills(publisher.bob, limit=10, cursor=first.next_cursor)


async def test_only_the_last_few_replaced_publications_are_held(publisher, clock):
    cursors = []
    for count in range(20, 27):
        clock.advance(1)
        await publisher.publish(publisher.many(count), executable=frozenset())
        cursors.append((await publisher.queries.list_skills(publisher.bob, limit=10)).next_cursor)
    outcomes = []
    for cursor in cursors:
        try:
            await publisher.queries.list_skills(publisher.bob, limit=10, cursor=cursor)
            outcomes.append("goes on")
        except Conflict:
            outcomes.append("ended")
    assert outcomes == ["ended"] * 2 + ["goes on"] * 5


async def test_a_cursor_of_another_question_or_of_nothing_says_so(publisher):
    await publisher.publish(publisher.many(30), executable=frozenset())
    cursor = (await publisher.queries.list_skills(publisher.bob, query="odd", limit=3)).next_cursor
    with pytest.raises(Invalid, match="belongs to another question"):
        await publisher.queries.list_skills(publisher.bob, query="even", limit=3, cursor=cursor)
    with pytest.raises(Invalid, match="belongs to another question"):
        await publisher.queries.list_skills(publisher.bob, query="odd", category="x", limit=3, cursor=cursor)
    with pytest.raises(Invalid, match="not one of ours"):
        await publisher.queries.fetch(publisher.bob, "skill-001", cursor=cursor)
    for garbled in ("", "x", cursor[:-3], "A" * 5000, "W1sxXSwiIiwxXQ"):
        with pytest.raises((Invalid, Conflict)):
            await publisher.queries.list_skills(publisher.bob, query="odd", limit=3, cursor=garbled)


async def test_marketplaces_are_listed_by_name_whichever_came_first(publisher):
    await publisher.publish(publisher.many(2), name="zeta", executable=frozenset())
    await publisher.publish(publisher.many(2), name="alpha", executable=frozenset())
    listed = await publisher.queries.list_skills(publisher.bob, limit=3)
    assert [line.marketplace for line in listed.skills] == ["alpha", "alpha", "zeta"]
    assert [fact.marketplace for fact in listed.snapshots] == ["alpha", "zeta"]
    rest = await publisher.queries.list_skills(publisher.bob, limit=3, cursor=listed.next_cursor)
    assert [line.marketplace for line in rest.skills] == ["zeta"]
    ranked = await publisher.queries.list_skills(publisher.bob, query="skill-001")
    assert [(line.marketplace, line.name) for line in ranked.skills] == [("alpha", "skill-001"), ("zeta", "skill-001")]


async def test_a_description_is_one_short_line(publisher):
    files = {
        ".claude-plugin/marketplace.json": publisher.marketplace("docs"),
        "plugins/docs/skills/pdf/SKILL.md": "---\nname: pdf\ndescription: |\n  Fills\n  forms.\n"
        + "  And more.\n" * 99
        + "---\n",
    }
    await publisher.publish(files, executable=frozenset())
    line = (await publisher.queries.list_skills(publisher.bob)).skills[0]
    assert line.description.startswith("Fills forms. And more.")
    assert len(line.description) <= 120
