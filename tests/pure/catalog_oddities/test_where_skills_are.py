"""Where real marketplaces keep their skills: everywhere but in one place, under several names, or nowhere at all."""

from __future__ import annotations

import pytest

MARKETPLACE = ".claude-plugin/marketplace.json"
ELSEWHERE = (
    ".github/plugin/marketplace.json",
    ".agents/plugins/marketplace.json",
    "fixtures/.claude-plugin/marketplace.json",
)


# --- rows of what was counted in real marketplaces ---------------------------------------------------------------------------


def test_skill_md_not_at_plugins_skills(write, discovered):
    """Beside a plugin, below a list, below a team, at the root of the repository: from entries, not from a pattern."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(
                write.entry("office", "./", skills=["./document-skills/pdf"]),
                write.entry("lint", "./lint"),
                write.entry("eu", "./teams/eu/plugin", skills="./extra"),
                write.entry("review", "./review"),
                write.entry("std", "./plugins/std"),
            ),
            "document-skills/pdf/SKILL.md": write.skill("pdf"),
            "lint/skills/rules/SKILL.md": write.skill("rules"),
            "teams/eu/plugin/skills/vat/SKILL.md": write.skill("vat"),
            "teams/eu/plugin/extra/gdpr/SKILL.md": write.skill("gdpr"),
            "review/SKILL.md": write.skill("review"),
            "plugins/std/skills/tidy/SKILL.md": write.skill("tidy"),
        }
    )
    assert found.paths == [
        "eu:teams/eu/plugin/extra/gdpr",
        "eu:teams/eu/plugin/skills/vat",
        "lint:lint/skills/rules",
        "office:document-skills/pdf",
        "review:review",
        "std:plugins/std/skills/tidy",
    ]
    assert found.problems == []


def test_a_skill_md_that_no_entry_leads_to_is_reported_and_not_served(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("a", "./a")),
            "a/skills/x/SKILL.md": write.skill("x"),
            "a/notes/draft/SKILL.md": write.skill("draft"),
            "backups/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == ["a:a/skills/x"]
    assert found.problems == [
        ("a/notes/draft/SKILL.md", "skill_unreachable", None),
        ("backups/x/SKILL.md", "skill_unreachable", None),
    ]


def test_name_differs_from_directory(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("dev", "./plugins/dev")),
            "plugins/dev/skills/agent-development/SKILL.md": write.skill("Agent Development"),
        }
    )
    assert found.skills == [("dev", "plugins/dev/skills/agent-development", "Agent Development", None, "Does it.")]
    assert found.problems == []


@pytest.mark.parametrize(
    "name", ["-21risk-automation", "contact-center/android", "Agent Development", "LOUD", "größe", "a_b"]
)
def test_name_not_kebab_case_or_not_lower(write, discovered, published, name):
    """A name is a label: shown as it is written, found as it is written."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("zoom", "./zoom")),
        "zoom/skills/x/SKILL.md": write.skill(name),
    }
    found = discovered(files)
    assert found.skills == [("zoom", "zoom/skills/x", name, None, "Does it.")]
    assert found.problems == []
    assert published(files).skills_named(f"zoom/{name}") == published(files).skills_named(name) == found.catalog.skills


def test_same_name_twice_in_one_plugin(write, discovered, published):
    files = {
        MARKETPLACE: write.marketplace(write.entry("legal", "./legal")),
        "legal/skills/review/SKILL.md": write.skill("review-contract"),
        "legal/skills/review-v2/SKILL.md": write.skill("review-contract", "Does it better."),
    }
    found = discovered(files)
    assert found.skills == [
        ("legal", "legal/skills/review", "review-contract", None, "Does it."),
        ("legal", "legal/skills/review-v2", "review-contract", None, "Does it better."),
    ]
    assert found.problems == [("legal/skills/review-v2/SKILL.md", "skill_name_duplicate", None)]
    assert published(files).skills_named("legal/review-contract") == found.catalog.skills


