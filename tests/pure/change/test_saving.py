"""Saving: a skill is made or changed, exactly as wished, and nothing else moves."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.change.wishes import FileWish, Room, Save

KEY = b"ghp_" + b"aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
REUSE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def skill_md(name, description="Does it.", body="Do it well.\n"):
    return f"---\nname: {name}\ndescription: {description}\n---\n{body}".encode()


def save(skill, files, **fields):
    return Save(skill, tuple(FileWish(path, content) for path, content in files.items()), **fields)


def test_files_are_changed_added_and_taken_away_in_one_edit(here):
    after, planned = here.after(save("word", {"SKILL.md": skill_md("word", "New."), "a/b.txt": b"x", "run.sh": None}))
    assert after.skill("word").description == "New."
    assert after.files["plugins/docs/skills/word/a/b.txt"] == b"x"
    assert "plugins/docs/skills/word/run.sh" not in after.files
    assert (planned.plugin, planned.skill, planned.is_new_skill) == ("docs", "word", False)


def test_a_program_stays_one_unless_it_is_said(here):
    after, _ = here.after(save("word", {"run.sh": b"#!/bin/sh\nexit\n"}))
    assert type(after.files["plugins/docs/skills/word/run.sh"]) is type(here.files["plugins/docs/skills/word/run.sh"])
    wish = Save(
        "word", (FileWish("run.sh", b"#!/bin/sh\nexit\n", executable=False), FileWish("new", b"", executable=True))
    )
    after, _ = here.after(wish)
    assert type(after.files["plugins/docs/skills/word/run.sh"]) is bytes
    assert type(after.files["plugins/docs/skills/word/new"]) is not bytes


SEGMENTS = st.sampled_from(["a", "b.txt", "é", "x y", "scripts"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)


@given(files=st.dictionaries(PATHS, st.binary(max_size=5), min_size=1, max_size=4))
@REUSE
def test_nothing_outside_the_skill_moves(here, files):
    wish = save("word", files)
    assume(not any(other.startswith(f"{path}/") for path in files for other in files))
    after, _ = here.after(wish)
    prefix = "plugins/docs/skills/word/"
    outside = {path: content for path, content in here.files.items() if not path.startswith(prefix)}
    assert {path: content for path, content in after.files.items() if not path.startswith(prefix)} == outside
    assert {path: after.files[prefix + path] for path in files} == files


def test_a_new_skill_joins_the_plugin_it_is_meant_for(here):
    after, planned = here.after(save("slides", {"SKILL.md": skill_md("slides")}, group="docs"))
    assert planned.is_new_skill
    assert not planned.is_new_plugin
    assert after.skill("docs/slides").directory == "plugins/docs/skills/slides"
    assert after.files[".claude-plugin/marketplace.json"] == here.files[".claude-plugin/marketplace.json"]


def test_a_new_skill_without_a_group_makes_a_plugin_of_its_name(here):
    wish = save(
        "slides", {"SKILL.md": skill_md("slides")}, plugin_metadata={"description": "Slides.", "keywords": ["ppt"]}
    )
    after, planned = here.after(wish)
    assert planned.is_new_plugin
    assert after.json("plugins/slides/.claude-plugin/plugin.json") == {
        "name": "slides",
        "version": "1.0.0",
        "description": "Slides.",
        "author": {"name": "Ada"},
        "license": "MIT",
        "keywords": ["ppt"],
    }
    assert not after.skill("slides/slides").plugin.published
    assert after.skill("slides").version == "1.0.0"


def test_what_is_said_of_a_plugin_is_put_into_its_manifest_and_the_rest_of_it_stays(here):
    wish = save("word", {"a": b"x"}, plugin_metadata={"description": "Documents.", "author": "Cy"})
    after, _ = here.after(wish)
    before = here.json("plugins/docs/.claude-plugin/plugin.json")
    expected = {**before, "description": "Documents.", "author": {"name": "Cy"}}
    assert after.json("plugins/docs/.claude-plugin/plugin.json") == expected
    assert list(after.json("plugins/docs/.claude-plugin/plugin.json"))[:3] == list(before)[:3]


def test_where_the_plugin_is_the_whole_repository_a_new_skill_is_listed(here_of):
    root = {"name": "all", "source": "./", "skills": ["./one"]}
    here = here_of({"one/SKILL.md": skill_md("one")}, root)
    after, _ = here.after(save("two", {"SKILL.md": skill_md("two")}, group="all"))
    assert after.skill("two").directory == "skills/two"
    assert after.json(".claude-plugin/marketplace.json")["plugins"][0]["skills"] == ["./one", "./skills/two"]


def test_behind_a_link_a_file_is_changed_where_it_is(here_of, link):
    here = here_of(
        {
            "real/word/SKILL.md": skill_md("word"),
            "real/word/x": b"1",
            "plugins/docs/skills/word": link(b"../../../real/word"),
        },
        {"name": "docs", "source": "./plugins/docs"},
    )
    after, _ = here.after(save("word", {"x": b"2", "y": b"3"}))
    assert (after.files["real/word/x"], after.files["real/word/y"]) == (b"2", b"3")
    assert after.files["plugins/docs/skills/word"] == here.files["plugins/docs/skills/word"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (save("word", {}), "nothing_to_save"),
        (save("word", {"../sheet/SKILL.md": b"x"}), "path_traversal"),
        (save("word", {"/etc/passwd": b"x"}), "path_absolute"),
        (save("word", {"a\\b": b"x"}), "path_backslash"),
        (save("word", {".git/config": b"x"}), "path_git_directory"),
        (save("word", {".claude-plugin/plugin.json": b"{}"}), "path_plugin_in_skill"),
        (save("word", {"sub/.Claude-Plugin/plugin.json": b"{}"}), "path_plugin_in_skill"),
        (save("word", {".mcp.json": b"{}"}), "path_plugin_in_skill"),
        (save("word", {".skillport.json": b"{}"}), "path_reserved"),
        (Save("word", (FileWish("a", b"1"), FileWish("./a", b"2"))), "path_twice"),
        (save("word", {"SKILL.md": None}), "skill_md_needed"),
        (save("word", {"skill.md": None}), "skill_md_needed"),
        (save("word", {"SKILL.md": b"no frontmatter"}), "frontmatter_missing"),
        (save("word", {"SKILL.md": b"---\nname: word\n---\n"}), "skill_description_missing"),
        (save("word", {"SKILL.md": b"---\ndescription: x\n---\n"}), "skill_name_missing"),
        (save("word", {"SKILL.md": b"---\nname: word\ndescription: a: b: c\n---\n"}), "frontmatter_repaired"),
        (save("word", {"SKILL.md": skill_md("other")}), "skill_name_differs"),
        (save("word", {"key.txt": KEY}), "secret_found"),
        (save("word", {"a": b"x"}, group="pdf"), "name_taken"),
        (save("word", {"a": b"x"}, plugin_metadata={"version": "9"}), "plugin_metadata_invalid"),
        (save("word", {"a": b"x"}, plugin_metadata={"keywords": "a"}), "plugin_metadata_invalid"),
        (save("New", {"SKILL.md": skill_md("New")}), "skill_name_invalid"),
        (save("a--b", {"SKILL.md": skill_md("a--b")}), "skill_name_invalid"),
        (save("slides", {"a": b"x"}, group="docs"), "skill_md_missing"),
        (save("slides", {"SKILL.md": skill_md("slides")}), "plugin_description_missing"),
        (save("slides", {"SKILL.md": skill_md("slides")}, group="Docs"), "plugin_name_invalid"),
        (
            save("slides", {"SKILL.md": skill_md("slides")}, group="docs", plugin_metadata={"x": 1}),
            "plugin_metadata_invalid",
        ),
    ],
)
def test_what_must_not_be_saved_is_refused_with_its_reason(here, wish, code):
    assert here.refusal(wish).code == code


def test_a_refusal_says_where(here):
    refused = here.refusal(save("word", {"SKILL.md": b"---\nname: word\ndescription: [a\n---\n"}))
    assert refused.path == "plugins/docs/skills/word/SKILL.md"
    assert refused.line is not None
    assert here.refusal(save("word", {"x": b"fine\n" + KEY})).line == 2
    assert KEY.decode() not in here.refusal(save("word", {"x": KEY})).message


def test_a_secret_is_written_when_it_is_said_to_be_none(here):
    after, _ = here.after(save("word", {"x": KEY}, allow_secrets=True))
    assert after.files["plugins/docs/skills/word/x"] == KEY


def test_what_is_too_much_is_refused_and_what_was_too_much_may_shrink(here):
    room = Room(file_bytes=100, skill_bytes=120, skill_files=3)
    assert here.refusal(save("word", {"x": b"y" * 101}), room=room).code == "file_too_large"
    assert here.refusal(save("word", {"x": b"y" * 99}), room=room).code == "skill_too_large"
    assert here.refusal(save("word", {"x": b"", "y": b"", "z": b""}), room=room).code == "skill_too_many_files"
    tight = Room(file_bytes=100, skill_bytes=1, skill_files=1)
    here.after(save("word", {"run.sh": b""}), room=tight)


def test_the_files_of_a_skill_inside_belong_to_that_one(here_of):
    here = here_of(
        {
            "plugins/docs/skills/word/SKILL.md": skill_md("word"),
            "plugins/docs/skills/word/sub/in/SKILL.md": skill_md("inner"),
        },
        {"name": "docs", "source": "./plugins/docs", "skills": ["./skills/word/sub"]},
    )
    assert here.refusal(save("word", {"sub/in/x": b"x"})).code == "path_of_another_skill"
    here.after(save("inner", {"x": b"x"}))


def test_neither_workflows_nor_the_policy_can_be_reached_from_a_skill_that_is_the_whole_repository(here_of):
    here = here_of({"SKILL.md": skill_md("all")}, {"name": "all", "source": "./"})
    assert here.refusal(save("all", {".github/workflows/x.yml": b"x"})).code == "path_workflow"
    assert here.refusal(save("all", {".skillport/access.json": b"{}"})).code == "path_reserved"
    assert here.refusal(save("all", {".claude-plugin/marketplace.json": b"{}"})).code == "path_plugin_in_skill"


def test_a_plugin_that_is_one_skill_gets_no_second_one(here_of):
    here = here_of({"plugins/one/SKILL.md": skill_md("one")}, {"name": "one", "source": "./plugins/one"})
    assert here.refusal(save("two", {"SKILL.md": skill_md("two")}, group="one")).code == "plugin_is_one_skill"


def test_a_directory_that_is_there_already_is_not_taken_over(here):
    wish = save("other", {"SKILL.md": skill_md("other")}, group="docs")
    files = {**here.files, "plugins/docs/skills/other/notes.txt": b"mine"}
    assert type(here)(files).refusal(wish).code == "name_taken"


def test_a_manifest_that_cannot_be_read_is_left_alone(here):
    files = {**here.files, "plugins/docs/.claude-plugin/plugin.json": b"{"}
    refused = type(here)(files).refusal(save("word", {"a": b"x"}, plugin_metadata={"description": "x"}))
    assert refused.code == "manifest_unreadable"


def test_manifests_keep_their_layout(here):
    written = b'{ "name":"docs",\r\n\t"version" : "1.2.3" }'
    here = type(here)({**here.files, "plugins/docs/.claude-plugin/plugin.json": written})
    after, _ = here.after(save("word", {"a": b"x"}, plugin_metadata={"license": "MIT"}))
    changed = after.files["plugins/docs/.claude-plugin/plugin.json"]
    assert changed.startswith(written[:-2])
    assert json.loads(changed) == {"name": "docs", "version": "1.2.3", "license": "MIT"}
