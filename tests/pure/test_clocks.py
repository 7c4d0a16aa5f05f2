"""What time it is, is asked in one place; how long something takes, nobody asks the wall clock."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WALL = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
"""Calls that read the wall clock."""
OWNERS = {
    "skillport_sync/clock.py": "the one clock",
}
ROOMS_OF_THEIR_OWN = ("skillport_sync/standin/", "skillport_sync/cli/", "skillport_sync/demo/")
"""A command that is over in a moment; a stand-in for another machine, which has a clock of its own."""


def readers_of_the_wall_clock() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for package in ("skillport_sync", "mcp_server", "webhooks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attribute)):
                        if (owner, attribute) in WALL:
                            found.setdefault(name, []).append(node.lineno)
    return found


def test_only_the_clock_reads_the_wall_clock() -> None:
    others = {
        name: lines
        for name, lines in readers_of_the_wall_clock().items()
        if name not in OWNERS and not name.startswith(ROOMS_OF_THEIR_OWN)
    }
    assert others == {}


@pytest.mark.parametrize("owner", OWNERS)
def test_the_exceptions_are_still_needed(owner: str) -> None:
    assert owner in readers_of_the_wall_clock()
