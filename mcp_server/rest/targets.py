"""Owns the question where a change goes: to which skill, as somebody calls it, and to whose marketplace; and where they could
change anything at all.

A skill is found among what the person may read, so what they may not read is missing here as it is everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from mcp_server.authentication import Caller
from mcp_server.rest.changes_asked import Terms
from skillport_sync.access.model import Principal
from skillport_sync.catalog.change.wishes import Save
from skillport_sync.errors import Denied, Invalid, Missing
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import ContentsAnswer
from skillport_sync.sync.saves import CannotWrite, SaveOutcome, Wanted

_READ_ONLY: Final = "The token that was sent is for reading only. Ask for one with the tool's operation auth."


class Saves(Protocol):
    """What saves to one marketplace: ``sync.save.Saver``."""

    @property
    def cannot_write(self) -> CannotWrite | None: ...

    async def save(self, wanted: Wanted) -> SaveOutcome: ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where a change goes."""

    marketplace: MarketplaceName
    skill: ContentsAnswer | None
    """None where it is to be made."""

    @property
    def label(self) -> str | None:
        return None if self.skill is None else self.skill.found.label


@dataclass(frozen=True, slots=True)
class Writable:
    """Where somebody can change something."""

    marketplaces: Mapping[MarketplaceName, bool]
    read_only: str | None
    """Why they can nowhere, where that is not for want of rights."""


class Targets:
    """Finds them, for one service."""

    def __init__(self, queries: Queries, savers: Mapping[MarketplaceName, Saves]) -> None:
        self._queries = queries
        self._savers = savers

    @property
    def marketplaces(self) -> tuple[MarketplaceName, ...]:
        return tuple(sorted(self._savers))

    def saver(self, name: MarketplaceName) -> Saves:
        """Raises: Invalid where there is no such marketplace."""
        saver = self._savers.get(name)
        if saver is None:
            known = ", ".join(self.marketplaces)
            raise Invalid(f"There is no marketplace {name[:100]!r} here: {known}.", code="unknown_marketplace")
        return saver

    async def existing(self, principal: Principal, label: str, terms: Terms) -> Target:
        """The skill of this label. Raises: as ``Queries.contents``."""
        if terms.marketplace is not None and "@" not in label:
            label = f"{label}@{terms.marketplace}"
        answer = await self._queries.contents(principal, label)
        found = answer.found
        if label.partition("@")[0] not in (found.name, found.label):
            # It was named by where it is. Whoever saves knows it by its label, which must not mean two.
            await self._queries.contents(principal, f"{found.label}@{answer.skill.marketplace}")
        self.saver(answer.skill.marketplace)
        return Target(answer.skill.marketplace, answer)

    async def saved(self, principal: Principal, label: str, wish: Save, terms: Terms) -> Target:
        """The skill whose files are saved, or where a new one goes. Of a plugin that is named, only the skill in it is meant.

        Raises: Missing for what was made from a revision of a skill that is not there; Invalid.
        """
        if wish.group is not None and "/" not in label:
            label = f"{wish.group}/{label}"
        try:
            return await self.existing(principal, label, terms)
        except Missing:
            if terms.base is not None:
                raise
        if terms.marketplace is None and len(self._savers) > 1:
            known = ", ".join(self.marketplaces)
            raise Invalid(f"Say in marketplace where the new skill goes: one of {known}.", code="marketplace_missing")
        name = terms.marketplace or self.marketplaces[0]
        self.saver(name)
        return Target(name, None)

    async def writable(self, caller: Caller) -> Writable:
        """Where this person can change something, with what they came with. Goes through all skills that they may read."""
        nowhere = dict.fromkeys(self.marketplaces, False)
        if caller.read_only:
            return Writable(nowhere, _READ_ONLY)
        closed = [why.message for saver in self._savers.values() if (why := saver.cannot_write) is not None]
        if closed and len(closed) == len(self._savers):
            return Writable(nowhere, closed[0])
        who = await self._queries.whoami(caller.principal)
        answer = await self._queries.browse(caller.principal)
        theirs = {one.marketplace for one in answer.skills if one.editable}
        theirs |= {name for name, is_editor in who.editor.items() if is_editor}
        return Writable(
            {name: name in theirs and self._savers[name].cannot_write is None for name in nowhere},
            None,
        )


def refuse_read_only(caller: Caller) -> None:
    """Raises: Denied for who came with a token that is for reading."""
    if caller.read_only:
        raise Denied(_READ_ONLY, code="token_read_only")
