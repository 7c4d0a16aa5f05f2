"""Owns the command line: which groups are run, what is printed, what is kept, and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import structlog
from rich.console import Console

from benchmarks.cores import conditions, loop_factory, pin, share_out
from benchmarks.figures import Figure, Group, as_json, table

GROUPS = ("requests", "visible", "saving", "scale", "discovery", "search", "mcp", "deliveries", "archives", "tokens")
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """0 when every promise measured was kept, 1 when one was missed or a group failed."""
    arguments = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    # One line in ten is wider than a terminal: where nobody looks, nothing is to be cut.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 170)
    cores = share_out()
    began_at = datetime.now(UTC)
    facts = conditions(cores)
    console.print(f"{facts['machine']}. {facts['noise']}", style="dim")
    groups: list[Group] = []
    for name in arguments.only or GROUPS:
        module = importlib.import_module(f"benchmarks.{name}")
        console.print(f"\n[bold]{module.TITLE}[/bold] …", end="\r" if console.is_terminal else "\n")
        try:
            pin(cores.load)
            with asyncio.Runner(loop_factory=loop_factory() if module.SERVES_HERE else None) as runner:
                figures = runner.run(module.measure(cores, quick=arguments.quick))
        except Exception:  # a group that fails must not take the others' figures with it
            traceback.print_exc()
            figures = [Figure(f"{name} failed: see above", None, "")]
            groups.append(Group(name, module.TITLE, figures, failed=True))
            continue
        groups.append(Group(name, module.TITLE, figures))
        console.print(table(groups[-1]))
    kept = RESULTS / f"{began_at:%Y%m%dT%H%M%SZ}{'-quick' if arguments.quick else ''}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(as_json(groups, {**facts, "at": began_at.isoformat(), "quick": arguments.quick}))
    return _conclude(console, groups, kept, quick=arguments.quick)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Every promised figure beside its baseline."
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="NAME", help=f"of: {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it runs, measures little")
    return parser.parse_args()


def _conclude(console: Console, groups: list[Group], kept: Path, *, quick: bool) -> int:
    missed = [figure for group in groups for figure in group.figures if figure.is_kept is False]
    failed = [group for group in groups if group.failed]
    promised = sum(figure.is_kept is not None for group in groups for figure in group.figures)
    console.print(f"\n{promised - len(missed)} of {promised} promises kept. Figures: {os.path.relpath(kept)}")
    for figure in missed:
        console.print(f"[red]missed[/red] {figure.what}")
    if quick:
        console.print("[yellow]--quick: sizes are small, so times and ratios say little.[/yellow]")
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
