"""The table of ``make test-mutants`` fits the tree: found here in a second, not in minutes there."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.guards import GUARDS

ROOT = Path(__file__).resolve().parents[2]


@cache
def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def names_in(path: str) -> frozenset[str]:
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def test_every_guard_has_a_name_of_its_own():
    names = [guard.name for guard in GUARDS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_once_in_its_file_and_can_be_taken_out(guard):
    source = text_of(guard.file)
    assert source.count(guard.original) == 1
    mutated = guard.applied(source)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_the_tests_that_hold_a_guard_exist(guard):
    assert guard.killed_by
    for node_id in guard.node_ids:
        path, _, test = node_id.partition("::")
        assert test.partition("[")[0] in names_in(path), node_id
