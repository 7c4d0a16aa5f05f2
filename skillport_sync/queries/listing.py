"""Owns a page of the list: which skills fit a question, in which order, and where the next page goes on.

A page that follows another is cut from the publication that one was cut from, and shows what may still be read today.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from skillport_sync.access.model import Principal
from skillport_sync.catalog.model import Skill
from skillport_sync.catalog.select import Filter, one_line, parse_surface
from skillport_sync.publication import Published
from skillport_sync.queries.answers import Basis, SkillLine
from skillport_sync.queries.cursors import Cursor, PublicationKey, decode, question_digest
from skillport_sync.queries.retention import Retention
from skillport_sync.queries.search import Search
from skillport_sync.queries.skill_index import SkillIndex
from skillport_sync.queries.views import Shelf, View, Views, look, may_still_read, off_loop

DESCRIPTION_CHARACTERS = 88
"""What a list can afford of a description: with name, plugin and version about 45 tokens a skill."""
MAX_FORMER_VIEWS = 2
"""Views of replaced publications, kept for the page after the next: making one asks twice of every skill who may read it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is to hold. ``query`` None: everything, in order."""

    query: str | None
    filter: Filter
    digest: str
    """Of the question, as cursors hold it."""

    @classmethod
    def of(cls, query: str | None, surface: str | None, plugin: str | None, category: str | None) -> Wanted:
        """The question as it was put; an empty argument asks nothing.

        Raises: Invalid if there is no such surface.
        """
        return cls(
            query if query and query.strip() else None,
            Filter(parse_surface(surface) if surface else None, plugin or None, category or None),
            question_digest("list", query, surface, plugin, category),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the skills that fit, in order, and how many fit in all."""

    view: View
    lines: tuple[SkillLine, ...]
    total: int
    next_cursor: str | None
    is_lasting: bool
    """Whether the same question has the same answer for as long as what is published stays."""


class Listing:
    """Pages of the list."""

    def __init__(self, views: Views, retention: Retention, search: Search) -> None:
        self._views = views
        self._retention = retention
        self._search = search
        self._seen: tuple[Published, ...] = ()
        self._again: OrderedDict[tuple[Principal, tuple[PublicationKey, ...]], View] = OrderedDict()

    async def page(self, principal: Principal, now: View, wanted: Wanted, limit: int, cursor: str | None) -> Page:
        """At most ``limit`` of the skills that fit, from the beginning or from where ``cursor`` goes on.

        Raises: Invalid for a cursor that is none or another question's, Conflict for one that has ended.
        """
        view, offset = now, 0
        if cursor is not None:
            decoded = decode(cursor, wanted.digest, positions=1)
            view, offset = await self._view_again(now, decoded, principal), decoded.position[0]
        is_lasting = view is now
        positions: Sequence[int] = range(view.size)
        if wanted.query is not None:
            index = await self._search.index(view)
            is_lasting = is_lasting and not index.lacking
            # Always on another thread: how long it takes cannot be told from the size of the view.
            positions = await asyncio.to_thread(_found, index, view, wanted.query, wanted.filter)
        elif not wanted.filter.takes_all:
            positions = await off_loop(view.size, _fitting, view, positions, wanted.filter)
        after, total = offset + limit, len(positions)
        lines = tuple(_line(published, skill) for published, skill in _at(view, positions[offset:after]))
        return Page(view, lines, total, self._cursor(view, wanted, after) if after < total else None, is_lasting)

    def _cursor(self, view: View, wanted: Wanted, offset: int) -> str:
        promised = self._retention.promise(view.published, self._views.published())
        return Cursor(promised, wanted.digest, (offset,)).encode()

    async def _view_again(self, now: View, cursor: Cursor, principal: Principal) -> View:
        """The view that the cursor's first page was cut from: today's, or one of publications that were replaced since."""
        published = self._retention.redeem(cursor.publications, now.published)
        if published is now.published:
            return now
        if now.published is not self._seen:
            self._seen, self._again = now.published, OrderedDict()
        key = (principal, cursor.publications)
        view = self._again.get(key)
        if view is None:
            skills = sum(len(one.snapshot.catalog.skills) for one in published)
            view = await off_loop(skills, _look_again, published, principal, now.published)
            if now.published is self._seen:
                self._again[key] = view
                if len(self._again) > MAX_FORMER_VIEWS:
                    self._again.popitem(last=False)
        return view


def _look_again(published: tuple[Published, ...], principal: Principal, in_force: tuple[Published, ...]) -> View:
    """What was to be read of these publications and may still be: nothing else is counted, or searched."""

    def kept(shelf: Shelf) -> Shelf:
        def still(skill: Skill) -> bool:
            return may_still_read(shelf.published, principal, skill, in_force)

        return replace(shelf, skills=tuple(filter(still, shelf.skills)), listed=tuple(filter(still, shelf.listed)))

    view = look(published, principal)
    return View(published, tuple(map(kept, view.shelves)), Basis())


def _found(index: SkillIndex, view: View, query: str, wanted: Filter) -> Sequence[int]:
    ranked = index.ranked(query)
    return ranked if wanted.takes_all else _fitting(view, ranked, wanted)


def _fitting(view: View, positions: Sequence[int], wanted: Filter) -> Sequence[int]:
    return [
        position for position, (_, skill) in zip(positions, _at(view, positions), strict=True) if wanted.takes(skill)
    ]


def _at(view: View, positions: Iterable[int]) -> Iterator[tuple[Published, Skill]]:
    """The skills at these positions of the view."""
    starts = list(accumulate((len(shelf.listed) for shelf in view.shelves), initial=0))
    for position in positions:
        at = bisect_right(starts, position) - 1
        shelf = view.shelves[at]
        yield shelf.published, shelf.listed[position - starts[at]]


def _line(published: Published, skill: Skill) -> SkillLine:
    description = one_line(skill.description, DESCRIPTION_CHARACTERS)
    return SkillLine(published.snapshot.marketplace, skill.plugin.name, skill.name, skill.version, description)
