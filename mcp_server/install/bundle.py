"""Owns what an install writes: which files of a skill, under which names, for which target. Pure.

A skill for Claude Code is its files as they are, without what would turn the folder into something else than a skill; a package
is what an upload takes. Never reads a content but SKILL.md's, which it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from mcp_server.archives.layout import Layout, Member, layout
from mcp_server.install.installable import Installable, Piece
from mcp_server.install.manifest import MANIFEST, manifest
from mcp_server.install.package import NotPackageable, Rewrite, SkillFile, package
from mcp_server.install.package_rewrite import some_of

SKILL_MD: Final = "SKILL.md"
_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?<!\.)")
"""What is a folder's name on every system, an option of no command and a word in every shell."""
_NOT_IN_A_NAME: Final = re.compile(r"[^a-z0-9]+")
_MEANT_FOR_CLIENTS: Final = frozenset({".claude-plugin", ".mcp.json", ".claude", ".git"})
"""A folder with ``.claude-plugin/plugin.json`` in it is taken for a plugin, whose hooks and servers Claude Code 2.1.329 started
without asking; the others configure a client or git. Nobody who installs a skill means that."""
_IGNORED_BY_HFS: Final = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
"""As in ``git.paths``: letters that are no part of a name on macOS."""


class Target(StrEnum):
    """What an installed skill becomes."""

    CLAUDE_CODE = "claude-code"
    """A folder in ``~/.claude/skills``: the files as they are."""
    PACKAGE = "package"
    """A ``.skill`` file to upload to claude.ai or Claude Desktop."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is written, and what was changed on the way."""

    name: str
    """The folder that everything is in."""
    layout: Layout
    size_bytes: int
    """Of all files, unpacked."""
    rewrites: tuple[Rewrite, ...]

    @property
    def filename(self) -> str:
        return f"{self.name}.{'skill' if self.layout.format == 'zip' else 'tar.gz'}"


@dataclass(frozen=True, slots=True)
class NotInstallable:
    """Why there is nothing to install, and what to do. ``code`` is stable."""

    code: str
    message: str


def skill_bundle(skill: Installable, source: str) -> Bundle | NotInstallable:
    """The skill as a folder for Claude Code, with a manifest that says it came from ``source``."""
    name = folder_name(skill)
    skill_md = skill_md_of(skill)
    if isinstance(skill_md, NotInstallable):
        return skill_md
    # Claude Code finds a skill by this spelling only.
    named = [replace(piece, path=SKILL_MD) if piece is skill_md else piece for piece in skill.pieces]
    kept = tuple(piece for piece in named if not _is_left_out(piece.path))
    written = manifest(replace(skill, pieces=kept), source)
    members = [Member(f"{name}/{piece.path}", piece.executable, piece.content) for piece in kept]
    return Bundle(
        name,
        layout("tar.gz", [*members, Member(f"{name}/{MANIFEST}", False, written)]),
        sum(piece.size_bytes for piece in kept) + len(written),
        tuple(_changes(skill, name, skill_md)),
    )


def package_bundle(skill: Installable, skill_md: bytes) -> Bundle | NotInstallable:
    """The skill as a ``.skill`` package. ``skill_md`` is the content of its SKILL.md."""
    files = [SkillFile(piece.path, piece.content, piece.size_bytes, piece.executable) for piece in skill.pieces]
    made = package(skill.name, files, skill_md)
    if isinstance(made, NotPackageable):
        return NotInstallable(made.code, made.message)
    rewrites = (*made.rewrites, *_absences(skill))
    return Bundle(made.name, layout("zip", made.members), made.size_bytes, rewrites)


def skill_md_of(skill: Installable) -> Piece | NotInstallable:
    """The file that makes it a skill, however it is spelled."""
    found = [piece for piece in skill.pieces if piece.path.lower() == SKILL_MD.lower()]
    if found:
        return min(found, key=lambda piece: piece.path)  # as it should be, where there are several
    message = (
        f"The SKILL.md of {skill.label} is not held here, and without it there is no skill. Read it in the repository."
    )
    return NotInstallable("skill_md_not_held", message)


def folder_name(skill: Installable) -> str:
    """What its folder is called where it is installed: its name, or what is left of that."""
    names = (skill.name, _slug(skill.name), _slug(skill.directory.rpartition("/")[2]))
    return next((name for name in names if _FOLDER.fullmatch(name)), "skill")


def _slug(text: str) -> str:
    return _NOT_IN_A_NAME.sub("-", text.lower()).strip("-")[:64].rstrip("-")


def _is_left_out(path: str) -> bool:
    parts = [_plain(part) for part in path.split("/")]
    return parts[0] == MANIFEST or not _MEANT_FOR_CLIENTS.isdisjoint(parts)


def _plain(part: str) -> str:
    """The name as the most careless file system reads it."""
    return part.translate(_IGNORED_BY_HFS).casefold().rstrip(". ")


def _changes(skill: Installable, name: str, skill_md: Piece) -> Iterator[Rewrite]:
    if name != skill.name:
        yield Rewrite(
            "folder_renamed", f"installed as {name}, because {skill.name!r} is no name for a folder everywhere"
        )
    if skill_md.path != SKILL_MD:
        yield Rewrite("skill_md_renamed", f"{skill_md.path} is called {SKILL_MD}")
    dropped = [piece.path for piece in skill.pieces if _is_left_out(piece.path)]
    if dropped:
        yield Rewrite("files_dropped", f"left out, because a client would run or trust them: {some_of(dropped)}")
    yield from _absences(skill)


def _absences(skill: Installable) -> Iterator[Rewrite]:
    if skill.absent:
        yield Rewrite("files_not_held", f"not there, because the mirror does not hold them: {some_of(skill.absent)}")
