"""Owns what the linter says of one change: of the files that were saved everything, of the rest of the plugin what is new. Pure.

Looks at no more than the change and the plugin it is in, so that saving costs the same in a large marketplace. What is in no file
of this plugin, nor in marketplace.json, is not told: whoever changes one skill may not read the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from skillport_sync.catalog.hidden_text import find_hidden_text
from skillport_sync.catalog.model import OWN_SOURCE, Plugin, Problem, Severity
from skillport_sync.catalog.secrets_found import find_secrets
from skillport_sync.catalog.skill_files import is_in
from skillport_sync.git.edit import Put
from skillport_sync.git.objects import BlobId, blob_id
from skillport_sync.lint.code import Finding
from skillport_sync.lint.linting import finding
from skillport_sync.lint.plugin_rules import plugin_problems
from skillport_sync.lint.skill_files_rules import skill_files_problems
from skillport_sync.lint.skill_rules import skill_remarks
from skillport_sync.snapshot import Snapshot
from skillport_sync.sync.saves import Prepared

_Known = tuple[str, str, str]
"""Path, code and message: a problem that only moved to another line is none that is new."""


def lint_of(prepared: Prepared) -> tuple[Finding, ...]:
    """Warnings and errors, sorted by path and line. Reads every content that is put: for a worker thread."""
    plugin = _plugin_of(prepared.after, prepared)
    if plugin is None:
        return ()
    before = _plugin_of(prepared.before, prepared)
    puts = [edit for edit in prepared.planned.edits if isinstance(edit, Put)]
    contents = {blob_id(put.content): put.content for put in puts}
    known = {_known(problem) for problem in prepared.before.problems}
    known |= {_known(problem) for problem in _of_all_files(prepared.before, before, {})}
    found = {problem for problem in prepared.after.problems if _known(problem) not in known}
    found |= {problem for problem in _of_all_files(prepared.after, plugin, contents) if _known(problem) not in known}
    found.update(_of_contents(prepared, puts))
    saved = {str(put.path) for put in puts}
    told = [
        finding(problem)
        for problem in found
        if problem.source == OWN_SOURCE
        and problem.severity is not Severity.INFO
        and (problem.path in saved or (plugin.directory != "" and is_in(problem.path, plugin.directory)))
    ]
    return tuple(sorted(told, key=lambda each: each.place))


def _plugin_of(snapshot: Snapshot, prepared: Prepared) -> Plugin | None:
    return next((plugin for plugin in snapshot.catalog.plugins if plugin.name == prepared.planned.plugin), None)


def _of_all_files(snapshot: Snapshot, plugin: Plugin | None, contents: Mapping[BlobId, bytes]) -> Iterator[Problem]:
    """What surfaces have against the plugin's files, and those of its skills, taken together."""
    if plugin is None or plugin.source not in snapshot.publishable:
        return
    yield from plugin_problems(plugin, snapshot.publishable[plugin.source], contents)
    for skill in snapshot.catalog.skills:
        if skill.plugin == plugin:
            yield from skill_files_problems(skill, snapshot.located(skill))


def _of_contents(prepared: Prepared, puts: Sequence[Put]) -> Iterator[Problem]:
    """What is said of the contents that were put."""
    skill = prepared.skill
    for put in puts:
        for remark in (*find_secrets(put.content), *find_hidden_text(put.content)):
            yield remark.at(put.path)
        if skill is not None and put.path == _real_skill_md(prepared):
            yield from (remark.at(put.path) for remark in skill_remarks(skill, put.content))


def _real_skill_md(prepared: Prepared) -> str | None:
    """Where the skill's SKILL.md really is."""
    skill = prepared.skill
    if skill is None:
        return None
    if skill.linked is None:
        return skill.skill_md
    return skill.linked.files.get(skill.skill_md.rpartition("/")[2])


def _known(problem: Problem) -> _Known:
    return (problem.path, problem.code, problem.message)
