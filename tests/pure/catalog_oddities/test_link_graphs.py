"""Symbolic links of any shape: nothing served lies outside or is nobody's, and every walk ends.

The file system of this machine is the second opinion about where links lead.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.discover import Undiscoverable, discover
from skillport_sync.git.listing import tree_ids
from skillport_sync.git.objects import Mode, blob_id

MARKETPLACE = ".claude-plugin/marketplace.json"
POLICY_PATH = ".skillport/access.json"
POLICY = b'{"version": "1.0", "editors": [], "defaults": {"read": "*", "write": "editors"}}'
SKILL = b"---\nname: one\ndescription: Does it.\n---\n\nBody\n"

NAMES = st.sampled_from(["SKILL.md", "f", "d", "e", "x"])
PLACES = st.one_of(
    st.sampled_from(
        ["p", "p/skills", "p/skills/x", "p/skills/x/SKILL.md", "p/skills/y/SKILL.md", "p/skills/y/sub", "p/more/z/SKILL.md",
         "skills/r/SKILL.md", "skills/r/up", "lib", "lib/one/SKILL.md", "lib/one/back", ".skillport/x", "SKILL.md"]
    ),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(["p/skills", *parts])),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(["lib", *parts])),
)  # fmt: skip
STEPS = st.sampled_from(
    ["..", "..", "..", ".", "p", "skills", "x", "y", "d", "e", "f", "lib", "one", "SKILL.md", "r", "up", "sub"]
)
TARGETS = st.one_of(
    st.lists(STEPS, min_size=1, max_size=6).map("/".join),
    st.sampled_from(
        ["/", "/etc/passwd", ".", "..", "x/", "f/", "../../lib", "../lib/one", "../../../.skillport", ".git/config"]
    ),
    st.sampled_from(["../" * up + POLICY_PATH for up in range(5)]),
    PLACES.map(lambda path: f"../../{path}"),
    PLACES.map(lambda path: f"../{path}"),
)
FILES = st.sampled_from([SKILL, b"text", b"more"])
GRAPHS = st.dictionaries(PLACES, st.one_of(FILES, TARGETS), min_size=6, max_size=30)
"""Path → bytes of a file, or the target of a link as text."""
UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much]


@pytest.fixture(scope="session")
def snapshot_of(write, published):
    """The snapshot of such a graph, and its files; what stands where a directory has to be is left out."""
    own = {
        MARKETPLACE: write.marketplace(
            write.entry("p", "./p"), write.entry("r", "./", skills=["./skills", "./lib", "./", "./.skillport"])
        ),
        POLICY_PATH: POLICY,
    }

    def made(graph):
        files = {path: write.link(its) if isinstance(its, str) else its for path, its in {**graph, **own}.items()}
        files = {path: its for path, its in files.items() if not any(path.startswith(f"{other}/") for other in files)}
        assume(POLICY_PATH in files)
        return published(files), files

    return made


@given(GRAPHS)
@settings(max_examples=300, deadline=None, suppress_health_check=UNHURRIED)
def test_links_never_make_a_served_path_leave_the_source_or_reach_what_is_nobodys(snapshot_of, graph):
    snapshot, files = snapshot_of(graph)
    for skill in snapshot.catalog.skills:
        located = snapshot.located(skill)
        assert len(located) <= 5_000
        assert [relative for relative, _, _ in located] == sorted({relative for relative, _, _ in located})
        for relative, real, file in located:
            assert isinstance(files[real], bytes), f"{real} is a link"
            assert file.oid == blob_id(files[real])
            assert real != POLICY_PATH
            assert {"..", "", ".", ".git"}.isdisjoint(relative.split("/"))
            assert relative.count("/") < 64
        if skill.linked is not None:
            leaves = {relative.encode(): (Mode.FILE, file.oid) for relative, _, file in located}
            assert skill.revision == tree_ids(leaves)[b""]


@given(GRAPHS)
@settings(max_examples=250, deadline=None, suppress_health_check=UNHURRIED)
def test_links_lead_where_the_file_system_of_this_machine_lets_them_lead(snapshot_of, graph):
    snapshot, files = snapshot_of(graph)
    assume(not [problem for problem in snapshot.problems if problem.code.startswith("path_")])
    found = {skill.directory: skill for skill in snapshot.catalog.skills if skill.plugin.name == "p"}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve() / "here"
        _check_out(files, root)
        if not (root / "p/SKILL.md").exists():
            assert set(found) == set(_skill_directories(root, "p/skills"))
        for directory, skill in found.items():
            served = {relative: str(real) for relative, real, _ in snapshot.located(skill)}
            for relative, real in served.items():
                assert os.path.realpath(root / directory / relative) == str(root / real)
            if not skill.incomplete:
                assert served == _walked(root, directory)


def _check_out(files: Mapping[str, object], root: Path) -> None:
    for path, its in files.items():
        at = root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(its, bytes):
            at.write_bytes(its)
        else:
            at.symlink_to(its.content.decode())


def _skill_directories(root: Path, below: str) -> Iterator[str]:
    """The directories directly below that hold a SKILL.md, which is inside and not the policy."""
    if not (root / below).is_dir() or not Path(os.path.realpath(root / below)).is_relative_to(root):
        return
    for entry in os.scandir(root / below):
        real = Path(os.path.realpath(root / below / entry.name / "SKILL.md"))
        if real.is_file() and real.is_relative_to(root) and real != root / POLICY_PATH:
            yield f"{below}/{entry.name}"


def _walked(root: Path, directory: str) -> dict[str, str]:
    """Every file below, links followed, from relative to real path. Only for directories without cycles."""
    found: dict[str, str] = {}
    pending = [""]
    while pending:
        relative = pending.pop()
        for entry in os.scandir(root / directory / relative):
            path = f"{relative}/{entry.name}".lstrip("/")
            real = Path(os.path.realpath(entry.path))
            if real.is_dir():
                pending.append(path)
            elif real != root / POLICY_PATH:
                found[path] = str(real.relative_to(root))
    return found


# --- every walk ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_files", [True, False], ids=["files", "no files"])
@pytest.mark.parametrize("width", [2, 3, 12])
def test_discovering_ends_where_every_directory_links_to_every_other(write, discovered, width, with_files):
    """As many ways through twelve such directories as there are orders of them: nobody may walk them all."""
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    for one in range(width):
        files |= {f"p/d/{one}/to{other}": write.link(f"../{other}") for other in range(width) if other != one}
        files[f"p/skills/x/begin{one}"] = write.link(f"../../d/{one}")
        if with_files:
            files[f"p/d/{one}/f"] = b"%d" % one
    found = discovered(files)
    assert found.paths == ["p:p/skills/x"]
    assert found.catalog.skills[0].incomplete


def _maze(write, end):
    """Thirty levels of two links each: a thousand million ways down, none of them a cycle."""
    links = {f"p/d/{level}/{side}": write.link(f"../{level + 1}") for level in range(30) for side in ("left", "right")}
    return {**links, "p/d/30/end": end}


@pytest.mark.parametrize("with_files", [True, False], ids=["files", "no files"])
def test_discovering_ends_where_links_double_at_every_level(write, discovered, with_files):
    files = _maze(write, b"end" if with_files else write.link("gone"))
    files |= {MARKETPLACE: write.marketplace(write.entry("p", "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    files["p/skills/x/begin"] = write.link("../../d/0")
    found = discovered(files)
    assert found.paths == ["p:p/skills/x"]
    assert found.catalog.skills[0].incomplete


class Counted(dict):
    """Files that count how often they are asked for one."""

    asked = 0

    def get(self, key, default=None):
        self.asked += 1
        return super().get(key, default)

    def __getitem__(self, key):
        self.asked += 1
        return super().__getitem__(key)


@pytest.mark.parametrize("with_files", [True, False], ids=["files", "no files"])
def test_skills_that_share_a_maze_share_what_may_be_looked_at(write, discovered, with_files):
    """What is bounded for one skill has to be bounded for a plugin: a thousand skills would be a thousand walks else."""

    def asked(skills):
        files = _maze(write, b"end" if with_files else write.link("gone"))
        files[MARKETPLACE] = write.marketplace(write.entry("p", "./p"))
        for number in range(skills):
            files[f"p/skills/s{number}/SKILL.md"] = write.skill(f"s{number}")
            files[f"p/skills/s{number}/begin"] = write.link("../../d/0")
        own = discovered.source(files)
        counted = Counted(own.files)
        assert not isinstance(discover(replace(own, files=counted), None), Undiscoverable)
        return counted.asked

    assert asked(6) < 3 * asked(1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=24))
@settings(max_examples=60, deadline=None, suppress_health_check=UNHURRIED)
def test_discovering_ends_on_arbitrary_link_graphs(write, discovered, edges):
    """Six directories of skills, links between them and through each other's links."""
    files = {f"p/skills/d{number}/SKILL.md": write.skill(f"d{number}") for number in range(6)}
    files[MARKETPLACE] = write.marketplace(write.entry("p", "./p"))
    for at, (one, other, through) in enumerate(edges):
        target = f"../d{other}" if through == other else f"../d{through}/l{at // 2}/../../d{other}"
        files[f"p/skills/d{one}/l{at}"] = write.link(target)
    assert discovered(files).paths == [f"p:p/skills/d{number}" for number in range(6)]
