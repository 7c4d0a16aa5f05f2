"""Owns the methods of skills over MCP: what each of them answers to whom. How a message comes and goes is the kernel's.

SEP-2640: https://github.com/modelcontextprotocol/ext-skills/blob/main/specification/stable/skills.mdx. Everything is read from
what is published at the moment: a manifest fits what is read after it until something is pushed, and then a host sees that it
does not.
"""

from __future__ import annotations

import asyncio
from typing import Final

import orjson

from mcp_server.authentication import Caller
from mcp_server.reads import OnRead, Read, unread
from mcp_server.skill_uri import SKILL_MD
from mcp_server.skills_extension.addresses import Addressed, Addresses, nothing_at
from mcp_server.skills_extension.conformity import Conformity
from mcp_server.skills_extension.directories import children
from mcp_server.skills_extension.pages import Pages
from mcp_server.skills_extension.wording import (
    TEMPLATES,
    Result,
    array,
    content_block,
    result,
    skill_entry,
    skill_resource,
)
from skillport_sync.errors import Invalid, Missing, SkillportError
from skillport_sync.lint.skill_files_rules import SEP_MAX_BYTES
from skillport_sync.queries import Queries

EXTENSION: Final = "io.modelcontextprotocol/skills"
SETTINGS: Final = {"directoryRead": True}

_LARGE_BYTES: Final = 256 * 1024


class SkillsExtension:
    """Answers for one caller at a time. Raises, whatever is asked: what any question raises, and Missing or Invalid for what is
    not there or makes no sense."""

    def __init__(self, queries: Queries, on_read: OnRead = unread) -> None:
        self._queries = queries
        self._on_read = on_read
        self._addresses = Addresses(queries)
        self._conformity = Conformity(queries)
        self._pages = Pages(queries, self._addresses, self._conformity)

    async def list_skills(self, caller: Caller, cursor: str | None) -> Result:
        """``skills/list``: every listed skill that conforms, with its manifest."""
        page = await self._pages.page(caller.principal, cursor, skill_entry)
        return result({"skills": array(page.items)}, page.next_cursor)

    async def get_skill(self, caller: Caller, uri: str) -> Result:
        """``skills/get``: one skill by the address of its SKILL.md, listed or not."""
        found = await self._addresses.find(caller.principal, uri)
        if found.uri.path != SKILL_MD:
            raise Invalid(f"{found.uri} is not the address of a skill's {SKILL_MD}.", code="not_a_skill")
        why = await self._conformity.why_not(found.contents)
        if why is not None:
            raise Missing(
                f"There is no skill to load at {found.uri}: {why}. The tool reads it all the same.", code="skill_unfit"
            )
        return result({"skill": orjson.dumps(skill_entry(found.uri, found.contents))})

    async def list_resources(self, caller: Caller, cursor: str | None) -> Result:
        """``resources/list``: the SKILL.md of what ``skills/list`` names."""
        page = await self._pages.page(caller.principal, cursor, skill_resource)
        return result({"resources": array(page.items)}, page.next_cursor)

    async def list_templates(self, cursor: str | None) -> Result:
        """``resources/templates/list``: the form of every address."""
        if cursor is not None:
            raise Invalid("There is only one page. Ask without a cursor.", code="cursor_invalid")
        return TEMPLATES

    async def read(self, caller: Caller, uri: str) -> Result:
        """``resources/read``: a file of any skill, byte for byte. Whoever keeps an audit hears of it."""
        try:
            found = await self._addresses.find(caller.principal, uri)
            content = await self._content(found)
        except SkillportError as error:
            for asked in self._addresses.meant(caller.principal, uri)[:1]:
                self._on_read(caller, Read(f"{asked.plugin}/{asked.skill}", (asked.path,), error.code))
            raise
        block = (
            content_block(found.uri, content)
            if len(content) < _LARGE_BYTES
            else await asyncio.to_thread(content_block, found.uri, content)
        )
        (snapshot,) = found.contents.snapshots
        self._on_read(
            caller,
            Read(
                found.contents.found.label,
                (found.uri.path,),
                marketplace=snapshot.marketplace,
                publication=snapshot.publication,
                commit=snapshot.commit,
            ),
        )
        return result({"contents": array([block])})

    async def read_directory(self, caller: Caller, uri: str, cursor: str | None) -> Result:
        """``resources/directory/read``: what lies directly in a skill's directory, or in one below it."""
        found = await self._addresses.find(caller.principal, uri)
        listed, following = children(found, cursor)
        return result({"resources": orjson.dumps(listed)}, following)

    async def _content(self, found: Addressed) -> bytes:
        uri, contents = found.uri, found.contents
        file = dict(contents.files).get(uri.path)
        if file is None:
            if not uri.path or any(path.startswith(f"{uri.path}/") for path, _ in contents.files):
                raise Invalid(
                    f"{uri} is a directory. resources/directory/read says what is in it.", code="is_a_directory"
                )
            raise nothing_at(str(uri))
        if file.size_bytes > SEP_MAX_BYTES:
            raise Invalid(
                f"{uri} has {file.size_bytes:,} bytes, more than {SEP_MAX_BYTES:,}. Install the skill instead.",
                code="file_too_large",
            )
        return await self._queries.content(contents, uri.path)
