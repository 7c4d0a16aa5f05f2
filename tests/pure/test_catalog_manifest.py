"""marketplace.json and plugin.json: each entry and each field stands alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.declared import Declared
from skillport_sync.catalog.entry_source import RelativeSource, relative_directory
from skillport_sync.catalog.manifest import Marketplace, Unreadable, read_marketplace, read_plugin_manifest
from skillport_sync.catalog.model import Severity, Surface

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=8), below, max_size=3)),
    max_leaves=6,
)
FIELDS = [
    *("name", "source", "version", "description", "author", "category", "tags", "keywords", "skills", "strict"),
    *("homepage", "license", "repository", "displayName", "defaultEnabled"),
]
ENTRIES = st.one_of(JSON, st.dictionaries(st.sampled_from(FIELDS), JSON))


def marketplace(*entries: object, **fields: object) -> Marketplace:
    whole = {"name": "m", "owner": {"name": "o"}, "plugins": list(entries), **fields}
    read = read_marketplace(json.dumps(whole, indent=1).encode())
    assert isinstance(read, Marketplace)
    return read


def codes(read: Marketplace) -> list[str]:
    return [remark.code for remark in read.remarks]


@given(st.one_of(st.binary(), JSON.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_a_marketplace_or_unreadable(content: bytes) -> None:
    read_marketplace(content)
    read_plugin_manifest(content)


@given(st.lists(ENTRIES, max_size=4), ENTRIES)
def test_one_entry_changes_nothing_of_the_others(entries: list[object], odd: object) -> None:
    without, with_it = marketplace(*entries), marketplace(*entries, odd)
    assert [entry for entry, _ in with_it.entries][: len(without.entries)] == [entry for entry, _ in without.entries]
    assert set(without.remarks) <= set(with_it.remarks)


@given(st.dictionaries(st.sampled_from(FIELDS[2:]), JSON))
def test_a_field_of_the_wrong_type_hides_only_itself(fields: dict[str, object]) -> None:
    read = marketplace({"name": "a", "source": "./a", **fields})
    assert [entry.name for entry, _ in read.entries] == ["a"]


def test_a_whole_entry_is_read() -> None:
    read = marketplace(
        {
            "name": "writing",
            "source": "./plugins//writing/",
            "version": " 1.2.0 ",
            "description": "Words.",
            "author": {"name": "Ada", "email": "ada@example.com"},
            "category": "productivity",
            "tags": ["surface:CC", "surface:CAI", "text"],
            "keywords": ["prose"],
            "skills": ["./extra", "./more/"],
            "strict": False,
        }
    )
    [(entry, line)] = read.entries
    assert entry.source == RelativeSource("plugins/writing")
    assert entry.declared == Declared("1.2.0", "Words.", "Ada", ("prose",), ("extra", "more"))
    assert entry.tags == ("surface:CC", "surface:CAI", "text")
    assert entry.surfaces == {Surface.CLAUDE_CODE, Surface.CLAUDE_AI}
    assert (entry.category, entry.strict, line) == ("productivity", False, 7)
    assert read.remarks == ()


@pytest.mark.parametrize(
    ("source", "root", "directory"),
    [
        ("./plugins/a", None, "plugins/a"),
        (".", None, ""),
        ("./", None, ""),
        ("./.", None, ""),
        ("./a/./b", None, "a/b"),
        ("././a", None, "a"),
        ("a", "./plugins", "plugins/a"),
        ("a", "plugins/", "plugins/a"),
        ("a", ".", "a"),
        ("./a", "./plugins", "a"),
    ],
)
def test_relative_sources_name_a_directory(source: str, root: str | None, directory: str) -> None:
    metadata = {} if root is None else {"pluginRoot": root}
    [(entry, _)] = marketplace({"name": "x", "source": source}, metadata=metadata).entries
    assert entry.source == RelativeSource(directory)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("text", "entry_not_object"),
        (None, "entry_not_object"),
        ({"source": "./a"}, "entry_name_missing"),
        ({"name": "", "source": "./a"}, "entry_name_missing"),
        ({"name": 7, "source": "./a"}, "entry_name_missing"),
        ({"name": "a b", "source": "./a"}, "entry_name_invalid"),
        ({"name": "a/b", "source": "./a"}, "entry_name_invalid"),
        ({"name": "-a", "source": "./a"}, "entry_name_invalid"),
        ({"name": "a\n", "source": "./a"}, "entry_name_invalid"),
        ({"name": "é", "source": "./a"}, "entry_name_invalid"),
        ({"name": "a" * 129, "source": "./a"}, "entry_name_invalid"),
        ({"name": "a"}, "entry_source_missing"),
        ({"name": "a", "source": 5}, "source_invalid"),
        ({"name": "a", "source": {"source": "pip"}}, "source_invalid"),
        ({"name": "a", "source": {}}, "source_invalid"),
        ({"name": "a", "source": {"source": "directory", "path": "./a"}}, "source_invalid"),
        ({"name": "a", "source": "a"}, "source_path_invalid"),
        ({"name": "a", "source": ""}, "source_path_invalid"),
        ({"name": "a", "source": "/etc"}, "source_path_invalid"),
        ({"name": "a", "source": "./../x"}, "source_path_invalid"),
        ({"name": "a", "source": "./a/../../x"}, "source_path_invalid"),
        ({"name": "a", "source": "./a\\..\\x"}, "source_path_invalid"),
        ({"name": "a", "source": "./a\0"}, "source_path_invalid"),
    ],
)
def test_an_entry_that_cannot_be_understood_is_left_out_and_pointed_at(entry: Any, code: str) -> None:
    read = marketplace({"name": "good", "source": "./good"}, entry)
    assert [found.name for found, _ in read.entries] == ["good"]
    assert [(remark.code, remark.severity) for remark in read.remarks] == [(code, Severity.ERROR)]
    assert read.remarks[0].line is not None
    assert read.remarks[0].line >= 10


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"version": 1.0}, "field_wrong_type"),
        ({"description": ["x"]}, "field_wrong_type"),
        ({"author": "Ada"}, "field_wrong_type"),
        ({"author": 5}, "field_wrong_type"),
        ({"tags": "surface:CC"}, "field_wrong_type"),
        ({"keywords": ["a", 5]}, "field_wrong_type"),
        ({"strict": "yes"}, "field_wrong_type"),
        ({"skills": {"a": "b"}}, "field_wrong_type"),
        ({"skills": "../x"}, "skills_path_invalid"),
        ({"skills": ["/x"]}, "skills_path_invalid"),
        ({"skills": ["x"]}, "skills_path_invalid"),
        ({"tags": ["surface:XX"]}, "surface_unknown"),
        ({"homepage": "not a URL"}, "field_wrong_type"),
        ({"homepage": 5}, "field_wrong_type"),
        ({"repository": {"url": "x"}}, "field_wrong_type"),
        ({"license": ["MIT"]}, "field_wrong_type"),
        ({"displayName": 5}, "field_wrong_type"),
        ({"defaultEnabled": "no"}, "field_wrong_type"),
        ({"category": ["x"]}, "field_wrong_type"),
        ({"dependencies": "other"}, "field_wrong_type"),
        ({"engines": ">=2"}, "field_wrong_type"),
        ({"commands": "commands"}, "component_path_invalid"),
        ({"agents": ["./a.md", "./../b.md"]}, "component_path_invalid"),
    ],
)
def test_a_field_that_cannot_be_used_is_reported(fields: dict[str, object], code: str) -> None:
    read = marketplace({"name": "a", "source": "./a", **fields})
    assert codes(read) == [code]
    assert len(read.entries) == 1


def test_components_may_be_told_in_every_form_that_claude_code_knows() -> None:
    said = {
        "commands": ["./c.md", "./d/"],
        "agents": "./a",
        "hooks": {"Stop": []},
        "mcpServers": {"x": {"command": "y"}},
    }
    read = marketplace(
        {"name": "a", "source": "./a", **said, "dependencies": ["b@m"], "metadata": {}, "homepage": "https://x"}
    )
    assert codes(read) == []


def test_what_can_be_used_of_a_wrong_field_is_used() -> None:
    [(entry, _)] = marketplace(
        {"name": "a", "source": "./a", "keywords": ["a", 5, "b"], "author": "Ada", "skills": ["x", "/y"]}
    ).entries
    assert entry.declared.keywords == ("a", "b")
    assert entry.declared.author == "Ada"
    assert entry.declared.skills == ("x",)


@pytest.mark.parametrize(
    ("written", "listed"),
    [(None, None), (7, None), ([], ()), ("./a", ("a",)), (["/a"], ()), (["./a", "./a/"], ("a",)), ("./", ("",))],
)
def test_a_list_of_skills_that_is_empty_is_still_a_list(written: object, listed: tuple[str, ...] | None) -> None:
    [(entry, _)] = marketplace({"name": "a", "source": "./a", "skills": written}).entries
    assert entry.declared.skills == listed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acme-skills", []),
        ("Upper_case.dots", []),
        ("a b", ["marketplace_name_invalid"]),
        ("a/b", ["marketplace_name_invalid"]),
        ("..", ["marketplace_name_invalid"]),
        ("\u202ea", ["marketplace_name_invalid"]),
        ("é", ["marketplace_name_invalid"]),
        ("a" * 129, ["marketplace_name_invalid"]),
        ("claude-plugins-official", ["marketplace_name_reserved"]),
        ("healthcare", ["marketplace_name_reserved"]),
        ("skills-dir", ["marketplace_name_reserved"]),
        ("claudeai-acme", ["marketplace_name_reserved"]),
        ("official-claude-skills", ["marketplace_name_reserved"]),
        ("Claude-Plugins-2", ["marketplace_name_reserved"]),
        ("", ["marketplace_name_missing"]),
        (7, ["field_wrong_type", "marketplace_name_missing"]),
    ],
)
def test_what_a_marketplace_may_not_be_called_is_told(name: object, expected: list[str]) -> None:
    read = marketplace(name=name)
    assert sorted(codes(read)) == expected
    assert all(remark.severity is Severity.WARNING for remark in read.remarks)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("writing", []),
        ("claude-config", [("plugin_name_reserved", Severity.WARNING)]),
        ("cc-plugin-x", [("plugin_name_reserved", Severity.WARNING)]),
        ("claude", [("plugin_name_reserved", Severity.WARNING)]),
        ("claudette", []),
        ("Writing", [("plugin_name_not_kebab", Severity.INFO)]),
        ("a.b", [("plugin_name_not_kebab", Severity.INFO)]),
        ("a--b", [("plugin_name_not_kebab", Severity.INFO)]),
    ],
)
def test_what_some_client_has_against_a_plugins_name_is_told_and_the_plugin_stays(
    name: str, expected: list[tuple[str, Severity]]
) -> None:
    read = marketplace({"name": name, "source": "./a"})
    assert [(remark.code, remark.severity) for remark in read.remarks] == expected
    assert [entry.name for entry, _ in read.entries] == [name]


@pytest.mark.parametrize("owner", [None, "Ada", {}, {"name": ""}, {"name": 5}])
def test_an_owner_is_an_object_with_a_name(owner: object) -> None:
    assert codes(marketplace(owner=owner)) == ["marketplace_owner_missing"]


@pytest.mark.parametrize(
    ("renames", "ends", "expected"),
    [
        ({"a": "b"}, {"a": "b"}, []),
        ({"a": "b", "b": "c", "c": "d"}, {"a": "d", "b": "d", "c": "d"}, []),
        ({"c": "d", "b": "c", "a": "b"}, {"a": "d", "b": "d", "c": "d"}, []),
        ({"a": "b", "b": None}, {"a": None, "b": None}, []),
        ({"a": "a"}, {}, ["rename_cycle"]),
        ({"x": "a", "a": "b", "b": "a", "c": "d"}, {"c": "d"}, ["rename_cycle"]),
        ({"a": "b", "b": "a", "c": "d", "d": "c"}, {}, ["rename_cycle", "rename_cycle"]),
        ({"a": 5, "b": "c"}, {"b": "c"}, ["rename_invalid"]),
        ({"a b": "c", "c": "d e", "": None}, {}, ["rename_invalid"] * 3),
        ("a", {}, ["field_wrong_type"]),
        (["a"], {}, ["field_wrong_type"]),
    ],
)
def test_renames_are_followed_to_their_ends(renames: object, ends: dict[str, str | None], expected: list[str]) -> None:
    read = marketplace(renames=renames)
    assert read.renames == ends
    assert codes(read) == expected


SHORT = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@given(st.dictionaries(SHORT, st.one_of(SHORT, st.none())))
def test_a_rename_leads_to_a_name_that_has_none_or_is_left_out(renames: dict[str, str | None]) -> None:
    ends = marketplace(renames=renames).renames
    for old, new in ends.items():
        at: str | None = old
        for _ in renames:
            at = renames.get(at, at) if at is not None else None
        assert at == new
        assert new is None or new not in renames
    for former in renames.keys() - ends.keys():
        name, seen = former, set[str]()
        while name not in seen:
            seen.add(name)
            following = renames[name]
            assert following is not None
            name = following


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"{", "marketplace_invalid_json", 1),
        (b'{\n"plugins": [] 1}', "marketplace_invalid_json", 2),
        (b"\n[]", "marketplace_invalid", 2),
        (b"{}", "marketplace_invalid", 1),
        (b'{\n"plugins":\n{}}', "marketplace_invalid", 3),
        (b"", "marketplace_invalid_json", 1),
        (b"\xff\xfe", "marketplace_invalid_json", 1),
    ],
)
def test_a_marketplace_unreadable_as_a_whole_is_refused_with_its_line(content: bytes, code: str, line: int) -> None:
    read = read_marketplace(content)
    assert isinstance(read, Unreadable)
    assert (read.code, read.line) == (code, line)


def test_what_claude_code_would_refuse_is_served_with_a_warning() -> None:
    read = read_marketplace(b'{"plugins": [], "metadata": {"pluginRoot": "../x"}}')
    assert isinstance(read, Marketplace)
    assert codes(read) == ["marketplace_name_missing", "marketplace_owner_missing", "plugin_root_invalid"]


def test_a_key_set_twice_is_reported_and_the_last_one_counts() -> None:
    read = read_marketplace(
        b'{"name": "m", "owner": {"name": "o"}, "plugins": [\n{"name": "a", "source": "./a",\n"source": "./b"}]}'
    )
    assert isinstance(read, Marketplace)
    assert [(remark.code, remark.line) for remark in read.remarks] == [("json_duplicate_key", 3)]
    assert read.entries[0][0].source == RelativeSource("b")


def test_a_plugin_manifest_is_read() -> None:
    manifest, remarks = read_plugin_manifest(
        b'\xef\xbb\xbf{"name": "a", "version": "2.0.0", "author": {"name": "Ada"}, "keywords": ["k"], "skills": "./"}'
    )
    assert manifest is not None
    assert manifest.declared == Declared("2.0.0", None, "Ada", ("k",), ("",))
    assert (manifest.name, manifest.components, remarks) == ("a", ("skills",), ())
    assert manifest.line_of("skills") == 1


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b'{"name":\n"a" 5}', "manifest_unreadable", 2),
        (b"[]", "manifest_unreadable", 1),
        (b'{\n"name": "a b"}', "manifest_name_invalid", 2),
        (b'{"version": "1"}', "manifest_name_missing", 1),
        (b'{"name": "a",\n"hooks": "/etc/hooks.json"}', "component_path_invalid", 2),
        (b'{\n"version": 1, "name": "a"}', "field_wrong_type", 2),
    ],
)
def test_what_is_wrong_with_a_plugin_manifest_is_pointed_at(content: bytes, code: str, line: int) -> None:
    _, remarks = read_plugin_manifest(content)
    assert [(remark.code, remark.line) for remark in remarks] == [(code, line)]


@given(st.text(alphabet="ab./\\\0 ", max_size=12))
def test_a_relative_directory_never_leaves_where_it_starts(written: str) -> None:
    directory = relative_directory(written)
    if directory is not None:
        assert not directory or all(part not in ("", ".", "..") for part in directory.split("/"))
        assert "\\" not in directory
        assert relative_directory(directory) == directory


def test_directories_are_claimed_by_every_entry_that_names_one() -> None:
    read = marketplace(
        {"name": "a", "source": "./a"},
        {"name": "a b", "source": "./b"},
        {"source": "./c"},
        {"name": "d", "source": "../d"},
    )
    assert read.claimed == {"a", "b", "c"}
    assert codes(read) == ["entry_name_invalid", "entry_name_missing", "source_path_invalid"]


@pytest.mark.parametrize(
    ("metadata", "root"), [({}, "plugins"), ({"pluginRoot": "./kits/"}, "kits"), ({"pluginRoot": "."}, "")]
)
def test_plugins_lie_where_the_marketplace_says(metadata: dict[str, str], root: str) -> None:
    assert marketplace(metadata=metadata).plugin_root == root
