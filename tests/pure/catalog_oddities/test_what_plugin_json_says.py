"""What real plugin.json files say, fail to say, and say otherwise than the entry: a field hides only itself."""

from __future__ import annotations

import json

import pytest

MARKETPLACE = ".claude-plugin/marketplace.json"
MANIFEST = "p/.claude-plugin/plugin.json"
SKILL = ("p", "p/skills/x", "x", None, "Does it.")


@pytest.fixture
def one(write, discovered):
    """A plugin ``p`` with a skill and this plugin.json, its entry with these fields; beside it a sound plugin ``z``."""

    def found(manifest=None, files=(), **entry):
        written = {
            MARKETPLACE: write.marketplace(write.entry("p", "./p", **entry), write.entry("z", "./z")),
            "p/skills/x/SKILL.md": write.skill("x"),
            "z/skills/sound/SKILL.md": write.skill("sound"),
            **dict(files),
        }
        if manifest is not None:
            written[MANIFEST] = manifest
        told = discovered(written)
        assert told.skills[-1] == ("z", "z/skills/sound", "sound", None, "Does it.")
        return told

    return found


# --- rows of what was counted in real marketplaces: plugin.json ------------------------------------------------------------


def test_local_plugin_without_plugin_json(one):
    """The entry is the manifest: version, description, author and keywords are its own."""
    found = one(version="3.0.0", description="About it.", author={"name": "Ada"}, keywords=["k"], strict=True)
    assert found.skills[0] == ("p", "p/skills/x", "x", "3.0.0", "Does it.")
    plugin = found.catalog.plugins[0]
    assert (plugin.description, plugin.author, plugin.keywords) == ("About it.", "Ada", ("k",))
    assert found.problems == []


@pytest.mark.parametrize("skills", ["./more", ["./more"]])
def test_strict_false_without_plugin_json(one, write, skills):
    """As 60 plugins of one real marketplace are: the entry says all there is."""
    found = one(files={"p/more/y/SKILL.md": write.skill("y")}, strict=False, skills=skills)
    assert found.paths == ["p:p/more/y", "p:p/skills/x", "z:z/skills/sound"]
    assert found.problems == []


def test_strict_false_with_a_plugin_json_that_lists_no_components(one, write):
    found = one(write.plugin_json("p", version="2.0.0"), strict=False)
    assert found.skills[0] == ("p", "p/skills/x", "x", "2.0.0", "Does it.")
    assert found.problems == []


@pytest.mark.parametrize("field", ["skills", "commands", "agents", "hooks", "mcpServers", "outputStyles", "lspServers"])
def test_strict_false_with_components_in_the_entry_and_a_plugin_json_is_a_conflict(one, write, field):
    """Claude Code does not load the plugin, so there are no skills of it; that it is there is still said."""
    found = one(write.plugin_json("p"), strict=False, **{field: "./skills"})
    assert found.paths == ["z:z/skills/sound"]
    assert [plugin.name for plugin in found.catalog.plugins] == ["p", "z"]
    assert found.problems == [(MANIFEST, "strict_conflict", 1)]
    assert found.problem("strict_conflict").severity == "error"


def test_strict_false_with_components_in_plugin_json_alone_loads(one, write):
    """Measured with Claude Code 2.1.329."""
    found = one(write.plugin_json("p", skills=["./skills"]), strict=False)
    assert found.paths == ["p:p/skills/x", "z:z/skills/sound"]
    assert found.problems == []


def test_strict_true_adds_the_entrys_components_to_the_manifests(one, write):
    files = {"p/of-entry/e/SKILL.md": write.skill("e"), "p/of-manifest/m/SKILL.md": write.skill("m")}
    found = one(write.plugin_json("p", skills=["./of-manifest"]), files, skills=["./of-entry"], strict=True)
    assert found.paths == ["p:p/of-entry/e", "p:p/of-manifest/m", "p:p/skills/x", "z:z/skills/sound"]
    assert found.problems == []


def test_entry_version_differs_from_plugin_json_version(one, write):
    """plugin.json's counts: it is what Claude Code shows and what pins an installation."""
    found = one(write.plugin_json("p", version="2.0.0"), version="1.0.0")
    assert found.skills[0] == ("p", "p/skills/x", "x", "2.0.0", "Does it.")
    assert found.problems == [(MANIFEST, "plugin_version_differs", 3)]


def test_entry_name_differs_from_plugin_json_name(one, write):
    """The entry's counts: it is what people install."""
    found = one(write.plugin_json("another"))
    assert found.skills[0] == SKILL
    assert found.problems == [(MANIFEST, "plugin_name_differs", 2)]


@pytest.mark.parametrize("manifest", [None, {}, {"version": ""}, {"version": "  "}])
def test_entry_without_version(one, write, manifest):
    """No version is no problem: the revision tells one content from another."""
    found = one(None if manifest is None else write.plugin_json("p", **manifest))
    assert found.skills[0] == SKILL
    assert found.problems == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("author", "Ada Lovelace"), ("author", ["Ada"]), ("repository", {"type": "git", "url": "https://git.example/x"}),
        ("version", 2), ("description", ["a"]), ("keywords", "one, two"), ("homepage", 5), ("license", {"type": "MIT"}),
        ("skills", {"a": "./b"}), ("keywords", ["a", 1]),
    ],
)  # fmt: skip
def test_plugin_json_that_fails_to_load_by_type(one, write, field, value):
    """Claude Code loads none of it; here the field alone counts as not set, and is reported with its line."""
    found = one(write.plugin_json("p", **{field: value}))
    assert found.skills[0] == SKILL
    assert found.problems == [(MANIFEST, "field_wrong_type", 3)]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "manifest_unreadable", 1),
        (b"{\n// a comment\n}", "manifest_unreadable", 2),
        (b'{\n"name": "p",\n}', "manifest_unreadable", 3),
        (b"[]", "manifest_unreadable", 1),
        (b'"p"', "manifest_unreadable", 1),
        (b"\xff\xfe{\x00}\x00", "manifest_unreadable", 1),
        (b"[" * 100_000, "manifest_unreadable", None),
        (b"{}", "manifest_name_missing", 1),
        (b'{"name": ""}', "manifest_name_missing", 1),
        (b'{"name": "p",\n"name": "p"}', "json_duplicate_key", 2),
    ],
    ids=["empty", "comment", "trailing comma", "list", "text", "UTF-16", "deep", "no name", "empty name", "key twice"],
)
def test_plugin_json_that_says_nothing(one, content, code, line):
    found = one(content)
    assert found.skills[0] == SKILL
    assert found.problems == [(MANIFEST, code, line)]


