"""What real marketplace.json files say: a bad entry hides only its plugin, and only a file that is none hides them all."""

from __future__ import annotations

import pytest

MARKETPLACE = ".claude-plugin/marketplace.json"
SKILL = ("p", "p/skills/x", "x", None, "Does it.")


def test_renames_are_followed_to_their_end(write, discovered):
    """An old name leads to today's through every name between; None is removed on purpose; a circle leads nowhere."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(
                write.entry("now", "./p"),
                renames={
                    "first": "second",
                    "second": "now",
                    "retired": None,
                    "was-retired": "retired",
                    "gone": "nowhere",
                },
            ),
            "p/skills/x/SKILL.md": write.skill("x"),
        }
    )
    renames = found.catalog.renames
    assert (renames["first"], renames["second"]) == ("now", "now")
    assert (renames["retired"], renames["was-retired"]) == (None, None)
    assert found.problems == []


@pytest.mark.parametrize(
    ("renames", "code"),
    [
        ({"a": "b", "b": "a"}, "rename_cycle"), ({"a": "a"}, "rename_cycle"), ({"a": 5}, "rename_invalid"),
        ({"a": ["b"]}, "rename_invalid"), ({"a": "not a name"}, "rename_invalid"), ({"a": ""}, "rename_invalid"),
        ([], "field_wrong_type"), ("text", "field_wrong_type"),
    ],
)  # fmt: skip
def test_renames_that_lead_nowhere_hide_nothing(write, discovered, renames, code):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p"), renames=renames),
            "p/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.skills == [SKILL]
    assert found.catalog.renames == {}
    assert [(path, told) for path, told, _ in found.problems] == [(MARKETPLACE, code)]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        *((bad, "entry_not_object") for bad in (5, None, True, "text", [], [{"name": "b", "source": "./p"}])),
        *((bad, "entry_name_missing") for bad in ({}, {"name": "", "source": "./p"}, {"name": 5, "source": "./p"})),
        *(
            ({"name": name, "source": "./p"}, "entry_name_invalid")
            for name in ("badname x", "../up", "-x", "a/b", "n" * 129)
        ),
        *(({"name": "b", **source}, "entry_source_missing") for source in ({}, {"source": None})),
        ({"name": "b", "source": {"source": "pip", "package": "x"}}, "source_invalid"),
        ({"name": "b", "source": {"source": "directory", "path": "/"}}, "source_invalid"),
        *(({"name": "b", "source": source}, "source_invalid") for source in ({}, 5, ["./p"], {"source": ["github"]})),
    ],
)
def test_one_bad_entry_never_breaks_the_others(write, discovered, bad, code):
    found = discovered(
        {MARKETPLACE: write.marketplace(bad, write.entry("p", "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    )
    assert found.skills == [SKILL]
    assert found.problems == [(MARKETPLACE, code, 5)]


def test_two_entries_of_one_name(write, discovered):
    """The first counts, as the order of the file is the only order there is."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p"), write.entry("p", "./q")),
            "p/skills/x/SKILL.md": write.skill("x"),
            "q/skills/y/SKILL.md": write.skill("y"),
        }
    )
    assert found.skills == [SKILL]
    assert found.problems == [
        (MARKETPLACE, "plugin_name_duplicate", 6),
        ("q/skills/y/SKILL.md", "skill_unreachable", None),
    ]


@pytest.mark.parametrize(
    "name", ["claude-plugins-official", "agent-skills", "healthcare", "inline", "npm", "claudeai-x", "gh"]
)
def test_a_reserved_marketplace_name_is_served_all_the_same(write, discovered, name):
    """The name that Claude Code refuses is not the name that this service knows the marketplace by."""
    found = discovered(
        {MARKETPLACE: write.marketplace(write.entry("p", "./p"), name=name), "p/skills/x/SKILL.md": write.skill("x")}
    )
    assert found.skills == [SKILL]
    assert found.catalog.title == name
    assert found.problems == [(MARKETPLACE, "marketplace_name_reserved", 2)]


@pytest.mark.parametrize(
    "name", ["official-claude-kit", "Claude-Official", "claude-plugins-of-acme", "anthropic-official"]
)
def test_a_marketplace_name_that_looks_official_is_served_all_the_same(write, discovered, name):
    found = discovered(
        {MARKETPLACE: write.marketplace(write.entry("p", "./p"), name=name), "p/skills/x/SKILL.md": write.skill("x")}
    )
    assert found.skills == [SKILL]
    assert found.problems == [(MARKETPLACE, "marketplace_name_reserved", 2)]


@pytest.mark.parametrize("name", ["with space", "a/b", "größe", "..", "-x", "a@b", "n" * 129])
def test_a_marketplace_name_that_no_client_takes_is_served_all_the_same(write, discovered, name):
    found = discovered(
        {MARKETPLACE: write.marketplace(write.entry("p", "./p"), name=name), "p/skills/x/SKILL.md": write.skill("x")}
    )
    assert found.skills == [SKILL]
    assert found.problems == [(MARKETPLACE, "marketplace_name_invalid", 2)]


def test_a_marketplace_json_that_says_little(write, discovered):
    """No name and no owner: Claude Code refuses the file, this service can serve it, and says so."""
    found = discovered(
        {MARKETPLACE: b'{"plugins":\n[{"name": "p", "source": "./p"}]}', "p/skills/x/SKILL.md": write.skill("x")}
    )
    assert found.skills == [SKILL]
    assert found.problems == [
        (MARKETPLACE, "marketplace_name_missing", 1),
        (MARKETPLACE, "marketplace_owner_missing", 1),
    ]


def test_unknown_fields_and_the_schema_are_no_problem(write, discovered):
    fields = {"$schema": "https://anthropic.com/claude-code/marketplace.schema.json", "forceRemoveDeletedPlugins": True}
    entry = write.entry("p", "./p", displayName="P", relevance=1, engines={}, invented={"a": [1]}, defaultEnabled=False)
    found = discovered({MARKETPLACE: write.marketplace(entry, **fields), "p/skills/x/SKILL.md": write.skill("x")})
    assert found.skills == [SKILL]
    assert found.problems == []


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "marketplace_invalid_json", 1),
        (b"{\n// no\n}", "marketplace_invalid_json", 2),
        (b'{\n"plugins": [],\n}', "marketplace_invalid_json", 3),
        ('{"plugins": []}'.encode("utf-16"), "marketplace_invalid_json", 1),
        (b"[]", "marketplace_invalid", 1),
        (b'{"name": "a",\n"plugins": {}}', "marketplace_invalid", 2),
        (b'{"name": "a"}', "marketplace_invalid", 1),
        (b'{"plugins":' + b"[" * 100_000, "marketplace_invalid_json", None),
    ],
    ids=["empty", "comment", "trailing comma", "UTF-16", "list", "plugins an object", "no plugins", "deep"],
)
def test_a_marketplace_json_that_is_none_gives_no_catalog(discovered, content, code, line):
    assert discovered.refused({MARKETPLACE: content}) == (MARKETPLACE, code, line)


def test_a_key_set_twice_in_marketplace_json_counts_as_its_last(write, discovered):
    content = b'{"name": "a", "owner": {"name": "o"},\n"plugins": [],\n"plugins": [{"name": "p", "source": "./p"}]}'
    found = discovered({MARKETPLACE: content, "p/skills/x/SKILL.md": write.skill("x")})
    assert found.skills == [SKILL]
    assert found.problems == [(MARKETPLACE, "json_duplicate_key", 3)]
