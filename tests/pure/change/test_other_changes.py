"""Deleting, versions, publishing, renaming: what was wished and nothing else; what cannot be is refused with its reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semver import Version

from skillport_sync.catalog.change.versions import next_version
from skillport_sync.catalog.change.wishes import Bump, Delete, FileWish, Part, Publish, Rename, Save, Unpublish

MARKETPLACE = ".claude-plugin/marketplace.json"
EVERY = [
    Save("word", (FileWish("new.txt", b"x"),)),
    Delete("word"),
    Bump("word", Part.MINOR),
    Publish("word", "Documents.", tags=("surface:CALL",)),
    Unpublish("word"),
    Rename("word", "text"),
]


def entries(here):
    return {entry["name"]: entry for entry in here.json(MARKETPLACE)["plugins"]}


def skill_md(name, description="Does it.", body="Do it well.\n"):
    return f"---\nname: {name}\ndescription: {description}\n---\n{body}".encode()


@pytest.mark.parametrize("wish", EVERY, ids=lambda wish: type(wish).__name__)
def test_only_the_plugin_and_the_marketplaces_list_move(here, wish):
    after, planned = here.after(wish)
    moved = {path for path in {*here.files, *after.files} if here.files.get(path) != after.files.get(path)}
    assert moved
    assert all(path == MARKETPLACE or path.startswith("plugins/docs/") for path in moved)
    assert [edit.path for edit in planned.edits] == sorted(edit.path for edit in planned.edits)
    assert planned.headline


@pytest.mark.parametrize("wish", EVERY, ids=lambda wish: type(wish).__name__)
def test_the_other_skills_are_what_they_were(here, wish):
    after, _ = here.after(wish)
    for skill in here.catalog.skills:
        if skill.name not in ("word", "sheet"):
            assert after.skill(skill.label) == skill
    assert after.skill("sheet").revision == here.skill("sheet").revision


@pytest.mark.parametrize("wish", [wish for wish in EVERY if not isinstance(wish, Save)], ids=lambda w: type(w).__name__)
def test_a_skill_that_is_not_there_is_said(here, wish):
    assert here.refusal(type(wish)("nobody", *_rest(wish))).code == "unknown_skill"


def _rest(wish):
    match wish:
        case Bump(part=part):
            return (part,)
        case Publish(description=description):
            return (description,)
        case Rename(to=to):
            return (to,)
    return ()


def test_one_skill_of_several_goes_and_the_plugin_stays(here):
    after, planned = here.after(Delete("word"))
    assert after.skill("word") is None
    assert after.skill("sheet") is not None
    assert not planned.plugin_deleted
    assert entries(after) == entries(here)


def test_the_last_skill_takes_its_plugin_and_the_entry_with_it(here):
    after, planned = here.after(Delete("pdf"))
    assert planned.plugin_deleted
    assert not [path for path in after.files if path.startswith("plugins/pdf/")]
    assert list(entries(after)) == ["docs"]


def test_what_lists_a_deleted_skill_does_not_list_it_any_more(here_of):
    here = here_of(
        {"a/SKILL.md": skill_md("a"), "b/SKILL.md": skill_md("b"), "README.md": b"Hello.\n"},
        {"name": "all", "source": "./", "skills": ["./a", "./b"]},
    )
    after, _ = here.after(Delete("a"))
    assert entries(after)["all"]["skills"] == ["./b"]
    gone, planned = after.after(Delete("b"))
    assert planned.plugin_deleted
    assert set(gone.files) == {MARKETPLACE, "README.md"}


def test_a_skill_that_others_lean_on_is_not_deleted(here_of, link):
    nested = here_of(
        {
            "plugins/d/skills/word/SKILL.md": skill_md("word"),
            "plugins/d/skills/word/sub/in/SKILL.md": skill_md("inner"),
        },
        {"name": "d", "source": "./plugins/d", "skills": ["./skills/word/sub"]},
    )
    assert nested.refusal(Delete("word")).code == "skill_has_skills_inside"
    twice = here_of(
        {"plugins/d/skills/word/SKILL.md": skill_md("word")},
        {"name": "d", "source": "./plugins/d"},
        {"name": "e", "source": "./plugins/d"},
    )
    assert twice.refusal(Delete("d/word")).code == "skill_is_shared"
    linked = here_of(
        {"real/word/SKILL.md": skill_md("word"), "plugins/d/skills/word": link(b"../../../real/word")},
        {"name": "d", "source": "./plugins/d"},
    )
    assert linked.refusal(Delete("word")).code == "skill_is_linked"
    assert linked.refusal(Rename("word", "text")).code == "skill_is_linked"


@pytest.mark.parametrize(("part", "new"), [(Part.MAJOR, "2.0.0"), (Part.MINOR, "1.3.0"), (Part.PATCH, "1.2.4")])
def test_the_next_version_is_written_in_both_places(here, part, new):
    after, planned = here.after(Bump("word", part))
    assert after.json("plugins/docs/.claude-plugin/plugin.json")["version"] == new
    assert entries(after)["docs"]["version"] == new
    assert (planned.old_version, planned.new_version) == ("1.2.3", new)
    assert after.skill("word").version == new


def test_an_entry_that_says_no_version_is_not_made_to(here):
    after, _ = here.after(Bump("pdf", Part.PATCH))
    assert "version" not in entries(after)["pdf"]


def test_a_plugin_without_a_version_gets_its_first(here):
    after, planned = here.after(Publish("draft", "A draft.", tags=("surface:CALL",)))
    after, planned = after.after(Bump("draft", Part.MINOR))
    assert (planned.old_version, planned.new_version) == (None, "0.1.0")
    assert entries(after)["draft"]["version"] == "0.1.0"


def test_a_version_that_is_none_has_no_next_one(here):
    files = {**here.files, "plugins/docs/.claude-plugin/plugin.json": b'{"name": "docs", "version": "spring"}'}
    assert type(here)(files).refusal(Bump("word", Part.PATCH)).code == "version_not_semantic"


@given(
    st.builds(Version, st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.sampled_from([None, "rc.1"])),
    st.sampled_from(Part),
)
def test_the_next_version_is_always_higher(version, part):
    assert next_version(version, part) > version
    assert next_version(version, part).prerelease is None


def test_publishing_lists_a_plugin_and_says_what_was_wished(here):
    wish = Publish("draft", "A draft.", "writing", ("surface:CAI", "new"), ("text",))
    after, planned = here.after(wish)
    assert planned.entry_created
    assert entries(after)["draft"] == {
        "name": "draft",
        "source": "./plugins/draft",
        "description": "A draft.",
        "category": "writing",
        "tags": ["surface:CAI", "new"],
        "keywords": ["text"],
    }
    assert after.skill("draft").plugin.published
    again, planned = after.after(Publish("draft", "Better.", None, ("surface:CC",)))
    assert planned.entry_created is False
    assert entries(again)["draft"]["keywords"] == ["text"]
    assert entries(again)["draft"]["tags"] == ["surface:CC"]


def test_a_published_version_is_the_plugins(here):
    after, _ = here.after(Publish("word", "Documents.", tags=("surface:CALL",)))
    assert entries(after)["docs"]["version"] == "1.2.3"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Publish("word", " ", tags=("surface:CC",)), "description_missing"),
        (Publish("word", "x"), "surface_missing"),
        (Publish("word", "x", tags=("new",)), "surface_missing"),
        (Publish("word", "x", tags=("surface:XX", "surface:CC")), "surface_unknown"),
        (Publish("word", "x" * 2_000, tags=("surface:CC",)), "entry_too_long"),
        (Unpublish("draft"), "not_published"),
        (Rename("word", "Word"), "skill_name_invalid"),
        (Rename("word", "word"), "nothing_changed"),
        (Rename("word", "sheet"), "name_taken"),
        (Rename("word", "pdf"), "name_taken"),
        (Rename("pdf", "docs"), "name_taken"),
        (Rename("draft", "sketch"), "not_published"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(here, wish, code):
    assert here.refusal(wish).code == code


def test_unpublishing_takes_the_entry_and_keeps_the_files(here):
    after, _ = here.after(Unpublish("pdf"))
    assert list(entries(after)) == ["docs"]
    assert not after.skill("pdf").plugin.published
    moved = {path for path in here.files if here.files[path] != after.files.get(path)}
    assert moved == {MARKETPLACE}


def test_a_plugin_that_nobody_would_find_any_more_stays_listed(here_of):
    here = here_of({"tools/x/skills/a/SKILL.md": skill_md("a")}, {"name": "x", "source": "./tools/x"})
    assert here.refusal(Unpublish("a")).code == "would_disappear"


def test_a_renamed_skill_moves_and_says_its_new_name(here):
    after, planned = here.after(Rename("word", "text"))
    assert after.skill("word") is None
    assert after.skill("text").directory == "plugins/docs/skills/text"
    assert type(after.files["plugins/docs/skills/text/run.sh"]) is type(here.files["plugins/docs/skills/word/run.sh"])
    assert after.files["plugins/docs/skills/text/SKILL.md"] == skill_md("text")
    assert after.json(MARKETPLACE) == here.json(MARKETPLACE)
    assert (planned.renamed_from, planned.skill) == ("word", "text")


def test_a_skill_that_is_its_plugin_takes_the_plugin_along_and_the_old_name_is_remembered(here):
    after, planned = here.after(Rename("pdf", "paper"))
    assert planned.plugin == "paper"
    assert after.skill("paper/paper").directory == "plugins/pdf/skills/paper"
    assert after.json(MARKETPLACE)["renames"] == {"pdf": "paper"}
    assert after.json("plugins/pdf/.claude-plugin/plugin.json")["name"] == "paper"
    again, _ = after.after(Rename("paper", "sheet-of-paper"))
    assert again.json(MARKETPLACE)["renames"] == {"pdf": "paper", "paper": "sheet-of-paper"}
    assert again.catalog.renames == {"pdf": "sheet-of-paper", "paper": "sheet-of-paper"}
    assert again.refusal(Rename("sheet-of-paper", "pdf")).code == "name_taken"


def test_what_lists_a_renamed_skill_lists_its_new_directory(here_of):
    here = here_of(
        {"a/SKILL.md": skill_md("a"), "b/SKILL.md": skill_md("b")},
        {"name": "all", "source": "./", "skills": ["./a", "./b"]},
    )
    after, _ = here.after(Rename("a", "c"))
    assert entries(after)["all"]["skills"] == ["./c", "./b"]
    assert after.skill("c").directory == "c"


def test_the_layout_of_the_list_stays(here):
    before = here.files[MARKETPLACE].decode()
    for wish in EVERY[1:]:
        after, _ = here.after(wish)
        text = after.files[MARKETPLACE].decode()
        assert text.endswith("\n")
        kept = json.loads(before)["plugins"][1]
        block = json.dumps(kept, indent=2).replace("\n", "\n    ")
        assert block in before
        assert block in text


def test_nothing_of_another_repository_is_changed_here(here_of):
    here = here_of({}, {"name": "far", "source": {"source": "github", "repo": "acme/far"}})
    plugin = here.catalog.plugins
    assert plugin == ()  # it is not mirrored in this test, and so nobody can name a skill of it
    assert here.refusal(Save("x", (FileWish("SKILL.md", skill_md("x")),), group="far")).code == "name_taken"
