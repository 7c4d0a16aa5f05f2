"""Owns the question what one person may read of what is published, and remembers the answer until either changes.

People who may read the same share one ``View``. Nothing outside a view may shape an answer: not its rows, not a count, not
the guess in an error. Lives on the event loop's thread; looking through a large catalog is done on another.
"""

from __future__ import annotations

import asyncio
import hashlib
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from skillport_sync.access.decide import decide, readable
from skillport_sync.access.model import Action, Allowed, Principal
from skillport_sync.catalog.model import Skill
from skillport_sync.current import Current
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.queries.answers import Basis
from skillport_sync.snapshot import Snapshot

_P = ParamSpec("_P")
_T = TypeVar("_T")

MAX_READERS = 4096
MAX_VIEWS = 64
MANY_SKILLS = 1_000
"""From here on, going through all skills, or so many files, takes longer than the event loop should wait."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one person may read of one publication, in catalog order."""

    published: Published
    skills: tuple[Skill, ...]
    listed: tuple[Skill, ...]
    """Those of them that the marketplace publishes: the others are found by who knows their names, and never shown around."""


@dataclass(frozen=True, slots=True)
class View:
    """All shelves, by marketplace name. Going through a view is going through what is listed."""

    published: tuple[Published, ...]
    shelves: tuple[Shelf, ...]
    basis: Basis

    @property
    def size(self) -> int:
        return sum(len(shelf.listed) for shelf in self.shelves)

    @property
    def readable(self) -> int:
        """How many may be read, those that are not listed among them."""
        return sum(len(shelf.skills) for shelf in self.shelves)

    def __iter__(self) -> Iterator[tuple[Published, Skill]]:
        return ((shelf.published, skill) for shelf in self.shelves for skill in shelf.listed)


@dataclass(frozen=True, slots=True)
class Standing:
    """What answers for this person depend on: what they may read, and, where an answer is about themselves, who they are."""

    view: View
    personal: Basis


def may_read(published: Published, principal: Principal, skill: Skill) -> bool:
    return isinstance(decide(published.snapshot.policy, principal, Action.READ, skill), Allowed)


def may_still_read(published: Published, principal: Principal, skill: Skill, in_force: tuple[Published, ...]) -> bool:
    """May read it under the policy it came with, and, where that was replaced, under today's, by the name it had and by any
    that it has today: a right taken away is gone at once, whatever commit is asked for."""
    now = next((one for one in in_force if one.snapshot.marketplace == published.snapshot.marketplace), None)
    if now is None or not may_read(published, principal, skill):
        return False
    return now is published or all(may_read(now, principal, one) for one in (skill, *_heirs(skill, now.snapshot)))


def _heirs(skill: Skill, now: Snapshot) -> tuple[Skill, ...]:
    """What stands today where an earlier skill stood: in its plugin, by its directory or its name."""
    plugin = now.catalog.renames.get(skill.plugin.name, skill.plugin.name)
    if plugin is None:
        return ()
    place, skills = (str(plugin), skill.directory), now.catalog.skills
    at = bisect_left(skills, place, key=_place)
    placed = skills[at : at + 1] if at < len(skills) and _place(skills[at]) == place else ()
    return (*placed, *now.skills_named(f"{plugin}/{skill.name}"))


def _place(skill: Skill) -> tuple[str, str]:
    return (skill.plugin.name, skill.directory)


async def off_loop(size: int, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run pure ``work`` that goes through this many skills or files: at once where that is quick, else on another thread."""
    if size < MANY_SKILLS:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def look(published: tuple[Published, ...], principal: Principal) -> View:
    """What this person may read of these publications."""
    return View(published, tuple(_shelf(one, principal) for one in published), Basis())


def _shelf(published: Published, principal: Principal) -> Shelf:
    skills = readable(published.snapshot.policy, principal, published.snapshot.catalog)
    if all(skill.plugin.published for skill in skills):
        return Shelf(published, skills, skills)
    return Shelf(published, skills, tuple(skill for skill in skills if skill.plugin.published))


class Views:
    """The views of the publications in force. All of them are forgotten when one of those is replaced."""

    def __init__(
        self,
        current: Current,
        on_replaced: Callable[[tuple[Published, ...]], None],
        *,
        max_readers: int = MAX_READERS,
        max_views: int = MAX_VIEWS,
    ) -> None:
        self._current = current
        self._on_replaced = on_replaced
        self._max_readers = max_readers
        self._max_views = max_views
        self._seen: Mapping[MarketplaceName, Published] = {}
        self._published: tuple[Published, ...] = ()
        self._standings: OrderedDict[Principal, Standing] = OrderedDict()
        self._views: OrderedDict[bytes, View] = OrderedDict()

    def published(self) -> tuple[Published, ...]:
        """What is served now, by marketplace name. The same tuple until something is published."""
        in_force = self._current.get()
        if in_force is not self._seen:
            before, self._seen = self._published, in_force
            self._published = tuple(in_force[name] for name in sorted(in_force))
            self._standings = OrderedDict()
            self._views = OrderedDict()
            self._on_replaced(tuple(one for one in before if in_force.get(one.snapshot.marketplace) is not one))
        return self._published

    def known(self, principal: Principal) -> Standing | None:
        """This person's standing where it is in memory. Costs one lookup."""
        self.published()
        standing = self._standings.get(principal)
        if standing is not None:
            self._standings.move_to_end(principal)
        return standing

    async def standing(self, principal: Principal) -> Standing:
        """This person's standing towards what is served at the moment of the call."""
        standing = self.known(principal)
        if standing is not None:
            return standing
        published = self.published()
        skills = sum(len(one.snapshot.catalog.skills) for one in published)
        view, readers = await off_loop(skills, _look_and_sign, published, principal)
        if published is not self._published:
            return Standing(view, Basis())
        shared = self._views.setdefault(readers, view)
        self._views.move_to_end(readers)
        standing = self._standings[principal] = Standing(shared, Basis())
        for table, limit in ((self._views, self._max_views), (self._standings, self._max_readers)):
            if len(table) > limit:
                table.popitem(last=False)
        return standing


def _look_and_sign(published: tuple[Published, ...], principal: Principal) -> tuple[View, bytes]:
    """The view, and a digest that is equal for everybody who may read the same of these publications.

    Skills are told apart by the objects they are: both live and die with the publications.
    """
    view = look(published, principal)
    digest = hashlib.blake2b(digest_size=16)
    for shelf in view.shelves:
        digest.update(b"%d:" % len(shelf.skills))
        digest.update(array("Q", map(id, shelf.skills)).tobytes())
    return view, digest.digest()
