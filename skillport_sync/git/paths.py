"""Owns the question which paths of a repository may be served.

A path that passes leaves no directory, reaches nothing of git's own and stands for no other published path, on any system a
skill may be installed on. (Names that Windows merely cannot create, such as ``con``, pass.) One that does not pass is still
part of the verified tree, its bytes count towards the root id, but it is never published. Never touches a file system.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NewType

RepoPath = NewType("RepoPath", str)
"""A checked path inside a repository: ``/``-separated, relative, UTF-8, no traversal, no ``.git`` in any spelling."""

MAX_PATH_BYTES = 1024
MAX_DEPTH = 64

# Letters that HFS+ ignores when it compares names: ".g\u200cit" opens ".git" there (CVE-2014-9390). git refuses them too.
_IGNORED_BY_HFS = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF],
)


# Nearly every path: printable ASCII without what the questions below are about. It only saves their time; a path that it does
# not recognise is asked each of them. No name begins with ".git", ends the path upwards, or holds ":", "\\" or "~".
_NAME = rb"(?!\.{1,2}(?:/|\Z)|\.[gG][iI][tT])[ !-.0-9;-\[\]-}]+"
_ORDINARY = re.compile(rb"%b(?:/%b){0,%d}" % (_NAME, _NAME, MAX_DEPTH - 1))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class PathProblem(StrEnum):
    """Why a path is not published. Values are stable codes."""

    EMPTY = "path_empty"
    NOT_UTF8 = "path_not_utf8"
    CONTROL = "path_control_character"
    ABSOLUTE = "path_absolute"
    TRAVERSAL = "path_traversal"
    BACKSLASH = "path_backslash"
    GIT_DIRECTORY = "path_git_directory"
    TOO_LONG = "path_too_long"
    TOO_DEEP = "path_too_deep"
    COLLISION = "path_collision"


def check_path(raw: bytes) -> RepoPath | PathProblem:
    """The path as text when it is safe to serve, else the first reason why not."""
    if not raw:
        return PathProblem.EMPTY
    if len(raw) > MAX_PATH_BYTES:
        return PathProblem.TOO_LONG
    if _ORDINARY.fullmatch(raw):
        return RepoPath(raw.decode("ascii"))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return PathProblem.NOT_UTF8
    if _CONTROL.search(text):
        return PathProblem.CONTROL
    if "\\" in text:
        return PathProblem.BACKSLASH
    if text.startswith("/") or (len(text) > 1 and text[1] == ":" and text[0].isascii() and text[0].isalpha()):
        return PathProblem.ABSOLUTE
    parts = text.split("/")
    if len(parts) > MAX_DEPTH:
        return PathProblem.TOO_DEEP
    for part in parts:
        if part in ("", ".", ".."):
            return PathProblem.TRAVERSAL
        if _is_git_directory(part):
            return PathProblem.GIT_DIRECTORY
    return RepoPath(text)


def _is_git_directory(name: str) -> bool:
    """``.git`` as any file system may read it: case, trailing dots and spaces, NTFS short name and streams, HFS+ ignorables."""
    if name.isascii() and ".git" not in name.lower() and "git~" not in name.lower():
        return False
    folded = unicodedata.normalize("NFKC", name.translate(_IGNORED_BY_HFS)).casefold()
    folded = folded.partition(":")[0].rstrip(". ")
    return folded in (".git", "git~1", "git~2", "git~3", "git~4")


def collisions(paths: Iterable[RepoPath]) -> dict[RepoPath, str]:
    """Paths that some file systems cannot hold side by side, each with the other spelling it collides with.

    Compared as macOS and Windows compare names (Unicode-normalised, without case), for every directory on the way too. All
    members of a colliding group are named, so that which one is served never depends on order.
    """
    files = list(paths)
    names: set[str] = set(files)
    for path in files:
        while (slash := path.rfind("/")) >= 0 and (parent := path[:slash]) not in names:
            names.add(parent)
            path = RepoPath(parent)
    if len({_fold(name) for name in names}) == len(names):
        return {}
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(_fold(name), []).append(name)
    clashing = {
        name: min(other for other in group if other != name)
        for group in spellings.values()
        if len(group) > 1
        for name in group
    }
    return {path: clashing[prefix] for path in files for prefix in [_first_in(clashing, path)] if prefix is not None}


def _first_in(names: Mapping[str, str], path: str) -> str | None:
    """The shortest leading part of ``path`` that is in ``names``."""
    at = path.find("/")
    while at >= 0:
        if path[:at] in names:
            return path[:at]
        at = path.find("/", at + 1)
    return path if path in names else None


def _fold(text: str) -> str:
    """Equal for texts that match canonically without case, https://www.unicode.org/versions/Unicode15.0.0/ch03.pdf D145."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
