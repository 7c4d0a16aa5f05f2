"""Owns the whole catalog as one person has it: every skill they may read, what the marketplace does not show around among them,
and which of them are theirs to change. Pure.

A page of the list, for a model that pays for each line, is another owner's: ``listing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from skillport_sync.access.decide import permitted
from skillport_sync.access.model import Action, Principal
from skillport_sync.catalog.model import Skill
from skillport_sync.queries.answers import BrowsedSkill
from skillport_sync.queries.listing import Wanted
from skillport_sync.queries.skill_index import SkillIndex
from skillport_sync.queries.views import Shelf, View
from skillport_sync.queries.words import asked, name_words, words


def browsed(
    principal: Principal, view: View, wanted: Wanted, published: bool | None, index: SkillIndex | None
) -> tuple[BrowsedSkill, ...]:
    """The skills of this view that fit. Goes through all of them.

    ``index`` is the view's, needed where there is a query and what is listed is wanted. What is not listed is in no index: it is
    found by the whole words of its name, plugin and description, and comes last.
    """
    editable = {id(skill) for shelf in view.shelves for skill in _editable(shelf, principal)}
    if wanted.query is None:
        shelved = [(shelf, skill) for shelf in view.shelves for skill in shelf.skills if _is(skill, published)]
    else:
        shelved = [*_ranked(view, index, wanted.query), *_unlisted(view, published, wanted.query)]
    return tuple(
        BrowsedSkill(shelf.published.snapshot.marketplace, skill, id(skill) in editable)
        for shelf, skill in shelved
        if wanted.filter.takes(skill)
    )


def _editable(shelf: Shelf, principal: Principal) -> tuple[Skill, ...]:
    snapshot = shelf.published.snapshot
    return permitted(snapshot.policy, principal, Action.WRITE, snapshot.catalog)


def _is(skill: Skill, published: bool | None) -> bool:
    return published is None or skill.plugin.published is published


def _ranked(view: View, index: SkillIndex | None, query: str) -> Iterable[tuple[Shelf, Skill]]:
    if index is None:
        return []
    listed = [(shelf, skill) for shelf in view.shelves for skill in shelf.listed]
    return map(listed.__getitem__, index.ranked(query))


def _unlisted(view: View, published: bool | None, query: str) -> Iterator[tuple[Shelf, Skill]]:
    sought = frozenset(asked(query))
    if published is True or not sought:
        return
    for shelf in view.shelves:
        for skill in shelf.skills if len(shelf.skills) > len(shelf.listed) else ():
            if not skill.plugin.published and sought <= _words_of(skill):
                yield shelf, skill


def _words_of(skill: Skill) -> frozenset[str]:
    return name_words((skill.name, skill.plugin.name)) | frozenset(words(skill.description))
