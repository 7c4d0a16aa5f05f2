"""Owns choosing among skills a person may read by what their plugin says: surface, plugin, category. Never decides what may be
read, never ranks."""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.catalog.model import Plugin, Skill, Surface
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


@dataclass(frozen=True, slots=True)
class Filter:
    """What a skill must be to be chosen. None: whatever it is."""

    surface: Surface | None = None
    plugin: str | None = None
    category: str | None = None
    """As the marketplace spells it, whatever its case."""

    @property
    def takes_all(self) -> bool:
        return self.surface is None and self.plugin is None and self.category is None

    def takes(self, skill: Skill) -> bool:
        return (
            (self.plugin is None or skill.plugin.name == self.plugin)
            and (self.category is None or _category(skill.plugin) == self.category.strip().casefold())
            and (self.surface is None or on_surface(skill, self.surface))
        )


def _category(plugin: Plugin) -> str | None:
    return None if plugin.category is None else plugin.category.strip().casefold()


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
