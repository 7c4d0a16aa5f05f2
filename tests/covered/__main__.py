"""Owns the command line of ``make coverage``: runs the tests of the pure rooms, prints what they leave out, and the exit code.

1 unless every line and every branch of every pure room is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.covered.measuring import FOLDER, measured
from tests.covered.rooms import ROOT, pure_files

TESTS: Final = (
    "tests/pure",
    "tests/contract",
    "tests/flows/archives",
    "tests/flows/identity/test_callbacks.py",
    "tests/flows/identity/test_providers_that_fail.py",
    "tests/flows/marketplace",
    "tests/flows/oauth/test_discovery.py",
    "tests/flows/rest_editing/test_saving.py",
    "tests/flows/sync/test_removal.py",
    "tests/flows/test_lint_directory.py",
    "tests/flows/test_queries_versions.py",
    "tests/flows/test_skills_extension.py",
)
"""What exercises the pure rooms: their own tests, and the few that see through a surface what no call sees as well."""
LEFT_OUT: Final = (
    "tests/pure/catalog_oddities/test_linear.py",
    "tests/pure/test_config.py",
    "tests/pure/test_deploy.py",
    "tests/pure/test_docs.py",
    "tests/pure/test_fault_catalogue.py",
    "tests/pure/test_monitoring_files.py",
    "tests/pure/test_mutants.py",
    "tests/pure/test_mutation.py",
    "tests/pure/test_pictures.py",
    "tests/pure/test_soak.py",
    "tests/pure/test_template.py",
)
"""The first takes the time, which tracing would double; the others need no service but are of other rooms."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One file. ``branches``: pairs of lines, from and to; a negative line is the end of what begins there."""

    path: str
    percent: float
    lines: Sequence[int]
    branches: Sequence[tuple[int, int]]


def main() -> int:
    """0 when nothing is left out; 1 when something is, or when a test fails."""
    arguments = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 190)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="skillport-covered-") as folder:
        passed = _tested(Path(folder), arguments.at_once) == 0
        files, totals = _measured(Path(folder))
    short = [file for file in files if file.lines or file.branches]
    if short:
        console.print(_table(short))
    lines, branches = totals["num_statements"], totals["num_branches"]
    told = f"{totals['covered_lines']} of {lines} lines, {totals['covered_branches']} of {branches} branches"
    colour = "bold red" if short else "green"
    share = f"[{colour}]{100 * totals['covered_branches'] / branches:.2f} % of branches[/]"
    console.print(f"\n{share}: {told} of {len(files)} files of the pure rooms, in {time.monotonic() - began_s:.0f} s")
    if not passed:
        console.print("[bold red]a test failed[/]: what is reached by the way says nothing", soft_wrap=True)
    return 0 if passed and not short else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.covered",
        description="Measures which branches of the pure rooms their tests take: all of them.",
    )
    parser.add_argument("--at-once", default="auto", metavar="N", help="processes of pytest (default: one a core)")
    return parser.parse_args()


def _tested(folder: Path, at_once: str) -> int:
    pytest = ("-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "tests.covered.measuring")
    spread = ("-n", at_once, "--dist", "worksteal", f"--basetemp={folder / 'scratch'}")
    ignored = [f"--ignore={path}" for path in LEFT_OUT]
    kept = folder / "kept"
    kept.mkdir()
    return subprocess.run(
        [sys.executable, *pytest, *spread, *ignored, *TESTS],
        cwd=ROOT,
        env={**os.environ, FOLDER: str(kept)},
        check=False,
    ).returncode


def _measured(folder: Path) -> tuple[Sequence[Measured], dict[str, int]]:
    """Each pure file, the ones that no test imports included; and the sums."""
    all_of_it = measured(folder / "kept")
    all_of_it.combine()
    all_of_it.get_data().touch_files([str(file) for file in pure_files()])
    report = folder / "report.json"
    all_of_it.json_report(outfile=str(report))
    # What coverage writes for machines: https://coverage.readthedocs.io/en/latest/commands/cmd_json.html
    found: dict[str, Any] = json.loads(report.read_bytes())
    files = [
        Measured(
            str(Path(path).resolve().relative_to(ROOT)),
            each["summary"]["percent_covered"],
            each["missing_lines"],
            [(start, end) for start, end in each["missing_branches"]],
        )
        for path, each in found["files"].items()
    ]
    return sorted(files, key=lambda file: file.path), found["totals"]


def _table(short: Iterable[Measured]) -> Table:
    table = Table("file", "%", "lines", "branches", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for file in short:
        untaken = ", ".join(f"{start}→{'end' if end < 0 else end}" for start, end in file.branches)
        table.add_row(file.path, f"{file.percent:.1f}", _ranges(file.lines), untaken)
    return table


def _ranges(lines: Sequence[int]) -> str:
    """``3-5, 9`` for 3, 4, 5 and 9."""
    ranges: list[list[int]] = []
    for line in lines:
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


if __name__ == "__main__":
    sys.exit(main())
