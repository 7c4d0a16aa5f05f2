"""Owns judging all mutants of one room: what its tests run, which of them each mutant needs, and workers beside each other.

Works in a copy of the tree (``tests.mutants.workshop``). Before any mutant is tried, the unchanged code has to survive both ways
of trying one: else nothing that follows would mean anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.mutation.measuring import FILES, FOLDER
from tests.mutation.mutant import Mutant
from tests.mutation.rooms import Room
from tests.mutation.worker import ALIKE, ENVIRONMENT, Job, Task, Told, Verdict

_CONTROLS: Final = 2


class Failed(Exception):
    """Nothing can be said of this room, and why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the tests run. ``lines``: of each file, which tests run a line; the empty name is the import."""

    seconds: Mapping[str, float]
    lines: Mapping[str, Mapping[int, frozenset[str]]]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that may notice, quickest first. Of what is imported, all: first those that run it, then those that run the
        file, later, too."""
        lines = self.lines.get(mutant.file, {})
        first, last = mutant.lines
        found = frozenset[str]().union(*(lines.get(line, frozenset()) for line in range(first, last + 1)))
        if not self.is_imported(mutant):
            return sorted(found & self.seconds.keys(), key=lambda test: (self.seconds[test], test))
        of_file = frozenset[str]().union(*lines.values())
        return sorted(self.seconds, key=lambda test: (test not in found, test not in of_file, self.seconds[test], test))

    def is_imported(self, mutant: Mutant) -> bool:
        """Whether it does something before any test begins."""
        if mutant.home is None:
            return True
        first, last = mutant.home.body
        lines = self.lines.get(mutant.file, {})
        return any("" in lines.get(line, ()) for line in range(first, last + 1))


def measured(copy: Path, folder: Path, room: Room, files: Sequence[str], at_once: int) -> Measured:
    """Raises: Failed where a test of the room fails."""
    folder.mkdir()
    pytest = ("-m", "pytest", *ALIKE, "-p", "xdist", "-p", "tests.mutation.measuring")
    done = subprocess.run(
        [sys.executable, *pytest, "-n", str(at_once), f"--basetemp={folder / 'scratch'}", *room.tests_below(copy)],
        cwd=copy,
        env={**os.environ, **ENVIRONMENT, FOLDER: str(folder), FILES: ":".join(str(copy / file) for file in files)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"without any mutant:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    seconds: dict[str, float] = {}
    lines: dict[str, dict[int, frozenset[str]]] = {}
    for path in sorted(folder.glob("measured-*.json")):
        told: dict[str, Any] = json.loads(path.read_bytes())
        seconds |= told["seconds"]
        for file, by_line in told["lines"].items():
            of_file = lines.setdefault(str(Path(file).resolve().relative_to(copy.resolve())), {})
            for line, tests in by_line.items():
                of_file[int(line)] = of_file.get(int(line), frozenset()) | frozenset(tests)
    return Measured(seconds, lines)


def judged(
    copy: Path,
    folder: Path,
    room: Room,
    mutants: Sequence[Mutant],
    known: Measured,
    at_once: int,
    tell: Callable[[Mutant, Verdict], None],
) -> list[Verdict]:
    """What became of each, in their order. ``tell`` is called after each. Raises: Failed where the unchanged code is "killed"."""
    sources = {mutant.file: (copy / mutant.file).read_bytes() for mutant in mutants}
    verdicts: dict[int, Verdict] = {}
    tasks: list[Task] = list(_controls(mutants, sources, known))
    for number, mutant in enumerate(mutants):
        tests = known.tests_of(mutant)
        if not tests:
            verdicts[number] = "SURVIVED"
            tell(mutant, "SURVIVED")
            continue
        home = None if known.is_imported(mutant) else mutant.home
        function = None if home is None else (home.name, home.first_line)
        mutated = mutant.applied(sources[mutant.file]).decode()
        tasks.append(Task(number=number, file=mutant.file, mutated=mutated, function=function, tests=tests))

    def worked(part: int) -> None:
        scratch = folder / f"scratch-{part}"
        mine = (tasks[:_CONTROLS] if part == 0 else []) + tasks[_CONTROLS + part :: at_once]
        job = Job(tasks=mine, tests=list(room.tests_below(copy)), seconds=dict(known.seconds), scratch=str(scratch))
        for told in _told(copy, folder / f"job-{part}.json", job):
            if told["number"] < 0 and told["verdict"] != "SURVIVED":
                raise Failed(f"the tests fail without any mutant ({told['verdict']}):\n{_end_of(folder, part)}")
            if told["number"] >= 0:
                verdicts[told["number"]] = told["verdict"]
                tell(mutants[told["number"]], told["verdict"])

    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(worked, range(at_once)))
    missing = [number for number in range(len(mutants)) if verdicts.get(number, "broken") == "broken"]
    if missing:
        first = mutants[missing[0]].key
        raise Failed(f"of {len(missing)} mutants nothing can be said, the first is {first}:\n{_end_of(folder, 0)}")
    return [verdicts[number] for number in range(len(mutants))]


def _controls(mutants: Sequence[Mutant], sources: Mapping[str, bytes], known: Measured) -> Iterator[Task]:
    """The unchanged code, once put into a function and once imported, before all tests."""
    mutant = next((each for each in mutants if not known.is_imported(each)), mutants[0])
    home = mutant.home
    every = sorted(known.seconds, key=lambda test: (known.seconds[test], test))
    source = sources[mutant.file].decode()
    function = None if home is None else (home.name, home.first_line)
    yield Task(number=-1, file=mutant.file, mutated=source, function=function, tests=every)
    yield Task(number=-2, file=mutant.file, mutated=source, function=None, tests=every)


def _end_of(folder: Path, part: int) -> str:
    return (folder / f"job-{part}.log").read_text(encoding="utf-8", errors="replace")[-3000:]


def _told(copy: Path, path: Path, job: Job) -> Iterator[Told]:
    path.write_text(json.dumps(job), encoding="utf-8")
    command = [sys.executable, "-m", "tests.mutation.worker", str(path)]
    environment = {**os.environ, **ENVIRONMENT}
    with (
        path.with_suffix(".log").open("wb") as log,
        subprocess.Popen(command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as worker,
    ):
        assert worker.stdout is not None
        try:
            for line in worker.stdout:
                told: Told = json.loads(line)
                yield told
        finally:
            worker.kill()
