"""Owns the guard against mass removal: whether a commit takes away more skills than anybody is likely to have meant.

A marketplace that is emptied by a bad merge empties every installation that follows it. Such a commit is held until an operator
confirms it. Pure: two catalogs in, the skills that would go out.
"""

from __future__ import annotations

from collections.abc import Iterable

from skillport_sync.catalog.model import Catalog, Skill

FEW = 10
"""Fewer than so many are never held, whatever share of the whole they are."""


def removed(before: Iterable[Skill], after: Catalog) -> tuple[str, ...]:
    """The labels, ``plugin/name``, that mean nothing any more, sorted. A skill that moved inside its plugin, or whose plugin is
    renamed in marketplace.json, is still there for whoever asks for it."""
    there = {skill.label for skill in (*after.skills, *after.withheld)}
    return tuple(
        sorted(
            {
                skill.label
                for skill in before
                if skill.label not in there
                and f"{after.renames.get(skill.plugin.name) or skill.plugin.name}/{skill.name}" not in there
            }
        )
    )


def is_mass_removal(gone: int, served: int, max_share: float) -> bool:
    """Whether ``gone`` of ``served`` skills are too many to go without being asked about."""
    return gone >= FEW and gone > max_share * served
