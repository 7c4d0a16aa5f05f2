"""A directory is read as git would commit it, whatever lies in it, and nothing that it says is run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from skillport_sync.errors import Invalid
from skillport_sync.git.listing import tree_ids
from skillport_sync.git.objects import Mode, blob_id
from skillport_sync.lint import directory
from skillport_sync.lint.directory import found_by_walking, lint_directory, read_directory, tracked_by_git

FINE = "---\nname: pdf\ndescription: Fills PDF forms.\n---\nBody\n"
MANIFEST = '{"name": "acme", "owner": {"name": "Acme"}, "plugins": [{"name": "docs", "source": "./plugins/docs"}]}'
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def git(root: Path, *words: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@example", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *settings, *words], cwd=root, env=ENVIRON, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A work tree with a marketplace of one skill, committed."""
    files: dict[str, str | bytes] = {
        ".claude-plugin/marketplace.json": MANIFEST,
        ".gitignore": "ignored/\n*.log\n",
        "plugins/docs/skills/pdf/SKILL.md": FINE,
        "plugins/docs/skills/pdf/run.sh": "#!/bin/sh\n",
    }
    write(tmp_path, files)
    (tmp_path / "plugins/docs/skills/pdf/run.sh").chmod(0o755)
    (tmp_path / "plugins/docs/skills/form").symlink_to("pdf")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_what_is_read_is_the_tree_that_git_committed(repository: Path) -> None:
    files = read_directory(repository, ENVIRON)
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in files.entries.items()})
    assert trees[b""] == git(repository, "rev-parse", "HEAD^{tree}").strip()
    assert files.entries[b"plugins/docs/skills/pdf/run.sh"].mode is Mode.EXECUTABLE
    assert files.entries[b"plugins/docs/skills/form"].mode is Mode.SYMLINK
    assert files.contents[files.entries[b"plugins/docs/skills/form"].oid] == b"pdf"


def test_what_is_new_is_read_and_what_is_ignored_or_deleted_is_not(repository: Path) -> None:
    write(repository, {"new.md": "new", "ignored/secret.md": "x", "a.log": "x", "späße/☃ 1.md": "snow"})
    (repository / "plugins/docs/skills/pdf/run.sh").unlink()
    (repository / ".gitignore").write_text("ignored/\n*.log\nplugins/\n")  # what is tracked stays tracked
    names = set(read_directory(repository, ENVIRON).entries)
    assert {b"new.md", "späße/☃ 1.md".encode(), b"plugins/docs/skills/pdf/SKILL.md"} <= names
    assert not {b"ignored/secret.md", b"a.log", b"plugins/docs/skills/pdf/run.sh"} & names
    assert not any(name.startswith(b".git/") for name in names)


def test_a_directory_inside_a_work_tree_is_read_from_there_on(repository: Path) -> None:
    files = read_directory(repository / "plugins/docs", ENVIRON)
    assert set(files.entries) == {b"skills/pdf/SKILL.md", b"skills/pdf/run.sh", b"skills/form"}


def test_an_ignored_directory_is_read_when_it_is_asked_for(repository: Path) -> None:
    write(repository, {"ignored/pdf/SKILL.md": FINE})
    assert set(read_directory(repository / "ignored/pdf", ENVIRON).entries) == {b"SKILL.md"}


def test_a_submodule_is_one_and_a_repository_that_merely_lies_there_is_nothing(
    repository: Path, tmp_path: Path
) -> None:
    for name in ("module", "stranger"):
        inner = write(repository / name, {"README.md": "x"})
        git(inner, "init", "-q")
        git(inner, "add", "-A")
        git(inner, "commit", "-qm", "inner")
    commit = git(repository / "module", "rev-parse", "HEAD").strip()
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    entries = read_directory(repository, ENVIRON).entries
    assert entries[b"module"].mode is Mode.SUBMODULE
    assert not any(name.startswith((b"stranger", b"module/")) for name in entries)


