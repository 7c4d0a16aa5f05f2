"""``skillport-sync lint``: what people see, what scripts read, and how it exits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from skillport_sync.cli import main
from skillport_sync.cli.lint_report import linted
from skillport_sync.cli.screen import drawn, plain
from skillport_sync.lint.code import Surface
from skillport_sync.reports.lint import FindingRow, LintedSkill, LintReport
from skillport_sync.standin import File, StandInGitHub
from skillport_sync.template import files as template

GOLDEN = Path(__file__).parents[1] / "golden"

# Letters that look random, made anew every time: no secret stands in this file.
TOKEN = "ghp_" + hashlib.sha512(b"nobody's").hexdigest()[:36]

MESSY = {
    ".claude-plugin/marketplace.json": json.dumps(
        {
            "name": "acme-skills",
            "owner": {"name": "Acme"},
            "plugins": [
                {"name": "docs", "source": "./plugins/docs"},
                {"name": "other", "source": {"source": "github", "repo": "acme/other"}},
            ],
        },
        indent=2,
    ),
    ".skillport/access.json": '{"version": "1.0",\n "defaults": {"read": "*", "write": "everybody"}}\n',
    "plugins/docs/hooks/hooks.json": "{\n  nothing\n}\n",
    "plugins/docs/skills/fine/SKILL.md": "---\nname: fine\ndescription: Does it well.\n---\nBody\n",
    "plugins/docs/skills/pdf/SKILL.md": "---\r\nname: PDF\r\ndescription: Fills <forms>.\r\nversion: 1.0.0\r\n---\r\nBody\r\n",
    "plugins/docs/skills/pdf/.claude-plugin/plugin.json": "{}\n",
    "plugins/docs/skills/pdf/scripts/fill.sh": f"#!/bin/sh\n\nexport TOKEN={TOKEN}\n",
    "plugins/docs/skills/pdf/notes.md": "Ordinary text.\nif access \u202elevel\u202c\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with nothing in it and no configuration anywhere near."""
    for name in [name for name in os.environ if name.startswith("SKILLPORT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def messy(folder: Path) -> Path:
    return write(folder / "market", MESSY)


@pytest.fixture
def clean(folder: Path) -> Path:
    return write(folder / "clean", {path: file.content for path, file in template().items()})


def write(root: Path, files: dict[str, str] | dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def types(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), prog_name="skillport-sync")


def test_what_is_wrong_is_told_file_by_file(messy: Path) -> None:
    result = types("lint", "market")
    assert result.exit_code == 1
    assert result.output == (GOLDEN / "lint_report.txt").read_text()
    assert TOKEN not in result.output


def test_the_json_is_stable(messy: Path) -> None:
    result = types("lint", "market", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == json.loads((GOLDEN / "lint_report.json").read_text())
    assert TOKEN not in result.output


def test_the_sarif_is_stable_and_its_places_are_found_from_here(messy: Path) -> None:
    result = types("lint", "market", "--sarif")
    assert result.exit_code == 1
    expected = (GOLDEN / "lint_report.sarif").read_text()
    assert re.sub(r'"version": "\d+\.\d+\.\d+[^"]*",\n\s+"rules"', '"version": "…", "rules"', result.output) == expected
    assert TOKEN not in result.output
    results = json.loads(result.output)["runs"][0]["results"]
    assert all((messy.parent / place(each)).exists() for each in results)


def place(result: dict[str, list[dict[str, dict[str, dict[str, str]]]]]) -> str:
    return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_the_example_marketplace_is_clean_on_every_surface(clean: Path) -> None:
    result = types("lint", "clean", "--strict")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.output.endswith("clean: 7 skills, nothing wrong\n")
    assert json.loads(types("lint", "clean", "--json").output)["accepted"] == dict.fromkeys(Surface, 7)


def test_without_a_path_the_current_directory_is_linted(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clean)
    assert types("lint").output.endswith(".: 7 skills, nothing wrong\n")
    monkeypatch.chdir(clean / "plugins")
    assert types("lint", "../plugins/review").output.endswith("../plugins/review: 1 skill, nothing wrong\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["--strict"], 1),
        (["--strict", "--surface", "claude_code"], 0),
        (["--strict", "--surface", "claude_code", "--surface", "skills_api"], 1),
    ],
)
def test_warnings_fail_only_where_that_is_asked_for(folder: Path, words: list[str], code: int) -> None:
    write(folder / "pdf", {"SKILL.md": "---\nname: pdf\ndescription: x\nmodel: opus\n---\n"})
    result = types("lint", "pdf", *words)
    assert result.exit_code == code, result.output


def test_surfaces_that_are_not_asked_about_are_not_told(messy: Path) -> None:
    output = types("lint", "market", "--surface", "skills_api").output
    assert "frontmatter_crlf" in output
    assert "plugin_component_not_json" not in output
    assert "secret_found" in output  # wrong wherever it is
    assert "Skills API" in output
    assert "\nClaude Code" not in output
    accepted = json.loads(types("lint", "market", "--surface", "skills_api", "--json").output)["accepted"]
    assert accepted == {"skills_api": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lint", "nowhere"], "nowhere is not a directory: name one that holds a marketplace, a plugin or a skill"),
        (["lint", "file"], "file is not a directory"),
        (["lint", "empty"], "empty holds no .claude-plugin/marketplace.json, no plugin"),
        (["lint", "--json", "--sarif"], "--json and --sarif are two forms of one answer"),
        (["lint", "empty", "--marketplace", "acme"], "--marketplace is about what is published"),
        (["lint", "--surface", "nothing"], "'nothing' is not one of"),
    ],
)
def test_where_nothing_can_be_linted_a_sentence_says_why(folder: Path, words: list[str], said: str) -> None:
    write(folder, {"file": "x", "empty/README.md": "x"})
    result = types(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr.replace("\n", " ")


def test_what_is_published_needs_a_configuration_and_a_directory_of_that_name_does_not(folder: Path) -> None:
    write(folder / "published", {path: file.content for path, file in template().items()})
    result = types("lint", "published")
    assert result.exit_code == 2
    assert "configuration" in result.stderr
    assert types("lint", "./published").exit_code == 0


async def test_what_is_published_is_linted_from_the_mirror(folder: Path, standin: StandInGitHub) -> None:
    standin.accept_token("token-of-the-linter")
    repository = standin.create_repository("acme/skills")
    sound = {**MESSY, ".skillport/access.json": '{"version": "1.0", "defaults": {"read": "*", "write": "editors"}}'}
    commit = repository.commit({path: File(text.encode()) for path, text in sound.items()}, message="messy")
    (folder / "token").touch(0o600)
    (folder / "token").write_text("token-of-the-linter")
    (folder / "config.toml").write_text(
        "data_dir = 'data'\n[[marketplaces]]\nrepository = 'acme/skills'\n"
        f"[github]\ntoken_file = 'token'\napi_url = '{standin.api_url}'\n"
    )
    async with asyncio.timeout(60):
        before = await asyncio.to_thread(types, "lint", "published")
        assert (before.exit_code, before.stdout) == (2, ""), before.stderr + repr(before.exception)
        await asyncio.to_thread(types, "reconcile")
        result = await asyncio.to_thread(types, "lint", "published", "--json")
        sarif = await asyncio.to_thread(types, "lint", "published", "--marketplace", "acme/skills", "--sarif")
    assert result.exit_code == sarif.exit_code == 1, result.output + result.stderr
    report = json.loads(result.output)
    assert report["commit"] == commit
    assert {"secret_found", "frontmatter_crlf", "skill_holds_plugin"} <= {row["code"] for row in report["findings"]}
    assert "policy_malformed" not in result.output
    assert TOKEN not in result.output + sarif.output


# --- the screen --------------------------------------------------------------------------------------------------------------

EVIL = "\x1b]0;owned\x07\x1b[31m\r\u202e[bold]red[/bold]"
REPORT = LintReport(
    "acme/skills",
    "3f2a9c1b0d" + "1" * 30,  # type: ignore[arg-type]
    tuple(LintedSkill(f"docs/skill-{number}", f"plugins/docs/skill-{number}", ("skills_api",)) for number in range(5)),
    (
        FindingRow("skill_name_not_kebab", "warning", "a/SKILL.md", 2, "'A' must be small letters", ("skills_api",)),
        FindingRow("skill_unreachable", "info", "b/SKILL.md", None, "no plugin of marketplace.json leads to this file"),
        FindingRow("from_the_future", "error", "c/x.md", 12345, "is of a newer service", ("mars",), None, "acme/other"),
    ),
    more=1200,
)

SCREEN = """\
a/SKILL.md
      2  warning: 'A' must be small letters (skill_name_not_kebab)
         breaks Skills API

b/SKILL.md
         remark: no plugin of marketplace.json leads to this file
         (skill_unreachable)

c/x.md in acme/other
  12345  error: is of a newer service (from_the_future)
         breaks mars

and 1,200 more, none of them worse

what to do
  skill_name_not_kebab  Use a-z, 0-9 and single hyphens between them.
  skill_unreachable     Put it below a plugin's "skills" directory, list its
                        directory in "skills", or delete it.

surface       takes  refuses
────────────────────────────────────────────────────────────────────────
Claude Code  5 of 5  -
Skills API   0 of 5  docs/skill-0, docs/skill-1, docs/skill-2 and 2 more

acme/skills at 3f2a9c1b0d: 5 skills, 1 error, 1 warning, 1 remark in 3 files
"""


def test_the_screen_at_eighty_columns() -> None:
    assert drawn(linted(REPORT, [Surface.CLAUDE_CODE, Surface.SKILLS_API]), 80) == SCREEN


def test_text_from_outside_cannot_command_the_terminal() -> None:
    row = FindingRow(EVIL, "error", EVIL, 1, EVIL, (EVIL,), EVIL, EVIL)
    report = LintReport(EVIL, None, (LintedSkill(EVIL, EVIL, ("skills_api",)),), (row,))
    for screen in (plain(linted(report, list(Surface))), drawn(linted(report, list(Surface)), 80)):
        assert not set("\x1b\x07\r\u202e") & set(screen)
