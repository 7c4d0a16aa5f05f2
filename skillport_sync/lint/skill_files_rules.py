"""Owns what surfaces ask of a skill's files together: how many, how large, and that no plugin hides among them.

Problem codes: skill_over_upload_size, skill_over_sep_size, skill_over_sep_files, skill_holds_plugin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skillport_sync.catalog.model import Problem, Skill
from skillport_sync.files import HeldFile
from skillport_sync.git.paths import RepoPath
from skillport_sync.lint.codes import CODES

UPLOAD_MAX_BYTES = 30_000_000
SEP_MAX_BYTES = 16 * 1024 * 1024
SEP_MAX_FILES = 512

_PLUGIN = ".claude-plugin"


def skill_files_problems(skill: Skill, files: Sequence[tuple[str, RepoPath, HeldFile]]) -> Iterator[Problem]:
    """What surfaces have against this skill because of its files: each with its path in the skill, its real path, its facts."""
    size_bytes = sum(file.size_bytes for _, _, file in files)
    if size_bytes > UPLOAD_MAX_BYTES:
        yield _of(skill, "skill_over_upload_size", f"{size_bytes:,} bytes, more than {UPLOAD_MAX_BYTES:,}")
    if size_bytes > SEP_MAX_BYTES:
        yield _of(skill, "skill_over_sep_size", f"{size_bytes:,} bytes, more than {SEP_MAX_BYTES:,}")
    if len(files) > SEP_MAX_FILES:
        yield _of(skill, "skill_over_sep_files", f"{len(files):,} files, more than {SEP_MAX_FILES}")
    yield from _plugins_within(skill, files)


def _plugins_within(skill: Skill, files: Sequence[tuple[str, RepoPath, HeldFile]]) -> Iterator[Problem]:
    """A skill at its plugin's root lies beside that plugin's own manifest: only there it belongs."""
    if skill.directory == skill.plugin.directory:
        return
    for relative, path, _ in files:
        if relative.partition("/")[0].casefold() == _PLUGIN:
            message = f"a plugin inside the skill {skill.name!r}: its hooks run wherever the skill is copied to"
            yield _problem("skill_holds_plugin", path, message, skill)
            return


def _of(skill: Skill, code: str, message: str) -> Problem:
    return _problem(code, skill.skill_md, f"the skill has {message}", skill)


def _problem(name: str, path: str, message: str, skill: Skill) -> Problem:
    return Problem(path, name, CODES[name].severity, message, None, skill.plugin.source)
