"""The catalog of a commit: what Claude Code would find, no plugin harmed by another, nothing remembered wrongly."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.discover import (
    EMPTY_MEMO,
    MANIFEST_PATH,
    Memo,
    Undiscoverable,
    discover,
    marketplace_path,
)
from skillport_sync.catalog.model import (
    OWN_SOURCE,
    Catalog,
    Linked,
    Problem,
    Severity,
    Skill,
    SourceFiles,
    SourceKey,
    Surface,
)
from skillport_sync.catalog.unreached import MAX_UNREACHABLE_REPORTED
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import Mode, TreeId, blob_id
from skillport_sync.git.paths import PathProblem, RepoPath, check_path, collisions


class Link(bytes):
    """A symbolic link to this target."""


class Submodule(bytes):
    """A commit of another repository."""


class NotHeld(bytes):
    """A file whose content the store does not hold."""


Files = Mapping[str, bytes]
MODES = {Link: Mode.SYMLINK, Submodule: Mode.SUBMODULE}
FOREIGN = Entry(Mode.SUBMODULE, blob_id(b"a commit"), 0)


def source(files: Files) -> SourceFiles:
    """These files as a verified source: unsafe paths and collisions left out, exactly as a snapshot leaves them out.

    What is not held anywhere is held nowhere: contents are found by their ids.
    """
    entries = {
        path.encode(): Entry(MODES.get(type(content), Mode.FILE), blob_id(content), len(content))
        for path, content in files.items()
    }
    checked = {path: entry for raw, entry in entries.items() if not isinstance(path := check_path(raw), PathProblem)}
    for path in collisions(checked):
        del checked[path]
    trees = {raw.decode(): tree for raw, tree in tree_ids({p: (e.mode, e.oid) for p, e in entries.items()}).items()}
    lost = {bytes(content) for content in files.values() if isinstance(content, NotHeld | Submodule)}
    contents = {blob_id(content): bytes(content) for content in files.values() if bytes(content) not in lost}
    absent = frozenset(path for path, entry in checked.items() if entry.mode.has_content and entry.oid not in contents)
    return SourceFiles(checked, trees, contents, absent)


def manifest(*entries: object, **fields: object) -> bytes:
    return json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": list(entries), **fields}, indent=1).encode()


def skill(name: str | None = None, description: str = "Does it.") -> bytes:
    lines = [*([f"name: {name}"] if name else []), f"description: {description}"]
    return "\n".join(["---", *lines, "---", "", "Body"]).encode()


def plugin(name: str, where: object, **fields: object) -> dict[str, object]:
    return {"name": name, "source": where, **fields}


def catalog(files: Files, *entries: object, **fields: object) -> Catalog:
    found = discover(source({**files, MANIFEST_PATH: manifest(*entries, **fields)}), None)
    assert not isinstance(found, Undiscoverable), found
    return found[0]


def labels(found: Catalog) -> list[str]:
    return [f"{skill.plugin.name}:{skill.directory}" for skill in found.skills]


def codes(found: Catalog) -> list[str]:
    return [problem.code for problem in found.problems]


def test_skills_below_a_plugin_are_found() -> None:
    found = catalog(
        {
            "plugins/a/skills/x/SKILL.md": skill("x"),
            "plugins/a/skills/x/references/more.md": b"",
            "plugins/a/skills/x-y/SKILL.md": skill(),
            "plugins/a/skills/notes.md": b"",
            "plugins/a/skills/x/nested/SKILL.md": skill("nested"),
            "plugins/b/skills/z/SKILL.md": skill("Z z"),
        },
        plugin("b", "./plugins/b"),
        plugin("a", "./plugins/a", version="1.0.0"),
    )
    assert labels(found) == ["a:plugins/a/skills/x", "a:plugins/a/skills/x-y", "b:plugins/b/skills/z"]
    assert [skill.name for skill in found.skills] == ["x", "x-y", "Z z"]
    assert [skill.version for skill in found.skills] == ["1.0.0", "1.0.0", None]
    assert [(problem.path, problem.code) for problem in found.problems] == [
        ("plugins/a/skills/x/nested/SKILL.md", "skill_nested")
    ]


def test_a_skill_carries_the_tree_id_of_its_directory_as_revision() -> None:
    files = {"a/skills/x/SKILL.md": skill("x"), "a/skills/y/SKILL.md": skill("y")}
    before = catalog(files, plugin("a", "./a"))
    after = catalog({**files, "a/skills/x/script.py": b"1"}, plugin("a", "./a"))
    assert before.skills[0].revision == source(files).trees["a/skills/x"]
    assert before.skills[0].revision != after.skills[0].revision
    assert before.skills[1] == after.skills[1]


@pytest.mark.parametrize("where", [".", "./"])
def test_a_plugin_at_the_marketplace_root_has_its_skills_directory(where: str) -> None:
    assert labels(catalog({"skills/x/SKILL.md": skill("x")}, plugin("a", where))) == ["a:skills/x"]


@pytest.mark.parametrize("in_manifest", [False, True])
def test_listed_directories_replace_the_scan_at_the_marketplace_root(in_manifest: bool) -> None:
    files = {"skills/x/SKILL.md": skill("x"), "skills/y/SKILL.md": skill("y"), "more/z/SKILL.md": skill("z")}
    said = {"skills": ["./skills/x", "./more"]}
    if in_manifest:
        files[".claude-plugin/plugin.json"] = json.dumps({"name": "a", **said}).encode()
    found = catalog(files, plugin("a", "./", **({} if in_manifest else said)))
    assert labels(found) == ["a:more/z", "a:skills/x"]


@pytest.mark.parametrize("in_manifest", [False, True])
def test_listed_directories_add_to_the_scan_of_any_other_plugin(in_manifest: bool) -> None:
    files = {
        "p/skills/x/SKILL.md": skill("x"),
        "p/one/SKILL.md": skill("one"),
        "p/many/y/SKILL.md": skill("y"),
        "p/many/z/SKILL.md": skill("z"),
    }
    said = {"skills": ["./one", "./many/", "./skills/x"]}
    if in_manifest:
        files["p/.claude-plugin/plugin.json"] = json.dumps({"name": "a", **said}).encode()
    found = catalog(files, plugin("a", "./p", **({} if in_manifest else said)))
    assert labels(found) == ["a:p/many/y", "a:p/many/z", "a:p/one", "a:p/skills/x"]
    assert found.problems == ()


def test_a_listed_directory_that_is_a_skill_is_not_searched_further() -> None:
    files = {"p/one/SKILL.md": skill("one"), "p/one/two/SKILL.md": skill("two")}
    assert labels(catalog(files, plugin("a", "./p", skills="./one"))) == ["a:p/one"]


def test_the_plugin_itself_may_be_listed() -> None:
    assert labels(catalog({"p/x/SKILL.md": skill("x")}, plugin("a", "./p", skills="./"))) == ["a:p/x"]
    assert labels(catalog({"p/SKILL.md": skill("x")}, plugin("a", "./p", skills=["./"]))) == ["a:p"]


def test_a_skill_md_at_the_plugins_root_counts_when_nothing_else_says_where_skills_are() -> None:
    root = {"p/SKILL.md": skill()}
    found = catalog(root, plugin("review", "./p"))
    assert labels(found) == ["review:p"]
    assert found.skills[0].name == "p"
    assert labels(catalog({**root, "p/skills/README.md": b""}, plugin("a", "./p"))) == []
    assert labels(catalog({**root, "p/x/SKILL.md": skill()}, plugin("a", "./p", skills="./x"))) == ["a:p/x"]
    assert labels(catalog({"SKILL.md": skill()}, plugin("a", "./"))) == ["a:"]
    assert catalog({"SKILL.md": skill()}, plugin("a", "./")).skills[0].name == "a"


def test_one_directory_may_belong_to_several_plugins() -> None:
    files = {"skills/x/SKILL.md": skill("x"), "skills/y/SKILL.md": skill("y")}
    found = catalog(files, plugin("a", "./", skills=["./skills/x"]), plugin("b", "./", skills=["./skills/x"]))
    assert labels(found) == ["a:skills/x", "b:skills/x"]
    assert codes(found) == ["skill_unreachable"]


def test_bare_names_are_looked_up_under_the_plugin_root() -> None:
    files = {"plugins/a/skills/x/SKILL.md": skill("x")}
    assert labels(catalog(files, plugin("a", "a"), metadata={"pluginRoot": "./plugins"})) == ["a:plugins/a/skills/x"]


@pytest.mark.parametrize(
    ("in_manifest", "in_entry", "version"), [("2.0.0", "1.0.0", "2.0.0"), (None, "1.0.0", "1.0.0"), (None, None, None)]
)
def test_the_plugins_own_version_goes_before_the_entrys(
    in_manifest: str | None, in_entry: str | None, version: str | None
) -> None:
    said = {} if in_manifest is None else {"version": in_manifest}
    files = {
        "p/.claude-plugin/plugin.json": json.dumps({"name": "a", **said}).encode(),
        "p/skills/x/SKILL.md": skill("x"),
    }
    found = catalog(files, plugin("a", "./p", **({} if in_entry is None else {"version": in_entry})))
    assert found.skills[0].version == version
    assert codes(found) == (["plugin_version_differs"] if in_manifest else [])


def test_a_plugin_is_described_by_its_manifest_and_its_entry_together() -> None:
    said = {"name": "other", "description": "From the manifest.", "author": {"name": "Ada"}, "keywords": ["k", "l"]}
    files = {"p/.claude-plugin/plugin.json": json.dumps(said).encode()}
    entry = plugin(
        "a", "./p", description="x", category="c", keywords=["j", "k"], tags=["surface:CC", "t"], author={"name": "B"}
    )
    [found] = catalog(files, entry).plugins
    assert (found.name, found.description, found.author, found.category) == ("a", "From the manifest.", "Ada", "c")
    assert (found.keywords, found.tags) == (("j", "k", "l"), ("surface:CC", "t"))
    assert found.surfaces == {Surface.CLAUDE_CODE}


def test_without_frontmatter_directory_and_first_paragraph_stand_in() -> None:
    body = b"# A heading\n\n```\ncode\n```\n\nThe first\nparagraph   here.\n\nThe second."
    [found] = catalog({"p/skills/my-skill/SKILL.md": body}, plugin("a", "./p")).skills
    assert (found.name, found.description, found.frontmatter) == ("my-skill", "The first paragraph here.", {})


@pytest.mark.parametrize(
    ("line", "name", "code"),
    [
        (b"name: 7", "7", "skill_name_invalid"),
        (b"name: true", "true", "skill_name_invalid"),
        (b"name: [a]", "x", "skill_name_invalid"),
        (b"name:", "x", "skill_description_missing"),
        (b'name: "a\\nb"', "x", "skill_name_invalid"),
        (b"name: " + b"a" * 257, "x", "skill_name_invalid"),
        (b"name: contact-center/android", "contact-center/android", "skill_description_missing"),
    ],
)
def test_odd_names_are_tolerated(line: bytes, name: str, code: str) -> None:
    found = catalog({"p/skills/x/SKILL.md": b"---\n" + line + b"\n---\nBody"}, plugin("a", "./p"))
    assert found.skills[0].name == name
    assert code in codes(found)


@pytest.mark.parametrize(
    ("line", "description"), [(b"description: 5", "5"), (b"description: [a, b]", "Body"), (b"description: ''", "Body")]
)
def test_odd_descriptions_are_tolerated(line: bytes, description: str) -> None:
    found = catalog({"p/skills/x/SKILL.md": b"---\nname: x\n" + line + b"\n---\nBody"}, plugin("a", "./p"))
    assert found.skills[0].description == description
    assert all(problem.severity is Severity.WARNING for problem in found.problems)


def test_other_spellings_of_skill_md_are_served_with_a_warning() -> None:
    found = catalog({"p/skills/x/skill.md": skill("x"), "p/skills/NOTSKILL.md": b""}, plugin("a", "./p"))
    assert found.skills[0].skill_md == "p/skills/x/skill.md"
    assert codes(found) == ["skill_md_case"]


@pytest.mark.parametrize(
    ("files", "entry", "problem"),
    [
        ({}, plugin("a", "./p"), ("p", "source_missing", Severity.ERROR)),
        ({"p/f": b""}, plugin("a", "./p", skills="./s"), ("p/s", "skills_path_missing", Severity.ERROR)),
        ({"p/s/f": b""}, plugin("a", "./p", skills="./s"), ("p/s", "skills_path_empty", Severity.WARNING)),
        (
            {"p/.claude-plugin/plugin.json": b"{"},
            plugin("a", "./p"),
            ("p/.claude-plugin/plugin.json", "manifest_unreadable", Severity.ERROR),
        ),
        (
            {"p/.claude-plugin/plugin.json": NotHeld(b"{}")},
            plugin("a", "./p"),
            ("p/.claude-plugin/plugin.json", "manifest_not_held", Severity.ERROR),
        ),
        (
            {"p/.claude-plugin/plugin.json": b'{"name": "b"}'},
            plugin("a", "./p"),
            ("p/.claude-plugin/plugin.json", "plugin_name_differs", Severity.INFO),
        ),
        (
            {"p/.claude-plugin/plugin.json": b'{"name": "a"}'},
            plugin("a", "./p", strict=False, commands="./c"),
            ("p/.claude-plugin/plugin.json", "strict_conflict", Severity.ERROR),
        ),
        (
            {"p/skills/x/SKILL.md": NotHeld(b"much")},
            plugin("a", "./p"),
            ("p/skills/x/SKILL.md", "skill_md_not_held", Severity.ERROR),
        ),
        (
            {"p/skills/x/SKILL.md": skill("same"), "p/skills/y/SKILL.md": skill("same") + b"2"},
            plugin("a", "./p"),
            ("p/skills/y/SKILL.md", "skill_name_duplicate", Severity.WARNING),
        ),
        (
            {"p/skills/x/SKILL.md": skill("x") + b"-" * 1_000_000},
            plugin("a", "./p"),
            ("p/skills/x/SKILL.md", "skill_md_too_large", Severity.WARNING),
        ),
        ({}, plugin("a", {"source": "github", "repo": "x/y"}), (MANIFEST_PATH, "source_unavailable", Severity.ERROR)),
        ({}, plugin("a", {"source": "npm", "package": "x"}), (MANIFEST_PATH, "source_not_fetched", Severity.INFO)),
        ({}, plugin("a", {"source": "github"}), (MANIFEST_PATH, "source_invalid", Severity.ERROR)),
        ({"p": Submodule(b"c")}, plugin("a", "./p"), ("p", "source_missing", Severity.ERROR)),
        ({"p": b"a file"}, plugin("a", "./p"), ("p", "source_missing", Severity.ERROR)),
        ({"p/s": b"a file"}, plugin("a", "./p", skills="./s"), ("p/s", "skills_path_missing", Severity.ERROR)),
        ({"p": Link(b"gone")}, plugin("a", "./p"), ("p", "symlink_broken", Severity.ERROR)),
        ({"p/s": Link(b"../..")}, plugin("a", "./p", skills="./s"), ("p/s", "symlink_outside", Severity.ERROR)),
        ({"p/skills": Link(b"skills")}, plugin("a", "./p"), ("p/skills", "symlink_cycle", Severity.ERROR)),
        ({"p/skills/x": Link(b"gone")}, plugin("a", "./p"), ("p/skills/x", "symlink_broken", Severity.WARNING)),
        (
            {"p/skills/x/SKILL.md": Link(b"gone")},
            plugin("a", "./p"),
            ("p/skills/x/SKILL.md", "symlink_broken", Severity.ERROR),
        ),
        (
            {"p/skills/x/SKILL.md": Link(b"..")},
            plugin("a", "./p"),
            ("p/skills/x/SKILL.md", "symlink_broken", Severity.ERROR),
        ),
        (
            {"p/.claude-plugin/plugin.json": Link(b"gone")},
            plugin("a", "./p"),
            ("p/.claude-plugin/plugin.json", "symlink_broken", Severity.WARNING),
        ),
        ({}, plugin("a", "../p"), (MANIFEST_PATH, "source_path_invalid", Severity.ERROR)),
    ],
)  # fmt: skip
def test_what_is_wrong_is_reported_where_it_is(
    files: dict[str, bytes], entry: dict[str, object], problem: tuple[str, str, Severity]
) -> None:
    found = catalog({**files, "q/skills/q/SKILL.md": skill("q")}, entry, plugin("z", "./q"))
    assert [(p.path, p.code, p.severity) for p in found.problems] == [problem]
    assert "z:q/skills/q" in labels(found)


def test_the_first_of_two_plugins_of_one_name_wins() -> None:
    files = {"p/skills/x/SKILL.md": skill("x"), "q/skills/y/SKILL.md": skill("y")}
    found = catalog(files, plugin("a", "./p"), plugin("a", "./q"))
    assert labels(found) == ["a:p/skills/x"]
    assert set(codes(found)) == {"plugin_name_duplicate", "skill_unreachable"}
    assert next(p.line for p in found.problems if p.code == "plugin_name_duplicate") == 11


def test_unreachable_skills_are_reported_up_to_a_limit() -> None:
    extra = 7
    found = catalog({f"lost/{n:03}/SKILL.md": skill() for n in range(MAX_UNREACHABLE_REPORTED + extra)})
    assert codes(found).count("skill_unreachable") == MAX_UNREACHABLE_REPORTED
    [more] = [problem for problem in found.problems if problem.code == "skill_unreachable_more"]
    assert more.message.startswith(f"{extra} more")
    assert {problem.severity for problem in found.problems} == {Severity.INFO}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "marketplace_missing"),
        ({MANIFEST_PATH: Link(b"x")}, "marketplace_symlink"),
        ({MANIFEST_PATH: NotHeld(b"{}")}, "marketplace_not_held"),
        ({MANIFEST_PATH: b"{"}, "marketplace_invalid_json"),
        ({MANIFEST_PATH: b"[]"}, "marketplace_invalid"),
        ({MANIFEST_PATH: b'{"plugins": 5}'}, "marketplace_invalid"),
    ],
)
def test_without_a_readable_marketplace_there_is_no_catalog(files: dict[str, bytes], code: str) -> None:
    found = discover(source(files), None)
    assert isinstance(found, Undiscoverable)
    assert (found.code, found.path) == (code, MANIFEST_PATH)


def test_what_was_not_held_is_looked_at_again_although_no_id_changed() -> None:
    files = {MANIFEST_PATH: manifest(plugin("a", "./p")), "p/skills/x/SKILL.md": NotHeld(skill("x"))}
    files["p/skills/y/SKILL.md"] = skill("y")
    first = discover(source(files), None)
    assert not isinstance(first, Undiscoverable)
    assert codes(first[0]) == ["skill_md_not_held"]
    again = discover(source({**files, "p/skills/x/SKILL.md": skill("x")}), first[1])
    assert not isinstance(again, Undiscoverable)
    assert labels(again[0]) == ["a:p/skills/x", "a:p/skills/y"]


def test_what_was_not_held_is_looked_at_again_also_where_nobody_said_so() -> None:
    files = {MANIFEST_PATH: manifest(plugin("a", "./p")), "p/skills/x/SKILL.md": NotHeld(skill("x"))}
    files |= {"p/skills/y/SKILL.md": skill("y"), "p/skills/z": NotHeld(b"y")}
    first = discover(replace(source(files), absent=frozenset()), None)
    assert not isinstance(first, Undiscoverable)
    again = discover(source({**files, "p/skills/x/SKILL.md": skill("x")}), first[1])
    assert not isinstance(again, Undiscoverable)
    assert labels(again[0]) == ["a:p/skills/x", "a:p/skills/y"]


def test_a_collision_elsewhere_hides_a_plugin_whose_own_tree_did_not_change() -> None:
    files = {MANIFEST_PATH: manifest(plugin("a", "./p/a")), "p/a/skills/x/SKILL.md": skill("x")}
    first = discover(source(files), None)
    assert not isinstance(first, Undiscoverable)
    collided = source({**files, "P/other.txt": b""})
    assert collided.trees["p/a"] == source(files).trees["p/a"]
    hidden = discover(collided, first[1])
    assert not isinstance(hidden, Undiscoverable)
    assert hidden[0].skills == ()
    again = discover(source(files), hidden[1])
    assert not isinstance(again, Undiscoverable)
    assert again[0] == first[0]


def test_a_skill_that_moved_is_not_parsed_again() -> None:
    first = discover(source({MANIFEST_PATH: manifest(plugin("a", "./p")), "p/skills/x/SKILL.md": skill("x")}), None)
    assert not isinstance(first, Undiscoverable)
    moved = source({MANIFEST_PATH: manifest(plugin("b", "./q")), "q/skills/z/SKILL.md": skill("x")})
    unread = {oid: content for oid, content in moved.contents.items() if oid == moved.files[MANIFEST_PATH].oid}
    again = discover(replace(moved, contents=unread), first[1])
    assert not isinstance(again, Undiscoverable)
    assert again[0].skills[0].frontmatter is first[0].skills[0].frontmatter


def test_what_a_push_did_not_touch_is_taken_over_unread() -> None:
    files = {f"{name}/skills/x/SKILL.md": skill(name) for name in "abc"}
    files[MANIFEST_PATH] = manifest(*(plugin(name, f"./{name}") for name in "abc"))
    first = discover(source(files), None)
    assert not isinstance(first, Undiscoverable)
    pushed = source({**files, "b/skills/x/SKILL.md": skill("changed")})
    changed = pushed.files[RepoPath("b/skills/x/SKILL.md")].oid
    again = discover(replace(pushed, contents={changed: pushed.contents[changed]}), first[1])
    assert not isinstance(again, Undiscoverable)
    assert [found.name for found in again[0].skills] == ["a", "changed", "c"]
    assert again[0].skills[0] is first[0].skills[0]


def test_a_submodule_in_the_place_of_marketplace_json_is_no_marketplace() -> None:
    own = source({})
    found = discover(replace(own, files={MANIFEST_PATH: FOREIGN}), None)
    assert isinstance(found, Undiscoverable)


# --- symbolic links ----------------------------------------------------------------------------------------------------------

SHARED = {"shared/x/SKILL.md": skill("x"), "shared/x/docs/a.md": b"a", "shared/y/SKILL.md": skill("y")}


@pytest.mark.parametrize(
    "linked",
    [
        {"p": Link(b"kept/p"), "kept/p/skills/x/SKILL.md": skill("x")},
        {"p/skills": Link(b"../shared")},
        {"p/skills/x": Link(b"../../shared/x")},
        {"p/skills/x/SKILL.md": Link(b"../../../shared/x/SKILL.md")},
        {"p/skills/x": Link(b"../hop"), "p/hop": Link(b"../shared/x")},
    ],
)
def test_a_link_may_stand_anywhere_on_the_way_to_a_skill(linked: Files) -> None:
    found = catalog({**SHARED, **linked}, plugin("a", "./p"))
    assert found.skills[0].directory == "p/skills/x"
    assert (found.skills[0].name, found.skills[0].skill_md) == ("x", "p/skills/x/SKILL.md")
    assert found.skills[0].linked is not None
    assert not found.skills[0].incomplete
    assert set(codes(found)) <= {"skill_unreachable"}


def test_a_linked_skill_says_where_its_files_are() -> None:
    found = catalog({**SHARED, "p/skills/z": Link(b"../../shared/x")}, plugin("a", "./p")).skills[0]
    files = {"SKILL.md": RepoPath("shared/x/SKILL.md"), "docs/a.md": RepoPath("shared/x/docs/a.md")}
    assert (found.directory, found.real_directory) == ("p/skills/z", "shared/x")
    assert found.linked == Linked("shared/x", files)
    assert found.revision == source(SHARED).trees["shared/x"]


def test_without_a_name_a_linked_skill_is_called_as_its_link() -> None:
    found = catalog({"shared/x/SKILL.md": skill(), "p/skills/z": Link(b"../../shared/x")}, plugin("a", "./p"))
    assert found.skills[0].name == "z"


def test_a_skill_without_links_is_exactly_its_directory() -> None:
    found = catalog({**SHARED, "docs": Link(b"shared"), "p/z": Link(b"../docs")}, plugin("a", "./shared", skills="./"))
    assert [skill.linked for skill in found.skills] == [None, None]


def test_a_linked_file_inside_a_skill_changes_its_revision_with_its_content() -> None:
    files = {"p/skills/x/SKILL.md": skill("x"), "p/skills/x/LICENSE": Link(b"../../../LICENSE"), "LICENSE": b"MIT"}
    before, after = catalog(files, plugin("a", "./p")), catalog({**files, "LICENSE": b"BSD"}, plugin("a", "./p"))
    assert before.skills[0].revision != after.skills[0].revision
    served = {"SKILL.md": skill("x"), "LICENSE": b"MIT"}
    assert before.skills[0].revision == source(served).trees[""]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ({"p/skills/x/m": Submodule(b"c")}, "skill_has_submodule"),
        ({"p/skills/x/m": Link(b"gone")}, "symlink_broken"),
        ({"p/skills/x/m": Link(b"/etc")}, "symlink_outside"),
        ({"p/skills/x/m": Link(b"..")}, "symlink_cycle"),
        (
            {"p/skills/x/m": Link(b"../../../.skillport/access.json"), ".skillport/access.json": b"{}"},
            "symlink_outside",
        ),
        ({"p/skills/x/m": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64}, "lfs_pointer"),
        ({"p/skills/x/m": NotHeld(b"a video")}, None),
        ({"p/skills/x/m": Link(b"../../v"), "p/v": NotHeld(b"a video")}, None),
        ({"p/skills/x/m": Link(b"../../v"), "p/v/s": Submodule(b"c")}, "skill_has_submodule"),
    ],
)
def test_a_skill_that_cannot_be_served_whole_is_incomplete(file: Files, code: str | None) -> None:
    files = {"p/skills/x/SKILL.md": skill("x"), "p/skills/y/SKILL.md": skill("y")}
    found = catalog({**files, **file}, plugin("a", "./p"))
    assert [(found.name, found.incomplete) for found in found.skills] == [("x", True), ("y", False)]
    assert codes(found) == ([] if code is None else [code])
    assert all(problem.severity is Severity.WARNING for problem in found.problems)


def test_a_text_about_git_lfs_is_no_pointer() -> None:
    text = b"# version https://git-lfs.github.com/spec/v1\n" + b"-" * 90
    assert (
        not catalog({"p/skills/x/SKILL.md": skill("x"), "p/skills/x/m": text}, plugin("a", "./p")).skills[0].incomplete
    )


def test_what_links_lead_to_counts_as_reached() -> None:
    found = catalog({**SHARED, "p/skills/x/SKILL.md": Link(b"../../../shared/x/SKILL.md")}, plugin("a", "./p"))
    assert [(problem.path, problem.code) for problem in found.problems] == [("shared/y/SKILL.md", "skill_unreachable")]


def test_one_directory_reached_twice_is_two_skills_and_said_so() -> None:
    files = {"p/skills/x/SKILL.md": skill(), "p/skills/y": Link(b"x"), "p/skills/x/one/SKILL.md": skill("one")}
    found = catalog(files, plugin("a", "./p"))
    assert labels(found) == ["a:p/skills/x", "a:p/skills/y"]
    assert found.skills[0].revision == found.skills[1].revision
    assert [(problem.path, problem.code) for problem in found.problems] == [
        ("p/skills/x/one/SKILL.md", "skill_nested"),
        ("p/skills/y/SKILL.md", "skill_same_content"),
    ]


def test_a_skill_around_the_policy_is_all_but_the_policy() -> None:
    found = catalog({"SKILL.md": skill("x"), ".skillport/access.json": b"{}", "f": b""}, plugin("a", "./"))
    assert found.skills[0].linked is not None
    assert set(found.skills[0].linked.files) == {"SKILL.md", "f", MANIFEST_PATH}
    assert not found.skills[0].incomplete


def test_marketplace_json_may_be_a_link() -> None:
    files = {MANIFEST_PATH: Link(b"../catalog.json"), "p/skills/x/SKILL.md": skill("x")}
    own = source({**files, "catalog.json": manifest(plugin("a", "./p"), plugin("b", "../q"))})
    assert marketplace_path(own) == "catalog.json"
    found = discover(own, None)
    assert not isinstance(found, Undiscoverable)
    assert labels(found[0]) == ["a:p/skills/x"]
    assert [problem.path for problem in found[0].problems] == ["catalog.json"]
    behind = source({".claude-plugin": Link(b"real"), "real/marketplace.json": manifest()})
    assert marketplace_path(behind) == "real/marketplace.json"


LINKED = {**SHARED, "p/skills/x": Link(b"../../shared/x"), "q/skills/z/SKILL.md": skill("z")}
LINKED |= {"shared/x/LICENSE": Link(b"../../LICENSE"), "LICENSE": b"MIT"}
LINKED[MANIFEST_PATH] = manifest(plugin("a", "./p"), plugin("b", "./q"))


@pytest.mark.parametrize(
    ("push", "names"),
    [
        ({"shared/x/SKILL.md": skill("changed")}, ["changed", "z"]),
        ({"shared/x/docs/a.md": b"changed"}, ["x", "z"]),
        ({"p/skills/x": Link(b"../../shared/y")}, ["y", "z"]),
        ({"shared/x/docs/b": Link(b"../../y")}, ["x", "z"]),
        ({"SHARED/other": b""}, ["z"]),
        ({"shared/x/docs/a.md": NotHeld(b"large")}, ["x", "z"]),
        ({"shared/x/docs/a.md": NotHeld(b"a")}, ["x", "z"]),
        ({"shared/x/SKILL.md": NotHeld(skill("x"))}, ["z"]),
        ({"p/skills/x": NotHeld(b"../../shared/x")}, ["z"]),
        ({"LICENSE": b"BSD"}, ["x", "z"]),
        ({"LICENSE": Link(b"shared/y/SKILL.md")}, ["x", "z"]),
        ({"late/SKILL.md": skill("late")}, ["late", "x", "z"]),
        ({"late": Link(b"shared/y")}, ["y", "x", "z"]),
    ],
)
def test_a_plugin_is_looked_at_again_when_what_its_links_lead_to_changed(push: Files, names: list[str]) -> None:
    linked = {**LINKED, "p/skills/late": Link(b"../../late")} if "late" in "".join(push) else LINKED
    first = discover(source(linked), None)
    assert not isinstance(first, Undiscoverable)
    pushed = source({**linked, **push})
    again = discover(pushed, first[1])
    assert not isinstance(again, Undiscoverable)
    assert again == discover(pushed, None)
    assert again[0].skills != first[0].skills
    assert [found.name for found in again[0].skills] == names


def test_a_linked_plugin_is_taken_over_unread_while_nothing_of_it_changed() -> None:
    first = discover(source(LINKED), None)
    assert not isinstance(first, Undiscoverable)
    pushed = source({**LINKED, "q/skills/z/SKILL.md": skill("changed"), "shared/y/SKILL.md": b"changed"})
    changed = pushed.files[RepoPath("q/skills/z/SKILL.md")].oid
    again = discover(replace(pushed, contents={changed: pushed.contents[changed]}), first[1])
    assert not isinstance(again, Undiscoverable)
    assert again[0].skills[0] is first[0].skills[0]
    assert again[0].skills[1].name == "changed"


def test_a_plugin_that_is_looked_at_again_reads_only_what_is_new() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64
    files = {**LINKED, "p/skills/w/SKILL.md": skill("w"), "p/skills/w/data.bin": pointer}
    first = discover(source(files), None)
    assert not isinstance(first, Undiscoverable)
    pushed = source({**files, "p/skills/v/SKILL.md": skill("v")})
    new = pushed.files[RepoPath("p/skills/v/SKILL.md")].oid
    again = discover(replace(pushed, contents={new: pushed.contents[new]}), first[1])
    assert again == discover(pushed, None)


def test_links_to_one_large_directory_do_not_fill_the_memory() -> None:
    large = {f"big/{n:04}": b"" for n in range(6_000)} | {"big/SKILL.md": skill("big")}
    found = catalog(large | {f"p/skills/{n:02}": Link(b"../../big") for n in range(12)}, plugin("a", "./p"))
    assert len(found.skills) == 12
    assert len({id(skill.linked) for skill in found.skills}) == 1
    assert not any(skill.incomplete for skill in found.skills)


def test_the_skills_of_a_plugin_share_what_may_be_reached_through_links() -> None:
    """In their order, so that the first are whole; those of another plugin have as much for themselves."""
    files: dict[str, bytes] = {f"big/{n:04}": b"" for n in range(4_500)}
    for at in [f"p/skills/{n:02}" for n in range(14)] + ["q/skills/x"]:
        files |= {f"{at}/SKILL.md": skill(), f"{at}/big": Link(b"../../../big")}
    found = catalog(files, plugin("a", "./p"), plugin("b", "./q"))
    assert [skill.incomplete for skill in found.skills] == [False] * 11 + [True] * 3 + [False]
    assert {problem.code for problem in found.problems} == {"skill_same_content", "symlink_too_much"}


# --- plugins of other repositories -------------------------------------------------------------------------------------------

TOOLS = SourceKey("acme/tools@HEAD")
GITHUB = {"source": "github", "repo": "acme/tools"}


def catalog_of(
    files: Files,
    others: Mapping[str, Files],
    *entries: object,
    repository: str = "acme/skills",
    host: str = "github.com",
) -> Catalog:
    own = source({**files, MANIFEST_PATH: manifest(*entries)})
    external = {SourceKey(key): source(its) for key, its in others.items()}
    found = discover(own, None, others=external, host=host, repository=repository)
    assert not isinstance(found, Undiscoverable)
    again = discover(own, found[1], others=external, host=host, repository=repository)
    assert again == found
    return found[0]


def test_a_plugin_of_another_repository_is_found_in_its_files() -> None:
    tools = {
        ".claude-plugin/plugin.json": b'{"name": "a", "version": "3"}',
        ".claude-plugin/marketplace.json": b"{",
        "skills/x/SKILL.md": skill("x"),
        "skills/x/deep/SKILL.md": b"",
        "more/y/SKILL.md": b"no frontmatter",
        "lost/SKILL.md": b"",
    }
    found = catalog_of({"skills/own/SKILL.md": skill()}, {TOOLS: tools}, plugin("a", GITHUB, skills="./more"))
    assert labels(found) == ["a:more/y", "a:skills/x"]
    assert {found.plugin.source for found in found.skills} == {TOOLS}
    assert {found.version for found in found.skills} == {"3"}
    assert found.skills[1].revision == source(tools).trees["skills/x"]
    assert [(p.source, p.path, p.code) for p in found.problems] == [
        (OWN_SOURCE, "skills/own/SKILL.md", "skill_unreachable"),
        (TOOLS, "more/y/SKILL.md", "frontmatter_missing"),
        (TOOLS, "skills/x/deep/SKILL.md", "skill_nested"),
    ]


def test_links_of_another_repository_stay_in_it() -> None:
    tools = {"skills/x": Link(b"../lib/x"), "lib/x/SKILL.md": skill("theirs"), "skills/y": Link(b"../../own")}
    found = catalog_of({"lib/x/SKILL.md": skill("ours"), "own/SKILL.md": skill()}, {TOOLS: tools}, plugin("a", GITHUB))
    assert [found.name for found in found.skills] == ["theirs"]
    assert (TOOLS, "symlink_outside") in {(problem.source, problem.code) for problem in found.problems}


def test_a_directory_of_another_repository_may_be_the_plugin() -> None:
    subdir = {"source": "git-subdir", "url": "https://github.com/acme/tools.git", "path": "plugins/a/"}
    found = catalog_of({}, {TOOLS: {"plugins/a/skills/x/SKILL.md": skill("x")}}, plugin("a", subdir))
    assert labels(found) == ["a:plugins/a/skills/x"]
    missing = catalog_of({}, {TOOLS: {"f": b""}}, plugin("a", subdir))
    assert [(p.source, p.path, p.code) for p in missing.problems] == [(TOOLS, "plugins/a", "source_missing")]


def test_listed_directories_replace_the_scan_at_no_root_but_the_marketplaces() -> None:
    tools = {"skills/x/SKILL.md": skill("x"), "more/y/SKILL.md": skill("y")}
    listed = plugin("a", GITHUB, skills=["./more"])
    assert labels(catalog_of({}, {TOOLS: tools}, listed)) == ["a:more/y", "a:skills/x"]
    assert labels(catalog_of(tools, {}, listed, repository="acme/tools")) == ["a:more/y", "a:skills/x"]


def test_a_marketplace_that_names_its_own_repository_is_its_own_source() -> None:
    found = catalog_of({"skills/x/SKILL.md": skill("x")}, {}, plugin("a", GITHUB), repository="Acme/Tools")
    assert [(found.plugin.source, found.directory) for found in found.skills] == [(OWN_SOURCE, "skills/x")]
    pinned = catalog_of({}, {}, plugin("a", {**GITHUB, "ref": "v1"}), repository="acme/tools")
    assert codes(pinned) == ["source_unavailable"]


@pytest.mark.parametrize(
    ("entry_source", "host", "code"),
    [
        (GITHUB, "github.com", "source_unavailable"),
        (GITHUB, "github.acme.example", "source_not_fetched"),
        ({"source": "url", "url": "https://github.acme.example/a/b"}, "GitHub.acme.example", "source_unavailable"),
        ({"source": "url", "url": "https://gitlab.com/a/b.git"}, "github.com", "source_not_fetched"),
        ({"source": "archive", "url": "https://github.com/a/b.zip"}, "github.com", "source_not_fetched"),
        ({"source": "npm", "package": "@a/b"}, "github.com", "source_not_fetched"),
        ({"source": "command", "command": "make"}, "github.com", "source_not_fetched"),
    ],
)
def test_what_is_out_of_reach_or_not_there_is_told_in_its_line(
    entry_source: dict[str, object], host: str, code: str
) -> None:
    found = catalog_of(
        {"p/skills/x/SKILL.md": skill()}, {}, plugin("b", "./p"), plugin("a", entry_source), repository="", host=host
    )
    assert labels(found) == ["b:p/skills/x"]
    [problem] = found.problems
    assert (problem.path, problem.code, problem.line) == (MANIFEST_PATH, code, 11)
    assert problem.severity is (Severity.ERROR if code == "source_unavailable" else Severity.INFO)


def test_only_the_plugins_of_a_source_that_moved_are_looked_at_again() -> None:
    own = source({MANIFEST_PATH: manifest(plugin("a", GITHUB), plugin("b", "./p")), "p/skills/y/SKILL.md": skill("y")})
    before, after = ({TOOLS: source({"skills/x/SKILL.md": skill(name)})} for name in ("one", "two"))
    first = discover(own, None, others=before)
    assert not isinstance(first, Undiscoverable)
    second = discover(own, first[1], others=after)
    assert not isinstance(second, Undiscoverable)
    assert second == discover(own, None, others=after)
    assert [found.name for found in second[0].skills] == ["two", "y"]
    assert second[0].skills[1] is first[0].skills[1]
    gone = discover(own, second[1])
    assert not isinstance(gone, Undiscoverable)
    assert codes(gone[0]) == ["source_unavailable"]


def test_a_plugin_is_looked_at_again_when_more_of_its_repository_is_wanted() -> None:
    """The trees are the same, but more of them is published: only what is wanted."""

    def subdir(path: str) -> dict[str, object]:
        return plugin(
            path.replace("/", "-"), {"source": "git-subdir", "url": "https://github.com/acme/tools", "path": path}
        )

    tools = source(
        {"p/skills/x/SKILL.md": skill("x"), "p/skills/x/s": Link(b"../../../s"), "s/a/f": b"a", "s/b/f": b"b"}
    )
    memo: Memo | None = None
    seen = []
    for wanted in (["p", "s/a"], ["p", "s/a", "s/b"], ["p", "s/b"]):
        own = source({MANIFEST_PATH: manifest(*(subdir(path) for path in wanted))})
        shown = {path: entry for path, entry in tools.files.items() if path.startswith(tuple(f"{d}/" for d in wanted))}
        others = {TOOLS: replace(tools, files=shown)}
        found = discover(own, memo, others=others)
        assert found == discover(own, None, others=others)
        assert not isinstance(found, Undiscoverable)
        memo = found[1]
        assert found[0].skills[0].linked is not None
        seen.append(list(found[0].skills[0].linked.files))
    assert seen == [["SKILL.md", "s/a/f"], ["SKILL.md", "s/a/f", "s/b/f"], ["SKILL.md", "s/b/f"]]


# --- directories that no entry names -----------------------------------------------------------------------------------------


def test_a_directory_of_plugins_without_an_entry_is_an_unpublished_plugin() -> None:
    files = {
        "plugins/a/skills/x/SKILL.md": skill("x"),
        "plugins/draft/.claude-plugin/plugin.json": b'{"name": "d", "version": "0.1"}',
        "plugins/draft/skills/new/SKILL.md": skill("new"),
        "plugins/linked": Link(b"../elsewhere"),
        "elsewhere/skills/far/SKILL.md": skill("far"),
        "plugins/notes/README.md": b"",
        "plugins/file": b"",
        "plugins/odd name/skills/z/SKILL.md": skill("z"),
    }
    found = catalog(files, plugin("a", "./plugins/a"))
    assert [(plugin.name, plugin.published) for plugin in found.plugins] == [
        ("a", True),
        ("draft", False),
        ("linked", False),
    ]
    assert labels(found) == [
        "a:plugins/a/skills/x",
        "draft:plugins/draft/skills/new",
        "linked:plugins/linked/skills/far",
    ]
    assert [found.version for found in found.skills] == [None, "0.1", None]
    assert [(problem.path, problem.code) for problem in found.problems] == [
        ("plugins/draft", "plugin_unpublished"),
        ("plugins/draft/.claude-plugin/plugin.json", "plugin_name_differs"),
        ("plugins/linked", "plugin_unpublished"),
        ("plugins/odd name/skills/z/SKILL.md", "skill_unreachable"),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        plugin("other", "./plugins/d"),
        plugin("other", "./plugins/d/skills"),
        plugin("bad name", "./plugins/d"),
        plugin("", "./plugins/d"),
        plugin("d", "./elsewhere"),
        plugin("d", {"source": "npm", "package": "d"}),
        plugin("root", "./", skills=["./plugins/d/skills"]),
        plugin("root", "./", skills=["./plugins/d/skills/x"]),
        plugin("linked", "./link"),
        plugin("linked", "./link", strict=False, description="its plugin.json lists commands"),
    ],
)
def test_what_an_entry_names_is_that_entrys_business_even_if_it_is_left_out(entry: dict[str, object]) -> None:
    files = {
        "plugins/d/skills/x/SKILL.md": skill("x"),
        "plugins/d/.claude-plugin/plugin.json": b'{"name": "d", "commands": "./c"}',
        "link": Link(b"plugins/d"),
    }
    found = catalog(files, entry)
    assert all(found.plugin.published for found in found.skills)
    assert "plugin_unpublished" not in codes(found)


def test_a_draft_that_gets_its_entry_is_published_and_back() -> None:
    files = {"plugins/a/skills/x/SKILL.md": skill("x")}
    states = [
        source({**files, MANIFEST_PATH: manifest(*entries)}) for entries in ([], [plugin("a", "./plugins/a")], [])
    ]
    memo, seen = EMPTY_MEMO, []
    for own in states:
        found = discover(own, memo)
        assert not isinstance(found, Undiscoverable)
        assert found == discover(own, None)
        memo = found[1]
        seen += [skill.plugin.published for skill in found[0].skills]
    assert seen == [False, True, False]


def test_what_is_called_otherwise_now_is_told() -> None:
    found = catalog({}, renames={"old": "middle", "middle": "new", "gone": None})
    assert found.renames == {"old": "new", "middle": "new", "gone": None}


# --- properties over generated marketplaces --------------------------------------------------------------------------------

PLUGINS = ["a", "b", "c"]
PLACES = [
    *(f"p/{name}/{rest}" for name in PLUGINS for rest in (
        ".claude-plugin/plugin.json", "skills/x/SKILL.md", "skills/y/SKILL.md", "skills/y/deep/SKILL.md", "skills/y/data.txt",
        "skills/x", "SKILL.md", "more/SKILL.md", "more/z/SKILL.md", "more/z/skill.md",
    )),
    "SKILL.md", "skills/r/SKILL.md", ".claude-plugin/plugin.json", "lost/SKILL.md", "P/other.txt", "p/A/other.txt",
    "p/b/Skills/f", "p/d/skills/x/SKILL.md", "p/d/skills/l", "p/a/skills/l", "p/b/skills/l/SKILL.md", "p/c/skills", "p/e",
    "shared/x/SKILL.md", "shared/x/l", "shared/y", "Shared/x", "l", "p/a/skills/y/l", "p/a/skills/y/m/l",
]  # fmt: skip
CONTENTS = st.sampled_from(
    [
        skill("one"), skill("two"), skill(), b"no frontmatter", b"---\nname: [\n---\n", b"\xff\xfe",
        b'{"name": "a", "version": "1"}', b'{"name": "b", "skills": ["./more", "./missing"]}', b'{"skills": "./"}', b"{",
        b"[]", Link(b"../y"), NotHeld(b"huge"), NotHeld(skill("one")), NotHeld(b"../../../shared/x"),
        b"version https://git-lfs.github.com/spec/v1\n" + b"o" * 80, Submodule(b"c"),
        *(Link(target) for target in (
            b"../../../shared/x", b"../../shared", b"../shared", b"shared/x", b"..", b".", b"x", b"y", b"../x", b"/etc", b"l",
            b"../../../../l", b"../../../shared/x/SKILL.md", b"../../../p/b/skills", b"../l", b"../../../../../x", b"p/c",
            b"../../../shared/y/SKILL.md", b"../p", b"../../../p/a/skills/y",
        )),
    ]
)  # fmt: skip
SOURCES = [
    "./", "./p", "./missing", "c", 5, {"source": "npm", "package": "x"}, "./p/a", "./p/b", "./p/c", "./l", "./shared", GITHUB,
    GITHUB, {"source": "github", "repo": "o/own"}, {"source": "git-subdir", "url": "git@github.com:acme/tools", "path": "p/a"},
]  # fmt: skip


@st.composite
def entries_of(draw: st.DrawFn) -> list[object]:
    """One entry for each plugin, most of them sound, so that a push leaves most of a marketplace as it was."""
    entries: list[object] = []
    for name in PLUGINS:
        odd = draw(st.integers(0, 11))
        entry: dict[str, object] = plugin(name, f"./p/{name}")
        if odd == 0:
            continue
        if odd == 1:
            entry["source"] = draw(st.sampled_from(SOURCES))
        if odd == 2:
            entry["skills"] = draw(st.sampled_from(["./more", ["./more/z", "./skills/x"], "../x", 7]))
        if odd == 3:
            entry |= draw(
                st.sampled_from([{"version": "2"}, {"strict": False}, {"tags": ["surface:CC"]}, {"tags": "x"}])
            )
        if odd == 4:
            entries.append(draw(st.sampled_from(["text", {}, {"name": "a b", "source": "./p/a"}])))
        entries.append(entry)
    return entries


MARKETPLACES = entries_of().map(lambda entries: manifest(*entries, metadata={"pluginRoot": "./p"}))
LIKELY = {
    "p/a/skills/l": [b"../../../shared/x", b"../../../l", b"../../b/skills/x"],
    "p/b/skills/l/SKILL.md": [b"../../../../shared/x/SKILL.md", b"../../../../shared/y"],
    "p/c/skills": [b"../../shared", b"../b/skills", b"../e"],
    "p/e": [b"../shared", b"a"],
    "shared/x/l": [b"../y", b"../../l", b"../../p/a/skills/y"],
    "p/a/skills/y/l": [b"../../../../l", b"../../../../shared/y", b"../x"],
    "l": [b"shared/x", b"shared/y", b"p/b"],
}
LIKELY_LINKS = st.sampled_from([(place, Link(target)) for place, targets in LIKELY.items() for target in targets])
LIKELY_SKILLS = st.sampled_from(
    [(place, skill(name)) for place in PLACES if place.endswith("SKILL.md") for name in ("one", "two")]
)
STATES = st.lists(
    st.one_of(LIKELY_LINKS, LIKELY_SKILLS, st.tuples(st.sampled_from(PLACES), CONTENTS)), min_size=5, max_size=20
).map(dict)
PLACE_EDITS = st.one_of(
    LIKELY_LINKS, LIKELY_SKILLS, st.tuples(st.sampled_from([*PLACES, *LIKELY]), st.one_of(CONTENTS, st.none()))
)
MANIFEST_EDITS = st.tuples(
    st.just(MANIFEST_PATH), st.one_of(MARKETPLACES, MARKETPLACES, st.sampled_from([b"{", b"[]"]))
)
PUSHES = st.lists(st.one_of(PLACE_EDITS, PLACE_EDITS, MANIFEST_EDITS), min_size=1, max_size=3)


def possible(files: Files) -> dict[str, bytes]:
    """Without the files that cannot be, because a file stands where their directory would be."""
    return {
        path: content for path, content in files.items() if not any(path.startswith(f"{other}/") for other in files)
    }


@settings(max_examples=400, deadline=None)
@given(STATES, MARKETPLACES, STATES, st.lists(st.tuples(st.booleans(), PUSHES), min_size=2, max_size=8))
def test_discovering_what_changed_finds_what_discovering_everything_finds(
    files: dict[str, bytes],
    marketplace: bytes,
    other_files: dict[str, bytes],
    pushes: list[tuple[bool, list[tuple[str, bytes | None]]]],
) -> None:
    state: dict[str, bytes] = {**files, MANIFEST_PATH: marketplace}
    other_state = dict(other_files)
    memo: Memo = EMPTY_MEMO
    for is_own, push in pushes:
        own, others = source(possible(state)), {TOOLS: source(possible(other_state))}
        anew = discover(own, None, others=others, repository="o/own")
        again = discover(own, memo, others=others, repository="o/own")
        assert again == anew
        if not isinstance(again, Undiscoverable):
            memo = again[1]
        for path, content in push:
            pushed = state if is_own else other_state
            pushed.pop(path, None)
            if content is not None:
                pushed[path] = content


DENSE: dict[str, list[bytes | None]] = {
    "p/skills": [Link(b"../q/skills"), None, None, None],
    "p/skills/a": [Link(b"../../shared/x"), Link(b"../../shared/y"), Link(b"../../on")],
    "p/skills/b/SKILL.md": [Link(b"../../../shared/x/SKILL.md"), skill("b"), None],
    "p/skills/b/f": [Link(b"../../../shared/y/f"), b"f", NotHeld(b"f"), None],
    "q/skills/a/SKILL.md": [skill("a"), skill("b")],
    "q/skills/c": [Link(b"a"), Link(b"../../p/skills/b"), None],
    "shared/x/SKILL.md": [skill("x"), skill("changed"), None],
    "shared/x/l": [Link(b"../y"), Link(b"../y/f"), b"file", None],
    "shared/y/SKILL.md": [skill("y"), NotHeld(skill("y")), None],
    "shared/y/f": [b"f", b"g", Link(b"../x/SKILL.md"), None],
    "on": [Link(b"shared/x"), Link(b"shared/y"), None],
    "Shared/x/f": [b"f", None, None, None],
    "P/f": [b"f", None, None, None],
}
DENSE_STATES = st.fixed_dictionaries({place: st.sampled_from(contents) for place, contents in DENSE.items()})
DENSE_PUSHES = st.sampled_from([(place, content) for place, contents in DENSE.items() for content in contents])


@settings(max_examples=300, deadline=None)
@given(DENSE_STATES, st.lists(DENSE_PUSHES, min_size=3, max_size=12))
def test_discovering_what_changed_behind_links_finds_what_discovering_everything_finds(
    state: dict[str, bytes | None], pushes: list[tuple[str, bytes | None]]
) -> None:
    marketplace = manifest(plugin("a", "./p"), plugin("b", "./q"))
    memo: Memo = EMPTY_MEMO
    for place, content in pushes:
        own = source(possible({MANIFEST_PATH: marketplace, **{p: c for p, c in state.items() if c is not None}}))
        again = discover(own, memo)
        assert again == discover(own, None)
        assert not isinstance(again, Undiscoverable)
        memo = again[1]
        state = {**state, place: content}


@settings(max_examples=100, deadline=None)
@given(STATES, MARKETPLACES, st.randoms(use_true_random=False))
def test_the_order_of_files_means_nothing(files: dict[str, bytes], marketplace: bytes, shuffled: random.Random) -> None:
    own = source(possible({**files, MANIFEST_PATH: marketplace}))
    paths, directories = list(own.files), list(own.trees)
    shuffled.shuffle(paths)
    shuffled.shuffle(directories)
    files_of, trees = {p: own.files[p] for p in paths}, {d: own.trees[d] for d in directories}
    other = SourceFiles(files_of, trees, own.contents, own.absent)
    assert discover(other, None) == discover(own, None)


VICTIM_FILES = st.sampled_from(
    [f"victim/{rest}" for rest in (".claude-plugin/plugin.json", "skills/x/SKILL.md", "SKILL.md")]
)
# What is not held is held nowhere, so that a victim's missing content would be another plugin's too.
VICTIM_CONTENTS = st.one_of(CONTENTS.filter(lambda content: not isinstance(content, NotHeld)), st.binary())
VICTIM_FIELDS = st.sampled_from(["version", "skills", "tags", "strict", "author"])


@settings(max_examples=150, deadline=None)
@given(
    STATES,
    entries_of(),
    st.dictionaries(VICTIM_FILES, VICTIM_CONTENTS),
    st.dictionaries(VICTIM_FIELDS, st.one_of(st.integers(), st.text())),
)
def test_a_broken_plugin_changes_nothing_of_the_others(
    files: dict[str, bytes], entries: list[object], broken: dict[str, bytes], fields: dict[str, object]
) -> None:
    without = catalog(possible(files), *entries)
    with_it = catalog({**possible(files), **broken}, *entries, plugin("victim", "./victim", **fields))
    others = [skill for skill in with_it.skills if skill.plugin.name != "victim"]

    def told(problems: tuple[Problem, ...]) -> set[tuple[str, str, str]]:
        """But for files that were nobody's: a link of the victim may lead to one."""
        found = [problem for problem in problems if problem.code not in ("skill_unreachable", "skill_nested")]
        return {(problem.path, problem.code, problem.message) for problem in found}

    def told_of(skills: Iterable[Skill]) -> list[Skill]:
        """A skill at the root has every file of the repository, the victim's too."""
        return [
            skill if skill.directory else replace(skill, revision=TreeId(""), linked=None, incomplete=False)
            for skill in skills
        ]

    assert told_of(others) == told_of(without.skills)
    assert [found for found in with_it.plugins if found.name != "victim"] == list(without.plugins)
    assert told(without.problems) <= told(with_it.problems)


@given(STATES, MARKETPLACES)
@settings(max_examples=100, deadline=None)
def test_skills_come_sorted_and_each_has_its_file(files: dict[str, bytes], marketplace: bytes) -> None:
    own = source(possible({**files, MANIFEST_PATH: marketplace}))
    found = discover(own, None)
    if isinstance(found, Undiscoverable):
        return
    skills = found[0].skills
    assert [(s.plugin.name, s.directory) for s in skills] == sorted((s.plugin.name, s.directory) for s in skills)
    assert len({(s.plugin.name, s.directory) for s in skills}) == len(skills)
    for skill in skills:
        if skill.linked is None:
            assert skill.skill_md in own.files
            assert skill.revision == own.trees[skill.directory]
        else:
            served = {at.encode(): (Mode.FILE, own.files[real].oid) for at, real in skill.linked.files.items()}
            assert skill.revision == tree_ids(served)[b""]
            assert skill.skill_md.rpartition("/")[2] in skill.linked.files
            assert all(own.files[real].mode is Mode.FILE for real in skill.linked.files.values())
    assert all(s.name and s.plugin in found[0].plugins for s in skills)
    assert list(found[0].problems) == sorted(found[0].problems)
