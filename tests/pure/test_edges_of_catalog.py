"""The last cases of the catalog, the snapshot and the access rules: what hardly anybody writes has its one meaning, too."""

from __future__ import annotations

import hashlib

from skillport_sync.access.model import Absent, Principal, PrincipalId
from skillport_sync.access.places import shown_name
from skillport_sync.access.plugins import refused_as_whole
from skillport_sync.catalog import json_edit
from skillport_sync.catalog.frontmatter_yaml import NotYaml, YamlMapping, read_yaml_mapping
from skillport_sync.catalog.links import MAX_HOPS, Followed, Links, Lost
from skillport_sync.catalog.manifest import Unreadable
from skillport_sync.catalog.model import OWN_SOURCE, SourceFiles
from skillport_sync.catalog.skill_files import SkillFiles
from skillport_sync.catalog.walks import MAX_FILES
from skillport_sync.catalog.written_entries import written_marketplace
from skillport_sync.catalog.written_json import JsonText, read_json
from skillport_sync.files import BlobFact
from skillport_sync.git.edit import Edited, Put, edited
from skillport_sync.git.listing import Entry, Listing, tree_ids
from skillport_sync.git.objects import ZERO_ID, CommitId, Mode, blob_id
from skillport_sync.git.paths import RepoPath
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries.plugin_grounds import ground
from skillport_sync.snapshot import Snapshot, SourceInput, SourceState, assemble
from skillport_sync.sync.plan import prefixes_of

MANIFEST = b'{"name": "m", "owner": {"name": "o"}, "plugins": [{"name": "p", "source": "./p"}]}'
SKILL = b"---\nname: s\ndescription: D.\n---\n"
MARKETPLACE = ".claude-plugin/marketplace.json"


def snapshot_of(files: dict[bytes, tuple[Mode, bytes]]) -> Snapshot:
    entries = {path: Entry(mode, blob_id(content), len(content)) for path, (mode, content) in files.items()}
    contents = {blob_id(content): content for _, content in files.values()}
    held = {oid: BlobFact(len(content), hashlib.sha256(content).digest()) for oid, content in contents.items()}
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    state = SourceState(OWN_SOURCE, "acme/skills", CommitId(ZERO_ID), trees[b""])
    made = assemble(MarketplaceName("acme"), [SourceInput(state, entries, trees, held, contents)], None)
    assert isinstance(made, Snapshot), made
    return made


# --- JSON and YAML -----------------------------------------------------------------------------------------------------------


def test_an_object_that_is_added_to_a_tight_document_is_tight() -> None:
    assert json_edit.set_value('{"a":1}', ("b",), {"c": 1, "d": [2]}) == '{"a":1,"b":{"c":1,"d":[2]}}'


def test_a_document_that_is_one_value_has_no_parts() -> None:
    document = read_json(b" 3")
    assert isinstance(document, JsonText)
    assert document.repeated == ()
    assert document.locate(("a", "b")) == (1, 2)


def test_two_documents_are_no_frontmatter_and_an_empty_one_says_nothing() -> None:
    two = read_yaml_mapping("a: 1\n---\nb: 2\n")
    assert isinstance(two, NotYaml)
    assert "more than one" in two.message
    empty = read_yaml_mapping("---\n")
    assert isinstance(empty, YamlMapping)
    assert empty.values == {}


def test_entries_of_what_cannot_be_read_are_none() -> None:
    assert isinstance(written_marketplace(b"[]"), Unreadable)


# --- links -------------------------------------------------------------------------------------------------------------------


def followed(files: dict[str, tuple[Mode, bytes]], path: str) -> Followed | Lost | None:
    entries = {name: Entry(mode, blob_id(content), len(content)) for name, (mode, content) in files.items()}
    trees = tree_ids({name.encode(): (one.mode, one.oid) for name, one in entries.items()})
    source = SourceFiles(
        {RepoPath(name): entry for name, entry in entries.items()},
        {raw.decode(): oid for raw, oid in trees.items()},
        {blob_id(content): content for _, content in files.values()},
    )
    return Links(source, SkillFiles(source.files), {}).follow(path)


