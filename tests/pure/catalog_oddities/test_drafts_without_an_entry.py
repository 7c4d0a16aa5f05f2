"""Plugin directories that no entry of marketplace.json names: drafts, found by name and not listed, unless an entry has a say."""

from __future__ import annotations

import pytest

MARKETPLACE = ".claude-plugin/marketplace.json"


def test_a_plugin_directory_without_an_entry_is_found_by_name_and_not_listed(write, discovered, published):
    files = {
        MARKETPLACE: write.marketplace(write.entry("a", "./plugins/a")),
        "plugins/a/skills/x/SKILL.md": write.skill("x"),
        "plugins/draft/.claude-plugin/plugin.json": write.plugin_json("draft", version="0.1.0"),
        "plugins/draft/skills/new/SKILL.md": write.skill("new"),
        "plugins/bare/skills/other/SKILL.md": write.skill("other"),
        "plugins/notes/README.md": b"no plugin",
    }
    found = discovered(files)
    assert found.paths == ["a:plugins/a/skills/x"]
    assert found.unpublished == [
        ("bare", "plugins/bare/skills/other", "other", None, "Does it."),
        ("draft", "plugins/draft/skills/new", "new", "0.1.0", "Does it."),
    ]
    assert "notes" not in {plugin.name for plugin in found.catalog.plugins}
    assert found.problems == [
        ("plugins/bare", "plugin_unpublished", None),
        ("plugins/draft", "plugin_unpublished", None),
    ]
    assert [skill.plugin.published for skill in published(files).skills_named("draft/new")] == [False]


def test_plugin_directories_without_an_entry_are_sought_under_the_plugin_root(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("a", "a"), metadata={"pluginRoot": "./kits"}),
            "kits/a/skills/x/SKILL.md": write.skill("x"),
            "kits/draft/skills/new/SKILL.md": write.skill("new"),
            "plugins/elsewhere/skills/old/SKILL.md": write.skill("old"),
        }
    )
    assert found.paths == ["a:kits/a/skills/x"]
    assert [row[:2] for row in found.unpublished] == [("draft", "kits/draft/skills/new")]
    assert found.problems == [
        ("kits/draft", "plugin_unpublished", None),
        ("plugins/elsewhere/skills/old/SKILL.md", "skill_unreachable", None),
    ]


def test_a_plugin_directory_that_an_entry_claims_is_not_unpublished_whatever_the_entry_is_called(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("named-otherwise", "./plugins/a")),
            "plugins/a/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == ["named-otherwise:plugins/a/skills/x"]
    assert found.unpublished == []


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "part", "source": "./plugins/a/inner"},
        {"name": "whole", "source": "./plugins/a"},
        {"name": "left out", "source": "./plugins/a"},
        {"name": "a", "source": "./other"},
        {"name": "a", "source": {"source": "npm", "package": "a"}},
    ],
    ids=["a part of it", "all of it", "an entry that is left out", "its name", "its name, of a source not fetched"],
)
def test_what_an_entry_names_is_that_entrys_business(write, discovered, entry):
    """Rules of access go by names: no draft may slip in under a name, or from a directory, that an entry has."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(entry),
            "plugins/a/skills/x/SKILL.md": write.skill("x"),
            "plugins/a/inner/skills/y/SKILL.md": write.skill("y"),
            "other/skills/z/SKILL.md": write.skill("z"),
        }
    )
    assert found.unpublished == []


def test_a_draft_reached_through_a_link_to_a_published_plugin_is_none(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("a", "./plugins/a")),
            "plugins/a/skills/x/SKILL.md": write.skill("x"),
            "plugins/alias": write.link("a"),
        }
    )
    assert found.paths == ["a:plugins/a/skills/x"]
    assert found.unpublished == []
