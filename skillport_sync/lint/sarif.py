"""Owns how a lint report reads as SARIF 2.1.0, which GitHub's code scanning and most editors understand. Pure.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from skillport_sync.lint.code import SURFACE_NAMES, Code, Surface
from skillport_sync.lint.codes import CODES
from skillport_sync.reports.lint import FindingRow, LintReport
from skillport_sync.reports.report import JsonObject

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"

_LEVELS: Mapping[str, str] = {"error": "error", "warning": "warning", "info": "note"}


def sarif(report: LintReport, *, version: str, folder: str = "") -> JsonObject:
    """The report as one run. ``version`` is ours; ``folder`` is where in the repository the linted directory lies."""
    names = sorted({row.code for row in report.findings})
    numbers = {name: number for number, name in enumerate(names)}
    results = [_result(row, numbers[row.code], folder) for row in report.findings]
    run: JsonObject = {
        "tool": {
            "driver": {
                "name": "skillport-sync lint",
                "version": version,
                "rules": [_rule(name, CODES.get(name)) for name in names],
            }
        },
        "automationDetails": {"id": f"skillport-sync-lint/{quote(folder or report.title, safe='')}/"},
        "originalUriBaseIds": _bases(report.findings),
        "columnKind": "utf16CodeUnits",
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, code: Code | None) -> JsonObject:
    if code is None:
        return {"id": name}
    surfaces = ", ".join(SURFACE_NAMES[surface] for surface in Surface if surface in code.breaks)
    broken = f" Breaks: {surfaces}." if surfaces else ""
    return {
        "id": name,
        "shortDescription": {"text": code.what},
        "fullDescription": {"text": f"{code.what} {code.why}"},
        "help": {"text": f"{code.why}{broken} {code.mend}"},
        "defaultConfiguration": {"level": _LEVELS[code.severity.value]},
        "properties": {"tags": [surface.value for surface in Surface if surface in code.breaks]},
    }


def _result(row: FindingRow, number: int, folder: str) -> JsonObject:
    path = f"{folder}/{row.path}" if folder and row.repository is None else row.path
    return {
        "ruleId": row.code,
        "ruleIndex": number,
        "level": _LEVELS[row.severity],
        "message": {"text": row.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path or "."), "uriBaseId": row.repository or ROOT},
                    # Viewers show a finding beside a line: what is about the whole file stands beside its first.
                    "region": {"startLine": row.line or 1},
                }
            }
        ],
        "properties": {"breaks": list(row.breaks), "skill": row.skill},
    }


def _bases(rows: Sequence[FindingRow]) -> JsonObject:
    bases: JsonObject = {ROOT: {"description": {"text": "the root of the repository"}}}
    for repository in sorted({row.repository for row in rows if row.repository is not None}):
        bases[repository] = {"description": {"text": f"the root of the repository {repository}"}}
    return bases
