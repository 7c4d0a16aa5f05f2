"""What real skills consist of: many files, large ones, names of every kind, and some that are not there at all."""

from __future__ import annotations

import pytest

from skillport_sync.git.objects import Mode

MARKETPLACE = ".claude-plugin/marketplace.json"


@pytest.fixture
def around(write):
    """A marketplace whose plugin ``p`` has a skill ``x``, with these files too."""

    def files(more):
        return {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/x/SKILL.md": write.skill("x"),
            **more,
        }

    return files


def test_submodules_inside_a_skill(around, write, discovered, published):
    """A gitlink is a name without files: told, and the skill is incomplete."""
    files = around({"p/skills/x/eval-harness": write.submodule(), "p/docs": write.submodule()})
    found = discovered(files)
    assert found.skills == [("p", "p/skills/x", "x", None, "Does it.")]
    assert found.catalog.skills[0].incomplete
    assert found.problems == [
        ("p/docs", "submodule", None),
        ("p/skills/x/eval-harness", "skill_has_submodule", None),
        ("p/skills/x/eval-harness", "submodule", None),
    ]
    assert [path for path, file in published(files).files_of(found.catalog.skills[0]) if file.sha256 is not None] == [
        "SKILL.md"
    ]


def test_submodules_where_a_plugin_should_be(write, discovered):
    """Without .gitmodules, as the real one: there is no such directory."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("axiom", "./plugins/axiom"), write.entry("p", "./p")),
            "plugins/axiom": write.submodule(),
            "p/skills/x/SKILL.md": write.skill("x"),
            "p/skills/sub": write.submodule("another"),
        }
    )
    assert found.paths == ["p:p/skills/x"]
    assert not found.catalog.skills[0].incomplete
    assert found.problems == [
        ("p/skills/sub", "submodule", None),
        ("plugins/axiom", "source_missing", None),
        ("plugins/axiom", "submodule", None),
    ]


def test_lfs_pointers(around, write, discovered, published):
    """Git holds 130 bytes in place of the file: those are served, told, and the skill is incomplete."""
    files = around(
        {
            "p/skills/x/model.bin": write.lfs_pointer(b"a large model"),
            "p/skills/x/about-lfs.md": b"version https://git-lfs.github.com/spec/v1 is the first line of a pointer\n",
            "p/skills/y/SKILL.md": write.skill("y"),
            "docs/video.mp4": write.lfs_pointer(b"a video"),
        }
    )
    found = discovered(files)
    assert [skill.incomplete for skill in found.catalog.skills] == [True, False]
    assert found.problems == [("p/skills/x/model.bin", "lfs_pointer", None)]
    assert found.problem("lfs_pointer").severity == "warning"


def test_an_lfs_pointer_that_is_skill_md(write, discovered):
    """Then nobody can read what the skill is for; it is a skill all the same, without frontmatter."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/x/SKILL.md": write.lfs_pointer(write.skill("x")),
        }
    )
    assert found.paths == ["p:p/skills/x"]
    assert found.catalog.skills[0].incomplete
    assert found.problems == [
        ("p/skills/x/SKILL.md", "lfs_pointer", None),
        ("p/skills/x/SKILL.md", "frontmatter_missing", 1),
    ]


def test_exec_bits(around, write, published):
    files = around(
        {
            "p/skills/x/bin/run": write.executable(b"\x7fELF"),
            "p/skills/x/run.sh": write.executable(b"#!/bin/sh\n"),
            "p/skills/x/plain.sh": b"#!/bin/sh\n",
        }
    )
    snapshot = published(files)
    modes = {path: file.mode for path, file in snapshot.files_of(snapshot.catalog.skills[0])}
    assert modes == {
        "SKILL.md": Mode.FILE, "bin/run": Mode.EXECUTABLE, "plain.sh": Mode.FILE, "run.sh": Mode.EXECUTABLE
    }  # fmt: skip


def test_an_exec_bit_alone_changes_the_revision(around, write, discovered):
    before = discovered(around({"p/skills/x/run.sh": b"#!/bin/sh\n"}))
    after = discovered(around({"p/skills/x/run.sh": write.executable(b"#!/bin/sh\n")}))
    assert before.catalog.skills[0].revision != after.catalog.skills[0].revision


@pytest.mark.parametrize("mode", [Mode.EXECUTABLE, Mode.GROUP_WRITABLE])
def test_an_executable_or_group_writable_skill_md_is_a_skill_md(write, discovered, mode):
    leaf = write.executable(write.skill("x"))
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/x/SKILL.md": type(leaf)(leaf.content, mode),
        }
    )
    assert found.skills == [("p", "p/skills/x", "x", None, "Does it.")]
    assert found.problems == []


def test_files_larger_than_1_mb(around, discovered, published):
    """Served like any other as long as they are held: 54 fonts of one real skill, 5.5 MB."""
    fonts = {f"p/skills/x/fonts/{n:02}.ttf": bytes([n]) * 100_000 for n in range(54)}
    files = around({**fonts, "p/skills/x/archive.zip": b"PK\x03\x04" * 500_000})
    found = discovered(files)
    assert found.problems == []
    assert not found.catalog.skills[0].incomplete
    assert len(published(files).files_of(found.catalog.skills[0])) == 56


def test_a_file_too_large_to_be_held(around, write, discovered):
    found = discovered(
        around({"p/skills/x/video.mp4": write.not_held(b"many bytes"), "p/big.iso": write.not_held(b"more")})
    )
    assert found.catalog.skills[0].incomplete
    assert found.problems == [
        ("p/big.iso", "file_too_large", None),
        ("p/skills/x/video.mp4", "file_too_large", None),
    ]


