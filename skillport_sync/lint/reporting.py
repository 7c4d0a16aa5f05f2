"""Owns how findings become a report: of what is published, or of files that nobody published yet. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from skillport_sync.access.policy import POLICY_PATH
from skillport_sync.catalog.model import Problem, Severity, SourceKey
from skillport_sync.catalog.secrets_found import without_secrets
from skillport_sync.files import publishable
from skillport_sync.git.objects import CommitId
from skillport_sync.lint.arrangement import Arrangement
from skillport_sync.lint.code import Finding, Surface
from skillport_sync.lint.codes import CODES
from skillport_sync.lint.content_rules import content_problems
from skillport_sync.lint.linting import Contents, Linted, Verdict, finding, lint
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports.lint import FindingRow, LintedSkill, LintReport
from skillport_sync.snapshot import Snapshot, SourceInput, assemble

MAX_FINDINGS = 10_000
"""The worst so many are told: a report has to pass to another process whole."""

_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def lint_published(snapshot: Snapshot, contents: Contents, unbumped: Iterable[tuple[str, str]] = ()) -> LintReport:
    """Lint what is published. ``contents`` is looked up for every file of the snapshot, ``unbumped`` are the skills,
    ``(plugin, directory)``, whose content changed without a new version."""
    repositories = {state.key: state.repository for state in snapshot.sources[1:]}
    linted = lint(snapshot, contents, unbumped=unbumped)
    return _report(snapshot.marketplace, snapshot.commit, linted, repositories)


def lint_unpublished(files: Arrangement) -> LintReport:
    """Lint files as they are, whatever a service would refuse of them."""
    linted = _linted(files.source)
    told = [_here(each) for finding in linted.findings if (each := _as_it_lies(finding, files)) is not None]
    verdicts = [
        replace(verdict, skill=replace(verdict.skill, directory=_without(verdict.skill.directory, files.below)))
        for verdict in linted.verdicts
    ]
    return _report(files.title, None, Linted(_sorted(told), tuple(verdicts)), {})


def narrowed(report: LintReport, surfaces: Collection[Surface]) -> LintReport:
    """What of the report is about these surfaces. What is wrong by itself, on no surface in particular, stays."""
    return replace(
        report,
        skills=tuple(
            replace(skill, refused_by=tuple(name for name in skill.refused_by if name in surfaces))
            for skill in report.skills
        ),
        findings=tuple(
            row
            for row in report.findings
            if any(name in surfaces for name in row.breaks) or (not row.breaks and row.severity != "info")
        ),
    )


def _linted(source: SourceInput) -> Linted:
    snapshot = assemble(MarketplaceName("linted"), [source], None)
    if isinstance(snapshot, Snapshot):
        return lint(snapshot, source.contents)
    refusal = finding(Problem(snapshot.path or "", snapshot.code, Severity.ERROR, snapshot.message, snapshot.line))
    if snapshot.path == POLICY_PATH:
        # Whoever mends the policy wants to know at once what else is wrong.
        rest = _linted(_without_policy(source))
        everywhere = tuple(
            replace(verdict, refused_by=verdict.refused_by | refusal.breaks) for verdict in rest.verdicts
        )
        return Linted(_sorted((refusal, *rest.findings)), everywhere)
    files = publishable(source.entries, source.held, None)
    of_files = {*files.problems, *content_problems({source.state.key: files}, source.contents)}
    return Linted(_sorted((refusal, *map(finding, of_files))), ())


def _without_policy(source: SourceInput) -> SourceInput:
    folder = POLICY_PATH.partition("/")[0].encode()
    entries = {path: entry for path, entry in source.entries.items() if path.partition(b"/")[0].lower() != folder}
    return replace(source, entries=entries)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda each: each.place))


def _here(each: Finding) -> Finding:
    """What cannot be seen from one directory alone is no fault of it."""
    if each.code != "source_unavailable":
        return each
    elsewhere = CODES["source_elsewhere"]
    message = "this plugin comes from another repository, which is not looked at here"
    return replace(each, code=elsewhere.name, severity=elsewhere.severity, message=message, breaks=elsewhere.breaks)


def _as_it_lies(each: Finding, files: Arrangement) -> Finding | None:
    """The finding at the place where the file really is; None where only the arrangement is to blame."""
    if each.path in files.made_up:
        instead = files.made_up[each.path]
        return None if instead is None else replace(each, path=instead, line=None)
    return replace(each, path=_without(each.path, files.below))


def _without(path: str, below: str) -> str:
    if not below:
        return path
    return "" if path == below else path.removeprefix(f"{below}/")


def _report(title: str, commit: CommitId | None, linted: Linted, repositories: Mapping[SourceKey, str]) -> LintReport:
    told = linted.findings
    if len(told) > MAX_FINDINGS:
        told = _sorted(sorted(told, key=lambda each: _SEVERITIES.index(each.severity))[:MAX_FINDINGS])
    return LintReport(
        title=title,
        commit=commit,
        skills=tuple(map(_skill, linted.verdicts)),
        findings=tuple(_row(each, repositories.get(each.source)) for each in told),
        more=len(linted.findings) - len(told),
    )


def _skill(verdict: Verdict) -> LintedSkill:
    return LintedSkill(without_secrets(verdict.skill.label), verdict.skill.directory, _names(verdict.refused_by))


def _row(each: Finding, repository: str | None) -> FindingRow:
    return FindingRow(
        each.code, each.severity.value, each.path, each.line, each.message, _names(each.breaks), each.skill, repository
    )


def _names(surfaces: frozenset[Surface]) -> tuple[str, ...]:
    """In the order in which the surfaces are declared."""
    return tuple(surface.value for surface in Surface if surface in surfaces)
