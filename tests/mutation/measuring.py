"""Owns what each test runs, and how long it takes: a plugin of pytest that asks ``coverage`` line by line. Never judges a mutant.

The same examples are drawn here and for every mutant, and no failing one is made smaller: a mutant is dead when one is found.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import coverage
import pytest
from hypothesis import HealthCheck, Phase, settings

FOLDER: Final = "SKILLPORT_MUTATION"
"""The environment variable that names the folder for what each process measured."""
FILES: Final = "SKILLPORT_MUTATION_FILES"
"""Names the files whose lines are measured, with ``:`` between them."""
EXAMPLES: Final = 50
"""Of a property that does not say itself how many it needs."""


def draw_the_same_examples() -> None:
    """To be called between the loading of ``tests/conftest.py`` and that of the first test."""
    settings.register_profile(
        "mutation",
        parent=settings.get_profile("house"),
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    settings.load_profile("mutation")


class _Measuring:
    def __init__(self, folder: Path, files: list[str]) -> None:
        self._folder = folder
        self._files = files
        self._seconds: dict[str, float] = {}
        self._coverage = coverage.Coverage(
            data_file=str(folder / f"data-{os.getpid()}"), config_file=False, include=files
        )

    def start(self) -> None:
        self._coverage.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        result = yield
        self._coverage.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
        told = json.dumps({"seconds": self._seconds, "lines": lines})
        (self._folder / f"measured-{os.getpid()}.json").write_text(told, encoding="utf-8")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        draw_the_same_examples()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Starts before anything of ours is imported, in the processes that run tests."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        measuring = _Measuring(Path(os.environ[FOLDER]), os.environ[FILES].split(":"))
        early_config.pluginmanager.register(measuring, "skillport-mutation")
        measuring.start()
    yield
