"""What each surface has against a skill, a plugin or a marketplace, at the line where it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from skillport_sync.files import BlobFact, HeldFile
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import RepoPath
from skillport_sync.lint.code import Finding, Surface
from skillport_sync.lint.linting import Linted, lint
from skillport_sync.lint.skill_files_rules import SEP_MAX_FILES, skill_files_problems
from skillport_sync.lint.written_frontmatter import written_frontmatter

PDF = "plugins/docs/skills/pdf"
UPLOAD = {Surface.CLAUDE_AI_UPLOAD, Surface.SKILLS_API}
SPECIFIED = UPLOAD | {Surface.SEP_2640}


def linted(maker: Any, files: Mapping[str, str | bytes], **how: Any) -> Linted:
    snapshot, source = maker.snapshot(files, **how)
    return lint(snapshot, source.contents)


def found(maker: Any, files: Mapping[str, str | bytes], **how: Any) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.line) for finding in linted(maker, files, **how).findings]


def only(maker: Any, files: Mapping[str, str | bytes], code: str, **how: Any) -> Finding:
    findings = [finding for finding in linted(maker, files, **how).findings if finding.code == code]
    assert len(findings) == 1, findings
    return findings[0]


# --- one SKILL.md ------------------------------------------------------------------------------------------------------------

FINE = "---\nname: pdf\ndescription: Fills PDF forms.\n---\nBody\n"

WRITTEN = {
    "a name with capitals": (
        "---\nname: PDF\ndescription: x\n---\n",
        {("skill_name_not_kebab", 2), ("skill_name_differs", 2)},
    ),
    "a name with a double hyphen": (
        "---\ndescription: x\nname: p--df\n---\n",
        {("skill_name_not_kebab", 3), ("skill_name_differs", 3)},
    ),
    "a name of another directory": ("---\nname: other\ndescription: x\n---\n", {("skill_name_differs", 2)}),
    "a name too long": (
        f"---\nname: {'p' * 65}\ndescription: x\n---\n",
        {("skill_name_too_long", 2), ("skill_name_differs", 2)},
    ),
    "a reserved word": (
        "---\nname: my-claude-pdf\ndescription: x\n---\n",
        {("skill_name_reserved", 2), ("skill_name_differs", 2)},
    ),
    "no name": ("---\ndescription: x\n---\n", {("skill_name_missing", 1)}),
    "a description too long": (
        f"---\nname: pdf\ndescription: {'x' * 1025}\n---\n",
        {("skill_description_too_long", 3)},
    ),
    "a description that is cut in the list": (
        f"---\nname: pdf\ndescription: {'x' * 1000}\nwhen_to_use: {'y' * 600}\n---\n",
        {("skill_listing_cut", 3), ("frontmatter_key_unknown", 4)},
    ),
    "markup in the description": ("---\nname: pdf\ndescription: a <b> c\n---\n", {("skill_description_markup", 3)}),
    "unknown keys": (
        "---\nname: pdf\ndescription: x\nversion: 1.0.0\nmodel: opus\n---\n",
        {("frontmatter_key_unknown", 4), ("frontmatter_key_unknown", 5)},
    ),
    "an unknown key in quotes": (
        '---\nname: pdf\ndescription: x\n"my version": 1.0.0\n---\n',
        {("frontmatter_key_unknown", 4)},
    ),
    "a list of tools": (
        "---\nname: pdf\ndescription: x\nallowed-tools:\n  - Read\n---\n",
        {("frontmatter_field_invalid", 4)},
    ),
    "metadata with a number": (
        "---\nname: pdf\ndescription: x\nmetadata:\n  version: 1.0\n---\n",
        {("frontmatter_field_invalid", 4)},
    ),
    "metadata that is text": (
        "---\nname: pdf\ndescription: x\nmetadata: yes\n---\n",
        {("frontmatter_field_invalid", 4)},
    ),
    "compatibility too long": (
        f"---\nname: pdf\ndescription: x\ncompatibility: {'x' * 501}\n---\n",
        {("frontmatter_field_invalid", 4)},
    ),
    "CRLF": ("---\r\nname: pdf\r\ndescription: x\r\n---\r\n", {("frontmatter_crlf", 1)}),
    "CRLF in the body only": ("---\nname: pdf\ndescription: x\n---\nBody\r\n", set()),
    "a byte order mark": ("\ufeff---\nname: pdf\ndescription: x\n---\n", {("frontmatter_first_line", 1)}),
    "spaces after the first dashes": ("---  \nname: pdf\ndescription: x\n---\n", {("frontmatter_first_line", 1)}),
    "dashes inside a value": (
        "---\nname: pdf\ndescription: x --- y\n---\n",
        {("frontmatter_ends_early", 3)},
    ),
    "everything that is allowed": (
        "---\nname: pdf\ndescription: x\nlicense: MIT\ncompatibility: any\nallowed-tools: Read Write\n"
        'metadata:\n  version: "1.0"\n---\n',
        set(),
    ),
    "a name of exactly the longest kind": (FINE, set()),
}


@pytest.mark.parametrize(("text", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_a_skill_md_is_told_what_stricter_surfaces_refuse(
    maker: Any, text: str, expected: set[tuple[str, int]]
) -> None:
    assert set(found(maker, {f"{PDF}/SKILL.md": text})) == expected


@pytest.mark.parametrize(
    ("code", "text", "breaks"),
    [
        ("skill_name_not_kebab", "---\nname: P\ndescription: x\n---\n", SPECIFIED),
        ("skill_name_reserved", "---\nname: claude\ndescription: x\n---\n", UPLOAD),
        ("frontmatter_crlf", "---\r\nname: pdf\r\ndescription: x\r\n---\r\n", UPLOAD),
        ("frontmatter_missing", "Just a body.\n", SPECIFIED),
    ],
)
def test_a_skill_is_refused_exactly_by_the_surfaces_that_its_problems_break(
    maker: Any, code: str, text: str, breaks: set[Surface]
) -> None:
    result = linted(maker, {f"{PDF}/SKILL.md": text, "plugins/docs/skills/fine/SKILL.md": FINE.replace("pdf", "fine")})
    assert {finding.breaks for finding in result.findings if finding.code == code} == {frozenset(breaks)}
    refused = {verdict.skill.directory: verdict.refused_by for verdict in result.verdicts}
    assert refused[PDF] >= breaks
    assert refused["plugins/docs/skills/fine"] == frozenset()


def test_what_is_only_cut_in_a_list_refuses_nothing(maker: Any) -> None:
    text = f"---\nname: pdf\ndescription: {'x' * 1000}\nwhen_to_use: {'y' * 600}\n---\n"
    (verdict,) = linted(maker, {f"{PDF}/SKILL.md": text}).verdicts
    assert verdict.refused_by == UPLOAD  # for the key


def test_nothing_is_said_about_writing_where_there_is_no_frontmatter_to_write() -> None:
    assert written_frontmatter(b"") is None
    assert written_frontmatter(b"---") is None
    assert written_frontmatter(b"---\nname: x\n") is None
    assert written_frontmatter(b"# Title\n---\n") is None


# --- its files ---------------------------------------------------------------------------------------------------------------


def test_a_skill_with_too_many_files_is_no_skill_of_the_extension(maker: Any) -> None:
    files = {f"{PDF}/data/{number}.txt": str(number) for number in range(SEP_MAX_FILES)}
    assert found(maker, {f"{PDF}/SKILL.md": FINE, **files}) == [("skill_over_sep_files", None)]
    files.popitem()
    assert found(maker, {f"{PDF}/SKILL.md": FINE, **files}) == []


@pytest.mark.parametrize(
    ("megabytes", "expected"),
    [
        (16, []),
        (17, ["skill_over_sep_size"]),
        (31, ["skill_over_upload_size", "skill_over_sep_size"]),
    ],
)
def test_a_large_skill_is_refused_where_it_is_too_large(maker: Any, megabytes: int, expected: list[str]) -> None:
    snapshot, _ = maker.snapshot({f"{PDF}/SKILL.md": FINE})
    fact = BlobFact(megabytes * 1_000_000, b"")
    file = HeldFile(Mode.FILE, BlobId("0" * 40), fact.size_bytes, fact.sha256)
    problems = skill_files_problems(snapshot.catalog.skills[0], [("big", RepoPath("big"), file)])
    assert [problem.code for problem in problems] == expected


@pytest.mark.parametrize("folder", [".claude-plugin", ".Claude-Plugin"])
def test_a_plugin_inside_a_skill_is_an_error(maker: Any, folder: str) -> None:
    files = {f"{PDF}/SKILL.md": FINE, f"{PDF}/{folder}/plugin.json": "{}", f"{PDF}/hooks/hooks.json": "{}"}
    finding = only(maker, files, "skill_holds_plugin")
    assert (finding.path, finding.severity.value) == (f"{PDF}/{folder}/plugin.json", "error")
    assert finding.skill == "docs/pdf"
    assert finding.breaks == {Surface.CLAUDE_CODE}


def test_a_skill_at_its_plugins_root_may_lie_beside_the_manifest(maker: Any) -> None:
    files = {"plugins/pdf/SKILL.md": FINE, "plugins/pdf/.claude-plugin/plugin.json": '{"name": "pdf"}'}
    assert found(maker, files) == []


def test_a_template_of_a_plugin_deep_inside_a_skill_is_its_own_business(maker: Any) -> None:
    files = {f"{PDF}/SKILL.md": FINE, f"{PDF}/assets/template/.claude-plugin/plugin.json": "{}"}
    assert found(maker, files) == []


# --- plugins and the marketplace ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hooks/hooks.json", ".mcp.json"])
@pytest.mark.parametrize(("content", "line"), [("{nope", 1), ('{\n "a": 1\n nope}', 3), ("[]", 1), ("", 1)])
def test_components_that_are_not_json_are_told_with_their_line(maker: Any, name: str, content: str, line: int) -> None:
    finding = only(maker, {f"{PDF}/SKILL.md": FINE, f"plugins/docs/{name}": content}, "plugin_component_not_json")
    assert (finding.path, finding.line) == (f"plugins/docs/{name}", line)
    assert found(maker, {f"{PDF}/SKILL.md": FINE, f"plugins/docs/{name}": "{}"}) == []


def test_programs_at_a_plugins_top_are_not_synced_and_no_skill_is_refused(maker: Any) -> None:
    result = linted(
        maker, {f"{PDF}/SKILL.md": FINE, "plugins/docs/bin/run": "#!/bin/sh\n", f"{PDF}/bin/run": "#!/bin/sh\n"}
    )
    assert [(finding.code, finding.path) for finding in result.findings] == [
        ("plugin_bin_directory", "plugins/docs/bin/run")
    ]
    assert all(verdict.refused_by == frozenset() for verdict in result.verdicts)


def test_a_plugin_with_too_many_files_is_not_synced(maker: Any) -> None:
    files = {f"plugins/docs/data/{number}": "x" for number in range(5001)}
    assert found(maker, {f"{PDF}/SKILL.md": FINE, **files}) == [("plugin_over_files", None)]


def manifest(*plugins: object, **more: object) -> dict[str, str]:
    written = {"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins, **more}
    return {".claude-plugin/marketplace.json": json.dumps(written, indent=1)}


def test_a_bare_source_is_told_at_its_entry(maker: Any) -> None:
    plugins = [{"name": "docs", "source": "docs"}, {"name": "tables", "source": "./plugins/tables"}]
    files = manifest(*plugins, metadata={"pluginRoot": "./plugins"})
    tables = FINE.replace("pdf", "csv")
    files |= {f"{PDF}/SKILL.md": FINE, "plugins/tables/skills/csv/SKILL.md": tables}
    finding = only(maker, files, "plugin_source_bare")
    assert (finding.line, finding.path) == (7, ".claude-plugin/marketplace.json")


def test_what_is_wrong_with_an_entry_concerns_the_skills_of_its_plugin_alone(maker: Any) -> None:
    plugins = [
        {"name": "docs", "source": "./plugins/docs", "author": "somebody"},
        {"name": "tables", "source": "./plugins/tables"},
        {"name": "docs", "source": "./plugins/elsewhere", "author": "somebody else"},
    ]
    files = manifest(*plugins) | {f"{PDF}/SKILL.md": FINE}
    files |= {"plugins/tables/skills/csv/SKILL.md": FINE.replace("pdf", "csv")}
    result = linted(maker, files)
    refused = {verdict.skill.label: verdict.refused_by for verdict in result.verdicts}
    assert refused == {"docs/pdf": {Surface.CLAUDE_CODE}, "tables/csv": frozenset()}


def test_a_marketplace_that_is_refused_takes_all_its_skills_with_it(maker: Any) -> None:
    files = manifest({"name": "docs", "source": "./plugins/docs"}, owner="nobody") | {f"{PDF}/SKILL.md": FINE}
    result = linted(maker, files)
    assert [verdict.refused_by for verdict in result.verdicts] == [{Surface.CLAUDE_CODE}]


# --- contents ----------------------------------------------------------------------------------------------------------------


def test_a_secret_in_any_file_is_an_error_and_is_never_told(maker: Any) -> None:
    token = "ghp_" + maker.secret(36)
    files = {
        f"{PDF}/SKILL.md": FINE,
        f"{PDF}/.env": f"\nTOKEN={token}\n",
        "docs/notes.md": token,
        "docs/copy.md": token,
    }
    result = linted(maker, files)
    assert [(finding.code, finding.path, finding.line, finding.skill) for finding in result.findings] == [
        ("secret_found", "docs/copy.md", 1, None),
        ("secret_found", "docs/notes.md", 1, None),
        ("secret_found", f"{PDF}/.env", 2, "docs/pdf"),
    ]
    assert token not in repr(result.findings)


def test_a_secret_that_is_a_name_is_not_told_by_the_rules_about_names(maker: Any) -> None:
    token = "ghp_" + maker.secret(36)
    result = linted(maker, {f"{PDF}/SKILL.md": f"---\nname: {token}\ndescription: x\n{token}: y\n---\n"})
    assert {"skill_name_differs", "frontmatter_key_unknown", "secret_found"} <= {each.code for each in result.findings}
    assert token not in repr(result.findings)


def test_hidden_text_is_an_error_in_its_line(maker: Any) -> None:
    finding = only(maker, {f"{PDF}/SKILL.md": f"{FINE}\nif \u202eexe\u202c\n"}, "hidden_direction_change")
    assert (finding.line, finding.severity.value, finding.skill) == (7, "error", "docs/pdf")


def test_what_is_too_large_to_be_held_breaks_the_skill_here_and_is_not_read(maker: Any) -> None:
    result = linted(maker, {f"{PDF}/SKILL.md": FINE, f"{PDF}/big.bin": "big"}, absent=[f"{PDF}/big.bin"])
    assert [finding.code for finding in result.findings] == ["file_too_large"]
    assert [verdict.refused_by for verdict in result.verdicts] == [{Surface.THIS_SERVICE, Surface.SEP_2640}]


# --- whom it concerns --------------------------------------------------------------------------------------------------------


def test_one_directory_under_several_entries_is_told_once_and_breaks_each(maker: Any) -> None:
    plugins = [{"name": name, "source": "./", "skills": ["./tools/pdf"]} for name in ("one", "two", "three")]
    files = manifest(*plugins) | {"tools/pdf/SKILL.md": FINE.replace("name: pdf", "name: other")}
    result = linted(maker, files)
    assert [(finding.code, finding.skill) for finding in result.findings] == [("skill_name_differs", None)]
    assert [verdict.refused_by for verdict in result.verdicts] == [frozenset(UPLOAD)] * 3


def test_a_linked_skill_is_judged_by_the_name_under_which_it_is_reached(maker: Any) -> None:
    files = {"plugins/docs/skills/pdf": "../../../shared/pdf-tools", "shared/pdf-tools/SKILL.md": FINE}
    assert found(maker, files, links=["plugins/docs/skills/pdf"]) == []
    files["plugins/docs/skills/forms"] = "../../../shared/pdf-tools"
    result = linted(maker, files, links=["plugins/docs/skills/pdf", "plugins/docs/skills/forms"])
    differs = [finding for finding in result.findings if finding.code == "skill_name_differs"]
    assert [finding.path for finding in differs] == ["shared/pdf-tools/SKILL.md"]
    assert "'forms'" in differs[0].message
    refused = {verdict.skill.directory: verdict.refused_by for verdict in result.verdicts}
    assert Surface.SKILLS_API in refused["plugins/docs/skills/forms"]
    assert Surface.SKILLS_API not in refused["plugins/docs/skills/pdf"]


def test_what_is_missing_where_a_linked_skill_really_lies_breaks_the_skill(maker: Any) -> None:
    files = {
        "plugins/docs/skills/pdf": "../../../shared/pdf-tools",
        "shared/pdf-tools/SKILL.md": FINE,
        "shared/pdf-tools/form": "../nowhere",
    }
    result = linted(maker, files, links=["plugins/docs/skills/pdf", "shared/pdf-tools/form"])
    assert [(each.code, each.path, each.skill) for each in result.findings] == [
        ("symlink_broken", "shared/pdf-tools/form", "docs/pdf")
    ]
    assert result.verdicts[0].refused_by == set(Surface)


def test_a_version_that_was_not_bumped_is_told_of_the_skill_that_changed(maker: Any) -> None:
    files = {
        f"{PDF}/SKILL.md": FINE,
        "plugins/docs/skills/csv/SKILL.md": FINE.replace("pdf", "csv"),
        "plugins/docs/.claude-plugin/plugin.json": '{"name": "docs", "version": "1.2.0"}',
    }
    snapshot, source = maker.snapshot(files)
    result = lint(snapshot, source.contents, unbumped=[("docs", PDF), ("gone", PDF)])
    assert [(finding.code, finding.skill) for finding in result.findings] == [("version_not_bumped", "docs/pdf")]
    assert "1.2.0" in result.findings[0].message
    assert all(not verdict.refused_by for verdict in result.verdicts)
