"""Owns choosing among skills a person may read: by surface, by plugin, by words. Never decides what may be read."""

from __future__ import annotations

from collections.abc import Iterable

from skillport_sync.catalog.model import Skill, Surface
from skillport_sync.errors import Invalid

_MATCHED_BY = {
    Surface.DESKTOP_AND_AI: frozenset({Surface.CLAUDE_DESKTOP, Surface.CLAUDE_AI, Surface.DESKTOP_AND_AI}),
}


def parse_surface(text: str) -> Surface:
    """The surface of this name, whatever its case.

    Raises:
        Invalid: there is no such surface.
    """
    try:
        return Surface(text.strip().upper())
    except ValueError:
        names = ", ".join(surface.value for surface in Surface)
        raise Invalid(f"{text[:40]!r} is no surface; use one of {names}.", code="unknown_surface") from None


def on_surface(skill: Skill, surface: Surface) -> bool:
    """Whether the skill is meant for this surface. No tag, or CALL as tag or filter, matches everything."""
    tags = skill.plugin.surfaces
    if surface is Surface.ALL or not tags or Surface.ALL in tags:
        return True
    return any(surface in _MATCHED_BY.get(tag, (tag,)) for tag in tags)


def one_line(text: str, limit: int) -> str:
    """The text on one line of at most ``limit`` characters, cut after a word and marked with "…" where it is longer."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    if limit <= 1:
        return "…"[:limit]
    head = line[:limit]
    cut = head.rfind(" ")
    # A first word as long as the line, or a script without spaces, is cut inside.
    kept = head[:cut] if cut > limit // 2 else head[: limit - 1]
    return kept.rstrip(" ,;:.-(") + "…"


def select(skills: Iterable[Skill], *, query: str | None, surface: Surface | None, plugin: str | None) -> list[Skill]:
    """The skills that fit, in their own order; ranked, best first, where there is a query.

    Every word of the query must occur somewhere: in the name, keywords, tags, plugin's name or description.
    """
    chosen = [
        skill
        for skill in skills
        if (plugin is None or skill.plugin.name == plugin) and (surface is None or on_surface(skill, surface))
    ]
    words = query.casefold().split() if query else []
    if not words:
        return chosen
    ranked = [(rank, skill) for skill in chosen if (rank := _rank(skill, words)) is not None]
    ranked.sort(key=lambda item: (item[0], item[1].plugin.name, item[1].directory))
    return [skill for _, skill in ranked]


def _rank(skill: Skill, words: list[str]) -> int | None:
    """0 is best. None: some word occurs nowhere."""
    name = skill.name.casefold()
    labels = " ".join((*skill.plugin.keywords, *skill.plugin.tags, skill.plugin.name)).casefold()
    description = skill.description.casefold()
    if not all(word in name or word in labels or word in description for word in words):
        return None
    if name == " ".join(words):
        return 0
    places = [_place(word, name, labels) for word in words]
    return min(places)


def _place(word: str, name: str, labels: str) -> int:
    if name.startswith(word):
        return 1
    if word in name:
        return 2
    return 3 if word in labels else 4
