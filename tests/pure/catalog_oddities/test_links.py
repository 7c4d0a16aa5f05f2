"""Symbolic links that are followed: skills that exist only through them, whole or in part."""

from __future__ import annotations

import pytest

from skillport_sync.git.objects import Mode, blob_id, tree_id

MARKETPLACE = ".claude-plugin/marketplace.json"


def tree_of(files):
    """The tree id of a directory that holds exactly these files, ``name: (mode, content)``, none of them deeper."""
    return tree_id((mode, name.encode(), blob_id(content)) for name, (mode, content) in files.items())


def test_symlinks_where_all_skills_exist_only_through_them(write, discovered, published):
    """A walk over the tree sees no skill at ``plugins/*/skills/*``; Claude Code sees two, and so do we."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("office", "office"), metadata={"pluginRoot": "./plugins"}),
        "plugins/office/.claude-plugin/plugin.json": write.plugin_json("office", version="1.0.0"),
        "plugins/office/skills/pdf": write.link("../../../library/documents/pdf"),
        "plugins/office/skills/sheets": write.link("../../../library/documents/xlsx"),
        "library/documents/pdf/SKILL.md": write.skill("pdf"),
        "library/documents/pdf/fill.py": write.executable(b"#!/usr/bin/env python3\n"),
        "library/documents/xlsx/SKILL.md": write.skill(None, "Without a name."),
        "library/documents/draft/SKILL.md": write.skill("draft"),
    }
    found = discovered(files)
    assert found.skills == [
        ("office", "plugins/office/skills/pdf", "pdf", "1.0.0", "Does it."),
        ("office", "plugins/office/skills/sheets", "sheets", "1.0.0", "Without a name."),
    ]
    assert found.problems == [("library/documents/draft/SKILL.md", "skill_unreachable", None)]
    pdf = found.skill("office", "plugins/office/skills/pdf")
    assert (pdf.real_directory, pdf.incomplete) == ("library/documents/pdf", False)
    snapshot = published(files)
    assert published.served(files, "office", "plugins/office/skills/pdf") == {
        "SKILL.md": "library/documents/pdf/SKILL.md",
        "fill.py": "library/documents/pdf/fill.py",
    }
    assert [file.mode for _, file in snapshot.files_of(pdf)] == [Mode.FILE, Mode.EXECUTABLE]


def test_a_skill_reached_through_a_link_has_the_revision_of_the_same_files_without_one(write, discovered):
    """Content decides: moved behind a link and back, nobody's installed copy is out of date."""
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p"))}
    content = {"SKILL.md": write.skill("x"), "run.sh": write.executable(b"#!/bin/sh\n")}
    plain = discovered({**files, **{f"p/skills/x/{path}": its for path, its in content.items()}})
    linked = discovered(
        {**files, "p/skills/x": write.link("../../lib/x"), **{f"lib/x/{path}": its for path, its in content.items()}}
    )
    assert plain.catalog.skills[0].revision == linked.catalog.skills[0].revision


def test_symlinks_that_are_skill_md_itself(write, discovered, published):
    """301 of 809 real links: the file is a link, its directory is not."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/x/SKILL.md": write.link("../../../texts/x.md"),
        "p/skills/x/data.csv": b"1,2\n",
        "texts/x.md": write.skill("x"),
    }
    found = discovered(files)
    assert found.skills == [("p", "p/skills/x", "x", None, "Does it.")]
    assert found.problems == []
    skill = found.catalog.skills[0]
    assert skill.real_directory == "p/skills/x"
    assert skill.revision == tree_of({"SKILL.md": (Mode.FILE, files["texts/x.md"]), "data.csv": (Mode.FILE, b"1,2\n")})
    assert published.served(files, "p", "p/skills/x") == {"SKILL.md": "texts/x.md", "data.csv": "p/skills/x/data.csv"}
    changed = discovered({**files, "texts/x.md": write.skill("x", "Does more.")})
    assert changed.catalog.skills[0].revision != skill.revision


@pytest.mark.parametrize("link", ["p/skills", "p", "p/skills/x"])
def test_a_link_may_stand_at_any_step_of_the_way_to_a_skill(write, discovered, link):
    real = {"p/skills": "kept/skills", "p": "kept/p", "p/skills/x": "kept/x"}[link]
    below = {"p/skills": "x/", "p": "skills/x/", "p/skills/x": ""}[link]
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        link: write.link("../" * link.count("/") + real),
        f"{real}/{below}SKILL.md": write.skill("x"),
    }
    found = discovered(files)
    assert found.skills == [("p", "p/skills/x", "x", None, "Does it.")]
    assert found.problems == []
    assert found.catalog.skills[0].real_directory == f"{real}/{below}".rstrip("/")


def test_links_to_files_and_directories_inside_a_skill(write, discovered, published):
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/x/SKILL.md": write.skill("x"),
        "p/skills/x/LICENSE": write.link("../../../LICENSE"),
        "p/skills/x/shared": write.link("../../shared"),
        "p/skills/x/run": write.link("shared/run.sh"),
        "p/shared/run.sh": write.executable(b"#!/bin/sh\n"),
        "p/shared/deep/er.md": b"deep",
        "LICENSE": b"MIT",
    }
    found = discovered(files)
    assert found.problems == []
    snapshot = published(files)
    assert published.served(files, "p", "p/skills/x") == {
        "LICENSE": "LICENSE",
        "SKILL.md": "p/skills/x/SKILL.md",
        "run": "p/shared/run.sh",
        "shared/deep/er.md": "p/shared/deep/er.md",
        "shared/run.sh": "p/shared/run.sh",
    }
    [skill] = snapshot.catalog.skills
    assert {path: file.mode for path, file in snapshot.files_of(skill)}["run"] is Mode.EXECUTABLE


def test_links_that_lead_to_links(write, discovered, published):
    """``..`` after a link is the parent of where the link leads, as every operating system has it."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/x": write.link("../hop"),
        "p/hop": write.link("../lib/there/../x"),
        "lib/there": write.link("../far/away"),
        "far/away/nothing": b"",
        "far/x/SKILL.md": write.skill("x"),
        "lib/x/SKILL.md": write.skill("wrong"),
    }
    found = discovered(files)
    assert found.skills == [("p", "p/skills/x", "x", None, "Does it.")]
    assert found.problems == [("lib/x/SKILL.md", "skill_unreachable", None)]
    assert found.catalog.skills[0].real_directory == "far/x"
    assert published.served(files, "p", "p/skills/x") == {"SKILL.md": "far/x/SKILL.md"}


