"""The table of codes is complete in both directions, and docs/LINT.md says what it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from skillport_sync.catalog.model import Severity
from skillport_sync.cli.lint import SURFACES
from skillport_sync.lint.code import SURFACE_NAMES, Code, Surface
from skillport_sync.lint.codes import CODES
from skillport_sync.lint.codes_of_files import FILE_CODES
from skillport_sync.lint.codes_of_frontmatter import FRONTMATTER_CODES
from skillport_sync.lint.codes_of_marketplaces import MARKETPLACE_CODES
from skillport_sync.lint.codes_of_plugins import PLUGIN_CODES
from skillport_sync.lint.codes_of_skills import SKILL_CODES

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "skillport_sync"
MODULES = sorted(
    [
        *PACKAGE.glob("catalog/*.py"),
        *PACKAGE.glob("access/*.py"),
        *PACKAGE.glob("lint/*_rules.py"),
        PACKAGE / "lint/linting.py",
        PACKAGE / "lint/reporting.py",
        PACKAGE / "files.py",
        PACKAGE / "git/paths.py",
        PACKAGE / "quarantine.py",
        PACKAGE / "snapshot.py",
    ]
)
"""Every module that can report a problem of a marketplace."""

NOT_CODES = {"content_not_held", "keys_set_twice", "unknown_surface", "when_to_use"}
"""Words of these modules that look like a code: an attribute, an error of a question, a key of frontmatter."""

LOOKS_LIKE_ONE = re.compile(r"[a-z]+(?:_[a-z0-9]+)+|submodule")
BY_SEVERITY = [Severity.INFO, Severity.WARNING, Severity.ERROR]


def literals(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and LOOKS_LIKE_ONE.fullmatch(node.value):
            yield node.value


def reported() -> dict[str, set[Severity]]:
    """Every code that some module can report, with the severities that stand beside it."""
    found: dict[str, set[Severity]] = {}
    for module in MODULES:
        tree = ast.parse(module.read_text())
        for code in literals(tree):
            found.setdefault(code, set())
        for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
            said = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
            severities = {
                Severity[argument.attr]
                for argument in call.args
                if isinstance(argument, ast.Attribute)
                and isinstance(argument.value, ast.Name)
                and argument.value.id == "Severity"
            }
            if isinstance(call.func, ast.Attribute) and call.func.attr == "error":
                severities.add(Severity.ERROR)
            if isinstance(call.func, ast.Attribute) and call.func.attr == "warn":
                severities.add(Severity.WARNING)
            for code in said:
                if code in found:
                    found[code] |= severities
    return {code: severities for code, severities in found.items() if code not in NOT_CODES}


def test_every_code_that_is_reported_is_in_the_table() -> None:
    assert sorted(reported().keys() - CODES.keys()) == []


def test_every_code_of_the_table_is_reported_somewhere() -> None:
    assert sorted(CODES.keys() - reported().keys()) == []


def test_the_table_tells_the_worst_severity() -> None:
    wrong = {
        code: (CODES[code].severity, severities)
        for code, severities in reported().items()
        if severities and max(severities, key=BY_SEVERITY.index) is not CODES[code].severity
    }
    assert wrong == {}


def test_no_code_is_told_twice() -> None:
    names = [code.name for code in (*MARKETPLACE_CODES, *PLUGIN_CODES, *FRONTMATTER_CODES, *SKILL_CODES, *FILE_CODES)]
    assert sorted(names) == sorted(CODES)


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.name)
def test_each_is_told_in_sentences(code: Code) -> None:
    for sentence in (code.what, code.why, code.mend):
        assert sentence[0].isupper() or sentence[:1] in '"`.' or sentence.split()[0] in LOWER_CASE
        assert sentence[-1] in ".!"
        assert "  " not in sentence
    if code.spares_skills:
        assert code.breaks


LOWER_CASE = {"plugin.json", "marketplace.json", "metadata.pluginRoot", "claude.ai", "hooks.json", "npm,", "sync.quarantine",
              "description", "license", "macOS", "marketplace.json's", "plugin.json's"}  # fmt: skip
"""Names that begin a sentence and keep their spelling."""


def test_the_command_line_knows_every_surface() -> None:
    assert [surface.value for surface in Surface] == list(SURFACES)
    assert set(SURFACE_NAMES) == set(Surface)


# --- the document ------------------------------------------------------------------------------------------------------------

MARK = "<!-- From here on: the table in skillport_sync/lint, word for word. -->\n"
SECTIONS = {
    "marketplace.json": MARKETPLACE_CODES,
    "Plugins": PLUGIN_CODES,
    "Frontmatter": FRONTMATTER_CODES,
    "Skills": SKILL_CODES,
    "Files and access": FILE_CODES,
}


def section(code: Code) -> str:
    """What docs/LINT.md says of one code."""
    shown = [SURFACE_NAMES[surface] for surface in Surface if surface in code.breaks]
    where = f"breaks {', '.join(shown)}" if shown else "breaks no surface in particular"
    spares = ", refuses no skill" if code.spares_skills else ""
    return (
        f"### `{code.name}`\n\n*{code.severity.value}; {where}{spares}*\n\n"
        f"{code.what} {code.why}\n**What to do:** {code.mend}\n"
    )


def test_the_document_tells_every_code_as_the_table_does() -> None:
    told = (ROOT / "docs" / "LINT.md").read_text().partition(MARK)[2]
    wanted = "\n".join(f"## {title}\n\n" + "\n".join(map(section, codes)) for title, codes in SECTIONS.items())
    assert told.strip() == wanted.strip()


def test_the_document_names_every_surface_and_option() -> None:
    text = (ROOT / "docs" / "LINT.md").read_text().partition(MARK)[0]
    for surface in Surface:
        assert f"| `{surface.value}` |" in text
    for option in ("--strict", "--surface", "--json", "--sarif", "--marketplace"):
        assert option in text


def test_the_pre_commit_hook_runs_the_command_once_for_the_whole_repository() -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "- id: skillport-sync-lint\n" in hooks
    assert "  entry: skillport-sync lint\n" in hooks
    assert "  pass_filenames: false\n" in hooks