def chain(prefix: str, length: int, end: str) -> dict[str, tuple[Mode, bytes]]:
    """Links that lead to each other and at last to ``end``."""
    names = [f"{prefix}{number}" for number in range(length)]
    targets = [*(name.rpartition("/")[2] for name in names[1:]), end]
    return {name: (Mode.SYMLINK, target.encode()) for name, target in zip(names, targets, strict=True)}


def test_the_links_of_all_steps_of_one_way_are_counted_together() -> None:
    for more, is_lost in ((MAX_HOPS // 2, False), (MAX_HOPS // 2 + 1, True)):
        files = {
            **chain("a", MAX_HOPS // 2, "d"),
            **chain("d/b", more, "file"),
            "d/file": (Mode.FILE, b"x"),
        }
        found = followed(files, "a0/b0")
        assert isinstance(found, Lost) is is_lost, found
        assert is_lost or found is not None


def test_a_skill_whose_skill_md_is_one_link_too_far_is_left_out() -> None:
    files = {
        MARKETPLACE.encode(): (Mode.FILE, MANIFEST),
        b"real.md": (Mode.FILE, SKILL),
        b"p/skills/s/SKILL.md": (Mode.SYMLINK, b"../../../real.md"),
        **{f"p/skills/s/{number}".encode(): (Mode.FILE, b"x") for number in range(MAX_FILES)},
    }
    found = snapshot_of(files)
    assert [skill.name for skill in found.catalog.skills] == []
    assert "symlink_too_much" in {problem.code for problem in found.problems}


# --- snapshots and trees -----------------------------------------------------------------------------------------------------


def test_a_directory_whose_name_is_no_text_is_no_hindrance() -> None:
    found = snapshot_of(
        {
            MARKETPLACE.encode(): (Mode.FILE, MANIFEST),
            b"p/skills/s/SKILL.md": (Mode.FILE, SKILL),
            b"odd\xff/file": (Mode.FILE, b"x"),
        }
    )
    assert [skill.name for skill in found.catalog.skills] == ["s"]


def test_plugins_of_a_list_that_cannot_be_read_are_none() -> None:
    found = snapshot_of({MARKETPLACE.encode(): (Mode.FILE, MANIFEST), b"p/skills/s/SKILL.md": (Mode.FILE, SKILL)})
    assert ground(found, RepoPath(MARKETPLACE), b"{", {}, {}).plugins == ()


def test_a_file_whose_name_is_no_text_stays_beside_what_is_written() -> None:
    entries = {b"odd\xff": Entry(Mode.FILE, blob_id(b"x"), 1)}
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    done = edited(Listing(trees[b""], entries, trees), (Put(RepoPath("new"), b"y"),))
    assert isinstance(done, Edited)
    assert set(done.listing.entries) == {b"odd\xff", b"new"}


def test_what_is_below_a_directory_begins_with_its_name_and_a_slash() -> None:
    assert prefixes_of(["", "a", "a/b"]) == (b"", b"a/", b"a/b/")


# --- access ------------------------------------------------------------------------------------------------------------------


def test_without_a_policy_no_plugin_is_refused_as_a_whole() -> None:
    assert refused_as_whole(Absent(), Principal(PrincipalId("x:ada"), "Ada", None, frozenset(), {}), "docs") is None


def test_a_long_name_is_cut_where_it_is_shown() -> None:
    shown = shown_name("n" * 10_000)
    assert len(shown) < 1_000
    assert "…" in shown


def test_a_plugin_behind_a_link_that_is_not_known_any_more_is_left_out() -> None:
    found = snapshot_of(
        {
            MARKETPLACE.encode(): (Mode.FILE, MANIFEST),
            b"real/skills/s/SKILL.md": (Mode.FILE, SKILL),
            b"p": (Mode.SYMLINK, b"real"),
        }
    )
    assert [plugin.name for plugin in found.catalog.plugins] == ["p"]
    known = ground(found, RepoPath(MARKETPLACE), MANIFEST, {blob_id(b"real"): b"real"}, {})
    assert [plugin.name for plugin in known.plugins] == ["p"]
    assert ground(found, RepoPath(MARKETPLACE), MANIFEST, {}, {}).plugins == ()
