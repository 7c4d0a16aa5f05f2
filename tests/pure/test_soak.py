"""What ``make soak`` concludes from: growth is seen, noise is not taken for it, and a wrong answer is found."""

from __future__ import annotations

import random

import pytest

from skillport_sync.standin import StandInGitHub
from tests.soak.evidence import Evidence, said_files, said_list
from tests.soak.measures import MIB, Sample, judge, slope
from tests.soak.traffic import skill_md


def samples(grow_bytes_a_s: float = 0.0, descriptors_a_s: float = 0.0, seconds: int = 100) -> list[Sample]:
    dice = random.Random(7)
    return [
        Sample(
            float(at),
            int(120 * MIB + dice.uniform(-8, 8) * MIB + at * grow_bytes_a_s),
            int(30 + dice.uniform(-4, 4) + at * descriptors_a_s),
            10 * MIB,
            2 * MIB,
            at * 100,
        )
        for at in range(seconds)
    ]


def test_a_line_is_found_through_points() -> None:
    begins, rise = slope([(x, 3 + 2 * x) for x in range(10)])
    assert (round(begins, 9), round(rise, 9)) == (3, 2)
    assert slope([(1.0, 5.0), (1.0, 7.0)]) == (6.0, 0.0)


def test_noise_is_flat_and_growth_is_not() -> None:
    assert all(verdict.is_flat for verdict in judge(samples()))
    grown = {verdict.name: verdict.is_flat for verdict in judge(samples(grow_bytes_a_s=MIB))}
    assert grown == {"memory": False, "file descriptors": True, "mirror.db": True, "state.db": True}
    assert not {verdict.name: verdict.is_flat for verdict in judge(samples(descriptors_a_s=0.2))}["file descriptors"]


def test_too_little_says_nothing() -> None:
    with pytest.raises(ValueError, match="soak for longer"):
        judge(samples(seconds=5))


def test_an_answer_is_compared_with_the_commit_that_it_names() -> None:
    repository = StandInGitHub().create_repository("acme/skills")
    path, dice = "docs/skills/s01/SKILL.md", random.Random(7)
    first = repository.commit({path: skill_md("s01", 1, dice), "docs/skills/s01/noise.bin": b"\0\1"})
    second = repository.commit({path: skill_md("s01", 2, dice), "docs/skills/s02/SKILL.md": skill_md("s02", 2, dice)})
    one = {"SKILL.md": repository.read(path, first)}
    two = {"SKILL.md": repository.read(path, second)}
    right, wrong = Evidence(), Evidence()
    right.add("file", "s01:SKILL.md", first, said_files(one))
    right.add("file", "s01:SKILL.md", second, said_files(two))
    right.add("list", "", first, said_list([("s01", "number 1")]))
    right.add("list", "", second, said_list([("s02", "number 2"), ("s01", "number 2")]))
    right.add("skill", "s01", second, said_files({**two, "noise.bin": b"\0\1"}))
    assert right.wrong(repository) == []
    wrong.add("file", "s01:SKILL.md", second, said_files(one))
    wrong.add("list", "", second, said_list([("s01", "number 1")]))
    wrong.add("skill", "s01", second, said_files(two))
    wrong.add("file", "s02:SKILL.md", first, said_files(two))
    wrong.add("file", "s01:SKILL.md", "0" * 40, said_files(one))
    assert len(wrong.wrong(repository)) == len(wrong.answers) == 5
