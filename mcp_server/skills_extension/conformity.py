"""Owns which skills are served as skills over MCP: those that any host will load as they are.

A host refuses what does not keep to the specification of Agent Skills, what is larger than the extension allows, and what is not
byte for byte and field by field as announced. Such a skill is left out, and read through the tool as ever; linting names it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from mcp_server.skill_uri import SKILL_MD
from skillport_sync.catalog.model import Skill
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import BlobId
from skillport_sync.lint.skill_files_rules import SEP_MAX_BYTES, SEP_MAX_FILES
from skillport_sync.lint.skill_rules import KEBAB_CASE, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS
from skillport_sync.lint.skills_extension_rules import inexact
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import ContentsAnswer

MAX_REMEMBERED = 16_384


def unfit(skill: Skill) -> str | None:
    """Why a skill cannot conform, by what its frontmatter says; None where that is fine."""
    name, description = skill.frontmatter.get("name"), skill.frontmatter.get("description")
    if not isinstance(name, str) or name != skill.name:
        return "its frontmatter gives no name"
    if len(name) > MAX_NAME_CHARS or not KEBAB_CASE.fullmatch(name):
        return f"its name is not at most {MAX_NAME_CHARS} small letters, digits and single hyphens"
    if not isinstance(description, str) or not description.strip():
        return "its frontmatter gives no description"
    if len(description) > MAX_DESCRIPTION_CHARS:
        return f"its description is longer than {MAX_DESCRIPTION_CHARS:,} characters"
    return "something in it cannot be served" if skill.incomplete else None


def unfit_files(files: Sequence[tuple[str, HeldFile]]) -> str | None:
    """Why a skill of these files cannot conform."""
    if len(files) > SEP_MAX_FILES:
        return f"it has more than {SEP_MAX_FILES} files"
    if sum(file.size_bytes for _, file in files) > SEP_MAX_BYTES:
        return f"it is larger than {SEP_MAX_BYTES:,} bytes"
    if any(file.sha256 is None for _, file in files):
        return "something in it cannot be served"
    return (
        None if any(path == SKILL_MD for path, _ in files) else f"it has no {SKILL_MD}, spelled so, that you may read"
    )


class Conformity:
    """Judges skills. What was found of the bytes of a SKILL.md is remembered by them."""

    def __init__(self, queries: Queries, *, max_remembered: int = MAX_REMEMBERED) -> None:
        self._queries = queries
        self._max_remembered = max_remembered
        self._remembered: OrderedDict[BlobId, str | None] = OrderedDict()

    async def why_not(self, contents: ContentsAnswer) -> str | None:
        """Why this skill is not served as one, in a clause; None where it is.

        Raises: what reading SKILL.md raises.
        """
        return unfit(contents.found) or unfit_files(contents.files) or await self._inexact(contents)

    async def _inexact(self, contents: ContentsAnswer) -> str | None:
        oid = dict(contents.files)[SKILL_MD].oid
        if oid in self._remembered:
            self._remembered.move_to_end(oid)
            return self._remembered[oid]
        content = await self._queries.content(contents, SKILL_MD)
        # Always on another thread: real YAML takes a millisecond a kilobyte.
        found = await asyncio.to_thread(inexact, content)
        why = self._remembered[oid] = None if found is None else f"{found.what} ({found.code})"
        if len(self._remembered) > self._max_remembered:
            self._remembered.popitem(last=False)
        return why
