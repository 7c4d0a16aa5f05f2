"""From verified files to a snapshot: what is published, what is refused, and that work saved changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.access.model import Absent, AccessPolicy
from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import BlobId, CommitId, Mode, blob_id
from skillport_sync.ports import MarketplaceName
from skillport_sync.snapshot import Refused, Snapshot, SourceInput, SourceState, assemble

ACME = MarketplaceName("acme")
COMMIT = CommitId("c" * 40)
POLICY = b'{"version": "1.0", "editors": [{"id": "google:1"}], "defaults": {"read": "*", "write": "editors"}}'
OTHER_POLICY = b'{"version": "1.0", "editors": [], "defaults": {"read": [], "write": []}}'
MANIFEST = json.dumps(
    {
        "name": "acme-skills",
        "owner": {"name": "Acme"},
        "plugins": [{"name": "docs", "source": "./plugins/docs"}, {"name": "more", "source": "./plugins/more"}],
    }
).encode()

Tree = Mapping[bytes, tuple[Mode, bytes]]


def skill(name: str, body: str = "") -> bytes:
    return f"---\nname: {name}\ndescription: Does {name}.\n---\n{body}".encode()


def files() -> dict[bytes, tuple[Mode, bytes]]:
    """A small marketplace: two plugins, three skills."""
    plain = {
        b".claude-plugin/marketplace.json": MANIFEST,
        b".skillport/access.json": POLICY,
        b"plugins/docs/skills/pdf/SKILL.md": skill("pdf"),
        b"plugins/docs/skills/pdf/fill.py": b"print()",
        b"plugins/docs/skills/pdf/deep/er/notes.md": b"notes",
        b"plugins/docs/skills/pdf-tables/SKILL.md": skill("pdf-tables"),
        b"plugins/more/skills/pdf/SKILL.md": skill("pdf", "another"),
    }
    return {path: (Mode.FILE, content) for path, content in plain.items()}


def source(tree: Tree, not_held: frozenset[bytes] = frozenset()) -> SourceInput:
    """The files as a verified source; ``not_held`` are paths whose contents are too large to mirror."""
    entries = {path: Entry(mode, blob_id(content), len(content)) for path, (mode, content) in tree.items()}
    contents = {
        blob_id(content): content for path, (mode, content) in tree.items() if mode.has_content and path not in not_held
    }
    held = {oid: BlobFact(len(data), hashlib.sha256(data).digest()) for oid, data in contents.items()}
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    return SourceInput(SourceState(OWN_SOURCE, "acme/skills", COMMIT, trees[b""]), entries, trees, held, contents)


def snapshot(tree: Tree, previous: Snapshot | None = None, *, not_held: frozenset[bytes] = frozenset()) -> Snapshot:
    made = assemble(ACME, [source(tree, not_held)], previous)
    assert isinstance(made, Snapshot), str(made)
    return made


def refused(tree: Tree, *, not_held: frozenset[bytes] = frozenset()) -> Refused:
    made = assemble(ACME, [source(tree, not_held)], None)
    assert isinstance(made, Refused)
    return made


def problems(made: Snapshot) -> Sequence[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in made.problems]


# --- what a snapshot tells ------------------------------------------------------------------------------------------------


def test_a_snapshot_names_its_repository_and_commit():
    made = snapshot(files())
    assert (made.marketplace, made.repository, made.commit) == (ACME, "acme/skills", COMMIT)
    assert problems(made) == []


def test_every_file_carries_mode_size_and_hash():
    tree = files() | {b"plugins/docs/run": (Mode.EXECUTABLE, b"#!/bin/sh\n")}
    held = snapshot(tree).files["plugins/docs/run"]
    assert (held.mode, held.size_bytes, held.sha256) == (
        Mode.EXECUTABLE,
        10,
        hashlib.sha256(b"#!/bin/sh\n").digest(),
    )


def test_a_skill_has_the_files_of_its_directory_and_of_no_neighbour():
    made = snapshot(files())
    (pdf,) = made.skills_named("docs/pdf")
    assert [path for path, _ in made.files_of(pdf)] == ["SKILL.md", "deep/er/notes.md", "fill.py"]
    assert made.size_of(pdf) == 3


def test_a_skill_has_all_files_of_its_directory_whatever_they_are_called():
    more = {
        "plugins/docs/skills/pdf/~z": b"",
        "plugins/docs/skills/pdf/\U0001f4c4": b"",
        "plugins/docs/skills/pdf0/x": b"",
    }
    made = snapshot(files() | {path.encode(): (Mode.FILE, content) for path, content in more.items()})
    (pdf,) = made.skills_named("docs/pdf")
    assert [path for path, _ in made.files_of(pdf)][3:] == ["~z", "\U0001f4c4"]
    assert made.size_of(pdf) == 5


def test_a_skill_that_is_its_whole_repository_has_all_its_files():
    entry = {"name": "pdf", "source": "./", "skills": ["./"]}
    manifest = json.dumps({"name": "acme-skills", "owner": {"name": "Acme"}, "plugins": [entry]}).encode()
    contents = {b".claude-plugin/marketplace.json": manifest, b"SKILL.md": skill("pdf"), b"fill.py": b"print()"}
    made = snapshot({path: (Mode.FILE, content) for path, content in contents.items()})
    (pdf,) = made.skills_named("pdf")
    assert made.size_of(pdf) == len(dict(made.files_of(pdf))) == 3


def test_a_skill_that_a_link_leads_to_has_the_files_that_are_there():
    made = snapshot(files() | {b"plugins/more/skills/linked": (Mode.SYMLINK, b"../../docs/skills/pdf-tables")})
    (linked,) = [skill for skill in made.catalog.skills if skill.linked is not None]
    assert [path for path, _ in made.files_of(linked)] == ["SKILL.md"]
    assert made.size_of(linked) == 1


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("pdf-tables", ["docs/pdf-tables"]),
        ("pdf", ["docs/pdf", "more/pdf"]),
        ("more/pdf", ["more/pdf"]),
        ("more/pdf@acme", ["more/pdf"]),
        ("pdf-tables@acme-skills", ["docs/pdf-tables"]),
        ("pdf@elsewhere", []),
        ("docs", []),
        ("@acme", []),
    ],
)
def test_a_skill_is_found_by_name_by_plugin_and_by_marketplace(label, found):
    assert [skill.label for skill in snapshot(files()).skills_named(label)] == found


# --- policy ---------------------------------------------------------------------------------------------------------------


def test_content_and_policy_come_from_the_same_commit():
    policy = snapshot(files()).policy
    assert isinstance(policy, AccessPolicy)
    assert policy.editors.ids == {"google:1"}


def test_without_a_policy_file_the_policy_is_absent():
    tree = files()
    del tree[b".skillport/access.json"]
    assert snapshot(tree).policy == Absent()


def test_an_executable_policy_file_is_still_a_policy():
    tree = files() | {b".skillport/access.json": (Mode.EXECUTABLE, POLICY)}
    assert isinstance(snapshot(tree).policy, AccessPolicy)


def test_a_malformed_policy_refuses_the_commit_and_says_where():
    told = refused(files() | {b".skillport/access.json": (Mode.FILE, b'{\n  "version": "1.0",\n  "editrs": []\n}')})
    assert told.code == "policy_malformed"
    assert str(told).startswith(".skillport/access.json:3: ")


UNREADABLE: dict[str, dict[bytes, tuple[Mode, bytes] | None]] = {
    "a symbolic link": {b".skillport/access.json": (Mode.SYMLINK, b"../policy.json")},
    "a link whose target reads as a policy": {b".skillport/access.json": (Mode.SYMLINK, POLICY)},
    "a submodule": {b".skillport/access.json": (Mode.SUBMODULE, b"")},
    "a directory": {b".skillport/access.json": None, b".skillport/access.json/x": (Mode.FILE, POLICY)},
    "in a directory that is a link": {b".skillport/access.json": None, b".skillport": (Mode.SYMLINK, b"config")},
    "in a directory that is a submodule": {b".skillport/access.json": None, b".skillport": (Mode.SUBMODULE, b"")},
    "in a directory that is a file": {b".skillport/access.json": None, b".skillport": (Mode.FILE, b"")},
    "misspelled in case": {b".skillport/access.json": None, b".skillport/Access.json": (Mode.FILE, POLICY)},
    "in a directory misspelled in case": {
        b".skillport/access.json": None,
        b".Skillport/access.json": (Mode.FILE, POLICY),
    },
    "there twice, but for case": {b".skillport/ACCESS.json": (Mode.FILE, POLICY)},
    "beside a directory that differs in case": {b".SKILLPORT/other": (Mode.FILE, b"")},
}


@pytest.mark.parametrize("changed", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_policy_that_cannot_be_read_for_sure_refuses_the_commit(changed):
    tree = {path: file for path, file in (files() | changed).items() if file is not None}
    told = refused(tree)
    assert told.code == "policy_unreadable"
    assert told.path == ".skillport/access.json"


def test_a_policy_too_large_to_be_held_refuses_the_commit():
    assert refused(files(), not_held=frozenset({b".skillport/access.json"})).code == "policy_unreadable"


def test_without_a_manifest_the_commit_is_refused():
    tree = files()
    del tree[b".claude-plugin/marketplace.json"]
    assert refused(tree).code == "marketplace_missing"


# --- files that are not served --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"plugins/docs/skills/pdf/\xff.txt", "path_not_utf8"),
        (b"plugins/docs/skills/pdf/a\\b.txt", "path_backslash"),
        (b"plugins/docs/skills/pdf/a\nb.txt", "path_control_character"),
        (b"plugins/docs/skills/pdf/.GIT/hooks/run", "path_git_directory"),
        (b"plugins/docs/skills/pdf/../x", "path_traversal"),
        (b"x/" * 70 + b"deep", "path_too_deep"),
        (b"x" * 1_025, "path_too_long"),
    ],
)
def test_a_path_that_is_not_safe_everywhere_hides_only_itself(path, code):
    before, made = snapshot(files()), snapshot(files() | {path: (Mode.FILE, b"")})
    assert [found for _, found in problems(made)] == [code]
    assert made.files == before.files
    assert [skill.label for skill in made.catalog.skills] == [skill.label for skill in before.catalog.skills]


def test_names_that_collide_on_some_systems_are_all_left_out():
    made = snapshot(
        files()
        | {
            b"plugins/docs/skills/pdf/Read.me": (Mode.FILE, b"1"),
            b"plugins/docs/skills/pdf/read.ME": (Mode.FILE, b"2"),
        }
    )
    assert [code for _, code in problems(made)] == ["path_collision", "path_collision"]
    assert not [path for path in made.files if path.lower().endswith("read.me")]


def test_a_file_too_large_to_mirror_is_listed_without_content_and_reported():
    made = snapshot(files(), not_held=frozenset({b"plugins/docs/skills/pdf/fill.py"}))
    assert problems(made) == [("plugins/docs/skills/pdf/fill.py", "file_too_large")]
    held = made.files["plugins/docs/skills/pdf/fill.py"]
    assert (held.size_bytes, held.sha256) == (7, None)


def test_a_submodule_is_a_fact_and_no_file():
    made = snapshot(files() | {b"plugins/docs/vendor": (Mode.SUBMODULE, b"")})
    assert problems(made) == [("plugins/docs/vendor", "submodule")]
    assert made.files["plugins/docs/vendor"].sha256 is None


def test_problems_are_in_the_same_order_every_time():
    tree = files() | {b"x\\%d" % n: (Mode.FILE, b"") for n in range(30)}
    assert list(snapshot(tree).problems) == sorted(snapshot(tree).problems)


# --- previous only saves work ---------------------------------------------------------------------------------------------

PATHS = [
    *files(),
    b"plugins/docs/.claude-plugin/plugin.json",
    b"plugins/docs/skills/new/SKILL.md",
    b"plugins/docs/Skills/pdf/SKILL.md",
    b"plugins/Docs",
    b"plugins/more/skills/pdf/\xff",
    b"plugins/more/SKILL.md",
    b"skills/root/SKILL.md",
]
CONTENTS = [
    b"",
    POLICY,
    OTHER_POLICY,
    MANIFEST,
    MANIFEST.replace(b"./plugins/more", b"./plugins/docs"),
    MANIFEST.replace(b'"more"', b'"docs"'),
    skill("pdf"),
    skill("pdf-tables", "changed"),
    b"---\nname: [broken\n---\n",
    b'{"name": "docs", "version": "2.0.0"}',
    b"{",
]
edits = st.lists(
    st.tuples(
        st.sampled_from(PATHS),
        st.none() | st.tuples(st.sampled_from([Mode.FILE, Mode.EXECUTABLE, Mode.SYMLINK]), st.sampled_from(CONTENTS)),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def told(made: Snapshot | Refused) -> object:
    """Everything that anybody can ask of it; not what it remembers for the next one."""
    if isinstance(made, Refused):
        return made
    named = {skill.name: made.skills_named(skill.name) for skill in made.catalog.skills}
    owned = {skill.label: made.files_of(skill) for skill in made.catalog.skills}
    return made.sources, made.files, made.catalog, made.policy, made.problems, named, owned


@settings(max_examples=400)
@given(st.lists(edits, min_size=1, max_size=6))
def test_a_snapshot_is_the_same_whether_or_not_there_was_one_before(pushes):
    """As long as what was held once stays held: a pull sees to that."""
    tree = files()
    previous: Snapshot | None = snapshot(tree)
    ever_held = {content for _, content in tree.values()}
    for push in pushes:
        too_large = set()
        for path, file, is_large in push:
            # A file takes the place of a directory, and the other way round, as git would have it.
            for other in [p for p in tree if p.startswith(path + b"/") or path.startswith(p + b"/")]:
                del tree[other]
            tree.pop(path, None)
            if file is not None:
                tree[path] = file
                if is_large:
                    too_large.add(file[1])
        too_large -= ever_held
        ever_held |= {content for _, content in tree.values()} - too_large
        # A blob is held or it is not, whatever paths it has.
        not_held = frozenset(path for path, (_, content) in tree.items() if content in too_large)
        resumed = assemble(ACME, [source(tree, not_held)], previous)
        assert told(resumed) == told(assemble(ACME, [source(tree, not_held)], None))
        if isinstance(resumed, Snapshot):
            previous = resumed


def test_the_oid_of_a_blob_that_is_not_held_is_still_told():
    made = snapshot(files(), not_held=frozenset({b"plugins/docs/skills/pdf/fill.py"}))
    assert made.files["plugins/docs/skills/pdf/fill.py"].oid == BlobId(blob_id(b"print()"))
