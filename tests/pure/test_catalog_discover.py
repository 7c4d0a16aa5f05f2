"""The catalog of a commit: what Claude Code would find, no plugin harmed by another, nothing remembered wrongly."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.discover import (
    EMPTY_MEMO,
    MANIFEST_PATH,
    MAX_UNREACHABLE_REPORTED,
    Memo,
    Undiscoverable,
    discover,
)
from skillport_sync.catalog.model import Catalog, Problem, Severity, SourceFiles, Surface
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import Mode, TreeId, blob_id
from skillport_sync.git.paths import PathProblem, RepoPath, check_path, collisions


class Link(bytes):
    """A symbolic link to this target."""


class NotHeld(bytes):
    """A file whose content the store does not hold."""


Files = Mapping[str, bytes]
FOREIGN = Entry(Mode.SUBMODULE, blob_id(b"a commit"), 0)


def source(files: Files) -> SourceFiles:
    """These files as a verified source: unsafe paths and collisions left out, exactly as a snapshot leaves them out."""
    entries = {
        path.encode(): Entry(Mode.SYMLINK if isinstance(content, Link) else Mode.FILE, blob_id(content), len(content))
        for path, content in files.items()
    }
    checked = {path: entry for raw, entry in entries.items() if not isinstance(path := check_path(raw), PathProblem)}
    for path in collisions(checked):
        del checked[path]
    trees = {raw.decode(): tree for raw, tree in tree_ids({p: (e.mode, e.oid) for p, e in entries.items()}).items()}
    contents = {blob_id(content): bytes(content) for content in files.values() if not isinstance(content, NotHeld)}
    return SourceFiles(checked, trees, contents)


def manifest(*entries: object, **fields: object) -> bytes:
    return json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": list(entries), **fields}, indent=1).encode()


def skill(name: str | None = None, description: str = "Does it.") -> bytes:
    lines = [*([f"name: {name}"] if name else []), f"description: {description}"]
    return "\n".join(["---", *lines, "---", "", "Body"]).encode()


def plugin(name: str, where: str, **fields: object) -> dict[str, object]:
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
        ("plugins/a/skills/x/nested/SKILL.md", "skill_unreachable")
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
    ("link", "hidden"),
    [
        ("p/skills/x/SKILL.md", "p/skills/x/SKILL.md"),
        ("p/skills/x", "p/skills/x"),
        ("p/skills", "p/skills"),
        ("p", "p"),
        ("p/more", "p/more"),
        ("p/.claude-plugin/plugin.json", "p/.claude-plugin/plugin.json"),
    ],
)
def test_links_are_not_followed_and_said_so(link: str, hidden: str) -> None:
    found = catalog(
        {link: Link(b"../elsewhere"), "q/skills/y/SKILL.md": skill("y")},
        plugin("a", "./p", skills="./more"),
        plugin("b", "./q"),
    )
    assert labels(found) == ["b:q/skills/y"]
    assert [(p.path, p.code) for p in found.problems if p.path == hidden] == [(hidden, "symlink_not_followed")]


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
            {"p/.claude-plugin/plugin.json": b'{"name": "a", "commands": "./c"}'},
            plugin("a", "./p", strict=False),
            ("p/.claude-plugin/plugin.json", "strict_conflict", Severity.WARNING),
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
        ({}, plugin("a", {"source": "github", "repo": "x/y"}), (MANIFEST_PATH, "source_not_supported_yet", Severity.INFO)),
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


def test_a_collision_elsewhere_hides_a_plugin_whose_own_tree_did_not_change() -> None:
    files = {MANIFEST_PATH: manifest(plugin("a", "./p/a")), "p/a/skills/x/SKILL.md": skill("x")}
    first = discover(source(files), None)
    assert not isinstance(first, Undiscoverable)
    collided = source({**files, "P/other.txt": b""})
    assert collided.trees["p/a"] == first[1].plugins[first[0].plugins[0].name].tree
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


# --- properties over generated marketplaces --------------------------------------------------------------------------------

PLUGINS = ["a", "b", "c"]
PLACES = [
    *(f"p/{name}/{rest}" for name in PLUGINS for rest in (
        ".claude-plugin/plugin.json", "skills/x/SKILL.md", "skills/y/SKILL.md", "skills/y/deep/SKILL.md", "skills/y/data.txt",
        "skills/x", "SKILL.md", "more/SKILL.md", "more/z/SKILL.md", "more/z/skill.md",
    )),
    "SKILL.md", "skills/r/SKILL.md", ".claude-plugin/plugin.json", "lost/SKILL.md", "P/other.txt", "p/A/other.txt",
    "p/b/Skills/f",
]  # fmt: skip
CONTENTS = st.sampled_from(
    [
        skill("one"), skill("two"), skill(), b"no frontmatter", b"---\nname: [\n---\n", b"\xff\xfe",
        b'{"name": "a", "version": "1"}', b'{"name": "b", "skills": ["./more", "./missing"]}', b'{"skills": "./"}', b"{",
        b"[]", Link(b"../y"), NotHeld(b"huge"),
    ]
)  # fmt: skip
SOURCES = ["./", "./p", "./missing", "c", 5, {"source": "npm", "package": "x"}, "./p/a", "./p/b", "./p/c"]


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
STATES = st.dictionaries(st.sampled_from(PLACES), CONTENTS, min_size=5, max_size=20)
PLACE_EDITS = st.tuples(st.sampled_from(PLACES), st.one_of(CONTENTS, st.none()))
MANIFEST_EDITS = st.tuples(
    st.just(MANIFEST_PATH), st.one_of(MARKETPLACES, MARKETPLACES, st.sampled_from([b"{", b"[]"]))
)
PUSHES = st.lists(st.one_of(PLACE_EDITS, PLACE_EDITS, MANIFEST_EDITS), min_size=1, max_size=3)


def possible(files: Files) -> dict[str, bytes]:
    """Without the files that cannot be, because a file stands where their directory would be."""
    return {
        path: content for path, content in files.items() if not any(path.startswith(f"{other}/") for other in files)
    }


@settings(max_examples=300, deadline=None)
@given(STATES, MARKETPLACES, st.lists(PUSHES, min_size=2, max_size=8))
def test_discovering_what_changed_finds_what_discovering_everything_finds(
    files: dict[str, bytes], marketplace: bytes, pushes: list[list[tuple[str, bytes | None]]]
) -> None:
    state: dict[str, bytes] = {**files, MANIFEST_PATH: marketplace}
    memo: Memo = EMPTY_MEMO
    for push in pushes:
        anew, again = discover(source(possible(state)), None), discover(source(possible(state)), memo)
        assert again == anew
        if not isinstance(again, Undiscoverable):
            memo = again[1]
        for path, content in push:
            state.pop(path, None)
            if content is not None:
                state[path] = content


@settings(max_examples=100, deadline=None)
@given(STATES, MARKETPLACES, st.randoms(use_true_random=False))
def test_the_order_of_files_means_nothing(files: dict[str, bytes], marketplace: bytes, shuffled: random.Random) -> None:
    own = source(possible({**files, MANIFEST_PATH: marketplace}))
    paths, directories = list(own.files), list(own.trees)
    shuffled.shuffle(paths)
    shuffled.shuffle(directories)
    other = SourceFiles({p: own.files[p] for p in paths}, {d: own.trees[d] for d in directories}, own.contents)
    assert discover(other, None) == discover(own, None)


VICTIM_FILES = st.sampled_from(
    [f"victim/{rest}" for rest in (".claude-plugin/plugin.json", "skills/x/SKILL.md", "SKILL.md")]
)
VICTIM_FIELDS = st.sampled_from(["version", "skills", "tags", "strict", "author"])


@settings(max_examples=150, deadline=None)
@given(
    STATES,
    entries_of(),
    st.dictionaries(VICTIM_FILES, st.one_of(CONTENTS, st.binary())),
    st.dictionaries(VICTIM_FIELDS, st.one_of(st.integers(), st.text())),
)
def test_a_broken_plugin_changes_nothing_of_the_others(
    files: dict[str, bytes], entries: list[object], broken: dict[str, bytes], fields: dict[str, object]
) -> None:
    without = catalog(possible(files), *entries)
    with_it = catalog({**possible(files), **broken}, *entries, plugin("victim", "./victim", **fields))
    others = [skill for skill in with_it.skills if skill.plugin.name != "victim"]

    def told(problems: tuple[Problem, ...]) -> set[tuple[str, str, str]]:
        return {(problem.path, problem.code, problem.message) for problem in problems}

    at_root = [skill for skill in others if skill.directory == ""]
    assert [replace(skill, revision=TreeId("")) if skill in at_root else skill for skill in others] == [
        replace(skill, revision=TreeId("")) if skill.directory == "" else skill for skill in without.skills
    ]
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
    assert all(s.skill_md in own.files and own.trees[s.directory] == s.revision for s in skills)
    assert all(s.name and s.plugin in found[0].plugins for s in skills)
    assert list(found[0].problems) == sorted(found[0].problems)
