"""``make mutation`` can fail: it makes mutants that run, notices a weak test, and holds its list of equivalents to the code."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.__main__ import Scored
from tests.mutation.equivalents import reasons
from tests.mutation.judging import Measured
from tests.mutation.mutant import Mutant
from tests.mutation.operators import mutants_of
from tests.mutation.rooms import ROOMS
from tests.mutation.swapping import compiled
from tests.mutation.worker import ENVIRONMENT, Job, Task

ROOT = Path(__file__).resolve().parents[2]

PLACE = b'''"""A docstring that says 1 < 2."""

LIMIT = 3


def clipped(text: str, limit: int = LIMIT) -> str:
    """Not more than ``limit`` letters."""
    if len(text) > limit:
        return text[:limit]
    return text


class Box:
    def __init__(self, size: int) -> None:
        self.size = size

    @property
    def is_large(self) -> bool:
        return self.size >= 10 and not self.size == 13
'''


def made(source: str) -> set[tuple[str, str]]:
    return {(each.before, each.after) for each in mutants_of("place.py", source.encode())}


def test_every_mutant_can_be_compiled_differs_and_keeps_the_number_of_lines():
    source = (ROOT / "skillport_sync/git/names.py").read_bytes()
    mutants = mutants_of("skillport_sync/git/names.py", source)
    assert len(mutants) > 30
    for mutant in mutants:
        mutated = mutant.applied(source)
        assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
        assert len(mutated.splitlines()) == len(source.splitlines())
        assert mutant.before != mutant.after


def test_every_room_has_files_and_tests():
    for room in ROOMS.values():
        assert all(any(ROOT.glob(pattern)) for pattern in (*room.files, *room.tests)), room.name


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < 2", {"a <= 2", "a >= 2", "a < 3", "a < 1", "None"}),
        ("a is not None", {"a is None", "None"}),
        ("a and (b or c)", {"a or (b or c)", "a", "(b or c)", "a and (b and c)", "a and (b)", "a and (c)", "None"}),
        ("not a", {"a", "None"}),
        ("a[1:]", {"a[2:]", "a[0:]", "a[:]", "None"}),
        ("a.lower()", {"a.upper()", "None"}),
        ("a.split()", {"None"}),
        ("sorted(a, key=b)", {"list(a)", "None"}),
        ("[b for b in a if b]", {"[b for b in a if True]", "[b for b in a if False]", "None"}),
        ("f'{a + 1}'", {"None"}),
        ("a + 'x'", {"a - 'x'", 'a + ""', "None"}),
        ("a + 'two words'", {"a - 'two words'", "None"}),
        ("True", {"False"}),
    ],
)  # fmt: skip
def test_what_an_expression_is_changed_to(source: str, expected: set[str]) -> None:
    assert {text.partition("return ")[2] for _, text in made(f"def f(a, b): return {source}")} == expected


def test_what_is_returned_instead_is_what_the_function_says_it_returns():
    for returns, expected in (("bool", {"True", "False"}), ("str", {'""'}), ("list[int]", {"[]"}), ("Box", {"None"})):
        assert {text.partition("return ")[2] for _, text in made(f"def f(a) -> {returns}: return a")} == expected


def test_statements_are_removed_conditions_forced_and_excepts_narrowed():
    source = """
def f(a, b):
    for c in a:
        if c:
            continue
        b[c] = 1
    try:
        g()
    except (A, B):
        raise
