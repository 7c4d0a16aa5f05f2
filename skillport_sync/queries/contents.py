"""Owns what one skill consists of for one person: which files, their bytes, and whether it is theirs to change."""

from __future__ import annotations

from skillport_sync.access.decide import decide
from skillport_sync.access.model import Action, Allowed, Principal
from skillport_sync.errors import Missing
from skillport_sync.files import HeldFile
from skillport_sync.queries.answers import ContentsAnswer
from skillport_sync.queries.fetching import BlobReader, chosen, read_whole
from skillport_sync.queries.naming import Found
from skillport_sync.queries.views import View, off_loop
from skillport_sync.queries.visible import visible_files


async def files_of(principal: Principal, found: Found, view: View) -> list[tuple[str, HeldFile]]:
    """The files of the skill that this person may see, ``(path relative to it, file)``, by path. ``view`` is theirs of today."""
    files = found.published.snapshot.size_of(found.skill)
    return await off_loop(files, visible_files, found.published, principal, found.skill, view.published)


def is_editable(principal: Principal, found: Found, view: View) -> bool:
    """Whether this person may write the skill. What was before cannot be changed any more."""
    in_force = any(found.published is one for one in view.published)
    return in_force and isinstance(
        decide(found.published.snapshot.policy, principal, Action.WRITE, found.skill), Allowed
    )


async def content_of(blobs: BlobReader, contents: ContentsAnswer, path: str) -> bytes:
    """The bytes of the file at ``path``.

    Raises: Missing where there is none or its content is not held, and what ``blobs`` raises.
    """
    label = contents.found.label
    ((path, file),) = chosen(contents.files, [path], label)
    if file.sha256 is None:
        raise Missing(f"The content of {path!r} of {label} is not kept here.", code="content_not_kept")
    return await read_whole(blobs, path, file)