def test_same_name_twice_in_two_plugins(write, discovered, published):
    """Nothing is wrong with it: the plugin tells them apart, and the bare name lists both."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("sales", "./sales"), write.entry("hr", "./hr")),
        "sales/skills/start/SKILL.md": write.skill("start"),
        "hr/skills/start/SKILL.md": write.skill("start"),
    }
    found = discovered(files)
    assert found.paths == ["hr:hr/skills/start", "sales:sales/skills/start"]
    assert found.problems == []
    snapshot = published(files)
    assert [skill.label for skill in snapshot.skills_named("start")] == ["hr/start", "sales/start"]
    assert [skill.label for skill in snapshot.skills_named("sales/start")] == ["sales/start"]
    assert [skill.label for skill in snapshot.skills_named("hr/start@acme")] == ["hr/start"]
    assert snapshot.skills_named("hr/start@elsewhere") == ()


def test_one_skill_in_several_plugin_entries(write, discovered):
    """Three entries, one directory: three plugins, each with all of its skills, and nothing to report but the name."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(
                write.entry("expo", "./plugins/expo", version="2.0.0"),
                write.entry("expo-deploy", "./plugins/expo"),
                write.entry("expo-design", "./plugins/expo", skills="./skills/ui"),
            ),
            "plugins/expo/.claude-plugin/plugin.json": write.plugin_json("expo", version="1.0.0"),
            "plugins/expo/skills/ui/SKILL.md": write.skill("ui"),
            "plugins/expo/skills/eas/SKILL.md": write.skill("eas"),
        }
    )
    assert found.skills == [
        (plugin, f"plugins/expo/skills/{name}", name, "1.0.0", "Does it.")
        for plugin in ("expo", "expo-deploy", "expo-design")
        for name in ("eas", "ui")
    ]
    manifest = "plugins/expo/.claude-plugin/plugin.json"
    assert found.problems == [
        (manifest, "plugin_name_differs", 2),
        (manifest, "plugin_name_differs", 2),
        (manifest, "plugin_version_differs", 3),
    ]
    assert len({skill.revision for skill in found.catalog.skills}) == 2


def test_skills_as_string_and_as_list_in_entries(write, discovered):
    """Each path holds a SKILL.md or holds skills; all of them come on top of ``skills/``."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(
                write.entry("one", "./one", skills="./single"),
                write.entry("many", "./many", skills=["./single", "./group/", "./group/b", "./skills/x"]),
            ),
            "one/single/SKILL.md": write.skill("single"),
            "one/skills/x/SKILL.md": write.skill("x"),
            "many/single/SKILL.md": write.skill("single"),
            "many/single/below/SKILL.md": write.skill("below"),
            "many/group/a/SKILL.md": write.skill("a"),
            "many/group/b/SKILL.md": write.skill("b"),
            "many/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == [
        "many:many/group/a",
        "many:many/group/b",
        "many:many/single",
        "many:many/skills/x",
        "one:one/single",
        "one:one/skills/x",
    ]
    assert found.problems == [("many/single/below/SKILL.md", "skill_nested", None)]


def test_skills_in_plugin_json(write, discovered):
    """As in an entry, and together with the entry's; ``"./"`` is the plugin itself; a path that is missing is reported."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(
                write.entry("eng", "./eng", skills=["./from-entry"]), write.entry("flat", "./flat")
            ),
            "eng/.claude-plugin/plugin.json": write.plugin_json("eng", skills=["./from-manifest", "./gone"]),
            "eng/from-entry/a/SKILL.md": write.skill("a"),
            "eng/from-manifest/b/SKILL.md": write.skill("b"),
            "eng/skills/c/SKILL.md": write.skill("c"),
            "flat/.claude-plugin/plugin.json": write.plugin_json("flat", skills="./"),
            "flat/d/SKILL.md": write.skill("d"),
        }
    )
    assert found.paths == ["eng:eng/from-entry/a", "eng:eng/from-manifest/b", "eng:eng/skills/c", "flat:flat/d"]
    assert found.problems == [("eng/gone", "skills_path_missing", None)]


