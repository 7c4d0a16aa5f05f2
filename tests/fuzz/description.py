"""Owns schemathesis as a target: it asks the running service whatever docs/openapi.yaml says may be asked, and what may not, and
holds every answer to that description. Our own corpora know the service; this knows nothing but what everybody can read.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from asyncio.subprocess import PIPE, STDOUT
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.fuzz.house import open_house
from tests.fuzz.target import Failure, Verdict

NAME: Final = "openapi"
ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs/openapi.yaml"
EXAMPLES: Final = 15
"""For each operation, besides those that cover its description."""
LIMIT_S: Final = 900.0
CHECKS: Final = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth", "unsupported_method", "allow_header_conformance", "use_after_free",
)  # fmt: skip
"""Not those that want every other input refused: the service bears keys that it does not know. Nor the one that wants what was
made found again: it takes a skill's name for its plugin's."""
_PART: Final = re.compile(r"^_{3,} (.+?) _{3,}$\n(.*?)(?=^_{3,} |^={3,} )", re.MULTILINE | re.DOTALL)


def is_there() -> bool:
    return find_spec("schemathesis") is not None


async def asked_by_its_description(seed: int, folder: Path, examples: int = EXAMPLES) -> Verdict:
    """Everything that schemathesis finds, one failure an operation."""
    began_s = time.monotonic()
    async with open_house(folder / "house") as house:
        reports = folder / "reports"
        options = {
            "url": house.url,
            "header": f"Authorization: Bearer {house.editor}",
            "checks": ",".join(CHECKS),
            "max-examples": examples,
            "seed": seed % 2**32,
            "request-timeout": 20,
            "warnings": "off",
            "report": "json",
            "report-dir": reports,
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        environ = {**os.environ, "SCHEMATHESIS_HOOKS": f"{__package__}.hooks", "PYTHONPATH": str(ROOT)}
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "schemathesis.cli",
                "run",
                str(DOCUMENT),
                "--continue-on-failure",
                "--no-color",
                *words,
            ),
            cwd=folder,
            env=environ,
            stdout=PIPE,
            stderr=STDOUT,
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    verdict = _read(process.returncode, out.decode("utf-8", "replace"), sorted(reports.glob("*.json")), seed)
    verdict.took_s = time.monotonic() - began_s
    return verdict


def _read(code: int | None, out: str, reports: list[Path], seed: int) -> Verdict:
    case = f"{NAME}:{seed}"
    if not reports:
        return Verdict(NAME, failures=[Failure(case, f"schemathesis ended with {code} and no report: {out[-1_500:]}")])
    report = json.loads(reports[-1].read_text())
    verdict = Verdict(NAME, int(report["test_cases"]["generated"]))
    if report["failures"] or report["errors"] or not report["complete"]:
        told = [Failure(case, f"{operation}\n{text.strip()[:1_500]}") for operation, text in _PART.findall(out)]
        verdict.failures = told or [Failure(case, f"{report['failures']} {report['errors']}"[:1_500])]
    return verdict
