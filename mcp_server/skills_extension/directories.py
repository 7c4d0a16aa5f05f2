"""Owns what lies directly in a directory of a skill. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mcp_server.rendering import Json
from mcp_server.skill_uri import SKILL_MD
from mcp_server.skills_extension.addresses import Addressed, nothing_at
from mcp_server.skills_extension.positions import cursor_after, position
from mcp_server.skills_extension.wording import directory_resource, file_resource, skill_resource
from skillport_sync.errors import Invalid

PAGE_CHILDREN: Final = 500


def children(addressed: Addressed, cursor: str | None, page: int = PAGE_CHILDREN) -> tuple[Sequence[Json], str | None]:
    """What lies in the directory that was asked for, by name, from where ``cursor`` goes on; and the cursor of the next page.

    Raises: Invalid for a file, or what is no cursor; Missing where there is nothing.
    """
    uri, files = addressed.uri, dict(addressed.contents.files)
    if uri.path in files:
        raise Invalid(f"{uri} is a file, not a directory. Read it with resources/read.", code="not_a_directory")
    prefix = f"{uri.path}/" if uri.path else ""
    names = sorted({path[len(prefix) :].partition("/")[0] for path in files if path.startswith(prefix)})
    if not names:
        raise nothing_at(str(uri))
    if cursor is not None:
        (last,) = position(cursor, words=1)
        names = [name for name in names if name > last]
    shown = names[:page]
    following = cursor_after(shown[-1]) if len(names) > page else None

    def child(path: str) -> Json:
        here, file = replace(uri, path=path), files.get(path)
        if file is None:
            return directory_resource(here)
        return skill_resource(here, addressed.contents) if path == SKILL_MD else file_resource(here, file)

    return [child(prefix + name) for name in shown], following
