"""SARIF as its readers need it: the structure of 2.1.0, rules from the table, a place for every finding."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from skillport_sync.lint.codes import CODES
from skillport_sync.lint.sarif import ROOT, sarif
from skillport_sync.reports.lint import FindingRow, LintReport

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
# What §3 of the standard asks of the parts that are written here; nothing else may be in them.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "fullDescription", "help"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                                "defaultConfiguration": {"properties": {"level": LEVEL}},
                                                "properties": {
                                                    "properties": {"tags": {"type": "array", "uniqueItems": True}}
                                                },
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "automationDetails": {"properties": {"id": {"type": "string"}}},
                    "originalUriBaseIds": {"type": "object", "additionalProperties": {"type": "object"}},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": TEXT,
                                "properties": {"type": "object"},
                                "locations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "type": "object",
                                                        "required": ["uri"],
                                                        "properties": {
                                                            "uri": {"type": "string", "pattern": r"^[!-~]+$"},
                                                            "uriBaseId": {"type": "string"},
                                                        },
                                                    },
                                                    "region": {
                                                        "type": "object",
                                                        "required": ["startLine"],
                                                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}

ROWS = (
    FindingRow("frontmatter_crlf", "warning", "plugins/a b/SKILL.md", 1, "CRLF", ("claude_ai_upload", "skills_api")),
    FindingRow("plugin_over_files", "warning", "späße/plugin.json", None, "many", ("claude_ai_upload",)),
    FindingRow("secret_found", "error", "x.md", 7, "a secret", (), "docs/pdf"),
    FindingRow("secret_found", "error", "x.md", 9, "a secret", (), "docs/pdf", "acme/other"),
    FindingRow("skill_unreachable", "info", "lost/SKILL.md", None, "lost"),
)
REPORT = LintReport("acme", None, (), ROWS)


def test_it_has_the_structure_of_the_standard() -> None:
    written = json.loads(json.dumps(sarif(REPORT, version="1.2.3")))
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    run = written["runs"][0]
    assert run["tool"]["driver"]["version"] == "1.2.3"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted({row.code for row in ROWS})
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [result["ruleId"] for result in run["results"]]
    assert [result["level"] for result in run["results"]] == ["warning", "warning", "error", "error", "note"]


def test_every_finding_has_a_place_that_a_viewer_can_open() -> None:
    results = sarif(REPORT, version="1", folder="market place")["runs"][0]["results"]  # type: ignore[index]
    places = [result["locations"][0]["physicalLocation"] for result in results]
    assert [(place["artifactLocation"]["uri"], place["region"]["startLine"]) for place in places] == [
        ("market%20place/plugins/a%20b/SKILL.md", 1),
        ("market%20place/sp%C3%A4%C3%9Fe/plugin.json", 1),
        ("market%20place/x.md", 7),
        ("x.md", 9),
        ("market%20place/lost/SKILL.md", 1),
    ]
    assert [place["artifactLocation"]["uriBaseId"] for place in places] == [ROOT, ROOT, ROOT, "acme/other", ROOT]


def test_every_base_that_is_used_is_said() -> None:
    run = sarif(REPORT, version="1")["runs"][0]  # type: ignore[index]
    used = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uriBaseId"] for result in run["results"]}
    assert used == set(run["originalUriBaseIds"])


@pytest.mark.parametrize("name", CODES)
def test_every_rule_carries_the_help_of_the_table(name: str) -> None:
    code = CODES[name]
    report = LintReport("x", None, (), (FindingRow(name, code.severity.value, "a", 1, "m"),))
    written = sarif(report, version="1")
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    (rule,) = written["runs"][0]["tool"]["driver"]["rules"]  # type: ignore[index]
    assert code.what in rule["fullDescription"]["text"]
    assert code.mend in rule["help"]["text"]


def test_a_clean_report_is_a_run_without_results() -> None:
    written = sarif(LintReport("acme", None, (), ()), version="1")
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    assert written["runs"][0]["results"] == []  # type: ignore[index]


def test_a_code_of_a_newer_service_is_told_without_help() -> None:
    report = LintReport("x", None, (), (FindingRow("from_the_future", "warning", "a", 1, "m"),))
    assert sarif(report, version="1")["runs"][0]["tool"]["driver"]["rules"] == [{"id": "from_the_future"}]  # type: ignore[index]
