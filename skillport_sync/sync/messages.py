"""Owns what people read of a save at GitHub: the commit's message, and the text of a pull request."""

from __future__ import annotations

from collections import Counter

from skillport_sync.catalog.model import Problem, Severity
from skillport_sync.github.message import Message, Requester
from skillport_sync.sync.saves import Prepared, Wanted

_SHOWN_FILES = 100
_SHOWN_PROBLEMS = 30


def message_of(wanted: Wanted, prepared: Prepared) -> Message:
    """The commit's message: what was done, and for whom."""
    person = wanted.principal
    headline = wanted.message or prepared.planned.headline
    return Message(headline, Requester(person.name or str(person.id), str(person.id), person.email))


def proposal_text(wanted: Wanted, prepared: Prepared) -> str:
    """What a pull request says: who asks, what changes, what is wrong with it."""
    person = wanted.principal
    planned = prepared.planned
    counts = Counter(file.done.value for file in prepared.files)
    summary = ", ".join(f"{count} {done}" for done, count in sorted(counts.items()))
    files = [f"- `{file.path}` {file.done.value}" for file in prepared.files[:_SHOWN_FILES]]
    more = len(prepared.files) - len(files)
    problems = [_problem(problem) for problem in new_problems(prepared)]
    parts = [
        f"**{person.name or person.id}** (`{person.id}`) asks for this through Skillport Sync: {planned.headline}.",
        f"Skill `{planned.plugin}/{planned.skill}`; files: {summary}.",
        "\n".join([*files, *([f"- and {more} more"] if more > 0 else [])]),
        "### What lint says of it\n\n" + "\n".join(problems[:_SHOWN_PROBLEMS])
        if problems
        else "Lint finds nothing wrong.",
    ]
    return "\n\n".join(parts) + "\n"


def new_problems(prepared: Prepared) -> list[Problem]:
    """What is wrong afterwards and was not before."""
    known = {(problem.source, problem.path, problem.code, problem.message) for problem in prepared.before.problems}
    return [
        problem
        for problem in prepared.after.problems
        if (problem.source, problem.path, problem.code, problem.message) not in known
        and problem.severity is not Severity.INFO
    ]


def _problem(problem: Problem) -> str:
    line = f":{problem.line}" if problem.line else ""
    return f"- {problem.severity.value}: `{problem.path}{line}` {problem.message} (`{problem.code}`)"