def test_source_is_marketplace_root_where_listed_skills_replace_the_scan(write, discovered):
    """Several plugins of one root, each with its own share of ``skills/``: what none lists, none has."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(
                write.entry("documents", "./", strict=False, skills=["./skills/pdf", "./skills/docx"]),
                write.entry("examples", "./", strict=False, skills=["./skills/art"]),
                write.entry("dotted", ".", strict=False, skills="./more"),
            ),
            "skills/pdf/SKILL.md": write.skill("pdf"),
            "skills/docx/SKILL.md": write.skill("docx"),
            "skills/art/SKILL.md": write.skill("art"),
            "skills/unlisted/SKILL.md": write.skill("unlisted"),
            "more/one/SKILL.md": write.skill("one"),
        }
    )
    assert found.paths == [
        "documents:skills/docx",
        "documents:skills/pdf",
        "dotted:more/one",
        "examples:skills/art",
    ]
    assert found.problems == [("skills/unlisted/SKILL.md", "skill_unreachable", None)]


def test_source_is_marketplace_root_with_a_plugin_json_of_its_own(write, discovered):
    """``skills`` in plugin.json replaces the scan there too."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("all", "./")),
        "skills/a/SKILL.md": write.skill("a"),
        "more/b/SKILL.md": write.skill("b"),
    }
    assert discovered(files).paths == ["all:skills/a"]
    files[".claude-plugin/plugin.json"] = write.plugin_json("all", skills=["./more"])
    assert discovered(files).paths == ["all:more/b"]


