"""What nobody can change from here: plugins of other repositories, files that cannot be read, names that are taken."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from skillport_sync.catalog.change.planning import plan
from skillport_sync.catalog.change.present import Present
from skillport_sync.catalog.change.wishes import (
    Bump,
    ChangeRefused,
    Delete,
    FileWish,
    Part,
    Publish,
    Rename,
    Save,
    Unpublish,
)
from skillport_sync.catalog.model import SourceFiles, SourceKey

MARKETPLACE = ".claude-plugin/marketplace.json"
WORD_JSON = "plugins/docs/.claude-plugin/plugin.json"
WORD_MD = "plugins/docs/skills/word/SKILL.md"
FAR = SourceKey("github.com/acme/far@main")
NEW = (FileWish("SKILL.md", b"---\nname: new\ndescription: Does it.\n---\nDo it.\n"),)
EVERY = [
    Save("word", (FileWish("new.txt", b"x"),)),
    Delete("word"),
    Bump("word", Part.MINOR),
    Publish("word", "Documents.", tags=("surface:CALL",)),
    Unpublish("word"),
    Rename("word", "text"),
]


def name_of(wish):
    return type(wish).__name__


def unheld(here, path):
    """What there is, without the content of one file."""
    oid = here.own.files[path].oid
    contents = {key: content for key, content in here.own.contents.items() if key != oid}
    return Present(here.catalog, SourceFiles(here.own.files, here.own.trees, contents))


def saying(here, path, content):
    """What there is, but for what one file says."""
    contents = {**here.own.contents, here.own.files[path].oid: content}
    return Present(here.catalog, SourceFiles(here.own.files, here.own.trees, contents))


def refusal(present, wish, target):
    refused = plan(present, wish, target, author="Ada")
    assert isinstance(refused, ChangeRefused), refused
    return refused.code


@pytest.mark.parametrize("wish", EVERY, ids=name_of)
def test_a_skill_of_another_repository_is_changed_there(here, wish):
    word = here.skill("word")
    far = replace(word, plugin=replace(word.plugin, source=FAR))
    assert refusal(here.present, wish, far) == "plugin_elsewhere"


def test_no_skill_is_added_to_a_plugin_of_another_repository(here):
    plugins = tuple(replace(one, source=FAR) if one.name == "docs" else one for one in here.catalog.plugins)
    present = Present(replace(here.catalog, plugins=plugins), here.own)
    assert refusal(present, Save("new", NEW, group="docs"), None) == "plugin_elsewhere"


def test_skills_of_other_repositories_do_not_keep_a_plugin_here(here):
    sheet = here.skill("sheet")
    far = replace(sheet, plugin=replace(sheet.plugin, source=FAR))
    skills = tuple(far if one is sheet else one for one in here.catalog.skills)
    planned = plan(
        Present(replace(here.catalog, skills=skills), here.own), Delete("word"), here.skill("word"), author="Ada"
    )
    assert planned.plugin_deleted


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
def test_nothing_is_listed_in_a_marketplace_that_cannot_be_read(here, content):
    present = saying(here, MARKETPLACE, content)
    assert refusal(present, Publish("word", "Documents.", tags=("surface:CALL",)), here.skill("word")) == (
        "marketplace_unreadable"
    )
    assert refusal(present, Unpublish("word"), here.skill("word")) == "not_published"


def test_a_list_whose_content_is_not_held_is_not_changed(here):
    present = unheld(here, MARKETPLACE)
    assert refusal(present, Publish("word", "Documents.", tags=("surface:CALL",)), here.skill("word")) == (
        "marketplace_unreadable"
    )


def test_a_version_is_not_written_into_what_cannot_be_read(here):
    bump = Bump("word", Part.MINOR)
    assert refusal(unheld(here, WORD_JSON), bump, here.skill("word")) == "manifest_unreadable"
    assert refusal(saying(here, WORD_JSON, b"[]"), bump, here.skill("word")) == "manifest_unreadable"


def test_a_plugin_that_says_nothing_of_itself_has_no_place_for_a_version(here):
    assert here.refusal(Bump("draft", Part.MINOR)).code == "manifest_missing"


@pytest.mark.parametrize(
    "metadata",
    [{"author": " "}, {"author": {"email": "a@b.c"}}, {"license": 3}, {"keywords": "one"}, {"colour": "red"}],
    ids=str,
)
@pytest.mark.parametrize("group", ["docs", "fresh"])
def test_metadata_of_another_type_is_refused_for_old_and_new_plugins(here, group, metadata):
    wish = Save("new", NEW, group=group, plugin_metadata={"description": "D.", **metadata})
    assert refusal(here.present, wish, None) == "plugin_metadata_invalid"
    if group == "docs":
        change = Save("word", (FileWish("new.txt", b"x"),), plugin_metadata=metadata)
        assert here.refusal(change).code == "plugin_metadata_invalid"


def test_metadata_that_is_none_says_nothing(here):
    after, _ = here.after(
        Save("word", (FileWish("new.txt", b"x"),), plugin_metadata={"license": None, "description": "Texts."})
    )
    assert after.json(WORD_JSON)["description"] == "Texts."
    assert "license" not in after.json(WORD_JSON)


def test_a_new_skill_brings_what_it_says_of_its_plugin(here):
    after, planned = here.after(Save("new", NEW, group="docs", plugin_metadata={"description": "Texts."}))
    assert planned.is_new_skill
    assert after.json(WORD_JSON)["description"] == "Texts."


def test_metadata_needs_a_plugin_json_to_stand_in(here):
    metadata = {"description": "D."}
    assert here.refusal(Save("new", NEW, group="draft", plugin_metadata=metadata)).code == "manifest_missing"
    wish = Save("draft", (FileWish("new.txt", b"x"),), plugin_metadata=metadata)
    assert here.refusal(wish).code == "manifest_missing"


def test_a_new_skill_is_refused_for_what_is_wrong_with_its_files(here):
    assert here.refusal(Save("new", (), group="docs")).code == "nothing_to_save"
    assert here.refusal(Save("new", (FileWish("a.txt", b"x"),), group="docs")).code == "skill_md_missing"
    assert here.refusal(Save("new", (), group="fresh")).code == "nothing_to_save"


def test_no_skill_takes_a_directory_that_is_something_else(here):
    files = {**here.files, "plugins/docs/skills/new/notes.txt": b"x", "plugins/fresh/notes.txt": b"x"}
    full = type(here)(files)
    assert full.refusal(Save("new", NEW, group="docs")).code == "name_taken"
    assert full.refusal(Save("new", NEW, group="fresh")).code == "name_taken"
    assert full.refusal(Rename("word", "new")).code == "name_taken"


def test_a_renamed_skill_needs_a_name_that_is_one_and_is_free(here):
    assert here.refusal(Rename("word", "No Name")).code == "skill_name_invalid"
    assert here.refusal(Rename("word", "word")).code == "nothing_changed"
    assert here.refusal(Rename("word", "pdf")).code == "name_taken"
    assert here.refusal(Rename("pdf", "docs")).code == "name_taken"
    assert here.refusal(Rename("draft", "sketch")).code == "not_published"


def test_a_skill_does_not_move_without_all_its_files(here, link):
    files = {**here.files, "plugins/docs/skills/word/data.bin": b"x" * 9}
    full = type(here)(files)
    word = full.skill("word")
    rename = Rename("word", "text")
    assert refusal(unheld(full, WORD_MD), rename, word) == "skill_md_not_held"
    assert refusal(unheld(full, "plugins/docs/skills/word/data.bin"), rename, word) == "file_not_movable"
    assert refusal(saying(full, WORD_MD, b"no frontmatter\n"), rename, word) == "frontmatter_missing"


def test_a_skill_with_another_inside_does_not_move(here):
    inside = {"plugins/docs/skills/word/skills/deep/SKILL.md": b"---\nname: deep\ndescription: D.\n---\n"}
    entries = [{"name": "docs", "source": "./plugins/docs", "skills": ["./skills/word/skills/deep"]}]
    listed = json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": entries}).encode()
    full = type(here)({**here.files, **inside, MARKETPLACE: listed})
    assert full.refusal(Rename("word", "text")).code == "skill_has_skills_inside"


def test_a_plugin_json_that_is_a_link_is_not_changed(here, link):
    linked = type(here)({**here.files, WORD_JSON: link(b"../plugin.json"), "plugins/docs/plugin.json": b"{}"})
    assert linked.refusal(Bump("word", Part.MINOR)).code == "manifest_unreadable"


def test_a_name_is_taken_whoever_looks_for_the_skill(here):
    assert refusal(here.present, Save("word", NEW), None) == "name_taken"


def test_a_draft_goes_and_moves_without_the_list(here):
    files = {**here.files, "plugins/draft/skills/second/SKILL.md": b"---\nname: second\ndescription: D.\n---\n"}
    full = type(here)(files)
    gone, _ = full.after(Delete("second"))
    assert gone.files == here.files
    moved, _ = full.after(Rename("second", "third"))
    assert moved.skill("draft/third") is not None
    assert moved.files[MARKETPLACE] == here.files[MARKETPLACE]


def test_one_directory_that_is_listed_alone_follows_its_skill(here_of):
    text = b"---\ndescription: D.\n---\n"
    files = {"plugins/d/extra/a/SKILL.md": text, "plugins/d/skills/b/SKILL.md": text}
    full = here_of(files, {"name": "d", "source": "./plugins/d", "skills": "./extra/a"})
    assert full.skill("a") is not None
    for name, listed in (("a", None), ("b", "./extra/a")):
        assert full.after(Delete(name))[0].json(MARKETPLACE)["plugins"][0].get("skills") == listed
    named = {path: text.replace(b"---\n", f"---\nname: {path.split('/')[3]}\n".encode(), 1) for path in files}
    again = here_of(named, {"name": "d", "source": "./plugins/d", "skills": "./extra/a"})
    for name, listed in (("a", "./extra/c"), ("b", "./extra/a")):
        assert again.after(Rename(name, "c"))[0].json(MARKETPLACE)["plugins"][0]["skills"] == listed


def test_a_skill_that_is_its_plugins_directory_stays_where_it_is(here_of):
    path = "plugins/whole/SKILL.md"
    full = here_of({path: b"---\nname: whole\ndescription: D.\n---\n"}, {"name": "whole", "source": "./plugins/whole"})
    after, _ = full.after(Rename("whole", "entire"))
    assert b"name: entire" in after.files[path]
    assert after.skill("entire/entire") is not None


def test_where_the_whole_directory_is_listed_a_new_skill_is_found_without_a_word(here_of):
    full = here_of(
        {"skills/old/SKILL.md": b"---\nname: old\ndescription: D.\n---\n"},
        {"name": "all", "source": "./", "skills": ["./skills/"]},
    )
    after, _ = full.after(Save("new", NEW, group="all"))
    assert after.files[MARKETPLACE] == full.files[MARKETPLACE]
    assert after.skill("all/new") is not None
