"""Owns the words of a change: what somebody wants of a skill, the edits that would do it, and why there are none. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from skillport_sync.git.edit import FileEdit


@dataclass(frozen=True, slots=True)
class FileWish:
    """A file of the skill as it is to be. ``path`` is relative to the skill, unchecked."""

    path: str
    content: bytes | None
    """None: it is to be gone."""
    executable: bool | None = None
    """None: as it was; a new file is not."""


@dataclass(frozen=True, slots=True)
class Save:
    """Make a skill, or change files of one."""

    skill: str
    """Of a new one, its name."""
    files: tuple[FileWish, ...]
    group: str | None = None
    """The plugin. None: the one it is in, or a new one of the skill's name."""
    plugin_metadata: Mapping[str, object] | None = None
    """``description``, ``keywords``, ``author``, ``license`` of the plugin; a new plugin needs the first."""
    allow_secrets: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Take a skill away; its plugin too, where it is the last."""

    skill: str


class Part(StrEnum):
    """Which number of a version goes up."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@dataclass(frozen=True, slots=True)
class Bump:
    """Give the skill's plugin the next version."""

    skill: str
    part: Part


@dataclass(frozen=True, slots=True)
class Publish:
    """List the skill's plugin in marketplace.json, or change what is said of it there."""

    skill: str
    description: str
    category: str | None = None
    tags: tuple[str, ...] = ()
    """At least one ``surface:`` tag."""
    keywords: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unpublish:
    """Take the skill's plugin out of marketplace.json; its files stay."""

    skill: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a skill another name, and its plugin too where the two have one name and the plugin no other skill."""

    skill: str
    to: str


Wish = Save | Delete | Bump | Publish | Unpublish | Rename


@dataclass(frozen=True, slots=True)
class ChangeRefused:
    """Why this is not done. ``code`` is stable; ``path`` is relative to the repository, ``line`` counts from 1."""

    code: str
    message: str
    path: str | None = None
    line: int | None = None


class Done(StrEnum):
    """What becomes of a file."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Planned:
    """The edits that fulfil a wish, and what to say of them."""

    edits: tuple[FileEdit, ...]
    plugin: str
    skill: str
    """Its name afterwards."""
    headline: str
    """The first line of the commit's message."""
    is_new_skill: bool = False
    is_new_plugin: bool = False
    plugin_deleted: bool = False
    old_version: str | None = None
    new_version: str | None = None
    entry_created: bool | None = None
    """Of a publication: whether the entry is new. None where the wish was another."""
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """How large a skill may be."""

    file_bytes: int = 10 * 1024 * 1024
    skill_bytes: int = 30_000_000
    """What claude.ai takes of one skill."""
    skill_files: int = 2_000


ROOM: Final = Room()
