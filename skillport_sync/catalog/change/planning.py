"""Owns the way from a wish to the edits that fulfil it. Pure: the same present and the same wish make the same edits."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from skillport_sync.catalog.change.deleting import delete
from skillport_sync.catalog.change.present import Present
from skillport_sync.catalog.change.publishing import publish, unpublish
from skillport_sync.catalog.change.renaming import rename
from skillport_sync.catalog.change.saving import save
from skillport_sync.catalog.change.versions import bump
from skillport_sync.catalog.change.wishes import (
    ROOM,
    Bump,
    ChangeRefused,
    Delete,
    Planned,
    Publish,
    Rename,
    Room,
    Save,
    Unpublish,
    Wish,
)
from skillport_sync.catalog.model import Skill
from skillport_sync.git.edit import FileEdit


def plan(
    present: Present, wish: Wish, target: Skill | None, *, author: str = "", room: Room = ROOM
) -> Planned | ChangeRefused:
    """The edits that fulfil the wish. ``target`` is the skill that it means, None where there is none of the name.

    ``author`` is who is named in a plugin that is made. Whether that person may is not asked here.
    """
    planned = _plan(present, wish, target, author, room)
    return planned if isinstance(planned, ChangeRefused) else replace(planned, edits=_sorted(planned.edits))


def _plan(present: Present, wish: Wish, target: Skill | None, author: str, room: Room) -> Planned | ChangeRefused:
    if isinstance(wish, Save):
        return save(present, wish, target, author, room)
    if target is None:
        return ChangeRefused("unknown_skill", f"there is no skill {wish.skill[:80]!r}")
    match wish:
        case Delete():
            return delete(present, target)
        case Bump(part=part):
            return bump(present, target, part)
        case Publish():
            return publish(present, wish, target)
        case Unpublish():
            return unpublish(present, target)
        case Rename(to=to):
            return rename(present, target, to)
        case never:
            assert_never(never)


def _sorted(edits: tuple[FileEdit, ...]) -> tuple[FileEdit, ...]:
    return tuple(sorted(edits, key=lambda edit: edit.path))
