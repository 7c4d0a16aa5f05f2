"""Owns the linting of a snapshot: the problems that were found when it was made, what stricter surfaces have against its skills
and plugins, what its files must not hold; and for each skill, which surfaces refuse it. Pure.

What comes out depends on the snapshot and its contents alone, in whatever order they are looked at.

Problem code of this module: version_not_bumped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from skillport_sync.catalog.discover import MANIFEST_PATH
from skillport_sync.catalog.model import OWN_SOURCE, Problem, Severity, Skill
from skillport_sync.catalog.secrets_found import without_secrets
from skillport_sync.git.objects import BlobId
from skillport_sync.git.paths import RepoPath
from skillport_sync.lint.code import Finding, Surface
from skillport_sync.lint.codes import CODES
from skillport_sync.lint.content_rules import content_problems
from skillport_sync.lint.plugin_rules import bare_sources, plugin_problems
from skillport_sync.lint.scope import Scope
from skillport_sync.lint.skill_files_rules import skill_files_problems
from skillport_sync.lint.skill_rules import skill_remarks
from skillport_sync.lint.written_marketplace import NOTHING_WRITTEN, WrittenMarketplace, written_marketplace
from skillport_sync.snapshot import Snapshot

Contents = Mapping[BlobId, bytes]
"""Looked up, never iterated: a content that is not held raises KeyError."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One skill, and the surfaces that refuse it as it is."""

    skill: Skill
    refused_by: frozenset[Surface]


@dataclass(frozen=True, slots=True)
class Linted:
    findings: tuple[Finding, ...]
    """Sorted by source, path and line; each once."""
    verdicts: tuple[Verdict, ...]
    """Of every skill that is listed, or withheld; the latter last."""


def lint(snapshot: Snapshot, contents: Contents, *, unbumped: Iterable[tuple[str, str]] = ()) -> Linted:
    """Everything that is wrong with this snapshot. ``unbumped`` are skills, ``(plugin, directory)``, that changed without a
    new version, which only a store of earlier publications can know."""
    marketplace = _marketplace(snapshot, contents)
    scope = Scope(snapshot, marketplace)
    told: dict[Problem, set[int]] = {}
    for problem, skills in _problems(snapshot, contents, marketplace, scope, frozenset(unbumped)):
        told.setdefault(problem, set()).update(skills)
    refused: list[set[Surface]] = [set() for _ in scope.skills]
    for problem, skills in told.items():
        code = CODES.get(problem.code)
        if code is None or code.spares_skills or problem.severity is Severity.INFO:
            continue
        for number in skills:
            refused[number] |= code.breaks
    for withheld in range(len(snapshot.catalog.skills), len(scope.skills)):
        refused[withheld] |= {Surface.THIS_SERVICE, Surface.SEP_2640}
    findings = (finding(problem, [scope.skills[number].label for number in skills]) for problem, skills in told.items())
    return Linted(
        tuple(sorted(findings, key=lambda each: each.place)),
        tuple(
            Verdict(skill, frozenset(by))
            for skill, by in zip(scope.skills, refused, strict=True)
            if skill.plugin.published
        ),
    )


def finding(problem: Problem, labels: Collection[str] = ()) -> Finding:
    """The problem with what the table knows of its code. ``labels`` are those of the skills it concerns."""
    code = CODES.get(problem.code)
    return Finding(
        code=problem.code,
        severity=problem.severity,
        path=problem.path,
        line=problem.line,
        message=without_secrets(problem.message),
        breaks=code.breaks if code is not None else frozenset(),
        skill=without_secrets(next(iter(labels))) if len(labels) == 1 else None,
        source=problem.source,
    )


def _problems(
    snapshot: Snapshot,
    contents: Contents,
    marketplace: WrittenMarketplace,
    scope: Scope,
    unbumped: frozenset[tuple[str, str]],
) -> Iterator[tuple[Problem, Collection[int]]]:
    """Every problem, and the skills it concerns. The same may come twice."""
    of_places = [*snapshot.problems, *content_problems(snapshot.publishable, contents)]
    yield from ((problem, scope.of(problem)) for problem in of_places)
    for line, message in bare_sources(marketplace):
        problem = Problem(MANIFEST_PATH, "plugin_source_bare", CODES["plugin_source_bare"].severity, message, line)
        yield problem, scope.of(problem)
    for plugin in dict.fromkeys((*snapshot.catalog.plugins, *(skill.plugin for skill in scope.skills))):
        concerned = scope.of_plugin(plugin)
        files = snapshot.publishable[plugin.source]
        yield from ((problem, concerned) for problem in plugin_problems(plugin, files, contents))
    for number, skill in enumerate(scope.skills):
        yield from ((problem, (number,)) for problem in _skill_problems(snapshot, contents, skill))
        if (skill.plugin.name, skill.directory) in unbumped:
            yield _not_bumped(skill), (number,)


def _skill_problems(snapshot: Snapshot, contents: Contents, skill: Skill) -> Iterator[Problem]:
    files = snapshot.located(skill)
    name = skill.skill_md.rpartition("/")[2]
    for relative, path, file in files:
        if relative == name and (content := contents.get(file.oid)) is not None:
            yield from (remark.at(path, skill.plugin.source) for remark in skill_remarks(skill, content))
    yield from skill_files_problems(skill, files)


def _not_bumped(skill: Skill) -> Problem:
    code = CODES["version_not_bumped"]
    message = f"{skill.label} changed, and its version is still {skill.version}"
    return Problem(skill.skill_md, code.name, code.severity, message, None, skill.plugin.source)


def _marketplace(snapshot: Snapshot, contents: Contents) -> WrittenMarketplace:
    file = snapshot.publishable[OWN_SOURCE].held.get(RepoPath(MANIFEST_PATH))
    content = None if file is None else contents.get(file.oid)
    return NOTHING_WRITTEN if content is None else written_marketplace(content)