"""
    assert {
        ("if c:", "if True:"),
        ("if c:", "if False:"),
        ("continue", "pass"),
        ("b[c] = 1", "pass"),
        ("g()", "pass"),
        ("raise", "pass"),
        ("except (A, B):", "except (A,):"),
        ("except (A, B):", "except (B,):"),
    } <= made(source)


def test_an_operand_on_a_line_of_its_own_is_dropped_and_its_line_stays():
    source = b"def f(a, b):\n    return (a\n        or b)\n"
    mutated = {each.applied(source) for each in mutants_of("place.py", source)}
    assert b"def f(a, b):\n    return (\nb)\n" in mutated
    assert b"def f(a, b):\n    return (a\n)\n" in mutated


def test_words_types_and_what_is_logged_are_left_alone():
    source = '''"""Doc 1."""
import a
Alias = int | None
__all__ = ["b"]
@cache
def f(a: "int | None" = None) -> "str":
    """Doc 2."""
    assert a == 1
    log.info("thing_done", a=a + 1)
    raise Wrong("there is no such thing") from None
'''
    assert made(source) == {('raise Wrong("there is no such thing") from None', "pass")}


def test_a_change_knows_what_it_stands_in():
    by_text = {each.after: each for each in mutants_of("place.py", PLACE)}
    inside, outside = by_text["if len(text) >= limit:"], by_text["LIMIT = 4"]
    assert inside.home is not None
    assert (inside.home.name, inside.home.first_line, inside.home.body) == ("clipped", 6, (7, 10))
    assert (outside.home, outside.where) == (None, "LIMIT")
    large = by_text["return self.size > 10 and not self.size == 13"]
    assert large.home is not None
    assert (large.home.name, large.home.first_line) == ("Box.is_large", 17)


def test_only_tests_that_run_the_line_are_asked_the_quickest_first():
    mutant = next(each for each in mutants_of("place.py", PLACE) if each.after == "if len(text) >= limit:")
    nobody, some = frozenset[str](), frozenset({"slow", "quick"})
    known = Measured({"slow": 2.0, "quick": 1.0, "other": 0.1}, {"place.py": {6: frozenset({""}), 8: some, 10: nobody}})
    assert known.tests_of(mutant) == ["quick", "slow"]
    assert not known.is_imported(mutant)
    early = Measured(known.seconds, {"place.py": {8: some | {""}, 9: some}})
    assert early.is_imported(mutant)
    assert early.tests_of(mutant) == ["quick", "slow", "other"]


def test_a_weak_test_leaves_survivors_and_a_strong_one_none(tmp_path):
    (tmp_path / "place.py").write_bytes(PLACE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(
        "from hypothesis import settings\nsettings.register_profile('house', deadline=None)\n"
    )
    test = tmp_path / "tests" / "test_place.py"
    test.write_text(
        "from place import Box, clipped\n"
        "def test_weak(): assert clipped('abcdef') == 'abc'\n"
        "def test_strong(): assert [Box(n).is_large for n in (9, 10, 13)] == [False, True, False]\n"
    )
    tests = ["tests/test_place.py::test_weak", "tests/test_place.py::test_strong"]
    chosen = mutants_of("place.py", PLACE)
    tasks = [
        Task(
            number=number,
            file="place.py",
            mutated=each.applied(PLACE).decode(),
            function=None if each.home is None else (each.home.name, each.home.first_line),
            tests=tests,
        )
        for number, each in enumerate(chosen)
        if each.home is None or each.kind == "comparison"
    ]
    job = Job(tasks=tasks, tests=["tests/test_place.py"], seconds={}, scratch=str(tmp_path / "scratch"))
    (tmp_path / "job.json").write_text(json.dumps(job))
    ran = subprocess.run(
        [sys.executable, "-m", "tests.mutation.worker", "job.json"],
        cwd=tmp_path,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=True,
    )
    told = {chosen[each["number"]].after: each["verdict"] for each in map(json.loads, ran.stdout.splitlines())}
    assert len(told) == len(tasks), ran.stderr
    assert {after for after, verdict in told.items() if verdict == "SURVIVED"} == {"if len(text) >= limit:"}
    assert told["LIMIT = 4"] == told["return self.size > 10 and not self.size == 13"] == "killed"


def test_a_mutant_that_python_warns_of_is_tried_like_any_other():
    assert compiled("a = 1 is 1", "place.py").co_filename == "place.py"


def scored(verdict: str, *listed: Mutant) -> Scored:
    mutant = mutants_of("skillport_sync/git/names.py", PLACE)[0]
    return Scored(ROOMS["git"], [(mutant, verdict)], {each.key: "it is the same" for each in listed}, 1.0)  # type: ignore[list-item]


def test_what_survives_lowers_the_score_unless_it_is_listed():
    mutant = mutants_of("skillport_sync/git/names.py", PLACE)[0]
    assert (scored("SURVIVED").score, scored("SURVIVED").survivors) == (0.0, [mutant])
    assert (scored("SURVIVED", mutant).score, scored("SURVIVED", mutant).survivors) == (100.0, [])
    assert scored("killed").score == scored("timed out").score == 100.0


def test_an_entry_that_stands_for_nothing_or_for_a_killed_mutant_is_stale():
    first, second = mutants_of("skillport_sync/git/names.py", PLACE)[:2]
    assert scored("SURVIVED", first).stale(is_whole=True) == []
    assert "a test kills it" in scored("killed", first).stale(is_whole=False)[0]
    assert "no such mutant" in scored("SURVIVED", first, second).stale(is_whole=True)[0]
    assert scored("SURVIVED", first, second).stale(is_whole=False) == []


def test_every_listed_equivalent_is_about_a_line_of_today():
    """Whether it is still a mutant, and still survives, only the run itself can say."""
    of_rooms = {file for room in ROOMS.values() for file in room.files_below(ROOT)}
    for file, _, before, after in reasons():
        assert file in of_rooms
        assert set(before.splitlines()) <= {line.strip() for line in (ROOT / file).read_text().splitlines()}, before
        assert before != after
