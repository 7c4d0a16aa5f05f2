"""Owns the judgement of a skill's files as somebody wants them: where they may be, what SKILL.md has to say, what is too much."""

from __future__ import annotations

from typing import Final

from skillport_sync.catalog.change.present import Present, join
from skillport_sync.catalog.change.wishes import ChangeRefused, FileWish, Room
from skillport_sync.catalog.model import Skill
from skillport_sync.catalog.secrets_found import find_secrets
from skillport_sync.catalog.skill_files import is_in
from skillport_sync.catalog.skill_md import read_skill_md
from skillport_sync.git.edit import FileEdit, Put, Remove
from skillport_sync.git.paths import PathProblem, RepoPath, check_path

SKILL_MD: Final = "SKILL.md"
MAX_NAME_CHARS: Final = 64

_NOT_OF_A_SKILL: Final = {
    ".claude-plugin": (
        "path_plugin_in_skill",
        "would make the skill a plugin, whose hooks run unasked where it is installed",
    ),
    ".mcp.json": ("path_plugin_in_skill", "belongs to a plugin, not to a skill"),
    ".skillport.json": ("path_reserved", "is written where a skill is installed, and is not part of it"),
    ".gitmodules": ("path_reserved", "is git's own"),
}
_NOT_OF_PEOPLE: Final = {
    ".github": ("path_workflow", "is run by GitHub: change it in the repository"),
    ".skillport": ("path_reserved", "says who may do what: change it in the repository"),
}
_UNWRITABLE: Final = frozenset(
    {
        "frontmatter_missing",
        "frontmatter_unterminated",
        "frontmatter_not_utf8",
        "frontmatter_too_large",
        "frontmatter_invalid",
        "frontmatter_not_a_mapping",
        "frontmatter_alias",
        "frontmatter_repaired",
        "skill_name_invalid",
        "skill_description_invalid",
        "skill_md_too_large",
    }
)
"""What a SKILL.md is served with where it is so, and not written with: some surface refuses it, or reads it otherwise."""


def placed(present: Present, directory: str, skill: Skill | None, wish: FileWish) -> RepoPath | ChangeRefused:
    """Where a file of the skill in ``directory`` really is, or would be.

    ``skill`` is None where it is to be made. Behind a link, files that are there are changed where they are.
    """
    written = wish.path.removeprefix("./")
    relative = check_path(written.encode("utf-8", "surrogateescape"))
    if isinstance(relative, PathProblem):
        return ChangeRefused(relative.value, "is not a path inside the skill", wish.path)
    for part in relative.split("/"):
        if part.casefold() in _NOT_OF_A_SKILL:
            code, why = _NOT_OF_A_SKILL[part.casefold()]
            return ChangeRefused(code, why, relative)
    if skill is not None and skill.linked is not None:
        path = skill.linked.files.get(relative, RepoPath(join(skill.linked.directory, relative)))
    elif skill is not None and relative.casefold() == skill.skill_md.rpartition("/")[2].casefold():
        path = skill.skill_md
    else:
        path = RepoPath(join(directory, relative))
    first = path.partition("/")[0].casefold()
    if first in _NOT_OF_PEOPLE:
        code, why = _NOT_OF_PEOPLE[first]
        return ChangeRefused(code, why, path)
    owner = _other_owner(present, path, directory, skill)
    if owner is not None:
        return ChangeRefused("path_of_another_skill", f"belongs to the skill {owner}: change it there", path)
    return path


def _other_owner(present: Present, path: RepoPath, directory: str, skill: Skill | None) -> str | None:
    """The skill that a path belongs to, where that is another one: the innermost counts."""
    own = directory if skill is None else skill.real_directory
    inside = [
        other
        for other in present.skills()
        if other.real_directory not in ("", own)
        and is_in(path, other.real_directory)
        and is_in(other.real_directory, own)
    ]
    return max(inside, key=lambda other: len(other.real_directory)).label if inside else None


def edit_of(path: RepoPath, wish: FileWish, room: Room, *, allow_secrets: bool) -> FileEdit | ChangeRefused:
    """The edit of one file, if its content may be written."""
    if wish.content is None:
        if path.rpartition("/")[2].casefold() == SKILL_MD.casefold():
            return ChangeRefused("skill_md_needed", "is what makes it a skill: delete the skill instead", path)
        return Remove(path)
    if len(wish.content) > room.file_bytes:
        message = f"has {len(wish.content):,} bytes; a file may have {room.file_bytes:,}"
        return ChangeRefused("file_too_large", message, path)
    secrets = () if allow_secrets else find_secrets(wish.content)
    if secrets:
        message = f"{secrets[0].message}. If it is none, send allow_secrets"
        return ChangeRefused(secrets[0].code, message, path, secrets[0].line)
    return Put(path, wish.content, wish.executable)


def why_not_named(name: str) -> str | None:
    """Why a new skill or plugin cannot be called so on every surface; None where it can."""
    words = name.split("-")
    if len(name) <= MAX_NAME_CHARS and all(word and set(word) <= _LETTERS for word in words):
        return None
    return f"a name is 1 to {MAX_NAME_CHARS} of a-z, 0-9 and single hyphens between them"


_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def why_not_written(content: bytes, path: RepoPath, name: str) -> ChangeRefused | None:
    """What is wrong with a SKILL.md that is to be written for the skill ``name``; None where nothing is."""
    text = read_skill_md(content)
    for remark in text.remarks:
        if remark.code in _UNWRITABLE:
            return ChangeRefused(remark.code, remark.message, path, remark.line)
    written = text.frontmatter.get("name")
    if written is None:
        return ChangeRefused("skill_name_missing", "the frontmatter gives no name", path, 1)
    description = text.frontmatter.get("description")
    if not isinstance(description, str) or not description.strip():
        return ChangeRefused("skill_description_missing", "the frontmatter gives no description", path, 1)
    if text.name != name:
        message = f"the frontmatter names it {text.name!r}, and the skill is {name!r}: rename it in a step of its own"
        return ChangeRefused("skill_name_differs", message, path, 1)
    return None


def too_much(present: Present, paths: dict[RepoPath, int], before: int, room: Room) -> ChangeRefused | None:
    """Why a skill of these files is too large, unless it was before (``before`` bytes)."""
    total = sum(paths.values())
    if total > room.skill_bytes and total > before:
        message = f"would have {total:,} bytes; a skill may have {room.skill_bytes:,}"
        return ChangeRefused("skill_too_large", message)
    there = sum(1 for path in paths if path in present.own.files)
    if len(paths) > room.skill_files and len(paths) > there:
        return ChangeRefused(
            "skill_too_many_files", f"would have {len(paths):,} files; a skill may have {room.skill_files:,}"
        )
    return None
