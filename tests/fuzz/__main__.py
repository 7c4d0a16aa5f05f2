"""Owns the command line of ``make fuzz``: how many cases of what, the table, and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skillport_sync.config import LogSettings
from skillport_sync.log import configure_logging
from tests.fuzz import description
from tests.fuzz.blocks import Block, blocks_of, cores, run, told
from tests.fuzz.judging import judge
from tests.fuzz.target import Failure, Verdict
from tests.fuzz.targets import ALL, TARGETS, named, share

Work = Callable[[Path], Awaitable[Verdict]]
DEFAULT_CASES: Final = ALL


def main() -> int:
    """0 when nothing went wrong; 1 when something did, or schemathesis is not there; 2 for what cannot be run."""
    arguments = _arguments()
    if arguments.block is not None:
        return _block(Block.parse(arguments.block), Path(arguments.folder))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    if arguments.case is not None:
        return _again(console, arguments.case)
    names = [*(target.name for target in TARGETS), description.NAME]
    chosen = [name for name in names if not arguments.only or any(part in name for part in arguments.only)]
    if not chosen:
        console.print(f"no target has such a name: {', '.join(names)}", style="red")
        return 2
    seed = secrets.randbelow(10**9) if arguments.seed is None else arguments.seed
    return asyncio.run(_run(console, chosen, arguments.cases, seed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description="Tries everything that takes bytes from outside with what is nearly right.",
    )
    parser.add_argument("--cases", type=int, default=DEFAULT_CASES, metavar="N", help=f"all together (default {ALL:,})")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="targets whose names contain this")
    parser.add_argument("--seed", type=int, metavar="N", help="of the run (default: another one each time)")
    parser.add_argument("--case", metavar="ID", help="one case again, as a failure names it, or several: tar:42:0-100")
    parser.add_argument("--block", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


async def _run(console: Console, chosen: Sequence[str], cases: int, seed: int) -> int:
    began_s = time.monotonic()
    work: list[tuple[str, Work]] = []
    if description.NAME in chosen:
        work.append((description.NAME, lambda folder: _described(seed, folder)))
    for target in TARGETS:
        if target.name in chosen:
            blocks = blocks_of(target.name, seed, share(target, cases))
            work += [(target.name, lambda folder, block=block: run(block, folder)) for block in blocks]  # type: ignore[misc]
    verdicts = {name: Verdict(name) for name in chosen}
    with tempfile.TemporaryDirectory(prefix="skillport-fuzz-") as place, console.status("") as status:
        queue = list(enumerate(work))
        done = 0

        async def lane() -> None:
            nonlocal done
            while queue:
                number, (name, one) = queue.pop(0)
                verdict = await one(Path(place) / str(number))
                verdicts[name].add(verdict)
                done += 1
                for failure in verdict.failures:  # a long run says at once what there is to look at
                    console.print(f"[bold red]FAILED[/] {escape(failure.case)}")
                status.update(
                    f"{done} of {len(work)} blocks, {sum(each.cases for each in verdicts.values()):,} cases …"
                )

        async with asyncio.TaskGroup() as lanes:
            for _ in range(cores()):
                lanes.create_task(lane())
    return _conclude(console, [verdicts[name] for name in chosen], seed, time.monotonic() - began_s)


async def _described(seed: int, folder: Path) -> Verdict:
    if not description.is_there():
        return Verdict(
            description.NAME, failures=[Failure(description.NAME, "schemathesis is not installed: make fuzz does it")]
        )
    _quiet()
    return await description.asked_by_its_description(seed, folder)


def _conclude(console: Console, verdicts: Sequence[Verdict], seed: int, took_s: float) -> int:
    table = Table(
        "target", "cases", "seconds", "grew by", "failures", box=None, header_style="dim", padding=(0, 2, 0, 0)
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for verdict in verdicts:
        count = f"[bold red]{len(verdict.failures)}[/]" if verdict.failures else "0"
        table.add_row(
            verdict.target, f"{verdict.cases:,}", f"{verdict.took_s:.1f}", f"{verdict.growth_mb:.0f} MB", count
        )
    console.print(table)
    failures = [failure for verdict in verdicts for failure in verdict.failures]
    for failure in failures:
        console.print(f"\n[bold red]FAILED[/] {escape(failure.case)}\n  {escape(failure.why)}", soft_wrap=True)
        if failure.case.count(":") == 2:
            console.print(f"  again: python -m tests.fuzz --case {failure.case}", soft_wrap=True)
    cases = sum(verdict.cases for verdict in verdicts)
    console.print(f"\n{cases:,} cases, {len(failures)} failures, in {took_s:.0f} s; seed {seed}")
    return 1 if failures else 0


def _again(console: Console, text: str) -> int:
    """Some cases again, with everything that can be seen of them; those that rest on what came before need that too."""
    try:
        block = Block.parse(text)
        target = named(block.target)
    except (KeyError, ValueError):
        console.print(f"{text!r} is no case: they read like tar:42:1007, or tar:42:0-1008", style="red")
        return 2
    with tempfile.TemporaryDirectory(prefix="skillport-fuzz-") as folder:
        _quiet()
        verdict = asyncio.run(judge(target, block.seed, range(block.start, block.stop), Path(folder)))
    return _conclude(console, [verdict], block.seed, verdict.took_s)


def _block(block: Block, folder: Path) -> int:
    _quiet()
    numbers = range(block.start, block.stop)
    verdict = asyncio.run(judge(named(block.target), block.seed, numbers, folder / "place", folder / "progress"))
    print(told(verdict), flush=True)
    return 0


def _quiet() -> None:
    """The log is written as in production, and thrown away: writing it must not fail either."""
    logging.raiseExceptions = False
    configure_logging(LogSettings(level="info", format="json"), open("/dev/null", "w"))  # noqa: SIM115, PTH123


if __name__ == "__main__":
    sys.exit(main())