def test_nested_skills(write, discovered, published):
    """A skill below a skill is no skill of its own: its files are the outer one's, and it is reported."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("zoom", "./zoom")),
        "zoom/skills/outer/SKILL.md": write.skill("outer"),
        "zoom/skills/outer/inner/SKILL.md": write.skill("inner"),
        "zoom/skills/outer/inner/notes.md": b"notes",
    }
    found = discovered(files)
    assert found.paths == ["zoom:zoom/skills/outer"]
    assert found.problems == [("zoom/skills/outer/inner/SKILL.md", "skill_nested", None)]
    snapshot = published(files)
    [outer] = snapshot.catalog.skills
    assert [path for path, _ in snapshot.files_of(outer)] == ["SKILL.md", "inner/SKILL.md", "inner/notes.md"]


def test_nested_skills_that_are_listed_are_skills_of_their_own(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("zoom", "./zoom", skills=["./skills/outer/inner"])),
            "zoom/skills/outer/SKILL.md": write.skill("outer"),
            "zoom/skills/outer/inner/SKILL.md": write.skill("inner"),
        }
    )
    assert found.paths == ["zoom:zoom/skills/outer", "zoom:zoom/skills/outer/inner"]
    assert found.problems == []


def test_source_directory_missing(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(
                write.entry("gone", "./plugins/gone"), write.entry("here", "./plugins/here")
            ),
            "plugins/here/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == ["here:plugins/here/skills/x"]
    assert found.problems == [("plugins/gone", "source_missing", None)]
    assert [plugin.name for plugin in found.catalog.plugins] == ["here"]


def test_other_marketplace_json_inside_the_repo(write, discovered):
    """Only the one at the root of the repository counts, wherever others lie and however broken they are."""
    own = {MARKETPLACE: write.marketplace(write.entry("a", "./a")), "a/skills/x/SKILL.md": write.skill("x")}
    other = write.marketplace(write.entry("b", "./b"))
    found = discovered({**own, **dict.fromkeys(ELSEWHERE, other), "a/.claude-plugin/marketplace.json": b"{"})
    assert found.skills == discovered(own).skills
    assert found.problems == []


def test_no_marketplace_json_at_the_root_is_no_marketplace(write, discovered):
    other = write.marketplace(write.entry("b", "./b"))
    files = {**dict.fromkeys(ELSEWHERE, other), "b/skills/x/SKILL.md": write.skill("x")}
    assert discovered.refused(files) == (MARKETPLACE, "marketplace_missing", None)


def test_two_marketplaces_with_the_same_name(write, published):
    """Claude Code lets the second replace the first; here the name that the operator gave tells them apart."""
    one, two = (
        published(
            {
                MARKETPLACE: write.marketplace(write.entry(plugin, f"./{plugin}"), name="claude-code-skills"),
                f"{plugin}/skills/x/SKILL.md": write.skill("x"),
            },
            name=name,
        )
        for name, plugin in (("north", "a"), ("south", "b"))
    )
    assert one.catalog.title == two.catalog.title == "claude-code-skills"
    assert [skill.label for skill in one.skills_named("x@north")] == ["a/x"]
    assert [skill.label for skill in two.skills_named("b/x@south")] == ["b/x"]
    assert one.skills_named("x@south") == two.skills_named("x@north") == ()
    assert [skill.label for skill in two.skills_named("x@claude-code-skills")] == ["b/x"]


# --- sentences of the rules ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "directory"),
    [("./a", "a"), ("./a/", "a"), ("./x/../a", None), ("a", "plugins/a"), ("./", ""), (".", ""), ("./deep//er/./a", "deep/er/a")],
)  # fmt: skip
def test_every_form_of_a_local_source(write, discovered, source, directory):
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", source), metadata={"pluginRoot": "./plugins"}),
        "a/skills/s/SKILL.md": write.skill("s"),
        "deep/er/a/skills/s/SKILL.md": write.skill("s"),
        "plugins/a/skills/s/SKILL.md": write.skill("s"),
        "skills/s/SKILL.md": write.skill("s"),
    }
    expected = [] if directory is None else [f"p:{directory}/skills/s".replace(":/", ":")]
    assert discovered(files).paths == expected


@pytest.mark.parametrize(
    "source", ["a", "../a", "/a", "./../a", "a/b", ".\\a", "./a\\b", "", "./a\0", "file:///a", "~/a"]
)
def test_a_local_source_that_is_none_hides_only_its_own_entry(write, discovered, source):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("bad", source), write.entry("good", "./good")),
            "good/skills/s/SKILL.md": write.skill("s"),
            "a/skills/s/SKILL.md": write.skill("s"),
        }
    )
    assert found.paths == ["good:good/skills/s"]
    assert found.problems == [
        (MARKETPLACE, "source_path_invalid", 5),
        ("a/skills/s/SKILL.md", "skill_unreachable", None),
    ]


@pytest.mark.parametrize(
    ("files", "fields", "expected"),
    [
        ({}, {}, ["p:p"]),
        ({"p/skills/README.md": b""}, {}, []),
        ({"p/skills/a/SKILL.md": b""}, {}, ["p:p/skills/a"]),
        ({"p/more/b/SKILL.md": b""}, {"skills": "./more"}, ["p:p/more/b"]),
        ({}, {"skills": "./"}, ["p:p"]),
        ({"p/commands/c.md": b""}, {"commands": "./commands"}, ["p:p"]),
    ],
)
def test_a_skill_md_at_the_plugins_root_counts_only_where_nothing_else_is_declared(
    write, discovered, files, fields, expected
):
    said = {MARKETPLACE: write.marketplace(write.entry("p", "./p", **fields)), "p/SKILL.md": write.skill("root")}
    assert discovered({**said, **files}).paths == expected


def test_a_skill_is_told_apart_by_marketplace_plugin_and_directory(write, published):
    """Names may collide in every way; the directory never does."""
    snapshot = published(
        {
            MARKETPLACE: write.marketplace(
                write.entry("a", "./a", skills=["./extra"]), write.entry("b", "./a", skills=["./extra"])
            ),
            "a/skills/x/SKILL.md": write.skill("same"),
            "a/extra/x/SKILL.md": write.skill("same"),
        }
    )
    skills = snapshot.catalog.skills
    assert [(skill.plugin.name, skill.directory) for skill in skills] == [
        ("a", "a/extra/x"), ("a", "a/skills/x"), ("b", "a/extra/x"), ("b", "a/skills/x")
    ]  # fmt: skip
    assert snapshot.skills_named("same") == skills
    assert snapshot.skills_named("a/same") == skills[:2]
