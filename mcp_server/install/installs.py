"""Owns what is told of somebody redeeming an install link: on whose behalf, which skill at which commit, and what came of it.

Values only. A token that no link belongs to is nobody's: anybody can make one up, so nothing is told of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcp_server.authentication import Caller
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName


@dataclass(frozen=True, slots=True)
class Install:
    """A skill that was handed out, or was not."""

    skill: str | None = None
    """``plugin/name``; None of a link that was used before, of which that is all that is known."""
    target: str | None = None
    marketplace: MarketplaceName | None = None
    commit: CommitId | None = None
    outcome: str = "ok"
    """``ok``, or the code of the refusal."""


OnInstall = Callable[[Caller | None, Install], None]
"""Told of every redemption; the caller is whoever asked for the link, where that is known. Returns at once, never raises."""


def unnoted(caller: Caller | None, install: Install) -> None:
    """The ``OnInstall`` of a service without an audit."""
