"""What one skill consists of, for whom, and its bytes."""

from __future__ import annotations

import pytest

from skillport_sync.access.model import Absent
from skillport_sync.errors import Missing
from skillport_sync.git.objects import Mode
from skillport_sync.queries.cursors import key_of


async def test_a_skill_comes_with_all_its_files_and_their_bytes(published):
    answer = await published.queries.contents(published.bob, "pdf")
    prefix = "plugins/docs/skills/pdf/"
    expected = {
        path.removeprefix(prefix): content for path, content in published.small.items() if path.startswith(prefix)
    }
    assert [path for path, _ in answer.files] == sorted(expected)
    for path, content in expected.items():
        raw = content.encode() if isinstance(content, str) else content
        assert await published.queries.content(answer, path) == raw
    assert dict(answer.files)["scripts/fill.py"].mode is Mode.EXECUTABLE
    assert (answer.found.label, answer.skill.revision) == ("docs/pdf", answer.found.revision)
    (served,) = published.current.get().values()
    assert answer.publication == key_of(served)


async def test_a_file_that_is_not_there_or_not_kept_is_missing(publisher):
    await publisher.publish(publisher.small, not_held=frozenset({"plugins/docs/skills/pdf/assets/logo.png"}))
    answer = await publisher.queries.contents(publisher.bob, "pdf")
    assert answer.skill.incomplete
    for path, code in (("assets/logo.png", "content_not_kept"), ("assets/logo", "unknown_path")):
        with pytest.raises(Missing) as raised:
            await publisher.queries.content(answer, path)
        assert raised.value.code == code


async def test_files_of_a_skill_inside_it_that_may_not_be_read_are_left_out(publisher):
    outer = "plugins/docs/skills/outer"
    entry = {"name": "docs", "source": "./plugins/docs", "skills": ["./skills/outer", "./skills/outer/inner"]}
    files = {
        ".claude-plugin/marketplace.json": publisher.marketplace(plugins=[entry]),
        ".skillport/access.json": publisher.access(inner=[publisher.alice.id]),
        f"{outer}/SKILL.md": publisher.skill_md("outer", "Holds another."),
        f"{outer}/inner/SKILL.md": publisher.skill_md("inner", "Is held."),
    }
    await publisher.publish(files, executable=frozenset())

    async def paths(who):
        answer = await publisher.queries.contents(who, "outer")
        return {path for path, _ in answer.files}, answer

    assert (await paths(publisher.alice))[0] == {"SKILL.md", "inner/SKILL.md"}
    seen_by_bob, answer = await paths(publisher.bob)
    assert seen_by_bob == {"SKILL.md"}
    with pytest.raises(Missing) as raised:
        await publisher.queries.content(answer, "inner/SKILL.md")
    assert raised.value.code == "unknown_path"


async def test_only_who_may_write_may_edit_and_nobody_what_was_before(published):
    queries = published.queries
    first = await queries.contents(published.alice, "pdf")
    assert first.editable
    assert not (await queries.contents(published.bob, "pdf")).editable
    changed = published.skill_md("pdf", "Is better.")
    await published.publish({**published.small, "plugins/docs/skills/pdf/SKILL.md": changed})
    before = await queries.contents(published.alice, "pdf", commit=first.snapshots[0].commit)
    assert (before.skill, before.files, before.editable) == (first.skill, first.files, False)
    assert (first.basis is not None, before.basis) == (True, None)


async def test_without_a_policy_everybody_browses_and_nobody_edits(publisher):
    files = {path: content for path, content in publisher.small.items() if "access.json" not in path}
    published = await publisher.publish(files)
    assert isinstance(published.snapshot.policy, Absent)
    answer = await publisher.queries.browse(publisher.alice)
    assert len(answer.skills) == 4
    assert not any(one.editable for one in answer.skills)


async def test_browsing_says_of_each_skill_what_its_contents_say(published):
    for who in (published.alice, published.bob):
        for one in (await published.queries.browse(who)).skills:
            answer = await published.queries.contents(who, one.skill.label)
            assert answer.found is one.skill
            assert answer.editable is one.editable


async def test_browsing_finds_what_the_list_finds_in_the_same_order(publisher):
    await publisher.publish(publisher.many(60, skill_007=[publisher.alice.id]), executable=frozenset())
    for who in (publisher.alice, publisher.bob):
        for question in ({}, {"query": "odd case"}, {"query": "skill-007"}, {"plugin": "plugin-3", "query": "way"}):
            listed = await publisher.queries.list_skills(who, **question)
            browsed = await publisher.queries.browse(who, **question)
            assert [one.skill.name for one in browsed.skills] == [line.name for line in listed.skills]
