"""Owns the command line of ``make test-mutants``: which guards, the table, and the exit code."""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.mutants.guards import GUARDS
from tests.mutants.mutant import Mutant
from tests.mutants.workshop import Finding, Verdict, Workshop

ROOT: Final = Path(__file__).resolve().parents[2]
AT_ONCE: Final = 2
COLOURS: Final[dict[Verdict, str]] = {"killed": "green", "SURVIVED": "bold red", "not applicable": "bold yellow"}


def main() -> int:
    """0 when every mutant was killed; 1 when one survived, did not apply, or the tests fail without any."""
    arguments = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 190)
    mutants = [each for each in GUARDS if not arguments.only or any(part in each.name for part in arguments.only)]
    if not mutants:
        console.print("no guard has such a name: see --list", style="red")
        return 1
    if arguments.list:
        _list(console, mutants)
        return 0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="skillport-mutants-") as folder:
        with console.status("copying the tree …"):
            workshops = [Workshop(ROOT, Path(folder) / str(number)) for number in range(AT_ONCE)]
        if not all(workshop.is_imported() for workshop in workshops):
            console.print("the tests would import another tree than the copy: nothing was tried", style="red")
            return 1
        with console.status("running their tests with every guard in its place …"):
            broken = _baseline(workshops, mutants)
        if broken is not None:
            console.print(f"[bold red]without any mutant[/] {escape(broken)}", soft_wrap=True)
            return 1
        findings = _judged(console, workshops, mutants)
    return _conclude(console, findings, time.monotonic() - began_s)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description="Takes out one guard of sign-in at a time; a test has to notice."
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="guards whose names contain this")
    parser.add_argument("--list", action="store_true", help="name the guards and what kills each, and run nothing")
    return parser.parse_args()


def _list(console: Console, mutants: Sequence[Mutant]) -> None:
    table = Table("guard", "file", "killed by", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for mutant in mutants:
        table.add_row(mutant.name, mutant.file, escape("\n".join(mutant.killed_by)))
    console.print(table)


def _baseline(workshops: Sequence[Workshop], mutants: Sequence[Mutant]) -> str | None:
    """The first failure in any of the copies, each of which runs a part."""
    parts = [mutants[number :: len(workshops)] for number in range(len(workshops))]
    with ThreadPoolExecutor(len(workshops)) as threads:
        found = list(
            threads.map(lambda each: each[0].baseline(each[1]) if each[1] else None, zip(workshops, parts, strict=True))
        )
    return next((failure for failure in found if failure is not None), None)


def _judged(console: Console, workshops: Sequence[Workshop], mutants: Sequence[Mutant]) -> list[Finding]:
    free: queue.SimpleQueue[Workshop] = queue.SimpleQueue()
    for workshop in workshops:
        free.put(workshop)

    def judged(mutant: Mutant) -> Finding:
        workshop = free.get()
        try:
            return workshop.judge(mutant)
        finally:
            free.put(workshop)

    findings: list[Finding] = []
    with ThreadPoolExecutor(len(workshops)) as threads, console.status("") as status:
        for finding in threads.map(judged, mutants):
            findings.append(finding)
            if finding.verdict != "killed":  # a long run says at once what there is to look at
                console.print(f"[{COLOURS[finding.verdict]}]{finding.verdict}[/] {finding.mutant.name}")
            status.update(f"{len(findings)} of {len(mutants)} …")
    return findings


def _conclude(console: Console, findings: Sequence[Finding], took_s: float) -> int:
    table = Table("guard", "", "s", "", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for finding in findings:
        verdict = f"[{COLOURS[finding.verdict]}]{finding.verdict}[/]"
        test = finding.note.partition(" - ")[0].partition("::")[2] if finding.verdict == "killed" else ""
        table.add_row(finding.mutant.name, verdict, f"{finding.took_s:.0f}", escape(test))
    console.print(table)
    for finding in findings:
        if finding.verdict != "killed":
            where = f"[{COLOURS[finding.verdict]}]{finding.verdict}[/] {finding.mutant.name} ({finding.mutant.file})"
            console.print(f"\n{where}\n  {escape(finding.note)}", soft_wrap=True)
    counts = Counter(finding.verdict for finding in findings)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in COLOURS if counts[verdict])
    console.print(f"\n{told}, in {took_s:.0f} s")
    return 0 if counts["killed"] == len(findings) else 1


if __name__ == "__main__":
    sys.exit(main())
