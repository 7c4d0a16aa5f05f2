"""The example marketplace is sound by our own rules and shows every shape it promises."""

from __future__ import annotations

import csv
import io
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.access.decide import decide, is_editor, readable
from skillport_sync.access.model import AccessPolicy, Action, Allowed, Principal, PrincipalId
from skillport_sync.access.policy import POLICY_PATH, read_policy
from skillport_sync.catalog.discover import Undiscoverable, discover
from skillport_sync.catalog.model import Catalog, SourceFiles, Surface
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import Mode, blob_id
from skillport_sync.git.paths import PathProblem, RepoPath, check_path
from skillport_sync.template import TemplateFile, files, title_of

SCRIPT = "plugins/data/skills/csv-profile/scripts/profile.py"
LOGO = "plugins/brand/skills/brand-kit/assets/logo.png"


def catalog(template: dict[str, TemplateFile]) -> Catalog:
    entries: dict[RepoPath, Entry] = {}
    for name, file in template.items():
        path = check_path(name.encode())
        assert not isinstance(path, PathProblem)
        entries[path] = Entry(
            Mode.EXECUTABLE if file.executable else Mode.FILE, blob_id(file.content), len(file.content)
        )
    trees = tree_ids({path.encode(): (entry.mode, entry.oid) for path, entry in entries.items()})
    contents = {blob_id(file.content): file.content for file in template.values()}
    found = discover(SourceFiles(entries, {raw.decode(): tree for raw, tree in trees.items()}, contents), None)
    assert not isinstance(found, Undiscoverable)
    return found[0]


def policy(template: dict[str, TemplateFile]) -> AccessPolicy:
    read = read_policy(template[POLICY_PATH].content)
    assert isinstance(read, AccessPolicy)
    return read


def test_it_is_discovered_without_a_single_problem() -> None:
    found = catalog(files())
    assert found.problems == ()
    assert found.title == "acme-skills"
    assert [(skill.label, skill.version, skill.directory) for skill in found.skills] == [
        ("brand/brand-kit", "2.1.0", "plugins/brand/skills/brand-kit"),
        ("data/csv-profile", "0.4.0", "plugins/data/skills/csv-profile"),
        ("finance/quarter-close", "1.0.3", "plugins/finance/skills/quarter-close"),
        ("meetings/minutes", "0.2.1", "plugins/meetings/minutes"),
        ("review/review", "1.1.0", "plugins/review"),
        ("writing/plain-language", "1.2.0", "plugins/writing/skills/plain-language"),
        ("writing/release-notes", "1.2.0", "plugins/writing/skills/release-notes"),
    ]


def test_surfaces_differ() -> None:
    surfaces = {plugin.name: plugin.surfaces for plugin in catalog(files()).plugins}
    assert surfaces["data"] == {Surface.CLAUDE_CODE, Surface.CLAUDE_DESKTOP}
    assert surfaces["brand"] == {Surface.DESKTOP_AND_AI}
    assert surfaces["writing"] == frozenset()


def test_every_skill_can_be_uploaded_to_claude_ai_as_it_stands() -> None:
    for skill in catalog(files()).skills:
        assert set(skill.frontmatter) <= {
            "name",
            "description",
            "license",
            "metadata",
            "compatibility",
            "allowed-tools",
        }
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", skill.name)
        assert skill.name == skill.directory.rpartition("/")[2]
        assert not re.search("claude|anthropic", skill.name)
        assert 20 < len(skill.description) <= 1024
        assert not set("<>") & set(skill.description)


def test_one_skill_is_for_editors_only() -> None:
    template = files(editors=("demo:ada", "github:7"))
    found, rules = catalog(template), policy(template)
    ada, bob = Principal(PrincipalId("demo:ada")), Principal(PrincipalId("demo:bob"))
    hidden = {skill.name for skill in found.skills} - {skill.name for skill in readable(rules, bob, found)}
    assert hidden == {"quarter-close"}
    assert readable(rules, ada, found) == found.skills
    assert is_editor(rules, Principal(PrincipalId("github:7")))
    assert all(isinstance(decide(rules, ada, Action.WRITE, skill), Allowed) for skill in found.skills)
    assert not any(isinstance(decide(rules, bob, Action.WRITE, skill), Allowed) for skill in found.skills)


def test_the_script_is_executable_and_nothing_else_is() -> None:
    assert [path for path, file in files().items() if file.executable] == [SCRIPT]


def test_the_logo_is_a_small_png_whose_every_chunk_is_sound() -> None:
    content = files()[LOGO].content
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) < 2000
    at, kinds = 8, []
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        body = content[at + 4 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length]) == (zlib.crc32(body),)
        kinds.append(body[:4])
        at += 12 + length
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]


@pytest.mark.parametrize("path", [path for path in files() if path.endswith(".md")])
def test_links_inside_a_skill_lead_to_files(path: str) -> None:
    template = files()
    for target in re.findall(r"\]\(([^)]+)\)", template[path].content.decode()):
        assert f"{path.rpartition('/')[0]}/{target}" in template


@given(st.text(max_size=20))
def test_any_owner_makes_a_sound_marketplace(owner: str) -> None:
    title = catalog(files(owner)).title
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", title)
    assert title.endswith("skills")
    assert title_of(title) == title


def test_the_owner_is_named() -> None:
    template = files("Globex & Söhne")
    assert template["README.md"].content.startswith("# Skills of Globex & Söhne\n".encode())
    assert catalog(template).title == "globex-s-hne-skills"


def test_the_script_profiles_a_table(tmp_path: Path) -> None:
    script, table = tmp_path / "profile.py", tmp_path / "table.csv"
    script.write_bytes(files()[SCRIPT].content)
    written = io.StringIO()
    csv.writer(written).writerows(
        [
            ["id", "day", "note", "size"],
            [1, "2026-01-02", "a", "3"],
            [2, "2026-02-01", "", "12 kg"],
            [3, "2026-01-01", "a"],
        ]
    )
    table.write_text(written.getvalue(), encoding="utf-8")
    run = subprocess.run([sys.executable, script, table], capture_output=True, text=True, check=True, timeout=60)
    assert [line.split() for line in run.stdout.splitlines()] == [
        ["column", "type", "values", "missing", "different", "smallest", "largest"],
        ["id", "number", "3", "0", "3", "1", "3"],
        ["day", "date", "3", "0", "3", "2026-01-01", "2026-02-01"],
        ["note", "text", "2", "1", "1", "a", "a"],
        ["size", "mixed", "2", "1", "2"],
        ["3", "rows,", "4", "columns"],
    ]
