"""The benchmarks cannot rot unseen: their cheapest group runs here, and keeps its promises."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def benchmarks(monkeypatch):
    """``benchmarks`` is run from the project's root and is not installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.mark.usefixtures("benchmarks")
async def test_github_gets_as_few_requests_as_promised():
    from benchmarks import requests
    from benchmarks.cores import share_out

    async with asyncio.timeout(60):
        figures = await requests.measure(share_out(), quick=True)
    assert {figure.what: figure.measured for figure in figures if figure.is_kept is not True} == {}
    assert len(figures) == 16


@pytest.mark.usefixtures("benchmarks")
def test_a_missed_promise_is_told_apart_from_a_kept_one_and_from_none():
    from benchmarks.figures import Figure, Group, as_json, table

    figures = [
        Figure("kept", 2.0, "ms", 1.0, "a thing", 2.0, "ratio"),
        Figure("missed", 2.1, "ms", 1.0, "a thing", 2.0, "ratio"),
        Figure("told", 2.1, "ms"),
        Figure("not measured", None, "ms", promise=1.0),
    ]
    assert [figure.is_kept for figure in figures] == [True, False, None, None]
    group = Group("group", "A group", figures)
    assert table(group).row_count == 4
    kept = orjson.loads(as_json([group], {}))["groups"][0]["figures"]
    assert [figure["kept"] for figure in kept] == [True, False, None, None]
