"""Owns the pages of the skills that are listed over MCP: which skills, in which order, and how much of them at once."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import orjson
import structlog

from mcp_server.rendering import Json
from mcp_server.skill_uri import SkillUri
from mcp_server.skills_extension.addresses import Addresses
from mcp_server.skills_extension.conformity import Conformity, unfit
from mcp_server.skills_extension.memory import Memory
from mcp_server.skills_extension.positions import cursor_after, position
from skillport_sync.access.model import Principal
from skillport_sync.errors import Broken, Unavailable
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import Basis, BrowsedSkill, ContentsAnswer
from skillport_sync.queries.views import off_loop

log = structlog.get_logger()

PAGE_BYTES: Final = 256 * 1024
"""A page is full with the entry that passes this; one entry alone is no longer than 512 files' lines."""
PAGE_LOOKS: Final = 1_000
"""A page is full after so many skills that do not conform, too: it may be empty and say that there is more."""
MAX_KEPT: Final = 8

Place = tuple[str, str, str]
"""Marketplace, plugin and name: what listed skills are sorted by, and told apart by."""
Wording = Callable[[SkillUri, ContentsAnswer], Json]


@dataclass(frozen=True, slots=True)
class Page:
    """``items`` as JSON; there may be none, and more to come."""

    items: tuple[bytes, ...]
    next_cursor: str | None


class Pages:
    """Pages of skills. Which there are is remembered for as long as what is published stays."""

    def __init__(
        self,
        queries: Queries,
        addresses: Addresses,
        conformity: Conformity,
        *,
        page_bytes: int = PAGE_BYTES,
        page_looks: int = PAGE_LOOKS,
        memory: Memory | None = None,
    ) -> None:
        self._queries = queries
        self._addresses = addresses
        self._conformity = conformity
        self._page_bytes = page_bytes
        self._page_looks = page_looks
        self._memory = memory or Memory()
        self._kept: OrderedDict[Basis, tuple[Place, ...]] = OrderedDict()

    async def page(self, principal: Principal, cursor: str | None, wording: Wording) -> Page:
        """The skills from the beginning, or from where ``cursor`` goes on, in the words of ``wording``.

        Raises: Invalid for what is no cursor, and what any question raises.
        """
        places = await self._places(principal)
        start = 0 if cursor is None else bisect_right(places, position(cursor, words=3))
        basis = self._basis(principal)
        items: list[bytes] = []
        spent = 0
        for at in range(start, len(places)):
            if spent >= self._page_bytes or at - start >= self._page_looks:
                return Page(tuple(items), cursor_after(*places[at - 1]))
            known = None if basis is None else self._memory.recall(basis, (places[at], wording))
            item = await self._item(principal, basis, places[at], wording) if known is None else known[0]
            if item is not None:
                items.append(item)
                spent += len(item)
        return Page(tuple(items), None)

    async def _item(self, principal: Principal, basis: Basis | None, place: Place, wording: Wording) -> bytes | None:
        uri = SkillUri(*place)
        try:
            contents = await self._addresses.contents(principal, uri)
            fits = contents is not None and await self._conformity.why_not(contents) is None
        except (Unavailable, Broken) as error:
            if error.code == "nothing_published":
                raise
            # One skill whose SKILL.md cannot be read now hides only itself.
            log.warning("skill_left_out", uri=str(uri), code=error.code)
            return None
        item = orjson.dumps(wording(uri, contents)) if contents is not None and fits else None
        if basis is not None and basis is self._basis(principal):
            # Nothing was published meanwhile: so it is for all who may read the same.
            self._memory.keep(basis, (place, wording), item)
        return item

    def _basis(self, principal: Principal) -> Basis | None:
        """What this person's lists depend on."""
        standing = self._queries.standing(principal)
        return None if standing is None else standing.view.basis

    async def _places(self, principal: Principal) -> tuple[Place, ...]:
        """Where there are listed skills that may conform, sorted."""
        basis = self._basis(principal)
        if basis is not None and basis in self._kept:
            self._kept.move_to_end(basis)
            return self._kept[basis]
        browsed = await self._queries.browse(principal, published=True)
        places = await off_loop(len(browsed.skills), _sorted_places, browsed.skills)
        standing = self._queries.standing(principal)
        if standing is not None and standing.personal is browsed.basis:
            self._kept[standing.view.basis] = places
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return places


def _sorted_places(browsed: Iterable[BrowsedSkill]) -> tuple[Place, ...]:
    """Each once: of skills that share an address, one is meant by it."""
    fit = (one for one in browsed if unfit(one.skill) is None)
    return tuple(sorted({(one.marketplace, one.skill.plugin.name, one.skill.name) for one in fit}))
