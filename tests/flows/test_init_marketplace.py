"""``skillport-sync init-marketplace``: what somebody new sees, what is written, and what is left alone."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skillport_sync.cli import main
from skillport_sync.template.new_marketplace import new_marketplace

SCRIPT = "plugins/data/skills/csv-profile/scripts/profile.py"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with nothing in it and no configuration anywhere near."""
    for name in [name for name in os.environ if name.startswith("SKILLPORT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def types(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), prog_name="skillport-sync")


def there(directory: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        path.relative_to(directory).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
        for path in directory.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(directory).parts
    }


def wanted(owner: str, *editors: str) -> dict[str, tuple[bytes, bool]]:
    return {path: (file.content, file.executable) for path, file in new_marketplace(owner, editors).files.items()}


def test_a_new_marketplace_is_written_and_the_screen_says_what_to_do_with_it(folder: Path) -> None:
    result = types("init-marketplace", "acme-skills", "--editor", "github:583231")
    assert result.exit_code == 0
    assert there(folder / "acme-skills") == wanted("acme", "github:583231")
    assert result.stdout == (
        "acme-skills: 29 files in acme-skills\n"
        "  skills   brand-kit, csv-profile, minutes, plain-language, quarter-close, release-notes, review, skillport\n"
        "  editors  github:583231\n"
        "\n"
        "what to do next\n"
        "  1  Read README.md; keep the examples you like, delete the others.\n"
        "  2  See that it is sound: skillport-sync lint --strict acme-skills\n"
        "  3  Commit it, and push it to a new private repository on GitHub.\n"
        "  4  Name that repository in the service's config.toml: [[marketplaces]].\n"
        "  5  Have pull requests linted: .github/workflows/lint.yml says how.\n"
        "\n"
        "Then connect Claude and ask: which skills does our team have?\n"
    )


def test_what_it_wrote_is_what_the_linter_finds_nothing_in() -> None:
    assert types("init-marketplace", "market").exit_code == 0
    linted = types("lint", "--strict", "market")
    assert linted.exit_code == 0, linted.output
    assert "8 skills, nothing wrong" in linted.stdout
    for plugin in ("skillport", "data", "meetings"):
        assert types("lint", "--strict", f"market/plugins/{plugin}").exit_code == 0


def test_without_editors_it_says_that_nobody_may_write() -> None:
    assert "editors  nobody yet: write ids into .skillport/access.json" in types("init-marketplace", "m").stdout


def test_scripts_are_told_where_it_is_and_what_is_in_it() -> None:
    told = json.loads(types("init-marketplace", "m", "--owner", "Acme", "--editor", "google:1", "--json").stdout)
    assert told == {"directory": "m", "name": "acme-skills", "editors": ["google:1"], "files": list(wanted("Acme"))}


@pytest.mark.parametrize(
    ("directory", "name"),
    [("acme-skills", "acme-skills"), ("Globex_Marketplace", "globex-skills"), ("skills", "our-team-skills")],
)
def test_without_an_owner_the_directory_names_it(directory: str, name: str) -> None:
    assert types("init-marketplace", directory).stdout.startswith(f"{name}: ")


def test_the_services_address_stands_in_the_readme_however_it_was_written(folder: Path) -> None:
    for number, written in enumerate(["https://s.example", "https://s.example/", "https://s.example/mcp"]):
        assert types("init-marketplace", str(number), "--service", written).exit_code == 0
        assert b" https://s.example/mcp`" in (folder / str(number) / "README.md").read_bytes()


def test_a_fresh_clone_of_an_empty_repository_is_as_good_as_a_new_directory(folder: Path) -> None:
    (folder / "clone" / ".git").mkdir(parents=True)
    (folder / "clone" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert types("init-marketplace", "clone", "--owner", "acme").exit_code == 0
    assert there(folder / "clone") == wanted("acme")


def test_the_current_directory_and_one_below_new_ones_will_do(folder: Path) -> None:
    assert types("init-marketplace", "a/b/acme").exit_code == 0
    assert there(folder / "a" / "b" / "acme") == wanted("acme")
    (folder / "here").mkdir()
    os.chdir(folder / "here")
    assert types("init-marketplace", ".").stdout.startswith("here-skills: ")


@pytest.mark.parametrize("name", ["README.md", ".gitignore", "Zebra"])
def test_a_directory_with_something_in_it_is_refused_and_left_alone(folder: Path, name: str) -> None:
    (folder / "full" / ".git").mkdir(parents=True)
    (folder / "full" / name).write_text("mine")
    result = types("init-marketplace", "full")
    assert result.exit_code == 2
    assert result.stderr == f"error: full is not empty ({name} is in it): name a new directory\n"
    assert there(folder / "full") == {name: (b"mine", False)}


def test_a_file_is_no_directory(folder: Path) -> None:
    (folder / "file").write_text("mine")
    result = types("init-marketplace", "file")
    assert (result.exit_code, (folder / "file").read_text()) == (2, "mine")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--owner", " "], "write your organisation's name"),
        (["--owner", "a\nb"], "write your organisation's name"),
        (["--owner", "x" * 101], "write your organisation's name"),
        (["--owner", "agent"], "choose another --owner"),
        (["--editor", "ada"], "provider:uid"),
        (["--editor", "github:1", "--editor", "ada@acme.example"], "provider:uid"),
        (["--service", "skills.acme.example"], "https://skills.acme.example"),
        (["--service", "https://user:secret@acme.example"], "https://skills.acme.example"),
        (["--service", "https://acme.example/?a=b"], "https://skills.acme.example"),
        (["--service", "https://acme.example/a b"], "https://skills.acme.example"),
        (["--service", "https://[acme"], "https://skills.acme.example"),
        (["--service", "file:///etc"], "https://skills.acme.example"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_written(folder: Path, words: list[str], said: str) -> None:
    result = types("init-marketplace", "m", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (folder / "m").exists()


@pytest.mark.parametrize("existing", [False, True])
def test_when_the_disk_is_full_nothing_is_left_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    if existing:
        (folder / "m").mkdir()
    really, opened = Path.open, 0

    def full_at_the_seventh(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        nonlocal opened
        opened += mode == "xb"
        if opened == 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return really(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full_at_the_seventh)
    result = types("init-marketplace", "m")
    assert result.exit_code == 1
    assert "free some space" in result.stderr
    assert [path.name for path in folder.rglob("*")] == (["m"] if existing else [])


def test_files_are_as_the_umask_has_them(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        assert types("init-marketplace", "m").exit_code == 0
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE((folder / "m" / path).stat().st_mode) for path in ("README.md", SCRIPT)}
    assert modes == {"README.md": 0o600, SCRIPT: 0o700}