def test_link_farms(write, discovered):
    """247 links of 13 plugins to the same 19 skills: each plugin has each skill, and all of them one revision each."""
    files = {MARKETPLACE: write.marketplace(*(write.entry(f"farm-{n:02}", f"./farms/{n:02}") for n in range(13)))}
    for skill in range(19):
        files[f"library/s{skill:02}/SKILL.md"] = write.skill(f"s{skill:02}")
        files |= {f"farms/{n:02}/skills/s{skill:02}": write.link(f"../../../library/s{skill:02}") for n in range(13)}
    found = discovered(files)
    assert len(found.skills) == 13 * 19
    assert len({skill.revision for skill in found.catalog.skills}) == 19
    assert found.problems == []


def test_a_plugin_json_that_is_a_link(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/.claude-plugin/plugin.json": write.link("../../shared-plugin.json"),
            "shared-plugin.json": write.plugin_json("p", version="7.0.0"),
            "p/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.skills == [("p", "p/skills/x", "x", "7.0.0", "Does it.")]
    assert found.problems == []


def test_a_listed_skills_path_that_is_a_link(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p", skills=["./more", "./one"])),
            "p/more": write.link("../library"),
            "p/one": write.link("../library/b"),
            "library/a/SKILL.md": write.skill("a"),
            "library/b/SKILL.md": write.skill("b"),
        }
    )
    assert found.paths == ["p:p/more/a", "p:p/more/b", "p:p/one"]
    assert found.problems == [
        ("p/one/SKILL.md", "skill_name_duplicate", None),
        ("p/one/SKILL.md", "skill_same_content", None),
    ]


def test_one_directory_through_two_links_is_two_skills(write, discovered):
    """Two directories are two identities, whatever they hold."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/a": write.link("../lib/x"),
            "p/skills/b": write.link("../lib/x"),
            "p/lib/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == ["p:p/skills/a", "p:p/skills/b"]
    assert found.problems == [
        ("p/skills/b/SKILL.md", "skill_name_duplicate", None),
        ("p/skills/b/SKILL.md", "skill_same_content", None),
    ]


def test_links_that_belong_to_no_skill_are_nobodys_problem(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/x/SKILL.md": write.skill("x"),
            "docs/latest": write.link("/var/www"),
            "AGENTS.md": write.link("CLAUDE.md"),
            "p/commands": write.link("../nowhere"),
        }
    )
    assert found.paths == ["p:p/skills/x"]
    assert found.problems == []


def test_a_marketplace_json_that_is_a_link(write, discovered):
    """Problems in it are told where it really is."""
    found = discovered(
        {
            MARKETPLACE: write.link("../config/market.json"),
            "config/market.json": write.marketplace(write.entry("p", "./p"), write.entry("q", "../q")),
            "p/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == ["p:p/skills/x"]
    assert found.problems == [("config/market.json", "source_path_invalid", 6)]
    assert discovered.refused({MARKETPLACE: write.link("../gone.json")}) == (MARKETPLACE, "marketplace_symlink", None)
