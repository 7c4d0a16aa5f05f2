"""Owns how the pure rooms are measured: the settings of ``coverage``, and the plugin that starts it in every process of pytest.

Never decides what is enough. The only exceptions from "every line, every branch" stand here, each with its reason; a comment in
the code makes none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import coverage
import pytest
from hypothesis import HealthCheck, settings

from tests.covered.rooms import pure_files

FOLDER: Final = "SKILLPORT_COVERED"
"""The environment variable that names the folder for what each process measured."""
EXAMPLES: Final = 25
"""Of a property that does not say itself how many it needs: lines are reached early, and tracing makes every example dear."""

NOT_CODE: Final = (
    r"^\s*(el)?if TYPE_CHECKING:",  # read by mypy only
    r"(^|: )\s*\.\.\.$",  # what a Protocol asks for has no body of its own
    r"^\s*case never:$",  # ``assert_never`` follows: mypy proves that nothing comes here
)


def measured(folder: Path) -> coverage.Coverage:
    """Branches of the pure rooms, kept in ``folder``, a file for each process."""
    coverages = coverage.Coverage(
        data_file=str(folder / "data"),
        data_suffix=True,
        branch=True,
        config_file=False,
        include=[str(file) for file in pure_files()],
    )
    coverages.set_option("report:exclude_lines", list(NOT_CODE))
    coverages.set_option("report:partial_branches", [])
    return coverages


_running: coverage.Coverage | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Starts before anything of ours is imported; and draws the same examples every time, so that no gap comes by chance."""
    global _running
    _running = measured(Path(os.environ[FOLDER]))
    _running.start()
    yield
    settings.register_profile(
        "covered",
        parent=settings.get_profile("house"),
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    settings.load_profile("covered")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Saves before xdist is told that this process is done."""
    if _running is not None:
        _running.stop()
        _running.save()
