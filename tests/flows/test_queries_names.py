"""Names: everything that a skill may be called leads to it, or to the choice there is."""

from __future__ import annotations

import json

import pytest

from skillport_sync.errors import Invalid, Missing
from skillport_sync.queries.answers import Installed


@pytest.fixture
def publish(publisher, clock):
    async def publish(files, **how):
        clock.advance(1)
        return await publisher.publish(files, executable=frozenset(), **how)

    return publish


def marketplace(*entries):
    return json.dumps({"name": "acme-skills", "owner": {"name": "Acme"}, "plugins": list(entries)})


def entry(name, *skills, source=None):
    return {"name": name, "source": source or f"./plugins/{name}", **({"skills": list(skills)} if skills else {})}


async def asked(publisher, label, who=None):
    """The label and directory of what this leads to, or the choice that is offered, or None."""
    try:
        answer = await publisher.queries.fetch(who or publisher.bob, label)
    except Missing:
        return None
    except Invalid as error:
        return error.message.rpartition("Send one of: ")[2].rstrip(".").split(", ")
    return f"{answer.skill.plugin}/{answer.skill.name}"


async def test_every_form_of_a_name_leads_to_its_skill(publisher, publish):
    files = {
        ".claude-plugin/marketplace.json": marketplace(entry("docs"), entry("root", source="./")),
        "plugins/docs/skills/pdf/SKILL.md": publisher.skill_md("pdf", "P."),
        "SKILL.md": publisher.skill_md("all", "Is everything."),
    }
    await publish({**files, "SKILL.md": publisher.skill_md("all", "Is everything.")})
    for label in ("pdf", "docs/pdf", "plugins/docs/skills/pdf", "docs/plugins/docs/skills/pdf"):
        for at in ("", "@acme", "@acme-skills"):
            assert await asked(publisher, f"{label}{at}") == "docs/pdf"
            assert await asked(publisher, f" /{label}{at}/ ") == "docs/pdf"
        assert await asked(publisher, f"{label}@beta") is None
    for label in ("all", "root/all", "root/.", ".@acme", "."):
        assert await asked(publisher, label) == "root/all"


async def test_a_name_with_a_slash_in_it_never_hides_a_plugins_skill(publisher, publish):
    await publish(
        {
            ".claude-plugin/marketplace.json": marketplace(entry("docs"), entry("other")),
            "plugins/docs/skills/pdf/SKILL.md": publisher.skill_md("pdf", "P."),
            "plugins/other/skills/x/SKILL.md": publisher.skill_md("docs/pdf", "Looks like another."),
        }
    )
    assert await asked(publisher, "docs/pdf") == "docs/pdf"
    assert await asked(publisher, "other/docs/pdf") == "other/docs/pdf"
    assert await asked(publisher, "plugins/other/skills/x") == "other/docs/pdf"


async def test_of_one_name_in_one_directory_of_several_plugins_each_can_be_meant(publisher, publish):
    """What two entries share is two skills; what is offered always leads to exactly one."""
    shared = ("./skills/a", "./skills/b")
    files = {
        ".claude-plugin/marketplace.json": marketplace(
            entry("one", *shared, source="./"), entry("two", *shared, source="./")
        ),
        "skills/a/SKILL.md": publisher.skill_md("pdf", "A."),
        "skills/b/SKILL.md": publisher.skill_md("pdf", "B."),
    }
    await publish(files)
    offered = await asked(publisher, "pdf")
    assert offered == ["one/skills/a", "one/skills/b", "two/skills/a", "two/skills/b"]
    assert await asked(publisher, "skills/a") == ["one/skills/a", "two/skills/a"]
    contents = set()
    for label in offered:
        answer = await publisher.queries.fetch(publisher.bob, label)
        contents.add((answer.skill.plugin, answer.contents[0].content))
    assert len(contents) == 4
    await publish(files, name="beta")
    offered = await asked(publisher, "one/pdf")
    assert offered == ["one/skills/a@acme", "one/skills/b@acme", "one/skills/a@beta", "one/skills/b@beta"]
    for label in offered:
        assert await asked(publisher, label) == "one/pdf"


async def test_an_unpublished_skill_is_found_by_who_knows_its_name_and_shown_to_nobody(publisher, publish):
    files = {
        ".claude-plugin/marketplace.json": marketplace(entry("docs")),
        ".skillport/access.json": publisher.access(closed=["token:alice"], ajar=["token:bob"]),
        "plugins/docs/skills/pdf/SKILL.md": publisher.skill_md("pdf", "P."),
        "plugins/draft/.claude-plugin/plugin.json": publisher.plugin_json("draft", "0.1.0"),
        "plugins/draft/skills/sketch/SKILL.md": publisher.skill_md("sketch", "S."),
        "plugins/draft/skills/pdf/SKILL.md": publisher.skill_md("pdf", "Another."),
        "plugins/draft/skills/closed/SKILL.md": publisher.skill_md("closed", "C."),
        "plugins/draft/skills/ajar/SKILL.md": publisher.skill_md("ajar", "A."),
    }
    await publish(files)
    for label in ("sketch", "draft/sketch", "plugins/draft/skills/sketch"):
        assert await asked(publisher, label) == "draft/sketch"
        assert (await publisher.queries.versions(publisher.bob, label)).skill.version == "0.1.0"
    # A draft never takes a published skill's name away.
    assert await asked(publisher, "pdf") == "docs/pdf"
    assert await asked(publisher, "draft/pdf") == "draft/pdf"
    assert await asked(publisher, "closed") is None
    assert await asked(publisher, "closed", publisher.alice) == "draft/closed"
    answer = await publisher.queries.list_skills(publisher.bob)
    assert ([line.name for line in answer.skills], answer.total) == (["pdf"], 1)
    with pytest.raises(Missing) as raised:
        await publisher.queries.fetch(publisher.bob, "sketchy")
    assert "sketch" not in raised.value.message.replace("'sketchy'", "")
    facts = await publisher.queries.check_installed(
        publisher.bob, [Installed("sketch", "0.1.0"), Installed("draft", "0.1.0"), Installed("closed", "0.1.0")]
    )
    assert [fact.status for fact in facts.installed] == ["up_to_date", "up_to_date", "gone"]
    # Those who differ only in what is not listed share no answers all the same.
    for who in (publisher.alice, publisher.bob):
        await publisher.queries.list_skills(who)
    alice, bob = publisher.queries.standing(publisher.alice), publisher.queries.standing(publisher.bob)
    assert alice.view.basis is not bob.view.basis
    assert (alice.view.size, bob.view.size) == (1, 1)


async def test_what_may_not_be_read_stands_in_nobodys_way(publisher, publish):
    """A name is unique, and a choice is offered, among what the asker may read."""
    files = {
        ".claude-plugin/marketplace.json": marketplace(entry("docs"), entry("people")),
        ".skillport/access.json": json.dumps(
            {
                "version": "1.1",
                "plugins": {"people": {"read": [{"id": "token:alice"}]}},
                "defaults": {"read": "*", "write": "editors"},
            }
        ),
        "plugins/docs/skills/pdf/SKILL.md": publisher.skill_md("pdf", "P."),
        "plugins/people/skills/pdf/SKILL.md": publisher.skill_md("pdf", "Another."),
    }
    await publish(files)
    assert await asked(publisher, "pdf") == "docs/pdf"
    assert await asked(publisher, "pdf", publisher.alice) == ["docs/pdf", "people/pdf"]
    for label in ("people/pdf", "people", "plugins/people/skills/pdf"):
        assert await asked(publisher, label) is None
