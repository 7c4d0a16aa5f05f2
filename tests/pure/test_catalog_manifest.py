"""marketplace.json and plugin.json: each entry and each field stands alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.manifest import (
    Declared,
    ExternalSource,
    Marketplace,
    RelativeSource,
    Unreadable,
    read_marketplace,
    read_plugin_manifest,
    relative_directory,
)
from skillport_sync.catalog.model import Severity, Surface

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=8), below, max_size=3)),
    max_leaves=6,
)
FIELDS = ["name", "source", "version", "description", "author", "category", "tags", "keywords", "skills", "strict"]
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
    ],
)
def test_a_field_that_cannot_be_used_is_reported(fields: dict[str, object], code: str) -> None:
    read = marketplace({"name": "a", "source": "./a", **fields})
    assert codes(read) == [code]
    assert len(read.entries) == 1


def test_what_can_be_used_of_a_wrong_field_is_used() -> None:
    [(entry, _)] = marketplace(
        {"name": "a", "source": "./a", "keywords": ["a", 5, "b"], "author": "Ada", "skills": ["x", "/y"]}
    ).entries
    assert entry.declared.keywords == ("a", "b")
    assert entry.declared.author == "Ada"
    assert entry.declared.skills == ("x",)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"source": "github", "repo": "a/b", "sha": "0" * 40}, ExternalSource("github", "a/b")),
        ({"source": "url", "url": "https://x.example/a.git"}, ExternalSource("url", "https://x.example/a.git")),
        ({"source": "git-subdir", "url": "a", "path": "b"}, ExternalSource("git-subdir", "a")),
        ({"source": "npm", "package": "a"}, ExternalSource("npm", "a")),
        ({"source": "archive", "url": "https://x.example/a.zip"}, ExternalSource("archive", "https://x.example/a.zip")),
        ({"source": "command", "command": "make TOKEN=secret"}, ExternalSource("command", "")),
        (
            {"source": "url", "url": "https://u:secret@x.example/a?k=secret"},
            ExternalSource("url", "https://x.example/a"),
        ),
        ({"source": "url", "url": "https://u:sec/ret@x.example/a"}, ExternalSource("url", "https://x.example/a")),
        ({"source": "url", "url": "secret@x.example:a/b.git"}, ExternalSource("url", "x.example:a/b.git")),
        ({"source": "github", "repo": 5}, ExternalSource("github", "")),
    ],
)
def test_external_sources_are_told_apart(source: dict[str, str], expected: ExternalSource) -> None:
    [(entry, _)] = marketplace({"name": "a", "source": source}).entries
    assert entry.source == expected


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
        b'{"name": "m", "owner": {}, "plugins": [\n{"name": "a", "source": "./a",\n"source": "./b"}]}'
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
    assert (manifest.name, manifest.declares_components, remarks) == ("a", True, ())


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b'{"name":\n"a" 5}', "manifest_unreadable", 2),
        (b"[]", "manifest_unreadable", 1),
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