def test_the_variables_of_a_hook_that_runs_do_not_lead_elsewhere(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    git(elsewhere, "init", "-q")
    hook = {**ENVIRON, "GIT_DIR": str(elsewhere / ".git"), "GIT_INDEX_FILE": "nothing", "GIT_WORK_TREE": str(elsewhere)}
    assert tracked_by_git(repository, hook) == tracked_by_git(repository, ENVIRON) != {}


def test_nothing_that_a_repository_configures_is_run(repository: Path) -> None:
    trap = repository.parent / "sprung"
    spring = write(repository, {"spring.sh": f"#!/bin/sh\ntouch {trap}\n"}) / "spring.sh"
    spring.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(spring))
    git(repository, "config", "core.pager", str(spring))
    git(repository, "config", "core.hooksPath", str(repository))
    assert tracked_by_git(repository, ENVIRON)
    assert not trap.exists()


# --- without git -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environ", [ENVIRON, {"PATH": ""}], ids=["no work tree", "no git"])
def test_outside_a_work_tree_everything_is_read_but_leftovers(tmp_path: Path, environ: dict[str, str]) -> None:
    write(
        tmp_path,
        {
            "SKILL.md": FINE,
            ".hidden/x": "x",
            "node_modules/y/SKILL.md": "x",
            "scripts/__pycache__/a.pyc": b"x",
            ".DS_Store": b"x",
            ".git": "gitdir: nowhere",
        },
    )
    assert set(read_directory(tmp_path, environ).entries) == {b"SKILL.md", b".hidden/x"}


def test_links_are_links_and_are_never_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"secret": "x"})
    inside = write(tmp_path / "pdf", {"SKILL.md": FINE})
    (inside / "out").symlink_to(outside)
    (inside / "round").symlink_to(".")
    (inside / "nowhere").symlink_to("nothing")
    files = read_directory(inside, ENVIRON)
    assert {name for name, entry in files.entries.items() if entry.mode is Mode.SYMLINK} == {
        b"out",
        b"round",
        b"nowhere",
    }
    report = lint_directory(inside, ENVIRON)
    assert {(row.code, row.path) for row in report.findings} == {
        ("symlink_broken", "nowhere"),
        ("symlink_cycle", "round"),
        ("symlink_outside", "out"),
    }


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"SKILL.md": FINE})
    os.mkfifo(tmp_path / "pipe")
    assert set(read_directory(tmp_path, ENVIRON).entries) == {b"SKILL.md"}


def test_names_that_are_not_utf8_are_told_and_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path, {"SKILL.md": FINE})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_bytes(b"x")
    assert [
        (row.code, row.path) for row in lint_directory(tmp_path, ENVIRON).findings if row.code.startswith("path")
    ] == [("path_not_utf8", "caf\\xe9.txt")]


# --- bounds ------------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_too_large_is_known_by_its_size_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_FILE_BYTES", 1000)
    write(tmp_path, {"SKILL.md": FINE, "big.bin": b"x" * 1001, "as-large-as-can-be.bin": b"x" * 1000})
    files = read_directory(tmp_path, ENVIRON)
    assert files.entries[b"big.bin"].oid not in files.held
    assert files.entries[b"as-large-as-can-be.bin"].oid in files.held
    (finding,) = [row for row in lint_directory(tmp_path, ENVIRON).findings if row.code == "file_too_large"]
    assert (finding.path, finding.message[:11]) == ("big.bin", "1,001 bytes")


@pytest.mark.parametrize("bound", ["MAX_FILES", "MAX_TOTAL_BYTES"])
def test_more_than_is_read_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(directory, bound, 10)
    write(tmp_path, {f"{number}.txt": "xx" for number in range(11)})
    with pytest.raises(Invalid, match=r"more than 10 (files|bytes): name a smaller directory"):
        read_directory(tmp_path, ENVIRON)


def test_a_deep_tree_is_read_without_a_deep_stack(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(400):
        deep /= "d"
        deep.mkdir()
    (deep / "x").write_text("x")
    assert len(found_by_walking(tmp_path)) == 1


def test_a_content_that_changed_meanwhile_is_not_what_was_listed(tmp_path: Path) -> None:
    write(tmp_path, {"SKILL.md": FINE})
    files = read_directory(tmp_path, ENVIRON)
    oid = files.entries[b"SKILL.md"].oid
    assert files.contents[oid] == FINE.encode()
    (tmp_path / "SKILL.md").write_text("another")
    with pytest.raises(KeyError):
        files.contents[oid]
    with pytest.raises(KeyError):
        files.contents[blob_id(b"another")]