def test_plugin_json_with_a_byte_order_mark(one, write):
    found = one(b"\xef\xbb\xbf" + write.plugin_json("p", version="1.0.0"))
    assert found.skills[0][3] == "1.0.0"
    assert found.problems == []


# --- what `claude plugin validate` refuses at the root ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["claude", "claude-code", "claude-config-validator", "anthropic-kit", "anthropics-x", "cc-plugin-x"]
)
def test_fails_claude_plugin_validate_by_a_reserved_plugin_name(write, discovered, name):
    """It still installs and loads, so it is served."""
    found = discovered(
        {MARKETPLACE: write.marketplace(write.entry(name, "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    )
    assert found.skills == [(name, "p/skills/x", "x", None, "Does it.")]
    assert found.problems == [(MARKETPLACE, "plugin_name_reserved", 5)]


@pytest.mark.parametrize("name", ["Upper", "with.dots", "under_score", "trailing-", "double--dash"])
def test_a_plugin_name_that_claude_ai_does_not_sync(write, discovered, name):
    found = discovered(
        {MARKETPLACE: write.marketplace(write.entry(name, "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    )
    assert found.skills == [(name, "p/skills/x", "x", None, "Does it.")]
    assert found.problems == [(MARKETPLACE, "plugin_name_not_kebab", 5)]
    assert found.problem("plugin_name_not_kebab").severity == "info"


@pytest.mark.parametrize(
    "broken",
    [
        {"p/hooks/hooks.json": b'{"PreToolUse": "not a list"}'},
        {"p/agents/reviewer.md": b"---\nname: [\n---\n"},
        {"p/.mcp.json": b"{"},
        {"p/commands/go.md": b"---\n\t: x\n---\n"},
    ],
    ids=["hooks.json shape", "agent YAML", ".mcp.json", "command YAML"],
)
def test_fails_claude_plugin_validate_by_a_component_that_is_no_skill(one, broken):
    """Hooks, agents, servers and commands are nothing that this catalog serves: they hide no skill."""
    found = one(files=broken)
    assert found.skills[0] == SKILL
    assert found.problems == []


def test_fails_claude_plugin_validate_by_an_agent_path_that_is_not_md(one, write):
    found = one(write.plugin_json("p", agents=["./agents"]))
    assert found.skills[0] == SKILL
    assert found.problems == []


@pytest.mark.parametrize("field", ["commands", "agents", "hooks", "mcpServers", "outputStyles", "lspServers"])
@pytest.mark.parametrize("path", ["commands", "../up", "./a/../../b", "a\\b"])
def test_a_path_of_another_component_that_leaves_the_plugin_hides_no_skill(one, write, field, path):
    found = one(write.plugin_json("p", **{field: [path]}))
    assert found.skills[0] == SKILL
    assert found.problems == [(MANIFEST, "component_path_invalid", 3)]


@pytest.mark.parametrize(
    "value", ["https://acme.example/x.mcpb", ["./one.json", "https://acme.example/x.mcpb"], {"s": {}}]
)
def test_mcp_servers_may_be_a_url(one, write, value):
    assert one(write.plugin_json("p", mcpServers=value)).problems == []


def test_fails_claude_plugin_validate_by_a_missing_skill_path(one, write):
    found = one(write.plugin_json("p", skills=["./skills", "./missing"]))
    assert found.skills[0] == SKILL
    assert found.problems == [("p/missing", "skills_path_missing", None)]


@pytest.mark.parametrize("path", ["../z/skills", "/skills", "./../z", "a\\b", ""])
def test_a_skills_path_that_leaves_the_plugin_is_ignored(one, write, path):
    found = one(write.plugin_json("p", skills=[path]))
    assert found.paths == ["p:p/skills/x", "z:z/skills/sound"]
    assert found.problems == [(MANIFEST, "skills_path_invalid", 3)]


def test_a_skills_path_without_dot_slash_is_followed_and_told(one, write):
    found = one(write.plugin_json("p", skills=["more"]), {"p/more/y/SKILL.md": write.skill("y")})
    assert found.paths == ["p:p/more/y", "p:p/skills/x", "z:z/skills/sound"]
    assert found.problems == [(MANIFEST, "skills_path_invalid", 3)]


def test_tags_become_surfaces_and_unknown_surfaces_are_told(one):
    found = one(tags=["surface:CC", "surface:MOON", "plain"])
    assert {surface.value for surface in found.catalog.plugins[0].surfaces} == {"CC"}
    assert found.problems == [(MARKETPLACE, "surface_unknown", 5)]


def test_half_a_surrogate_pair_anywhere_can_still_be_sent(write, discovered):
    content = json.dumps({"name": "p", "description": "half \ud83d"}).encode()
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p")), MANIFEST: content}
    [plugin] = discovered({**files, "p/skills/x/SKILL.md": write.skill("x")}).catalog.plugins
    assert plugin.description == "half \ufffd"
