"""Owns the command line of ``make mutation``: which rooms, the table, every survivor, and the exit code.

1 where a room's score is below 90 %, where nothing can be said of one, or where an entry of ``equivalents`` is stale.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.mutants.workshop import Workshop
from tests.mutation.equivalents import reasons
from tests.mutation.judging import Failed, judged, measured
from tests.mutation.mutant import Key, Mutant
from tests.mutation.operators import mutants_of
from tests.mutation.rooms import ROOMS, Room
from tests.mutation.worker import Verdict

ROOT: Final = Path(__file__).resolve().parents[2]
AT_ONCE: Final = 2
ENOUGH: Final = 90.0


@dataclass(frozen=True, slots=True)
class Scored:
    """One room. ``findings`` are all its mutants; of those in ``equivalent`` none is to be killed."""

    room: Room
    findings: Sequence[tuple[Mutant, Verdict]]
    equivalent: Mapping[Key, str]
    took_s: float

    @property
    def survivors(self) -> list[Mutant]:
        return [each for each, verdict in self.findings if verdict == "SURVIVED" and each.key not in self.equivalent]

    @property
    def score(self) -> float:
        real = [verdict for each, verdict in self.findings if each.key not in self.equivalent]
        return 100.0 * (len(real) - len(self.survivors)) / len(real) if real else 100.0

    def stale(self, *, is_whole: bool) -> list[str]:
        """What is wrong with its part of the list. Where only some mutants were tried, what was not tried is not missed."""
        killed = {each.key for each, verdict in self.findings if verdict != "SURVIVED"}
        tried = {each.key for each, _ in self.findings}
        mine = [key for key in self.equivalent if key[0] in self.room.files_below(ROOT)]
        return [f"a test kills it: {key}" for key in mine if key in killed] + [
            f"there is no such mutant: {key}" for key in mine if is_whole and key not in tried
        ]


def main() -> int:
    """0 when every room asked for has its share of mutants killed."""
    arguments = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 190)
    rooms = [ROOMS[name] for name in arguments.rooms or ROOMS]
    if arguments.list:
        _list(console, rooms, arguments)
        return 0
    scores: list[Scored] = []
    with tempfile.TemporaryDirectory(prefix="skillport-mutation-") as folder:
        copy = Path(folder) / "tree"
        with console.status("copying the tree …"):
            workshop = Workshop(ROOT, copy)
        if not workshop.is_imported():
            console.print("the tests would import another tree than the copy: nothing was tried", style="red")
            return 1
        for room in rooms:
            try:
                scores.append(_scored(console, copy, Path(folder) / room.name, room, arguments))
            except Failed as failure:
                console.print(f"[bold red]{room.name}[/] {escape(str(failure))}", soft_wrap=True)
                return 1
    return _conclude(console, scores, is_whole=not (arguments.only or arguments.sample))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation", description="Changes the code in one place at a time; a test has to notice."
    )
    parser.add_argument("rooms", nargs="*", metavar="ROOM", choices=[[], *ROOMS], help=", ".join(ROOMS))
    parser.add_argument("--only", nargs="+", metavar="FILE", help="files whose paths contain this")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="processes (default: %(default)s)")
    parser.add_argument("--sample", type=int, metavar="N", help="try so many of each room's mutants, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    return parser.parse_args()


def _mutants(room: Room, root: Path, arguments: argparse.Namespace) -> list[Mutant]:
    files = [
        file for file in room.files_below(root) if not arguments.only or any(part in file for part in arguments.only)
    ]
    found = [mutant for file in files for mutant in mutants_of(file, (root / file).read_bytes())]
    if arguments.sample and arguments.sample < len(found):
        chosen = sorted(random.Random(arguments.seed).sample(range(len(found)), arguments.sample))
        return [found[number] for number in chosen]
    return found


def _list(console: Console, rooms: Sequence[Room], arguments: argparse.Namespace) -> None:
    for room in rooms:
        for mutant in _mutants(room, ROOT, arguments):
            _show(console, mutant)


def _scored(console: Console, copy: Path, folder: Path, room: Room, arguments: argparse.Namespace) -> Scored:
    began_s = time.monotonic()
    files = room.files_below(copy)
    with console.status(f"{room.name}: its tests without any mutant …"):
        known = measured(copy, folder, room, files, arguments.at_once)
    mutants = _mutants(room, copy, arguments)
    listed = reasons()
    done = 0
    with console.status("") as status:

        def tell(mutant: Mutant, verdict: Verdict) -> None:
            nonlocal done
            done += 1
            status.update(f"{room.name}: {done} of {len(mutants)} …")
            if verdict == "SURVIVED" and mutant.key not in listed:  # a long run says at once what there is to look at
                _show(console, mutant)

        verdicts = judged(copy, folder, room, mutants, known, arguments.at_once, tell) if mutants else []
    return Scored(room, list(zip(mutants, verdicts, strict=True)), listed, time.monotonic() - began_s)


def _conclude(console: Console, scores: Sequence[Scored], *, is_whole: bool) -> int:
    columns = ("room", "mutants", "killed", "timed out", "survived", "equivalent", "score", "s")
    table = Table(*columns, box=None, header_style="dim", padding=(0, 2, 0, 0))
    is_good = True
    for scored in scores:
        counts = Counter(verdict for _, verdict in scored.findings)
        survived = len(scored.survivors)
        is_enough = scored.score >= ENOUGH
        is_good = is_good and is_enough
        table.add_row(
            scored.room.name,
            str(len(scored.findings)),
            str(counts["killed"]),
            str(counts["timed out"]),
            str(survived),
            str(counts["SURVIVED"] - survived),
            f"[{'green' if is_enough else 'bold red'}]{scored.score:.1f} %[/]",
            f"{scored.took_s:.0f}",
        )
    for scored in scores:
        for wrong in scored.stale(is_whole=is_whole):
            is_good = False
            console.print(f"[bold red]equivalents:[/] {escape(wrong)}", soft_wrap=True)
    console.print(table)
    return 0 if is_good else 1


def _show(console: Console, mutant: Mutant) -> None:
    """As ``equivalents`` would name it: file, function, the line before and after."""
    console.print(
        f"\n{mutant.file}:{mutant.line} [dim]{mutant.kind}, in {mutant.where or 'the module'}[/]", soft_wrap=True
    )
    for sign, colour, text in (("-", "red", mutant.before), ("+", "green", mutant.after)):
        for line in text.splitlines():
            console.print(f"  [{colour}]{sign} {escape(line)}[/]", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
