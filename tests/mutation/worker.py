"""Owns judging mutants in one process: a fork for each, so that nothing is imported or collected twice that need not be.

``python -m tests.mutation.worker JOB`` runs in a copy of the tree and tells what became of each mutant, a line of JSON each. A
change inside a function is put into that function, in a fork of a process that has collected the tests; any other change is
imported, in a fork of a process that has imported nothing of ours. A function that runs during import counts as the latter.
Never writes a file of the tree.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import importlib.machinery
import json
import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Final, Literal, NoReturn, TextIO, TypedDict

import pytest

from tests.mutation.swapping import Functions, Swap, compiled, functions_there_are, swap_of

Verdict = Literal["killed", "timed out", "SURVIVED", "broken"]

_KILLED: Final = 10
_SURVIVED: Final = 11
_BROKEN: Final = 12
"""Nothing can be said: the fault is ours."""
_TIME_IS_UP: Final = 1
"""What ``faulthandler`` ends a process with."""
_VERDICTS: Final[dict[int, Verdict]] = {
    _SURVIVED: "SURVIVED",
    _TIME_IS_UP: "timed out",
    -signal.SIGPROF: "timed out",
    _BROKEN: "broken",
}
_IMPORT_LIMIT_S: Final = 60
_CIRCLE_LIMIT_S: Final = 3
_WAIT_LIMIT_S: Final = 20
"""One test, beside ten times what it usually takes: of a processor's time, and of anybody's."""
_MEMORY_BYTES: Final = 4 << 30
_PRELOADED: Final = (
    "aiohttp.test_utils",
    "aiohttp.web",
    "aiosqlite",
    "gidgethub.abc",
    "hypothesis.stateful",
    "hypothesis.strategies",
    "msgspec",
    "orjson",
    "pydantic",
    "ruamel.yaml",
    "structlog.testing",
)
"""What our modules and their tests import, and is not ours: once for all forks."""


_PLUGINS: Final = ("_hypothesis_pytestplugin", "pytest_aiohttp.plugin", "pytest_asyncio.plugin", "pytest_timeout")
ENVIRONMENT: Final = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""}
"""Of every process of pytest: it loads no plugin that our tests do not need, and compiles a test once."""
ALIKE: Final = (
    *("-q", "--no-header", "--assert=plain", "--timeout=0", "-p", "no:cacheprovider"),
    *(word for plugin in _PLUGINS for word in ("-p", plugin)),
)


class Task(TypedDict):
    """One mutant. ``tests``: node ids, quickest first. ``function``: name and first line; None where it has to be imported."""

    number: int
    file: str
    mutated: str
    function: tuple[str, int] | None
    tests: list[str]


class Job(TypedDict):
    """``tests``: the files of all tests. ``seconds``: how long each test takes."""

    tasks: list[Task]
    tests: list[str]
    seconds: dict[str, float]
    scratch: str


class Told(TypedDict):
    number: int
    verdict: Verdict


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nowhere, number)
    warnings.simplefilter("ignore")
    for name in _PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    done = _swapped_all(job, told)
    for task in job["tasks"]:
        if task["number"] not in done:
            _tell(told, task, _forked(partial(_imported, job, task)))


def _swapped_all(job: Job, told: TextIO) -> set[int]:
    """Judges what can be judged without an import, in one fork that collects the tests; which those were."""
    ours, theirs = os.pipe()
    collector = os.fork()
    if not collector:
        swapping = _Swapping(job, told)
        try:
            _pytest(job, swapping)
            os.write(theirs, b"".join(b"%d\n" % number for number in swapping.done))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(0 if swapping.is_whole else _BROKEN)
    os.close(theirs)
    with os.fdopen(ours, "rb") as done:
        numbers = {int(line) for line in done}
    _, status = os.waitpid(collector, 0)
    if status != 0:
        raise RuntimeError("the tests could not be collected")
    return numbers


def _pytest(job: Job, *plugins: object) -> int:
    preloaded = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    return int(
        pytest.main([*ALIKE, *preloaded, f"--basetemp={job['scratch']}", *job["tests"]], plugins=[_Alike(), *plugins])
    )


def _tell(told: TextIO, task: Task, verdict: Verdict) -> None:
    told.write(json.dumps(Told(number=task["number"], verdict=verdict)) + "\n")
    told.flush()


def _forked(judge: Callable[[], NoReturn]) -> Verdict:
    """In a group of its own, so that nothing it began outlives it."""
    child = os.fork()
    if not child:
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
            faulthandler.dump_traceback_later(_IMPORT_LIMIT_S, exit=True)
            judge()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(_BROKEN)
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    return _VERDICTS.get(code, "killed")  # or ended by a signal


class _Alike:
    """Draws the same examples for every mutant."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        from tests.mutation.measuring import draw_the_same_examples

        draw_the_same_examples()


class _Stopping:
    """Runs the tests in this order, ends the process at the first failure, and gives each test its time."""

    def __init__(self, seconds: dict[str, float], order: Sequence[str] = ()) -> None:
        self._seconds = seconds
        self._order = {test: place for place, test in enumerate(order)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._order.get(item.nodeid, len(self._order)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        usual_s = 10 * self._seconds.get(item.nodeid, 1.0)
        # Who runs in a circle uses up its own time, however busy the machine is; who waits for ever uses none.
        signal.setitimer(signal.ITIMER_PROF, _CIRCLE_LIMIT_S + usual_s)
        faulthandler.dump_traceback_later(_WAIT_LIMIT_S + usual_s, exit=True)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(_KILLED)

    def pytest_runtestloop(self) -> None:
        gc.enable()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        os._exit(_SURVIVED if exitstatus == pytest.ExitCode.OK else _KILLED)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            os._exit(_KILLED)


class _Swapping:
    """Takes the place of running the tests: each mutant in a fork, with its own tests only."""

    def __init__(self, job: Job, told: TextIO) -> None:
        self._job = job
        self._told = told
        self.done: list[int] = []
        self.is_whole = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = functions_there_are()
        stopping = _Stopping(self._job["seconds"])
        session.config.pluginmanager.register(stopping)
        gc.collect()
        gc.freeze()
        try:
            for task in self._job["tasks"]:
                if (swap := _swap(task, functions)) is not None:
                    _tell(self._told, task, _forked(partial(_swapped, swap, [items[test] for test in task["tests"]])))
                    self.done.append(task["number"])
            self.is_whole = True
        except Exception:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            session.config.pluginmanager.unregister(stopping)
        return True


def _swap(task: Task, functions: Functions) -> Swap | None:
    if task["function"] is None:
        return None
    return swap_of(str(Path(task["file"]).resolve()), task["mutated"], *task["function"], functions)


def _swapped(swap: Swap, items: Sequence[pytest.Item]) -> NoReturn:
    code, functions = swap
    for function in functions:
        function.__code__ = code
    try:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    except BaseException:
        os._exit(_KILLED)
    os._exit(_SURVIVED)


def _imported(job: Job, task: Task) -> NoReturn:
    path, mutated = str(Path(task["file"]).resolve()), task["mutated"]
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> CodeType | None:
        if str(Path(loader.path).resolve()) == path:
            return compiled(mutated, path)
        return original(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    gc.disable()
    _pytest(job, _Stopping(job["seconds"], task["tests"]))
    os._exit(_KILLED)


if __name__ == "__main__":
    main()
