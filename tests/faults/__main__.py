"""Owns the command line of ``make test-faults``: runs the proofs of every fault, prints what was survived, and the exit code."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.faults.catalogue import CATALOGUE
from tests.faults.fault import ROOT, Fault

TELLS_OF_TESTS: Final = (0, 1)
"""pytest's exit codes after which its report is one of tests: all passed, some failed."""


@dataclass(slots=True)
class Tally:
    """How the cases of one test ended."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    why_skipped: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one fault. Content is lost where a proof fails: each looks at what is served, byte for byte or by id."""

    fault: Fault
    injected: int
    survived: int
    not_run: tuple[str, ...]
    why: str

    @property
    def is_survived(self) -> bool:
        """Everything that ran held, and of each proof something ran, unless the machine does not allow one of several."""
        return self.injected == self.survived > 0 and len(self.not_run) < len(self.fault.tests)


def main() -> int:
    """0 when every fault was brought about and survived, else 1."""
    arguments = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    faults = [fault for fault in CATALOGUE if not arguments.only or fault.number in arguments.only]
    if not faults:
        console.print("no fault has such a number: N1 to N13, O1 to O9, C1 to C10, P1 to P13, L1 to L7", style="red")
        return 1
    tallies = _run(faults, arguments.workers)
    if tallies is None:
        console.print("pytest could not run the tests: see above", style="red")
        return 1
    findings = [_found(fault, tallies) for fault in faults]
    _print(console, findings)
    return 0 if all(finding.is_survived for finding in findings) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Brings every fault of the catalogue about; each has to be survived."
    )
    parser.add_argument("--only", nargs="+", metavar="NUMBER", help="such as N4 P3")
    parser.add_argument("--workers", default="auto", metavar="N", help="how many at once; default: one for each core")
    return parser.parse_args()


def _run(faults: Sequence[Fault], workers: str) -> Mapping[str, Tally] | None:
    """Every test of these faults, once; by node id without parameters. None where pytest itself failed."""
    tests = sorted({test for fault in faults for test in fault.node_ids})
    with tempfile.TemporaryDirectory(prefix="skillport-faults-") as folder:
        report = Path(folder) / "report.xml"
        words = ["-n", workers, "--dist", "worksteal", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        done = subprocess.run([sys.executable, "-m", "pytest", *words, *tests], check=False, cwd=ROOT)
        if done.returncode not in TELLS_OF_TESTS:
            return None
        return read(report)


def read(report: Path) -> Mapping[str, Tally]:
    """What pytest's report says of each test."""
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        tally = tallies[node_id(case.get("classname", ""), case.get("name", ""))]
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failed += 1
        elif (skipped := case.find("skipped")) is not None:
            tally.skipped += 1
            tally.why_skipped = skipped.get("message", "")
        else:
            tally.passed += 1
    return tallies


def node_id(classname: str, name: str) -> str:
    """``tests.faults.test_disk`` and ``test_x[case]`` are ``tests/faults/test_disk.py::test_x``; a class stands in between."""
    parts = classname.split(".")
    is_class = parts[-1][:1].isupper()
    file = "/".join(parts[:-1] if is_class else parts) + ".py"
    return "::".join((file, *([parts[-1]] if is_class else []), name.partition("[")[0]))


def _found(fault: Fault, tallies: Mapping[str, Tally]) -> Finding:
    of_tests = [(test, tallies.get(test, Tally())) for test in fault.node_ids]
    injected = sum(tally.passed + tally.failed for _, tally in of_tests)
    not_run = tuple(test for test, tally in of_tests if tally.passed + tally.failed == 0)
    why = "; ".join(sorted({tally.why_skipped for _, tally in of_tests if tally.why_skipped}))
    return Finding(fault, injected, sum(tally.passed for _, tally in of_tests), not_run, why)


def _print(console: Console, findings: Sequence[Finding]) -> None:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("", "fault", "how it was brought about"):
        table.add_column(name)
    for name in ("injected", "survived", "content lost"):
        table.add_column(name, justify="right")
    for finding in findings:
        lost = finding.injected - finding.survived
        colour = "" if finding.is_survived else "bold red"
        remark = f" (not all of it here: {finding.why})" if finding.not_run else ""
        table.add_row(
            finding.fault.number,
            finding.fault.what,
            escape(finding.fault.injected + remark),
            str(finding.injected),
            str(finding.survived),
            "0" if lost == 0 and finding.injected else "?",
            style=colour,
        )
    console.print(table)
    survived = sum(finding.is_survived for finding in findings)
    injected = sum(finding.injected for finding in findings)
    tone = "bold green" if survived == len(findings) else "bold red"
    console.print(f"[{tone}]{survived} of {len(findings)} faults survived[/], in {injected} cases")


if __name__ == "__main__":
    sys.exit(main())
