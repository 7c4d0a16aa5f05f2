"""Linting is total, does not depend on order, knows its codes, and finds nothing wrong with the example marketplace."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.errors import Invalid
from skillport_sync.lint import reporting
from skillport_sync.lint.arrangement import Arrangement, LocalFiles, arranged
from skillport_sync.lint.code import Surface
from skillport_sync.lint.codes import CODES
from skillport_sync.lint.linting import lint
from skillport_sync.lint.reporting import lint_published, lint_unpublished, narrowed
from skillport_sync.lint.sarif import sarif
from skillport_sync.reports.lint import FindingRow, LintedSkill, LintReport
from skillport_sync.snapshot import Snapshot, SourceInput
from skillport_sync.template import files as template

FINE = "---\nname: pdf\ndescription: Fills PDF forms.\n---\nBody\n"

PATHS = [
    ".claude-plugin/marketplace.json",
    ".skillport/access.json",
    "README.md",
    "plugins/docs/.claude-plugin/plugin.json",
    "plugins/docs/hooks/hooks.json",
    "plugins/docs/.mcp.json",
    "plugins/docs/bin/run",
    "plugins/docs/SKILL.md",
    "plugins/docs/skills/pdf/SKILL.md",
    "plugins/docs/skills/pdf/.claude-plugin/plugin.json",
    "plugins/docs/skills/pdf/notes.md",
    "plugins/docs/skills/pdf/inner/SKILL.md",
    "plugins/docs/skills/CSV/skill.md",
    "plugins/tables/skills/csv/SKILL.md",
    "plugins/tables/skills/link",
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)
MANIFESTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["acme", "claude-code", "a b", ""]) | JSON,
        "owner": st.just({"name": "Acme"}) | JSON,
        "metadata": st.just({"pluginRoot": "./plugins"}) | JSON,
        "plugins": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["docs", "tables", "claude-x", "Up"])},
                optional={
                    "source": st.sampled_from(["./plugins/docs", "./plugins/tables", "docs", "./", ".", "../x"]) | JSON,
                    "skills": st.sampled_from([["./skills/pdf"], ["./plugins/docs/skills/pdf"], "./nowhere"]) | JSON,
                    "author": JSON,
                    "strict": JSON,
                },
            )
            | JSON,
            max_size=4,
        ),
    },
).map(lambda value: json.dumps(value, indent=1).encode())
KEYS = st.sampled_from(["name", "description", "license", "metadata", "allowed-tools", "when_to_use", "x"])
SKILL_MDS = st.lists(st.tuples(KEYS, JSON.map(json.dumps) | st.text(max_size=12)), max_size=5).map(
    lambda rows: ("---\n" + "".join(f"{key}: {value}\n" for key, value in rows) + "---\nBody\n").encode(
        "utf-8", "surrogatepass"
    )
)
CONTENTS = st.binary(max_size=80) | SKILL_MDS | MANIFESTS | st.text(max_size=80).map(lambda text: text.encode())
FILES = st.dictionaries(st.sampled_from(PATHS), CONTENTS, max_size=8)
LINKS = st.sets(st.sampled_from(PATHS[5:]), max_size=2)


def with_manifest(files: dict[str, bytes], manifest: bytes) -> dict[str, bytes]:
    return {**files, ".claude-plugin/marketplace.json": manifest}


@given(FILES, MANIFESTS | st.binary(max_size=40), LINKS)
def test_any_files_are_linted_and_every_code_is_in_the_table(
    maker: Any, files: dict[str, bytes], manifest: bytes, links: set[str]
) -> None:
    report = lint_unpublished(Arrangement("here", maker.source(with_manifest(files, manifest), links=links)))
    for row in report.findings:
        code = CODES[row.code]
        assert set(row.breaks) == {surface.value for surface in code.breaks}
        assert SEVERITIES.index(row.severity) <= SEVERITIES.index(code.severity.value)
        assert row.line is None or row.line >= 1
    assert LintReport.from_json(report.to_json()) == report
    json.dumps(sarif(report, version="1"))


SEVERITIES = ["info", "warning", "error"]


@given(FILES, MANIFESTS, LINKS, st.randoms(use_true_random=False))
def test_findings_do_not_depend_on_the_order_of_the_files(
    maker: Any, files: dict[str, bytes], manifest: bytes, links: set[str], shuffler: random.Random
) -> None:
    source = maker.source(with_manifest(files, manifest), links=links)
    entries = list(source.entries.items())
    shuffler.shuffle(entries)
    again = replace(source, entries=dict(entries))
    assert lint_unpublished(Arrangement("x", again)) == lint_unpublished(Arrangement("x", source))


@given(FILES, MANIFESTS, st.integers(0, 70))
def test_a_secret_is_in_no_form_of_the_report_wherever_it_stands(
    maker: Any, files: dict[str, bytes], manifest: bytes, at: int
) -> None:
    token = "ghp_" + maker.secret(36)
    planted = {path: content[:at] + b" " + token.encode() + b" " + content[at:] for path, content in files.items()}
    planted["plugins/docs/skills/pdf/SKILL.md"] = f"---\nname: {token}\n{token}: {token}\n---\n{token}".encode()
    planted["plugins/docs/.claude-plugin/plugin.json"] = json.dumps({"name": token, "version": token}).encode()
    report = lint_unpublished(Arrangement("x", maker.source(with_manifest(planted, manifest))))
    assert "secret_found" in {row.code for row in report.findings}
    assert token not in json.dumps(report.to_json())
    assert token not in json.dumps(sarif(report, version="1"))


@given(FILES, MANIFESTS)
def test_what_is_wrong_with_one_plugin_changes_nothing_that_is_said_of_another(
    maker: Any, files: dict[str, bytes], manifest: bytes
) -> None:
    plugins = [{"name": name, "source": f"./plugins/{name}"} for name in ("docs", "good")]
    written = json.dumps({"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins}).encode()
    good = {"plugins/good/skills/PDF/SKILL.md": FINE.encode()}
    files.pop(".skillport/access.json", None)
    with_bad = lint_unpublished(Arrangement("x", maker.source(with_manifest({**files, **good}, written))))
    alone = lint_unpublished(Arrangement("x", maker.source(with_manifest(good, written))))

    def of_good(report: LintReport) -> list[FindingRow]:
        return [row for row in report.findings if row.path.startswith("plugins/good/")]

    assert of_good(with_bad) == of_good(alone) != []


# --- reports -----------------------------------------------------------------------------------------------------------------


def test_the_example_marketplace_is_taken_by_every_surface(maker: Any) -> None:
    source = maker.source({path: file.content for path, file in template().items()})
    report = lint_unpublished(Arrangement("template", source))
    assert report.findings == ()
    assert len(report.skills) == 7
    assert all(report.accepted_by(surface) == 7 for surface in Surface)


def test_what_is_published_is_linted_with_its_commit_and_the_versions_that_stayed(maker: Any) -> None:
    snapshot, source = maker.snapshot({"plugins/docs/skills/pdf/SKILL.md": FINE})
    report = lint_published(snapshot, source.contents, [("docs", "plugins/docs/skills/pdf")])
    assert (report.title, report.commit) == ("acme", snapshot.commit)
    assert [row.code for row in report.findings] == ["version_not_bumped"]
    assert report.skills == (LintedSkill("docs/pdf", "plugins/docs/skills/pdf"),)


def test_contents_that_are_gone_meanwhile_are_passed_over(maker: Any) -> None:
    snapshot, _ = maker.snapshot({"plugins/docs/skills/pdf/SKILL.md": FINE, "plugins/docs/.mcp.json": "{nope"})
    assert lint_published(snapshot, {}).findings == ()


def test_a_withheld_skill_is_refused_here_and_told_once(maker: Any) -> None:
    from skillport_sync.ports import MarketplaceName
    from skillport_sync.snapshot import assemble

    token = "ghp_" + maker.secret(36)
    _, source = maker.snapshot({"plugins/docs/skills/pdf/SKILL.md": FINE + token})
    snapshot = assemble(MarketplaceName("acme"), [source], None, quarantine=frozenset({"secrets"}))
    assert isinstance(snapshot, Snapshot)
    result = lint(snapshot, source.contents)
    assert sorted(each.code for each in result.findings) == ["secret_found", "skill_quarantined"]
    assert [(each.skill.label, each.refused_by) for each in result.verdicts] == [
        ("docs/pdf", {Surface.THIS_SERVICE, Surface.SEP_2640})
    ]


def test_a_malformed_policy_is_told_together_with_everything_else(maker: Any) -> None:
    files = {
        ".claude-plugin/marketplace.json": json.dumps(
            {"name": "acme", "owner": {"name": "A"}, "plugins": [{"name": "docs", "source": "./plugins/docs"}]}
        ),
        ".skillport/access.json": '{\n  "version": "3.0"\n}',
        "plugins/docs/skills/PDF/SKILL.md": FINE,
    }
    report = lint_unpublished(Arrangement("here", maker.source(files)))
    assert [(row.code, row.path, row.line) for row in report.findings] == [
        ("policy_malformed", ".skillport/access.json", 2),
        ("skill_name_differs", "plugins/docs/skills/PDF/SKILL.md", 2),
    ]
    assert report.skills[0].refused_by == ("claude_ai_upload", "skills_api", "sep_2640", "this_service")


def test_where_marketplace_json_cannot_be_read_files_are_still_looked_at(maker: Any) -> None:
    files = {".claude-plugin/marketplace.json": "{\n]", "a/b.md": "ghp_" + maker.secret(36)}
    report = lint_unpublished(Arrangement("here", maker.source(files)))
    assert [(row.code, row.path, row.line) for row in report.findings] == [
        ("marketplace_invalid_json", ".claude-plugin/marketplace.json", 2),
        ("secret_found", "a/b.md", 1),
    ]
    assert report.skills == ()


def test_a_plugin_from_another_repository_is_no_fault_of_a_directory(maker: Any) -> None:
    source = {"source": "github", "repo": "acme/other"}
    plugins = [{"name": "other", "source": source}]
    files = {".claude-plugin/marketplace.json": json.dumps({"name": "a", "owner": {"name": "a"}, "plugins": plugins})}
    report = lint_unpublished(Arrangement("here", maker.source(files)))
    assert [(row.code, row.severity, row.breaks) for row in report.findings] == [("source_elsewhere", "info", ())]


def test_a_report_can_be_narrowed_to_surfaces(maker: Any) -> None:
    token = "ghp_" + maker.secret(36)
    files = {
        "plugins/docs/skills/PDF/SKILL.md": FINE,
        "plugins/docs/skills/PDF/notes.md": token,
        "plugins/docs/bin/run": "x",
        "plugins/docs/.claude-plugin/plugin.json": '{"name": "other"}',
    }
    snapshot, source = maker.snapshot(files)
    report = lint_published(snapshot, source.contents)
    assert {row.code for row in report.findings} == {
        "plugin_name_differs",
        "plugin_bin_directory",
        "skill_name_differs",
        "secret_found",
    }
    only = narrowed(report, [Surface.SKILLS_API])
    assert [row.code for row in only.findings] == ["skill_name_differs", "secret_found"]
    assert only.skills[0].refused_by == ("skills_api",)
    assert [row.code for row in narrowed(report, [Surface.THIS_SERVICE]).findings] == ["secret_found"]


def test_more_than_can_be_told_leaves_out_what_is_least_bad(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "MAX_FINDINGS", 3)
    files: dict[str, str] = {
        f"plugins/docs/skills/A{number}/SKILL.md": FINE.replace("pdf", f"a{number}") for number in range(4)
    }
    files |= {"z/SKILL.md": FINE, "z/x.md": "ghp_" + maker.secret(36)}
    snapshot, source = maker.snapshot(files)
    report = lint_published(snapshot, source.contents)
    assert [(row.code, row.path) for row in report.findings] == [
        ("skill_name_differs", "plugins/docs/skills/A0/SKILL.md"),
        ("skill_name_differs", "plugins/docs/skills/A1/SKILL.md"),
        ("secret_found", "z/x.md"),
    ]
    whole = len(lint(snapshot, source.contents).findings)
    assert report.more == whole - 3 == 3


# --- a plugin or a skill alone -----------------------------------------------------------------------------------------------


def alone(maker: Any, name: str, files: dict[str, str]) -> LintReport:
    source: SourceInput = maker.source(files)
    return lint_unpublished(arranged(name, name, LocalFiles(source.entries, source.held, source.contents)))


def test_a_plugin_is_linted_alone_and_its_paths_are_its_own(maker: Any) -> None:
    report = alone(
        maker,
        "docs",
        {
            ".claude-plugin/plugin.json": '{"name": "claude-docs"}',
            "skills/PDF/SKILL.md": FINE,
            "hooks/hooks.json": "{",
        },
    )
    assert [(row.code, row.path) for row in report.findings] == [
        ("plugin_name_reserved", ".claude-plugin/plugin.json"),
        ("plugin_component_not_json", "hooks/hooks.json"),
        ("skill_name_differs", "skills/PDF/SKILL.md"),
    ]
    assert report.skills[0].directory == "skills/PDF"
    assert report.skills[0].skill == "claude-docs/pdf"


@pytest.mark.parametrize(("name", "codes"), [("pdf", []), ("PDF", ["skill_name_differs"])])
def test_a_skill_is_linted_alone_under_the_name_of_its_directory(maker: Any, name: str, codes: list[str]) -> None:
    report = alone(maker, name, {"SKILL.md": FINE, "notes.md": "x"})
    assert [(row.code, row.path) for row in report.findings] == [(code, "SKILL.md") for code in codes]
    assert [skill.directory for skill in report.skills] == [""]


def test_a_skill_with_skills_inside_is_still_a_skill(maker: Any) -> None:
    report = alone(maker, "pdf", {"SKILL.md": FINE, "skills/inner/SKILL.md": FINE})
    assert [skill.skill for skill in report.skills] == ["pdf/pdf"]
    assert [(row.code, row.path) for row in report.findings] == [("skill_nested", "skills/inner/SKILL.md")]


def test_a_marketplace_is_linted_as_it_is(maker: Any) -> None:
    manifest = {"name": "acme", "owner": {"name": "A"}, "plugins": [{"name": "docs", "source": "./docs"}]}
    files = {
        ".claude-plugin/marketplace.json": json.dumps(manifest),
        "docs/skills/pdf/SKILL.md": FINE,
        "SKILL.md": FINE,
    }
    assert [skill.directory for skill in alone(maker, "acme", files).skills] == ["docs/skills/pdf"]


def test_a_directory_that_is_nothing_of_the_kind_is_not_linted(maker: Any) -> None:
    with pytest.raises(Invalid, match="name the directory of a marketplace, a plugin or a skill"):
        alone(maker, "notes", {"README.md": "# Notes", "pdf/notes.md": FINE})


@given(st.text(min_size=1, max_size=20).filter(lambda name: "/" not in name and "\0" not in name), FILES)
def test_a_directory_of_any_name_is_linted_and_nothing_made_up_is_told(
    maker: Any, name: str, files: dict[str, bytes]
) -> None:
    files.pop(".claude-plugin/marketplace.json", None)
    source = maker.source({**files, "SKILL.md": FINE.encode()})
    made = arranged(name, name, LocalFiles(source.entries, source.held, source.contents))
    assert made.source.state.key == OWN_SOURCE
    report = lint_unpublished(made)
    assert ".claude-plugin/marketplace.json" not in {row.path for row in report.findings}
    assert all(not row.path.startswith(f"{name}/") for row in report.findings)
