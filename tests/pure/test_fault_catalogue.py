"""The catalogue of ``make test-faults`` is whole, and every test that it names is there: found in a moment, not in minutes."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.faults.__main__ import node_id, read
from tests.faults.catalogue import CATALOGUE
from tests.faults.fault import ROOT

FAULTS_OF_EACH_SORT = {"N": 13, "O": 9, "C": 10, "P": 13, "L": 7}


@cache
def names_in(file: str) -> frozenset[str]:
    """Functions, and what a state machine's ``TestCase`` is called, as pytest names them."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    machines = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.value).endswith(".TestCase")
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return frozenset(functions | {f"{machine}::runTest" for machine in machines})


def test_every_fault_is_there_once() -> None:
    wanted = [f"{sort}{number}" for sort, last in FAULTS_OF_EACH_SORT.items() for number in range(1, last + 1)]
    assert [fault.number for fault in CATALOGUE] == wanted


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.number)
def test_what_proves_a_fault_is_there(fault) -> None:
    assert fault.tests
    assert len(set(fault.tests)) == len(fault.tests)
    for test in fault.node_ids:
        file, _, name = test.partition("::")
        assert name in names_in(file), test


def test_the_report_is_read_by_node_id(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        """<testsuites><testsuite>
        <testcase classname="tests.a.test_b" name="test_c[one]"/>
        <testcase classname="tests.a.test_b" name="test_c[two]"><failure message="no"/></testcase>
        <testcase classname="tests.a.test_b" name="test_c[three]"><error message="no"/></testcase>
        <testcase classname="tests.a.test_b" name="test_d"><skipped message="not here"/></testcase>
        <testcase classname="tests.a.test_b.TestE" name="runTest"/>
        </testsuite></testsuites>"""
    )
    tallies = read(report)
    assert set(tallies) == {
        "tests/a/test_b.py::test_c",
        "tests/a/test_b.py::test_d",
        "tests/a/test_b.py::TestE::runTest",
    }
    found = tallies["tests/a/test_b.py::test_c"]
    assert (found.passed, found.failed, found.skipped) == (1, 2, 0)
    assert tallies["tests/a/test_b.py::test_d"].why_skipped == "not here"
    assert node_id("tests.a.test_b", "test_c[x::y]") == "tests/a/test_b.py::test_c"
