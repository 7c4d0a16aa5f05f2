"""Owns what the operator knows of each marketplace: its moving parts, and which of them a question is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.errors import Invalid
from skillport_sync.github.client import GitHub
from skillport_sync.ports import MarketplaceName
from skillport_sync.sync.loop import Loop
from skillport_sync.sync.pull import Pull


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One marketplace's moving parts."""

    name: MarketplaceName
    branch: str | None
    """As configured; None follows the repository's default branch."""
    github: GitHub
    pull: Pull
    loop: Loop


def chosen(marketplaces: Mapping[MarketplaceName, Mirrored], name: str | None) -> Sequence[Mirrored]:
    """The marketplace of this name; all of them without a name.

    Raises:
        Invalid: there is none of this name.
    """
    if name is None:
        return list(marketplaces.values())
    found = marketplaces.get(MarketplaceName(name))
    if found is None:
        known = ", ".join(sorted(marketplaces))
        raise Invalid(f"there is no marketplace named {name}; the configuration has {known}")
    return [found]
