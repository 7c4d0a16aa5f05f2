"""What an install writes, whatever a skill is called and holds."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.archives.layout import Member
from mcp_server.install.bundle import Bundle, NotInstallable, folder_name, package_bundle, skill_bundle, skill_md_of
from mcp_server.install.installable import Installable, Piece
from mcp_server.install.manifest import MANIFEST, manifest
from mcp_server.install.plan import Plan
from mcp_server.install.script import install_sh
from skillport_sync.git.objects import CommitId, TreeId, blob_id
from skillport_sync.git.paths import PathProblem, RepoPath, check_path, collisions
from skillport_sync.ports import MarketplaceName

SOURCE = "https://skills.acme.example"
SKILL_MD = b"---\nname: pdf\ndescription: Fills forms.\n---\n\nDo it.\n"

words = st.text(st.sampled_from([*"aZ09._- ~\"'$#é☃", "\u200c", "\u0130"]), min_size=1, max_size=8)
odd = st.sampled_from(
    [
        ".skillport.json",
        ".claude-plugin",
        ".Claude-Plugin",
        ".mcp.json",
        ".MCP.json.",
        ".claude ",
        ".cla\u200cude",
        "skill.md",
    ]
)
paths = st.lists(words | odd, min_size=1, max_size=3).map("/".join)
tellable = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=30)


def piece(path: str, content: bytes = b"x", *, executable: bool = False) -> Piece:
    return Piece(path, blob_id(content), len(content), hashlib.sha256(content).digest(), executable)


def skill(*pieces: Piece, name: str = "pdf", **more: object) -> Installable:
    known: dict[str, object] = {
        "plugin": "docs",
        "marketplace": MarketplaceName("acme"),
        "directory": "plugins/docs/skills/pdf",
        "version": "1.2.0",
        "revision": TreeId("a" * 40),
        "commit": CommitId("b" * 40),
        "repository": "acme/skills",
        "pieces": pieces or (piece("SKILL.md", SKILL_MD),),
    }
    return Installable(name=name, **{**known, **more})  # type: ignore[arg-type]


@st.composite
def skills(draw: st.DrawFn) -> Installable:
    """A skill of paths that a publication may have."""
    drawn = draw(st.lists(paths, max_size=8, unique=True))
    safe = [RepoPath(path) for path in drawn if not isinstance(check_path(path.encode()), PathProblem)]
    mine = RepoPath(draw(st.sampled_from(["SKILL.md", "Skill.MD"])))
    clashing = collisions([*safe, mine])
    kept = sorted({path for path in [*safe, mine] if path not in clashing} | {mine})
    kept = [
        path
        for path in kept
        if path == mine or (path.lower() != "skill.md" and not path.lower().startswith("skill.md/"))
    ]
    kept = [path for path in kept if not any(other.startswith(f"{path}/") for other in kept)]
    return skill(*(piece(path, path.encode(), executable=draw(st.booleans())) for path in kept), name=draw(tellable))


@given(skills())
def test_a_bundle_holds_nothing_that_a_client_would_run_and_all_else(given_skill: Installable) -> None:
    made = skill_bundle(given_skill, SOURCE)
    assert isinstance(made, Bundle)
    prefix = f"{made.name}/"
    inside = {member.path.removeprefix(prefix): member for member in made.layout.members}
    assert all(member.path.startswith(prefix) for member in made.layout.members)
    assert {"SKILL.md", MANIFEST} <= inside.keys()
    parts = {part.replace("\u200c", "").lower().rstrip(". ") for path in inside for part in path.split("/")}
    assert parts.isdisjoint({".claude-plugin", ".mcp.json", ".claude", ".git"})
    left_out = len(given_skill.pieces) + 1 - len(inside)
    assert (left_out > 0) == any(rewrite.code == "files_dropped" for rewrite in made.rewrites)


@given(skills())
def test_a_manifest_is_json_and_readable_a_line_at_a_time(given_skill: Installable) -> None:
    text = manifest(given_skill, SOURCE).decode()
    said = json.loads(text)
    assert said["files"] == {one.path: one.sha256.hex() for one in given_skill.pieces}
    assert said["executable"] == [one.path for one in given_skill.pieces if one.executable]
    assert (said["name"], said["plugin"], said["revision"]) == (given_skill.name, "docs", "a" * 40)
    read = re.findall(r'^    "(.*)": "([0-9a-f]{64})",?$', text, re.MULTILINE)  # as install.sh does
    assert {path.replace('\\"', '"'): digest for path, digest in read} == said["files"]


@given(tellable, tellable)
def test_a_folder_has_a_name_that_every_system_takes(name: str, directory: str) -> None:
    made = folder_name(skill(name=name, directory=directory))
    assert set(made) <= set(string.ascii_letters + string.digits + "._-")
    assert made[0].isalnum()
    assert not made.endswith(".")
    assert 1 <= len(made) <= 64


@pytest.mark.parametrize(
    ("name", "directory", "folder"),
    [
        ("pdf", "x", "pdf"),
        ("PDF_Tools.v2", "x", "PDF_Tools.v2"),
        ("PDF Tools!", "x", "pdf-tools"),
        ("../../etc", "x", "etc"),
        ("-rf", "x", "rf"),
        ("☃", "plugins/docs/skills/snow", "snow"),
        ("☃", "", "skill"),
        ("x" * 80, "y", "x" * 64),
        ("ends.", "y", "ends"),
    ],
)
def test_what_is_no_name_for_a_folder_becomes_one_and_that_is_told(name: str, directory: str, folder: str) -> None:
    made = skill_bundle(skill(name=name, directory=directory), SOURCE)
    assert isinstance(made, Bundle)
    assert made.name == folder
    assert [rewrite.code for rewrite in made.rewrites] == ([] if folder == name else ["folder_renamed"])


def test_another_spelling_of_skill_md_is_put_right_and_told() -> None:
    made = skill_bundle(skill(piece("Skill.md")), SOURCE)
    assert isinstance(made, Bundle)
    assert [member.path for member in made.layout.members] == ["pdf/.skillport.json", "pdf/SKILL.md"]
    assert [rewrite.code for rewrite in made.rewrites] == ["skill_md_renamed"]


def test_of_two_spellings_of_skill_md_the_right_one_counts() -> None:
    made = skill_bundle(skill(piece("SKILL.md"), piece("skill.md", b"other")), SOURCE)
    assert isinstance(made, Bundle)
    assert Member("pdf/SKILL.md", False, blob_id(b"x")) in made.layout.members
    assert made.rewrites == ()


def test_bytes_and_modes_are_those_of_the_publication() -> None:
    made = skill_bundle(skill(piece("SKILL.md"), piece("run", b"#!", executable=True)), SOURCE)
    assert isinstance(made, Bundle)
    assert Member("pdf/run", True, blob_id(b"#!")) in made.layout.members


def test_without_its_skill_md_there_is_nothing_to_install() -> None:
    lacking = skill(piece("README.md"), absent=("SKILL.md",))
    for made in (skill_bundle(lacking, SOURCE), skill_md_of(lacking)):
        assert isinstance(made, NotInstallable)
        assert made.code == "skill_md_not_held"


def test_a_package_tells_what_is_not_there() -> None:
    made = package_bundle(skill(piece("SKILL.md", SKILL_MD), absent=("huge.bin",)), SKILL_MD)
    assert isinstance(made, Bundle)
    assert (made.filename, [rewrite.code for rewrite in made.rewrites]) == ("pdf.skill", ["files_not_held"])


@given(st.text(st.sampled_from("ab'\"$;\\ \n`"), max_size=8))
def test_an_address_is_one_word_in_the_script_whatever_is_in_it(odd_path: str) -> None:
    url = f"https://skills.acme.example/{odd_path}"
    script = install_sh(url)
    at = script.index("BASE_URL=")
    end = script.index("\n\nusage()")
    assert shlex.split(script[at:end]) == [f"BASE_URL={url}"]


@given(tellable, tellable, st.lists(tellable, max_size=30))
def test_a_plan_is_printable_lines_whatever_it_says(plugin: str, version: str, notes: list[str]) -> None:
    plan = Plan(
        name="pdf",
        plugin=plugin,
        marketplace="acme",
        version=version or None,
        revision="a" * 40,
        commit="b" * 40,
        source=SOURCE,
        target="claude-code",
        files=2,
        size_bytes=3,
        sha256="c" * 64,
        notes=tuple(notes),
    )
    text = plan.as_text()
    assert set(text) <= {chr(code) for code in range(32, 127)} | {"\n"}
    lines = [line.partition(" ") for line in text.splitlines()]
    keys = [key for key, _, _ in lines]
    assert all(value for _, _, value in lines)
    assert keys.count("name") == keys.count("sha256") == 1
    assert keys.count("note") == len([note for note in notes[:20] if note])
