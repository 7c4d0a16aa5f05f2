"""What a plugin is handed out as: which files, which version, which plugin.json, which entry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.marketplace.manifests import entry_of, reduced, version_of, with_version
from mcp_server.marketplace.versions import marked
from skillport_sync.access.model import Absent, AccessPolicy, Denied, Principal, PrincipalId
from skillport_sync.access.plugins import may_have, refused_as_whole
from skillport_sync.access.policy import read_policy
from skillport_sync.catalog.plugin_files import PluginDirectories, followable, links_in
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, Mode, blob_id
from skillport_sync.git.paths import RepoPath

DIGEST = "0123456789abcdef" * 4
ALICE, BOB = Principal(PrincipalId("token:alice")), Principal(PrincipalId("token:bob"))

names = st.sampled_from(
    ["a", "b", "skills", "SKILL.md", ".skillport", ".git", ".claude-plugin", "marketplace.json", "x"]
)
paths = st.lists(names, min_size=1, max_size=5).map("/".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def directories(files: dict[str, str], links: dict[str, str] | None = None) -> PluginDirectories:
    entries = {RepoPath(path): Entry(Mode.FILE, blob_id(b""), 1) for path in files}
    targets: dict[BlobId, bytes] = {}
    for path, target in (links or {}).items():
        oid = blob_id(target.encode())
        entries[RepoPath(path)] = Entry(Mode.SYMLINK, oid, len(target))
        targets[oid] = target.encode()
    assert links_in(entries) == targets.keys()
    return PluginDirectories(followable(entries, targets, frozenset()), RepoPath(".claude-plugin/marketplace.json"))


def without_clashes(drawn: set[str]) -> dict[str, str]:
    """Paths of which none is a directory of another."""
    return {path: "" for path in drawn if not any(other.startswith(f"{path}/") for other in drawn)}


@given(
    st.sets(paths, max_size=12), st.dictionaries(paths, paths, max_size=4), st.sampled_from(["", "a", "a/b", "skills"])
)
def test_nothing_of_the_marketplace_around_it_is_in_a_plugin(
    drawn: set[str], links: dict[str, str], directory: str
) -> None:
    files = without_clashes(drawn | links.keys())
    links = {path: target for path, target in links.items() if path in files}
    of = directories({path: "" for path in files if path not in links}, links).of(
        directory, own_skills=[], others=[f"{directory}/b".lstrip("/")], lists_skills=False
    )
    if of is None:
        return
    assert list(of.files) == sorted(of.files)
    for relative, real in of.files.items():
        assert real in files
        assert real not in links
        assert not str(real).startswith(".skillport/")
        assert not relative.startswith((".git", "b/"))
        assert real != ".claude-plugin/marketplace.json"
    if not links and of.directory == directory:
        inside = {
            path[len(directory) + 1 if directory else 0 :]
            for path in files
            if path.startswith(directory and f"{directory}/")
        }
        left = inside - of.files.keys()
        assert all(
            path.startswith((".git", ".skillport", "b/"))
            or path == "b"
            or path.endswith(".claude-plugin/marketplace.json")
            for path in left
        )


def test_a_skill_of_ones_own_in_the_directory_of_another_entry_stays() -> None:
    files = {"b/skills/x/SKILL.md": "", "b/other.md": "", "readme.md": ""}
    of = directories(files).of("", own_skills=["b/skills/x"], others=["b"], lists_skills=True)
    assert of is not None
    assert list(of.files) == ["b/skills/x/SKILL.md", "readme.md"]


def test_a_plugin_that_is_nowhere_has_no_files() -> None:
    assert directories({"a/x": ""}).of("b", own_skills=[], others=[], lists_skills=False) is None
    assert directories({"a/x": ""}).of("a/x", own_skills=[], others=[], lists_skills=False) is None


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.2.0", "1.2.0+0123456789ab"), ("1.2.0+b5", "1.2.0+b5.0123456789ab"), ("v1", "v1+0123456789ab"), (None, None)],
)
def test_a_version_is_marked_with_the_content(version: str | None, expected: str | None) -> None:
    assert marked(version, DIGEST) == expected


@given(st.dictionaries(st.text(max_size=6), json_values, max_size=5), st.sampled_from([None, 0, 1, 2, "\t"]))
def test_plugin_json_keeps_every_byte_but_the_version(fields: dict[str, Any], indent: Any) -> None:
    fields["version"] = "1.2.0 of old"
    written = json.dumps(fields, indent=indent, ensure_ascii=False)
    content = written.encode("utf-8", "surrogatepass")
    changed = with_version(content, "9")
    if b"\xed" not in content:
        assert json.loads(changed) == {**fields, "version": "9"}
        assert changed == written.replace('"1.2.0 of old"', '"9"').encode()


@given(st.binary(max_size=40))
def test_a_plugin_json_that_says_no_version_stays_as_it_is(content: bytes) -> None:
    if b"version" not in content:
        assert with_version(content, "9") == content


def test_plugin_json_says_the_version_before_the_entry_does() -> None:
    assert version_of(b'{"version": "2"}', {"version": "1"}) == "2"
    assert version_of(b'{"version": 2}', {"version": "1"}) == "1"
    assert version_of(b'{"version": " "}', {}) is None
    assert version_of(b"not json", {"version": "1"}) == "1"
    assert version_of(None, {"version": 1}) is None


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_what_is_not_whole_loads_nothing_but_its_skills(fields: dict[str, Any]) -> None:
    loading = dict.fromkeys(("commands", "agents", "hooks", "mcpServers", "lspServers", "userConfig", "skills"), "./x")
    content = json.dumps({**loading, **fields, "name": "kit", "version": "1"}).encode("utf-8", "surrogatepass")
    made = json.loads(reduced(content, ["skills/a", "more/b"], "1+x"))
    assert made.keys() & loading.keys() == {"skills"}
    assert made["skills"] == ["./more/b"]
    if b"\\ud" not in content:
        assert (made["name"], made["version"]) == ("kit", "1+x")
    entry = entry_of(
        {**loading, "name": "kit", "strict": False}, {}, "1+x", parts=["more/b"], has_manifest=True, lacking=False
    )
    assert not entry.keys() & (loading.keys() | {"strict"})
    alone = entry_of({**loading, "name": "kit"}, {}, None, parts=["more/b"], has_manifest=False, lacking=True)
    assert alone["skills"] == ["./more/b"]
    assert alone["metadata"] == {"skillport": {"partial": True, "incomplete": True}}


def test_skills_where_claude_code_looks_by_itself_are_not_listed() -> None:
    assert "skills" not in json.loads(reduced(b"{}", ["skills/a", "skills/b"], None))
    assert "skills" not in json.loads(reduced(b"{}", [""], None))
    assert json.loads(reduced(b"{}", ["", "skills/a", "skills/deep/b"], None))["skills"] == ["./", "./skills/deep/b"]


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=6))
def test_the_entry_of_a_whole_plugin_is_as_it_was_written(written: dict[str, Any]) -> None:
    source = {"source": "archive"}
    entry = entry_of(written, source, None, parts=None, has_manifest=True, lacking=False)
    assert entry == {**written, "source": source}
    assert [name for name in entry if name in written] == list(written)


def policy(**sections: Any) -> AccessPolicy | Absent:
    read = read_policy(
        json.dumps(
            {"version": "1.1", "editors": [], "defaults": {"read": "*", "write": "editors"}, **sections}
        ).encode()
    )
    assert isinstance(read, AccessPolicy)
    return read


ONLY_ALICE = {"read": [{"id": "token:alice"}]}


def test_the_rules_of_a_plugin_are_asked_from_its_name_to_its_patterns() -> None:
    named = policy(plugins={"kit": {"read": "*"}, "k*": ONLY_ALICE})
    assert refused_as_whole(named, BOB, "kit") is None
    assert isinstance(refused_as_whole(named, BOB, "kat"), Denied)
    assert refused_as_whole(named, ALICE, "kat") is None
    assert refused_as_whole(named, BOB, "other") is None
    longest = policy(plugins={"k*": {"read": "*"}, "ki*": ONLY_ALICE})
    assert isinstance(refused_as_whole(longest, BOB, "kit"), Denied)
    assert refused_as_whole(longest, BOB, "kat") is None
    opened = policy(plugins={"k*": ONLY_ALICE, "ki*": {"read": "*"}})
    assert refused_as_whole(opened, BOB, "kit") is None


def test_where_there_are_no_skills_the_default_decides_in_the_end() -> None:
    shut = policy(defaults={"read": "editors", "write": "editors"})
    assert refused_as_whole(shut, BOB, "kit") is None
    assert not may_have(shut, BOB, "kit")
    assert may_have(policy(), BOB, "kit")
    assert may_have(Absent(), BOB, "kit")
    assert not may_have(policy(skills={"kit": ONLY_ALICE}), BOB, "kit")
