"""Owns what a working folder holds: the files of a skill as they are, and ``.edit_info``, which says what they were then. Pure.

``.edit_info`` is written as the manifest of an installed skill is, one key and one file a line, because edit.sh reads it with
sed; what saves the folder reads it as JSON. What a client would run or trust unasked is left out, and stays as it is in the
repository.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mcp_server.archives.layout import layout
from mcp_server.install.bundle import Bundle, NotInstallable, skill_bundle
from mcp_server.install.installable import Installable
from mcp_server.install.manifest import MANIFEST

EDIT_INFO: Final = ".edit_info"


def working_folder(skill: Installable, source: str) -> Bundle | NotInstallable:
    """The folder for changing ``skill``, which came from the service at ``source``."""
    kept = tuple(piece for piece in skill.pieces if piece.path.casefold() != EDIT_INFO)
    made = skill_bundle(replace(skill, pieces=kept), source)
    if isinstance(made, NotInstallable):
        return made
    manifest = f"{made.name}/{MANIFEST}"
    members = [
        replace(member, path=f"{made.name}/{EDIT_INFO}") if member.path == manifest else member
        for member in made.layout.members
    ]
    return replace(made, layout=layout("tar.gz", members))


def edit_info_of(folder: Bundle) -> bytes:
    """The ``.edit_info`` in it."""
    path = f"{folder.name}/{EDIT_INFO}"
    content = next(member.content for member in folder.layout.members if member.path == path)
    assert isinstance(content, bytes), "it was written here"
    return content
