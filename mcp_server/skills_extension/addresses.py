"""Owns the way from an address to what somebody may read there. What they may not read is missing like what does not exist."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server.skill_uri import SkillUri, readings
from skillport_sync.access.model import Principal
from skillport_sync.errors import Invalid, Missing
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import ContentsAnswer

_SHOWN_CHARACTERS = 300
_ROOT = "."
"""What stands for the directory of a skill that is its whole source."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A skill that was found, and what was asked for of it."""

    uri: SkillUri
    contents: ContentsAnswer


class Addresses:
    """Finds what addresses lead to, in what is served at the moment."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def meant(self, principal: Principal, uri: str) -> tuple[SkillUri, ...]:
        """What this may be the address of. One, unless nobody knows yet what the marketplaces are called."""
        standing = self._queries.standing(principal)
        read = readings(uri)
        if standing is None:
            return read
        names = {published.snapshot.marketplace for published in standing.view.published}
        return tuple(one for one in read if one.marketplace in names) or read[:1]

    async def find(self, principal: Principal, uri: str) -> Addressed:
        """The skill that this address is in.

        Raises: Missing, and what any question raises.
        """
        for one in self.meant(principal, uri):
            contents = await self.contents(principal, one)
            if contents is not None:
                return Addressed(one, contents)
        raise nothing_at(uri)

    async def contents(self, principal: Principal, uri: SkillUri) -> ContentsAnswer | None:
        """The skill of this address, None where there is none; of several the first, and first of all what is listed."""
        try:
            contents = await self._queries.contents(principal, uri.label)
        except Missing:
            return None
        except Invalid as error:
            if error.code != "skill_ambiguous":
                raise
            return await self._first(principal, uri)
        return contents if _is_at(contents, uri) else None

    async def _first(self, principal: Principal, uri: SkillUri) -> ContentsAnswer | None:
        browsed = await self._queries.browse(principal, plugin=uri.plugin)
        alike = [
            one.skill for one in browsed.skills if (one.marketplace, one.skill.name) == (uri.marketplace, uri.skill)
        ]
        first = min(alike, key=lambda skill: not skill.plugin.published, default=None)
        if first is None:
            return None
        label = f"{uri.plugin}/{first.directory or _ROOT}@{uri.marketplace}"
        try:
            contents = await self._queries.contents(principal, label)
        except (Missing, Invalid):
            return None
        return contents if _is_at(contents, uri) and contents.found.directory == first.directory else None


def nothing_at(uri: str) -> Missing:
    shown = uri if len(uri) <= _SHOWN_CHARACTERS else f"{uri[: _SHOWN_CHARACTERS - 1]}…"
    return Missing(
        f"There is nothing at {shown}, or you may not read it. skills/list names the skills, and each of them its files.",
        code="unknown_resource",
    )


def _is_at(contents: ContentsAnswer, uri: SkillUri) -> bool:
    """Whether that is what the address says, and not only what it may be called in a question."""
    (snapshot,), skill = contents.snapshots, contents.found
    return (snapshot.marketplace, skill.plugin.name, skill.name) == (uri.marketplace, uri.plugin, uri.skill)
