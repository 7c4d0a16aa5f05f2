"""Owns which files of a skill go into its package, and under which names. Pure. Never looks into one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mcp_server.install.package_rewrite import Rewrite, some_of
from skillport_sync.git.objects import BlobId

SKILL_MD = "SKILL.md"
NESTED_SKILL_MD = "NESTED-SKILL.md"

# What Anthropic's packager leaves out (anthropics/skills, skill-creator/scripts/package_skill.py), and what belongs to plugins:
# an upload that holds a plugin manifest is refused (https://github.com/anthropics/claude-code/issues/92902).
_DROPPED_NAMES = frozenset({"__pycache__", "node_modules", ".ds_store", ".claude-plugin", ".mcp.json"})
_DROPPED_SUFFIX = ".pyc"
_DROPPED_AT_TOP = "evals/"


@dataclass(frozen=True, slots=True)
class SkillFile:
    """A file of a skill as it is published, all of it held. ``path`` is relative to the skill."""

    path: str
    content: BlobId | bytes
    size_bytes: int
    executable: bool


def chosen(files: Sequence[SkillFile]) -> tuple[tuple[SkillFile, ...], tuple[Rewrite, ...]]:
    """The files that go in, SKILL.md under this name, and what is otherwise than it was."""
    kept = [file for file in files if not _is_dropped(file.path)]
    dropped = [file.path for file in files if _is_dropped(file.path)]
    named = tuple(_named(kept))
    rewrites = tuple(_renames(kept, named))
    if dropped:
        what = f"left out, as a skill does not need them or an upload refuses them: {some_of(dropped)}"
        rewrites = (*rewrites, Rewrite("files_dropped", what))
    return named, rewrites


def is_skill_md(path: str) -> bool:
    """Whether this is the file that makes the skill, however it is spelled."""
    return path.lower() == SKILL_MD.lower()


def _is_dropped(path: str) -> bool:
    names = [_plain(name) for name in path.split("/")]
    return (
        not _DROPPED_NAMES.isdisjoint(names) or names[-1].endswith(_DROPPED_SUFFIX) or path.startswith(_DROPPED_AT_TOP)
    )


def _plain(name: str) -> str:
    """As the most careless file system reads it: without letters that nobody sees, without case, without a dot at the end."""
    return "".join(filter(str.isprintable, name)).casefold().rstrip(". ")


def _named(files: Sequence[SkillFile]) -> Iterator[SkillFile]:
    """Only one file may be called SKILL.md, wherever it is: an upload that holds several is refused
    (https://github.com/netresearch/jira-skill/issues/11)."""
    taken = {file.path.lower() for file in files}
    for file in files:
        directory, slash, name = file.path.rpartition("/")
        if is_skill_md(file.path):
            yield replace(file, path=SKILL_MD)
        elif is_skill_md(name):
            path = _free(f"{directory}{slash}", taken)
            taken.add(path.lower())
            yield replace(file, path=path)
        else:
            yield file


def _free(prefix: str, taken: set[str]) -> str:
    path, at = f"{prefix}{NESTED_SKILL_MD}", 2
    while path.lower() in taken:
        path, at = f"{prefix}{at}-{NESTED_SKILL_MD}", at + 1
    return path


def _renames(before: Sequence[SkillFile], after: Sequence[SkillFile]) -> Iterator[Rewrite]:
    renamed = [(old.path, new.path) for old, new in zip(before, after, strict=True) if old.path != new.path]
    for old, new in renamed:
        if new == SKILL_MD:
            yield Rewrite("skill_md_renamed", f"{old} is called {SKILL_MD}")
    nested = [f"{old} is called {new.rpartition('/')[2]}" for old, new in renamed if new != SKILL_MD]
    if nested:
        yield Rewrite("nested_skill_renamed", f"an upload may hold one SKILL.md only: {some_of(nested)}")