def test_more_than_512_files_in_a_skill(around, discovered, published):
    """1,104 files, as the largest real one: all of them are the skill's."""
    files = around({f"p/skills/x/references/{n:04}.md": b"%d" % n for n in range(1_103)})
    found = discovered(files)
    assert found.problems == []
    assert len(published(files).files_of(found.catalog.skills[0])) == 1_104


def test_binaries(around, discovered, published):
    """Bytes are bytes: no kind of file is left out, none is read."""
    kinds = ["a.ttf", "b.png", "c.zip", "d.db", "e.pyc", "f.m4a", "g", ".DS_Store", "h.exe"]
    found_files = {f"p/skills/x/{name}": bytes(range(256)) + name.encode() for name in kinds}
    files = around(found_files)
    found = discovered(files)
    assert found.problems == []
    assert [path for path, _ in published(files).files_of(found.catalog.skills[0])] == sorted(["SKILL.md", *kinds])


def test_objects_listed_but_absent_from_the_mirror(write, discovered):
    """A SKILL.md or plugin.json whose bytes nobody has: told, and everything else stays."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p"), write.entry("q", "./q")),
            "p/skills/gone/SKILL.md": write.not_held(write.skill("gone")),
            "p/skills/here/SKILL.md": write.skill("here"),
            "q/.claude-plugin/plugin.json": write.not_held(write.plugin_json("q", version="1.0.0")),
            "q/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.skills == [
        ("p", "p/skills/here", "here", None, "Does it."),
        ("q", "q/skills/x", "x", None, "Does it."),
    ]
    assert found.problems == [
        ("p/skills/gone/SKILL.md", "file_too_large", None),
        ("p/skills/gone/SKILL.md", "skill_md_not_held", None),
        ("q/.claude-plugin/plugin.json", "file_too_large", None),
        ("q/.claude-plugin/plugin.json", "manifest_not_held", None),
    ]


# --- paths ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "\u00a0",
        "中文技能",
        "with space.md",
        "{{ module_id }}.css",
        "größe.md",
        "🙂.md",
        "a'b\"c.md",
        "con",
        "-rf",
        "trailing.",
    ],
    ids=["NBSP", "Chinese", "space", "braces", "umlaut", "emoji", "quotes", "con", "dash", "dot"],
)
def test_non_ascii_and_space_paths(write, discovered, published, name):
    """As the name of a file and as the name of a skill's directory."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        f"p/skills/{name}/SKILL.md": write.skill(None),
        f"p/skills/{name}/{name}": b"content",
    }
    found = discovered(files)
    [(plugin, directory, shown, _, _)] = found.skills
    assert (plugin, directory) == ("p", f"p/skills/{name}")
    assert shown
    assert found.problems == []
    assert [path for path, _ in published(files).files_of(found.catalog.skills[0])] == sorted(["SKILL.md", name])


def test_paths_longer_than_200_characters(around, discovered, published):
    long = "references/" + "/".join(["a-directory-with-a-long-name"] * 8) + "/notes.md"
    files = around({f"p/skills/x/{long}": b"notes"})
    found = discovered(files)
    assert found.problems == []
    assert [path for path, _ in published(files).files_of(found.catalog.skills[0])] == ["SKILL.md", long]


def test_paths_that_no_system_can_hold_are_left_out(around, discovered, published):
    bad = {
        f"p/skills/x/{'d/' * 70}deep.md": "path_too_deep",
        f"p/skills/x/{'n' * 1_100}.md": "path_too_long",
        "p/skills/x/a\\b.md": "path_backslash",
        "p/skills/x/bell\a.md": "path_control_character",
        "p/skills/x/.git/config": "path_git_directory",
        "p/skills/x/.GIT /hooks/run": "path_git_directory",
        "p/skills/x/../../y.md": "path_traversal",
    }
    files = around(dict.fromkeys(bad, b"content"))
    found = discovered(files)
    assert found.problems == sorted((path, code, None) for path, code in bad.items())
    assert [path for path, _ in published(files).files_of(found.catalog.skills[0])] == ["SKILL.md"]


def test_a_name_that_is_not_utf_8_is_left_out(around, discovered):
    found = discovered(
        around({b"p/skills/x/gr\xf6\xdfe.md": b"content", b"gr\xf6\xdfe/skills/y/SKILL.md": b"---\n---\n"})
    )
    assert found.paths == ["p:p/skills/x"]
    assert found.problems == [
        ("gr\\xf6\\xdfe/skills/y/SKILL.md", "path_not_utf8", None),
        ("p/skills/x/gr\\xf6\\xdfe.md", "path_not_utf8", None),
    ]


def test_case_colliding_paths(around, discovered, published):
    """Neither is served: which of the two a computer keeps is its own business. The skill is whole but for them."""
    files = around({"p/skills/x/Readme.md": b"1", "p/skills/x/README.md": b"2", "p/skills/x/o.md": b"3"})
    found = discovered(files)
    assert found.problems == [
        ("p/skills/x/README.md", "path_collision", None),
        ("p/skills/x/Readme.md", "path_collision", None),
    ]
    assert [path for path, _ in published(files).files_of(found.catalog.skills[0])] == ["SKILL.md", "o.md"]


def test_case_colliding_directories_of_two_plugins(write, discovered):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(*(write.entry(name, f"./plugins/{name}") for name in ("Axe", "axe", "bow"))),
            "plugins/Axe/skills/x/SKILL.md": write.skill("x"),
            "plugins/axe/skills/x/SKILL.md": write.skill("x"),
            "plugins/bow/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == ["bow:plugins/bow/skills/x"]
    assert [code for path, code, _ in found.problems if path.endswith("SKILL.md")] == ["path_collision"] * 2
